//! Text that others wrote (connector names, logs, provider messages), made safe to print.
//!
//! A terminal obeys what it prints: an escape sequence can rename the window or answer a prompt,
//! and a direction override shows `lave` where `eval` stands. Such characters are shown as escapes.

/// `text` on one line, without a character that a terminal or a reader's eye would obey.
#[must_use]
pub fn inert(text: &str) -> String {
    let mut shown = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '\n' => shown.push_str("\\n"),
            '\t' => shown.push_str("\\t"),
            '\r' => shown.push_str("\\r"),
            _ if obeyed(character) => shown.extend(character.escape_unicode()),
            _ => shown.push(character),
        }
    }
    shown
}

/// As [`inert`], and lines stay lines.
#[must_use]
pub fn inert_lines(text: &str) -> String {
    text.split('\n').map(inert).collect::<Vec<_>>().join("\n")
}

/// As [`inert`], at most `limit` characters, `…` for the rest.
#[must_use]
pub fn inert_short(text: &str, limit: usize) -> String {
    let mut shown = inert(&text.chars().take(limit).collect::<String>());
    if text.chars().nth(limit).is_some() {
        shown.push('…');
    }
    shown
}

/// A JSON document with the same characters written as `\u` escapes. They can only stand inside
/// of strings, so the document's meaning stays what it was.
#[must_use]
pub fn inert_json(document: &str) -> String {
    let mut shown = String::with_capacity(document.len());
    for character in document.chars() {
        if obeyed(character) {
            let mut units = [0; 2];
            for unit in character.encode_utf16(&mut units) {
                shown.push_str(&format!("\\u{unit:04x}"));
            }
        } else {
            shown.push(character);
        }
    }
    shown
}

/// Control characters (C0, DEL, C1), bidirectional controls, and characters without a width.
fn obeyed(character: char) -> bool {
    character.is_control()
        || matches!(character,
            '\u{061c}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}'
            | '\u{fff9}'..='\u{fffb}' | '\u{e0000}'..='\u{e007f}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shows_what_a_terminal_would_obey() {
        for (text, shown) in [
            ("plain — ü 漢 🚢", "plain — ü 漢 🚢"),
            ("\u{1b}[31mred\u{1b}]0;title\u{7}", "\\u{1b}[31mred\\u{1b}]0;title\\u{7}"),
            ("two\nlines\tand\r", "two\\nlines\\tand\\r"),
            ("\u{9b}2J", "\\u{9b}2J"),
            ("a\u{202e}b\u{2066}c\u{200d}d", "a\\u{202e}b\\u{2066}c\\u{200d}d"),
            ("\u{e0041}", "\\u{e0041}"),
        ] {
            assert_eq!(inert(text), shown);
        }
        assert_eq!(inert_lines("a\n\u{1b}b"), "a\n\\u{1b}b");
        assert_eq!(inert_short("abcdef", 3), "abc…");
        assert_eq!(inert_short("abc", 3), "abc");
    }

    #[test]
    fn json_keeps_its_meaning() {
        let value = serde_json::json!({ "a": "\u{9b}\u{202e}\u{e0041}\u{1b}" });
        let shown = inert_json(&value.to_string());
        assert!(shown.is_ascii(), "{shown}");
        assert_eq!(serde_json::from_str::<serde_json::Value>(&shown).unwrap(), value);
    }
}
