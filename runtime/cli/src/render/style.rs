//! The few styles there are, by what they mean.

use std::fmt::Display;

use anstyle::{AnsiColor, Style};

/// What a piece of text means to its reader.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tone {
    /// The name of one of the reader's own things, or a heading.
    Strong,
    /// Went well.
    Good,
    /// Waits, was retried, or deserves a look.
    Warn,
    /// Failed or refused.
    Bad,
    /// Detail that may be skipped.
    Faint,
    /// To be typed as it stands.
    Type,
}

impl Tone {
    fn style(self) -> Style {
        let colour = |colour: AnsiColor| Style::new().fg_color(Some(colour.into()));
        match self {
            Self::Strong => Style::new().bold(),
            Self::Good => colour(AnsiColor::Green),
            Self::Warn => colour(AnsiColor::Yellow),
            Self::Bad => colour(AnsiColor::Red).bold(),
            Self::Faint => Style::new().dimmed(),
            Self::Type => colour(AnsiColor::Cyan),
        }
    }
}

/// `text` in a tone.
pub fn paint(tone: Tone, text: impl Display) -> String {
    let style = tone.style();
    format!("{style}{text}{style:#}")
}

/// See [`Tone::Strong`].
pub fn strong(text: impl Display) -> String {
    paint(Tone::Strong, text)
}

/// See [`Tone::Good`].
pub fn good(text: impl Display) -> String {
    paint(Tone::Good, text)
}

/// See [`Tone::Warn`].
pub fn warn(text: impl Display) -> String {
    paint(Tone::Warn, text)
}

/// See [`Tone::Bad`].
pub fn bad(text: impl Display) -> String {
    paint(Tone::Bad, text)
}

/// See [`Tone::Faint`].
pub fn faint(text: impl Display) -> String {
    paint(Tone::Faint, text)
}

/// See [`Tone::Type`].
pub fn typed(text: impl Display) -> String {
    paint(Tone::Type, text)
}
