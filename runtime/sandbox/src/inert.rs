//! Makes a guest's text safe to print: in a terminal, a log file, a page.
//!
//! Escapes stay readable (`\u{1b}`) and the text never gets a line break, so that no guest can
//! forge a second log line, move the cursor, set a clipboard (OSC 52) or reverse what a person
//! reads (Unicode TR 36, section 2.5; bidirectional overrides).

use std::fmt::Write as _;

/// `text` with everything that acts instead of being read escaped as `\u{…}`.
#[must_use]
pub fn inert(text: &str) -> String {
    escape(text, |out, c| {
        let _ = write!(out, "\\u{{{:x}}}", u32::from(c));
    })
}

/// Like [`inert`], for JSON text: the escapes are JSON's own, so its meaning stays.
pub(crate) fn inert_json(text: &str) -> String {
    escape(text, |out, c| {
        // Outside of strings JSON allows line breaks and tabs, which a blank can replace.
        if matches!(c, '\n' | '\r' | '\t') {
            out.push(' ');
            return;
        }
        for unit in c.encode_utf16(&mut [0; 2]) {
            let _ = write!(out, "\\u{unit:04x}");
        }
    })
}

/// At most `max` bytes of `text`, cut between characters.
pub(crate) fn cut(text: &str, max: usize) -> &str {
    let mut end = max.min(text.len());
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    text.get(..end).unwrap_or_default()
}

fn escape(text: &str, write: impl Fn(&mut String, char)) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        if acts(c) {
            write(&mut out, c);
        } else {
            out.push(c);
        }
    }
    out
}

fn acts(c: char) -> bool {
    c.is_control()
        || matches!(
            c,
            '\u{61c}'
                | '\u{200b}'..='\u{200f}'
                | '\u{2028}'..='\u{202e}'
                | '\u{2060}'..='\u{2069}'
                | '\u{feff}'
                | '\u{e0000}'..='\u{e007f}'
        )
}
