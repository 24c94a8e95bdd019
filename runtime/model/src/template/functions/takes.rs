//! What an argument may be, and the one place that decides whether a value is that.
//!
//! What is surprising: the compiler asks it too. An argument that is written out is checked when the flow is
//! applied, by the very code that would read it at run time.

use serde_json::Value;

use super::{currency, decimal::Decimal, decimal::Rounding, id, json_path, kind, pattern, phone, text, time};

/// A kind of argument.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::template) enum Takes {
    /// Any value.
    Any,
    /// Any value, of which only a part is looked at: its size costs nothing.
    Part,
    Text,
    /// A string, a list or an object.
    Sized,
    /// A string or a list.
    Sequence,
    Number,
    /// An integer.
    Int,
    /// An integer from 0.
    Count,
    List,
    /// A list, of which only a part is looked at.
    Items,
    Object,
    /// An object that is only asked for a key.
    Table,
    /// A string, integer or boolean: what a table is asked for.
    Key,
    /// A number, or its digits as text.
    Decimal,
    Rounding,
    Currency,
    Time,
    Duration,
    /// A time or a duration.
    Clock,
    /// A length in calendar units too.
    Span,
    Zone,
    Unit,
    Format,
    Pattern,
    Form,
    Country,
    Namespace,
    Pointer,
    Path,
}

impl Takes {
    /// Whether evaluating it costs as much as it is large.
    pub(in crate::template) fn whole(self) -> bool {
        !matches!(self, Self::Part | Self::Items | Self::Table)
    }

    /// Whether a value is of the right kind of JSON.
    pub(in crate::template) fn shape(self, value: &Value) -> bool {
        match (self, value) {
            (Self::Any | Self::Part, _)
            | (Self::Sized, Value::String(_) | Value::Array(_) | Value::Object(_))
            | (Self::Sequence, Value::String(_) | Value::Array(_))
            | (Self::Number, Value::Number(_))
            | (Self::List | Self::Items, Value::Array(_))
            | (Self::Object | Self::Table, Value::Object(_))
            | (Self::Key, Value::String(_) | Value::Bool(_) | Value::Number(_))
            | (Self::Decimal | Self::Time, Value::Number(_) | Value::String(_)) => true,
            (Self::Int, Value::Number(number)) => !number.is_f64(),
            (Self::Count, Value::Number(number)) => number.is_u64(),
            (_, Value::String(_)) => self.textual(),
            _ => false,
        }
    }

    /// Why a value of the wrong kind is not that.
    pub(in crate::template) fn misfit(self, name: &str, value: &Value) -> String {
        match (self, value) {
            (Self::Count, Value::Number(number)) => format!("{name} is {number}, not an integer from 0"),
            _ => format!("{name} is {}, not {}", kind(value), self.what()),
        }
    }

    /// Why a value that is written out is not that.
    pub(in crate::template) fn check(self, name: &str, value: &Value) -> Result<(), String> {
        if !self.shape(value) {
            return Err(self.misfit(name, value));
        }
        match (self, value) {
            (Self::Decimal, _) => Decimal::of(value).map(drop),
            (Self::Time, _) => time::instant(value).map(drop),
            (_, Value::String(text)) => self.check_text(text),
            _ => Ok(()),
        }
    }

    fn textual(self) -> bool {
        !matches!(
            self,
            Self::Number | Self::Int | Self::Count | Self::List | Self::Items | Self::Object | Self::Table
        )
    }

    fn check_text(self, text: &str) -> Result<(), String> {
        match self {
            Self::Rounding => Rounding::read(text).map(drop),
            Self::Currency => currency::check(text),
            Self::Duration => time::duration(text).map(drop),
            Self::Clock => time::clock(text).map(drop),
            Self::Span => time::span(text).map(drop),
            Self::Zone => time::check_zone(text),
            Self::Unit => time::unit(text).map(drop),
            Self::Format => time::check_format(text),
            Self::Pattern => pattern::compile(text).map(drop),
            Self::Form => text::form(text).map(drop),
            Self::Country => phone::country(text).map(drop),
            Self::Namespace => id::namespace(text).map(drop),
            Self::Pointer => super::json::check_pointer(text),
            Self::Path => json_path::parse(text).map(drop),
            Self::Any
            | Self::Part
            | Self::Text
            | Self::Sized
            | Self::Sequence
            | Self::Decimal
            | Self::Time
            | Self::Key
            | Self::Number
            | Self::Int
            | Self::Count
            | Self::List
            | Self::Items
            | Self::Object
            | Self::Table => Ok(()),
        }
    }

    fn what(self) -> &'static str {
        match self {
            Self::Any | Self::Part => "a value",
            Self::Text => "a string",
            Self::Sized => "a string, a list or an object",
            Self::Sequence => "a string or a list",
            Self::Number => "a number",
            Self::Int | Self::Count => "an integer",
            Self::List | Self::Items => "a list",
            Self::Object | Self::Table => "an object",
            Self::Key => "a string, an integer or a boolean",
            Self::Decimal => "a number or its digits as text",
            Self::Rounding => "the name of a rounding",
            Self::Currency => "the code of a currency",
            Self::Time => "a time as text",
            Self::Duration => "a duration as text",
            Self::Clock => "a time or a duration as text",
            Self::Span => "a length of time as text",
            Self::Zone => "the name of a time zone",
            Self::Unit => "the name of a unit of time",
            Self::Format => "the format of a time",
            Self::Pattern => "a pattern",
            Self::Form => "the name of a form of Unicode",
            Self::Country => "the code of a country",
            Self::Namespace => "a namespace",
            Self::Pointer => "a JSON Pointer",
            Self::Path => "a JSONPath",
        }
    }
}
