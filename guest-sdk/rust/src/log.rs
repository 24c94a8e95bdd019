//! Lines in the step's log: `log::info!("posted {ts}")`, with fields after a semicolon:
//! `log::warn!("slow"; "ms" => 1200, "page" => &page)`.
//!
//! The host caps the lines and takes credentials out. Outside of wasm nothing is written.

use serde_json::{Map, Value};

pub use crate::bindings::wharf::connector::log::Level;
#[doc(inline)]
pub use crate::{__log_debug as debug, __log_error as error, __log_info as info, __log_warn as warn};

/// Writes one line; the macros call it.
pub fn write(level: Level, message: &str, fields: Option<Map<String, Value>>) {
    if cfg!(target_family = "wasm") {
        let fields = fields.map_or_else(String::new, |fields| Value::Object(fields).to_string());
        crate::bindings::wharf::connector::log::write(level, message, &fields);
    }
}

/// A value of a field; what does not serialize is shown as its error.
#[doc(hidden)]
pub fn field(value: impl serde::Serialize) -> Value {
    serde_json::to_value(value).unwrap_or_else(|error| Value::String(error.to_string()))
}

#[doc(hidden)]
#[macro_export]
macro_rules! __log {
    ($level:ident, $format:literal $(, $argument:expr)* $(,)?) => {
        $crate::log::write($crate::log::Level::$level, &::std::format!($format $(, $argument)*), None)
    };
    ($level:ident, $format:literal $(, $argument:expr)* ; $($name:literal => $value:expr),+ $(,)?) => {
        $crate::log::write(
            $crate::log::Level::$level,
            &::std::format!($format $(, $argument)*),
            Some([$(($name.to_owned(), $crate::log::field($value))),+].into_iter().collect()),
        )
    };
}

/// For the connector's author.
#[doc(hidden)]
#[macro_export]
macro_rules! __log_debug { ($($line:tt)+) => { $crate::__log!(Debug, $($line)+) }; }

/// Worth knowing.
#[doc(hidden)]
#[macro_export]
macro_rules! __log_info { ($($line:tt)+) => { $crate::__log!(Info, $($line)+) }; }

/// Odd, and dealt with.
#[doc(hidden)]
#[macro_export]
macro_rules! __log_warn { ($($line:tt)+) => { $crate::__log!(Warn, $($line)+) }; }

/// Something failed.
#[doc(hidden)]
#[macro_export]
macro_rules! __log_error { ($($line:tt)+) => { $crate::__log!(Error, $($line)+) }; }
