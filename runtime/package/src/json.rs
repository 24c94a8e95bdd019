//! JSON read strictly: a duplicate key is an error, because two readers that keep different ones
//! would see two manifests in one file; so are depth and size beyond what a manifest needs. Every
//! error carries a JSON Pointer (RFC 6901).

use std::{cell::RefCell, fmt, fmt::Write as _};

use serde::de::{DeserializeSeed, Deserializer, Error as _, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Number, Value};
use wharf_model::manifest::Manifest;

use crate::MAX_SECTION_BYTES;

/// Deep enough for any schema; the engine's own readers stop at 128.
const MAX_DEPTH: usize = 64;

/// Why text is not a manifest.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{}: {message}", if .pointer.is_empty() { "at the top" } else { .pointer.as_str() })]
pub struct JsonError {
    /// Where, as a JSON Pointer, inert; empty for the whole document.
    pub pointer: String,
    /// What is wrong there, with line and column when the text is no JSON.
    pub message: String,
}

/// The manifest in this text: JSON without duplicate keys, of known fields only.
pub fn parse_manifest(text: &str) -> Result<Manifest, JsonError> {
    if text.len() > MAX_SECTION_BYTES {
        let message =
            format!("{} bytes, more than the {MAX_SECTION_BYTES} that a manifest may have", text.len());
        return Err(JsonError { pointer: String::new(), message });
    }
    let value = parse_strictly(text)?;
    serde_path_to_error::deserialize(value).map_err(|error| {
        let mut pointer = String::new();
        for segment in error.path() {
            match segment {
                serde_path_to_error::Segment::Seq { index } => {
                    append_segment(&mut pointer, &index.to_string())
                }
                serde_path_to_error::Segment::Map { key } => append_segment(&mut pointer, key),
                serde_path_to_error::Segment::Enum { .. } | serde_path_to_error::Segment::Unknown => {}
            }
        }
        JsonError { pointer: inert(&pointer), message: inert(&error.into_inner().to_string()) }
    })
}

/// Appends a reference token (RFC 6901, section 3).
pub(crate) fn append_segment(pointer: &mut String, segment: &str) {
    pointer.push('/');
    pointer.push_str(&segment.replace('~', "~0").replace('/', "~1"));
}

/// Text of a stranger's, fit for a terminal and a log line.
pub(crate) fn inert(text: &str) -> String {
    text.chars().map(|c| if is_inert(c) { c } else { '\u{fffd}' }).take(400).collect()
}

/// Whether a character neither moves a cursor nor turns the direction of what follows.
pub(crate) fn is_inert(c: char) -> bool {
    !c.is_control()
        && !matches!(c, '\u{061c}' | '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{feff}')
}

fn parse_strictly(text: &str) -> Result<Value, JsonError> {
    let path = RefCell::new(Vec::new());
    let mut deserializer = serde_json::Deserializer::from_str(text);
    let strict = Strict { path: &path, depth: 0 };
    let value = strict.deserialize(&mut deserializer).and_then(|value| deserializer.end().map(|()| value));
    value.map_err(|error| {
        let mut pointer = String::new();
        for segment in path.borrow().iter() {
            append_segment(&mut pointer, segment);
        }
        JsonError { pointer: inert(&pointer), message: inert(&error.to_string()) }
    })
}

/// Builds a `Value`. The path is left standing where an error came up.
#[derive(Clone, Copy)]
struct Strict<'p> {
    path: &'p RefCell<Vec<String>>,
    depth: usize,
}

impl Strict<'_> {
    fn deeper<E: serde::de::Error>(self) -> Result<Self, E> {
        if self.depth >= MAX_DEPTH {
            return Err(E::custom(format_args!("nested more than {MAX_DEPTH} deep")));
        }
        Ok(Self { depth: self.depth + 1, ..self })
    }
}

impl<'de> DeserializeSeed<'de> for Strict<'_> {
    type Value = Value;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Value, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Strict<'_> {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("JSON")
    }

    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_bool<E>(self, value: bool) -> Result<Value, E> {
        Ok(Value::Bool(value))
    }

    fn visit_u64<E>(self, value: u64) -> Result<Value, E> {
        Ok(Value::Number(value.into()))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Value, E> {
        Ok(Value::Number(value.into()))
    }

    fn visit_f64<E: serde::de::Error>(self, value: f64) -> Result<Value, E> {
        Number::from_f64(value).map(Value::Number).ok_or_else(|| E::custom("not a finite number"))
    }

    fn visit_str<E>(self, value: &str) -> Result<Value, E> {
        Ok(Value::String(value.to_owned()))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Value, A::Error> {
        let inner = self.deeper()?;
        let mut list = Vec::new();
        loop {
            self.path.borrow_mut().push(list.len().to_string());
            let item = items.next_element_seed(inner)?;
            self.path.borrow_mut().pop();
            match item {
                Some(item) => list.push(item),
                None => return Ok(Value::Array(list)),
            }
        }
    }

    fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<Value, A::Error> {
        let inner = self.deeper()?;
        let mut object = Map::new();
        while let Some(key) = entries.next_key::<String>()? {
            self.path.borrow_mut().push(key.clone());
            if object.contains_key(&key) {
                let mut shown = String::new();
                let _ = write!(shown, "{key:?}");
                return Err(A::Error::custom(format_args!(
                    "the key {shown} is there more than once; keep one"
                )));
            }
            let value = entries.next_value_seed(inner)?;
            self.path.borrow_mut().pop();
            object.insert(key, value);
        }
        Ok(Value::Object(object))
    }
}
