//! Finds the expressions in a text: `${ … }` is one, `$${` stands for the characters `${`.
//!
//! What is surprising: a `}` ends an expression only outside its strings and its own braces, so the
//! scan must know CEL's quotes: `'…'`, `"…"`, three of either, and a raw `r` before them.

/// A stretch of a text. Offsets are in bytes of the text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Stretch {
    /// As it is, escapes replaced.
    Text(String),
    /// What stands between `${` and `}`.
    Expression { start: usize, source: String },
}

/// `${` at this byte has no end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Unclosed(pub(super) usize);

/// The stretches of a text in order. Without any expression there is at most one.
pub(super) fn split(text: &str) -> Result<Vec<Stretch>, Unclosed> {
    let mut stretches = Vec::new();
    let mut plain = String::new();
    let mut at = 0;
    while let Some(rest) = text.get(at..).filter(|rest| !rest.is_empty()) {
        let dollar = rest.find('$').unwrap_or(rest.len());
        let (before, from) = rest.split_at(dollar);
        plain.push_str(before);
        at += dollar;
        if from.starts_with("$${") {
            plain.push_str("${");
            at += 3;
        } else if let Some(body) = from.strip_prefix("${") {
            let len = expression_len(body).ok_or(Unclosed(at))?;
            if !plain.is_empty() {
                stretches.push(Stretch::Text(std::mem::take(&mut plain)));
            }
            let source = body.get(..len).unwrap_or_default().to_owned();
            stretches.push(Stretch::Expression { start: at + 2, source });
            at += 2 + len + 1;
        } else if !from.is_empty() {
            plain.push('$');
            at += 1;
        }
    }
    if !plain.is_empty() {
        stretches.push(Stretch::Text(plain));
    }
    Ok(stretches)
}

/// Bytes before the `}` that ends the expression.
fn expression_len(body: &str) -> Option<usize> {
    let mut depth = 0_u32;
    let mut at = 0;
    let mut previous = ' ';
    while let Some(rest) = body.get(at..) {
        let next = rest.chars().next()?;
        match next {
            '}' if depth == 0 => return Some(at),
            '}' => depth -= 1,
            '{' => depth += 1,
            '"' | '\'' => {
                at += string_len(rest, next, matches!(previous, 'r' | 'R'))?;
                previous = next;
                continue;
            }
            _ => {}
        }
        previous = next;
        at += next.len_utf8();
    }
    None
}

/// Bytes of the string literal that `rest` starts with, quotes included.
fn string_len(rest: &str, quote: char, raw: bool) -> Option<usize> {
    let triple: String = std::iter::repeat_n(quote, 3).collect();
    let (open, close) = if rest.starts_with(&triple) { (3, triple) } else { (1, quote.to_string()) };
    let mut at = open;
    loop {
        let tail = rest.get(at..)?;
        if tail.starts_with(&close) {
            return Some(at + close.len());
        }
        let mut chars = tail.chars();
        at += match (chars.next()?, raw) {
            ('\\', false) => 1 + chars.next()?.len_utf8(),
            (other, _) => other.len_utf8(),
        };
    }
}

#[cfg(test)]
mod tests {
    use super::{Stretch, Unclosed, split};

    #[track_caller]
    fn check(text: &str, expected: &[Result<&str, &str>]) {
        let found = split(text).unwrap();
        let found: Vec<_> = found
            .iter()
            .map(|stretch| match stretch {
                Stretch::Text(text) => Ok(text.as_str()),
                Stretch::Expression { start, source } => {
                    assert_eq!(text[*start..*start + source.len()], **source);
                    Err(source.as_str())
                }
            })
            .collect();
        assert_eq!(found, expected, "{text}");
    }

    #[test]
    fn finds_expressions() {
        check("", &[]);
        check("plain", &[Ok("plain")]);
        check("${a}", &[Err("a")]);
        check("#${a} ${ b }!", &[Ok("#"), Err("a"), Ok(" "), Err(" b "), Ok("!")]);
        check("$${a} $$ $", &[Ok("${a} $$ $")]);
        check("$$${a}", &[Ok("$${a}")]);
        check("é${'é'}é", &[Ok("é"), Err("'é'"), Ok("é")]);
    }

    #[test]
    fn a_brace_in_a_string_or_an_object_ends_nothing() {
        check(r#"${ {"a": {"b": 1}}.a }x"#, &[Err(r#" {"a": {"b": 1}}.a "#), Ok("x")]);
        check(r#"${"}"}"#, &[Err(r#""}""#)]);
        check(r#"${"\"}"}"#, &[Err(r#""\"}""#)]);
        check(r"${r'\'}x", &[Err(r"r'\'"), Ok("x")]);
        check(r#"${"""a"}"""}"#, &[Err(r#""""a"}""""#)]);
        check("${''}", &[Err("''")]);
    }

    #[test]
    fn says_where_an_open_one_starts() {
        for (text, at) in [("a ${b", 2), ("${", 0), ("${'}", 0), ("${a}${{}", 4), (r"${'\", 0)] {
            assert_eq!(split(text), Err(Unclosed(at)), "{text}");
        }
    }
}
