//! From a rule's text to its shape.

use url::Url;

use super::{
    path::ambiguous,
    rule::{HostRule, Place, Shape},
    setting::substitute,
    target::{Scheme, TargetError, dns_name, drop_trailing_dot, host, userinfo},
};

/// Stands in for a setting while the rest of a rule is checked.
const STAND_IN: &str = "wharf-setting";

/// Methods that nobody may ever use: they change what the connection means.
const NEVER: [&str; 4] = ["CONNECT", "TRACE", "TRACK", "PRI"];

/// Whether a method can stand in a rule or a request: an upper-case token that is not of the
/// connection's own.
pub(super) fn method_problem(method: &str) -> Option<String> {
    let token = !method.is_empty()
        && method.len() <= 32
        && method.bytes().all(|b| b.is_ascii_uppercase() || b == b'-');
    if !token {
        return Some("a method is an upper-case word such as `GET`".to_owned());
    }
    NEVER.contains(&method).then(|| format!("`{method}` is never allowed"))
}

pub(super) fn check_methods(methods: &[String]) -> Result<(), String> {
    if methods.is_empty() {
        return Err("no methods; list those that are used, such as [\"GET\"]".to_owned());
    }
    methods.iter().find_map(|method| method_problem(method)).map_or(Ok(()), Err)
}

pub(super) fn parse_shape(text: &str) -> Result<Shape, String> {
    if text == "*" {
        return Ok(Shape::Anywhere);
    }
    if !text.contains(['{', '}']) {
        return parse_place(text).map(Shape::Place);
    }
    let whole = text.starts_with('{');
    let start = if whole { 0 } else { text.find("://").map_or(0, |at| at + 3) };
    let tail = text.get(start..).unwrap_or_default();
    let cut = start + tail.find('/').unwrap_or(tail.len());
    let (head, path) = (text.get(..cut).unwrap_or_default(), text.get(cut..).unwrap_or_default());
    if path.contains(['{', '}']) {
        return Err("settings may stand in the host or in place of it, not in the path".to_owned());
    }
    if whole && !(head.ends_with('}') && head.matches('{').count() == 1) {
        return Err(
            "a setting in place of scheme and host stands alone: `{connection.base-url}/path/`".to_owned()
        );
    }
    let stand_in = substitute(head, |_| Ok(Some(STAND_IN.to_owned())))?.unwrap_or_default();
    let outline = if whole {
        parse_place(&format!("https://{stand_in}{path}")).map(|_| None)?
    } else {
        parse_place(&format!("{stand_in}{path}")).map(Some)?
    };
    let path = if path.is_empty() { "/" } else { path };
    Ok(Shape::Open { head: head.to_owned(), path: path.to_owned(), outline })
}

pub(super) fn parse_place(text: &str) -> Result<Place, String> {
    if text.contains(|c: char| c <= ' ' || c == '\u{7f}' || c == '\\') {
        return Err("it has a control character, a space or a backslash".to_owned());
    }
    let mut url =
        Url::parse(text).map_err(|error| format!("{error}; write it like `https://api.example.com/v1/`"))?;
    let scheme = Scheme::parse(url.scheme()).ok_or("only https and http can be called")?;
    if userinfo(text, &url) {
        return Err(TargetError::Userinfo.to_string());
    }
    if url.query().is_some() || url.fragment().is_some() {
        return Err("a rule ends with the path: no `?`, no `#`".to_owned());
    }
    drop_trailing_dot(&mut url).map_err(|error| error.to_string())?;
    let name = url.host_str().unwrap_or_default();
    let host = if name == "*" {
        HostRule::Any
    } else if let Some(domain) = name.strip_prefix("*.") {
        if !dns_name(domain) || !domain.contains('.') {
            return Err(format!(
                "`{name}` is too wide or no name; a wildcard stands before a domain: `*.example.com`"
            ));
        }
        HostRule::Below(domain.to_owned())
    } else {
        HostRule::Exact(host(&url).map_err(|error| error.to_string())?)
    };
    let port = url.port_or_known_default().filter(|port| *port != 0).ok_or("port 0 cannot be called")?;
    let path = url.path().to_owned();
    if path != "/" && ambiguous(&path) {
        return Err("the path holds an encoded `/`, `\\`, `.` or `%`: no request can match it".to_owned());
    }
    Ok(Place { scheme, host, port, path })
}
