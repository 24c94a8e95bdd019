//! One more member in a JSON object, or one more field in a form, and the rest of the body as it was.
//!
//! The member is written in front of the others, into the text: a body that went through a parser and
//! back would lose what the parser cannot hold, such as a number's spelling.

use std::fmt;

use bytes::Bytes;
use http::HeaderValue;
use serde::de::{Deserializer, IgnoredAny, MapAccess, Visitor};

/// How a body holds fields.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Shape {
    Json,
    Form,
}

/// `body` with `name` set to `value`; or why it takes no fields, for the connector's author.
pub(crate) fn insert(
    content_type: Option<&HeaderValue>,
    body: &Bytes,
    name: &str,
    value: &str,
) -> Result<Bytes, String> {
    if holds(content_type, body, name)? {
        return Err(format!("the body has a field `{name}` already: the gate places it"));
    }
    match shape(content_type).ok_or_else(|| needs_shape(name))? {
        Shape::Form => {
            let mut pairs = url::form_urlencoded::Serializer::new(String::new());
            let field = pairs.append_pair(name, value).finish();
            let parts = if body.is_empty() {
                vec![field.as_bytes()]
            } else {
                vec![body.as_ref(), b"&".as_slice(), field.as_bytes()]
            };
            Ok(parts.concat().into())
        }
        Shape::Json => {
            let text = body.trim_ascii_start();
            let inner = text.strip_prefix(b"{").ok_or_else(|| needs_object(name))?;
            let comma: &[u8] = if inner.trim_ascii_start().starts_with(b"}") { b"" } else { b"," };
            let quoted = |text: &str| serde_json::Value::from(text).to_string();
            let member = format!("{}:{}", quoted(name), quoted(value));
            Ok([b"{", member.as_bytes(), comma, inner].concat().into())
        }
    }
}

/// Whether the body has the field; an error when it can have none.
pub(crate) fn holds(content_type: Option<&HeaderValue>, body: &Bytes, name: &str) -> Result<bool, String> {
    Ok(find(content_type, body, name)?.is_some())
}

/// The field's value where it is text, else the empty string; none when the field is not there.
pub(crate) fn find(
    content_type: Option<&HeaderValue>,
    body: &Bytes,
    name: &str,
) -> Result<Option<String>, String> {
    match shape(content_type).ok_or_else(|| needs_shape(name))? {
        Shape::Form => {
            let mut pairs = url::form_urlencoded::parse(body);
            Ok(pairs.find(|(own, _)| own == name).map(|(_, value)| value.into_owned()))
        }
        Shape::Json => {
            let mut reader = serde_json::Deserializer::from_slice(body);
            let found = reader.deserialize_map(Find(name)).map_err(|_| needs_object(name))?;
            reader.end().map_err(|_| needs_object(name))?;
            Ok(found)
        }
    }
}

/// Whether it is `application/x-www-form-urlencoded`.
pub(crate) fn is_form(content_type: Option<&HeaderValue>) -> bool {
    shape(content_type) == Some(Shape::Form)
}

fn shape(content_type: Option<&HeaderValue>) -> Option<Shape> {
    let text = content_type?.to_str().ok()?;
    let kind = text.split(';').next()?.trim().to_ascii_lowercase();
    let json = kind == "application/json" || (kind.starts_with("application/") && kind.ends_with("+json"));
    let form = kind == "application/x-www-form-urlencoded";
    json.then_some(Shape::Json).or(form.then_some(Shape::Form))
}

fn needs_shape(name: &str) -> String {
    format!("the gate places `{name}` in the body: send `content-type: application/json` or a form")
}

fn needs_object(name: &str) -> String {
    format!("the gate places `{name}` in the body: send a JSON object")
}

/// Looks for one member, and reads the others without keeping them.
struct Find<'a>(&'a str);

impl<'de> Visitor<'de> for Find<'_> {
    type Value = Option<String>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        let mut found = None;
        while let Some(key) = map.next_key::<String>()? {
            if key == self.0 {
                let value: serde_json::Value = map.next_value()?;
                found = Some(value.as_str().unwrap_or_default().to_owned());
            } else {
                map.next_value::<IgnoredAny>()?;
            }
        }
        Ok(found)
    }
}
