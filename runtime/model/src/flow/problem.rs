//! What is wrong with a flow file, where, and how a person reads it.
//!
//! What is surprising: the file comes from outside, so its lines are made inert before they are shown;
//! a control character never reaches a terminal.

use std::fmt::Write as _;

use serde::Serialize;

use super::Span;

/// Something wrong with a flow file.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct Problem {
    /// Whether the flow is refused for it.
    pub severity: Severity,
    /// From 1.
    pub line: u32,
    /// In characters, from 1.
    pub column: u32,
    /// How many characters of the line are meant.
    pub len: u32,
    /// What is wrong: a lowercase fragment that names the thing.
    pub message: String,
    /// What to do; stands beside the marked characters.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub help: Option<String>,
    /// What there is instead; stands below.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub note: Option<String>,
}

/// How bad a problem is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Severity {
    /// The flow is refused.
    Error,
    /// The flow is accepted, and probably wrong.
    Warning,
}

impl Problem {
    /// An error at a place.
    pub fn error(at: Span, message: impl Into<String>) -> Self {
        let Span { line, column, len } = at;
        Self { severity: Severity::Error, line, column, len, message: message.into(), help: None, note: None }
    }

    /// A warning at a place.
    pub fn warning(at: Span, message: impl Into<String>) -> Self {
        Self { severity: Severity::Warning, ..Self::error(at, message) }
    }

    /// With what to do.
    #[must_use]
    pub fn help(mut self, help: impl Into<String>) -> Self {
        self.help = Some(help.into());
        self
    }

    /// With what to do, if `near` is something that was probably meant.
    #[must_use]
    pub fn did_you_mean(self, near: Option<&str>) -> Self {
        match near {
            Some(near) => self.help(format!("did you mean `{near}`?")),
            None => self,
        }
    }

    /// With what there is instead.
    #[must_use]
    pub fn note(mut self, note: impl Into<String>) -> Self {
        self.note = Some(note.into());
        self
    }

    /// Whether the flow is refused for it.
    #[must_use]
    pub fn is_error(&self) -> bool {
        self.severity == Severity::Error
    }
}

/// Characters of a source line that are shown.
const SHOWN_COLUMNS: usize = 160;

/// The problems in the order of the file, as text without colour: message, place, the line with the spot marked, notes.
#[must_use]
pub fn render(problems: &[Problem], file_name: &str, source: &str) -> String {
    let mut sorted: Vec<&Problem> = problems.iter().collect();
    sorted.sort_by_key(|problem| (problem.line, problem.column));
    let lines: Vec<&str> = source.lines().collect();
    let blocks: Vec<String> = sorted
        .into_iter()
        .map(|problem| {
            let line = usize::try_from(problem.line).ok().and_then(|line| lines.get(line.checked_sub(1)?));
            block(problem, file_name, line.copied().unwrap_or_default())
        })
        .collect();
    blocks.join("\n")
}

fn block(problem: &Problem, file_name: &str, line: &str) -> String {
    let Problem { severity, line: number, column, len, message, help, note } = problem;
    let severity = match severity {
        Severity::Error => "error",
        Severity::Warning => "warning",
    };
    let gutter = " ".repeat(number.to_string().len() + 1);
    let start = usize::try_from(column.saturating_sub(1)).unwrap_or(0);
    // A long line is shown from somewhat before the spot.
    let skipped = if start + 20 > SHOWN_COLUMNS { start.saturating_sub(40) } else { 0 };
    let shown: String = line.chars().skip(skipped).take(SHOWN_COLUMNS).map(inert).collect();
    let offset = start - skipped;
    let room = shown.chars().count().saturating_sub(offset).max(1);
    let marks = "^".repeat(usize::try_from(*len).unwrap_or(1).clamp(1, room));
    let help = help.as_ref().map_or_else(String::new, |help| format!(" {}", line_of(help)));
    let mut text = String::new();
    let _ = writeln!(text, "{severity}: {}", line_of(message));
    let _ = writeln!(text, "{gutter}--> {}:{number}:{column}", line_of(file_name));
    let _ = writeln!(text, "{gutter} |");
    let _ = writeln!(text, " {number} | {}", shown.trim_end());
    let _ = writeln!(text, "{gutter} | {}{marks}{help}", " ".repeat(offset));
    if let Some(note) = note {
        let _ = writeln!(text, "{gutter} = {}", line_of(note));
    }
    text
}

fn line_of(text: &str) -> String {
    text.chars().map(inert).collect()
}

fn inert(character: char) -> char {
    match character {
        '\t' => ' ',
        '\u{2028}' | '\u{2029}' => char::REPLACEMENT_CHARACTER,
        _ if character.is_control() || is_bidi(character) => char::REPLACEMENT_CHARACTER,
        _ => character,
    }
}

/// Characters that change the order in which others are shown (Unicode Technical Report 36, "Bidirectional Text Spoofing").
pub(super) fn is_bidi(character: char) -> bool {
    matches!(character, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{200e}' | '\u{200f}' | '\u{061c}')
}

/// The known name that `given` was probably meant to be.
pub(crate) fn suggest<'n>(given: &str, known: impl IntoIterator<Item = &'n str>) -> Option<&'n str> {
    let size = given.chars().take(65).count();
    if size > 64 {
        return None;
    }
    let lower = given.to_ascii_lowercase();
    // Names may come from an event: neither many nor long ones are compared.
    known
        .into_iter()
        .take(500)
        .filter(|name| name.len() <= 256)
        .map(|name| (strsim::damerau_levenshtein(&lower, &name.to_ascii_lowercase()), name))
        .filter(|(distance, _)| *distance <= (size / 3).max(1))
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, name)| name)
}
