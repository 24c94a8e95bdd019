//! The text of an expression: how large and deep it may be, and what the parser says of it.
//!
//! What is surprising: depth is bounded before the parser sees the text, because the parser recurses.

/// The text of one expression, in bytes.
pub(super) const MAX_EXPRESSION_BYTES: usize = 4096;

/// Brackets in brackets, and loops in loops.
const MAX_NESTING: usize = 24;

/// Operators, dots, commas and brackets: what makes the tree deep without brackets.
const MAX_OPERATORS: usize = 400;

/// Why an expression was refused, and where: characters of its text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Refused {
    pub(super) start: usize,
    pub(super) len: usize,
    pub(super) message: String,
}

/// Bounds the depth of the tree before the parser, which recurses, sees the text. Strings are counted
/// along: an expression with hundreds of brackets in its strings has another way to say it.
pub(super) fn shallow(source: &str) -> Result<(), String> {
    let (mut depth, mut operators) = (0_usize, 0_usize);
    for character in source.chars() {
        match character {
            '(' | '[' | '{' => {
                depth += 1;
                operators += 1;
            }
            ')' | ']' | '}' => depth = depth.saturating_sub(1),
            '.' | '+' | '-' | '*' | '/' | '%' | '!' | '?' | ',' | '<' | '>' | '=' | '&' | '|' => {
                operators += 1
            }
            _ => {}
        }
        if depth > MAX_NESTING {
            return Err(format!("brackets nest deeper than {MAX_NESTING}; compute parts in `map` steps"));
        }
    }
    if operators > MAX_OPERATORS {
        return Err(format!("more than {MAX_OPERATORS} operators; compute parts in `map` steps"));
    }
    Ok(())
}

pub(super) fn syntax(source: &str, error: Option<&cel::ParseError>) -> Refused {
    let (line, column) = error.map_or((1, 1), |error| error.pos);
    let before: usize = source
        .split_inclusive('\n')
        .take(usize::try_from(line - 1).unwrap_or(0))
        .map(|line| line.chars().count())
        .sum();
    let size = source.chars().count();
    let start = (before + usize::try_from(column - 1).unwrap_or(0)).min(size.saturating_sub(1));
    let message = error.map_or("", |error| error.msg.as_str());
    let message = message.strip_prefix("Syntax error: ").unwrap_or(message);
    // The parser lists every token that could have followed; that helps nobody.
    let message = message.split(" expecting ").next().unwrap_or(message);
    let message = if message.contains("Recursion limit") {
        "it nests too deeply; compute parts in `map` steps"
    } else {
        message
    };
    let message = if message.contains("<EOF>") { "it ends too early" } else { message };
    let message: String =
        message.replace("token recognition error at:", "unreadable").chars().take(120).collect();
    Refused { start, len: 1, message: format!("not an expression: {message}") }
}
