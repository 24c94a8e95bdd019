//! Settings of a connection in a rule: `{connection.x}` in the host, or in place of scheme and host.

use serde_json::Value;

use super::{
    rule::Settings,
    target::{Target, dns_name},
};

/// Replaces each `{connection.name}`; none when a value is none.
pub(super) fn substitute(
    text: &str,
    value: impl Fn(&str) -> Result<Option<String>, String>,
) -> Result<Option<String>, String> {
    let mut out = String::new();
    let mut rest = text;
    while let Some((before, after)) = rest.split_once('{') {
        let (name, after) = after.split_once('}').ok_or("`{` without `}`")?;
        let name = name.strip_prefix("connection.").filter(|name| !name.is_empty());
        let name = name.ok_or("settings are written `{connection.name}`")?;
        out.push_str(before);
        match value(name)? {
            Some(value) => out.push_str(&value),
            None => return Ok(None),
        }
        rest = after;
    }
    if rest.contains('}') {
        return Err("`}` without `{`".to_owned());
    }
    out.push_str(rest);
    Ok(Some(out))
}

pub(super) fn fill(head: &str, settings: Settings<'_>) -> Result<Option<String>, String> {
    let whole = head.starts_with('{');
    // Alone between `//` and the path, a setting may bring its port along.
    let alone = head
        .split_once("://")
        .is_some_and(|(_, host)| host.starts_with('{') && host.find('}') == Some(host.len() - 1));
    substitute(head, |name| {
        let value = match settings.get(name) {
            None | Some(Value::Null) => return Ok(None),
            // A base URL keeps the case of its path.
            Some(Value::String(value)) if whole => value.trim().to_owned(),
            Some(Value::String(value)) => value.trim().to_ascii_lowercase(),
            Some(_) => return Err(format!("the setting `{name}` is not text")),
        };
        let fits = if whole {
            Target::parse(&value).is_ok_and(|target| target.url().query().is_none()) && !value.contains('#')
        } else if alone {
            host_and_port(&value)
        } else {
            dns_name(&value)
        };
        match (fits, whole) {
            (true, _) => Ok(Some(value)),
            (false, true) => {
                Err(format!("the setting `{name}` is not a base URL such as `https://api.example.com`"))
            }
            (false, false) => Err(format!("the setting `{name}` is not a host name")),
        }
    })
}

fn host_and_port(value: &str) -> bool {
    let bare = !value.contains(['/', '\\', '?', '#', '@', '%', '*', '{', '}']);
    bare && Target::parse(&format!("https://{value}/")).is_ok()
}
