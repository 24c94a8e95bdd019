//! The `Link` header (RFC 8288), by which many providers name the next page.

use super::Field;

/// The target of the first link whose relation is `next`, in any of the `Link` headers. It is as the
/// provider wrote it: compare its start with where it must lead before following it.
#[must_use]
pub fn next_link(headers: &[Field]) -> Option<String> {
    headers
        .iter()
        .filter(|field| field.name.eq_ignore_ascii_case("link"))
        .filter_map(|field| core::str::from_utf8(&field.value).ok())
        .find_map(next_in)
}

fn next_in(value: &str) -> Option<String> {
    let mut rest = value;
    loop {
        let (target, tail) = rest.split_once('<')?.1.split_once('>')?;
        let end = end_of_parameters(tail);
        let parameters = tail.get(..end)?;
        if split_outside_quotes(parameters, ';').any(is_next) {
            return Some(target.trim().to_owned());
        }
        rest = tail.get(end..)?;
    }
}

/// The byte after the parameters of one link: a comma outside of quotes, or the end.
fn end_of_parameters(text: &str) -> usize {
    split_outside_quotes(text, ',').next().map_or(text.len(), str::len)
}

fn is_next(parameter: &str) -> bool {
    parameter.split_once('=').is_some_and(|(name, value)| {
        name.trim().eq_ignore_ascii_case("rel")
            && value
                .trim()
                .trim_matches('"')
                .split_ascii_whitespace()
                .any(|relation| relation.eq_ignore_ascii_case("next"))
    })
}

fn split_outside_quotes(text: &str, separator: char) -> impl Iterator<Item = &str> {
    let mut quoted = false;
    let mut escaped = false;
    text.split(move |c: char| {
        if escaped {
            escaped = false;
        } else if quoted && c == '\\' {
            escaped = true;
        } else if c == '"' {
            quoted = !quoted;
        }
        c == separator && !quoted
    })
}

#[cfg(test)]
mod tests {
    use super::{Field, next_link};

    #[track_caller]
    fn check(values: &[&str], expected: Option<&str>) {
        let headers: Vec<Field> = values
            .iter()
            .map(|value| Field { name: "Link".into(), value: value.as_bytes().to_vec() })
            .collect();
        assert_eq!(next_link(&headers).as_deref(), expected, "{values:?}");
    }

    #[test]
    fn next_is_found() {
        check(&[], None);
        check(&["<https://a/?page=2>; rel=\"next\""], Some("https://a/?page=2"));
        check(&["<https://a/1>; rel=prev, <https://a/3>; rel=next"], Some("https://a/3"));
        check(&["<https://a/9>; rel=\"last\"", "<https://a/3>; rel=\"next\""], Some("https://a/3"));
        check(&["<https://a/?q=a,b>; title=\"x, <y>; rel=next\"; rel=\"prev\""], None);
        check(&["<https://a/2>; REL=\"first NEXT\""], Some("https://a/2"));
        check(&["<https://a/2; rel=next"], None);
        check(&["garbage"], None);
        check(&["<u>; title=\"\\\"\", <v>; rel=next"], Some("v"));
    }
}
