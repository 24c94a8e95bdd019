//! The one place that writes to the terminal: answers to stdout, progress and questions to stderr.
//!
//! What is printed may carry ANSI styles at all times: the streams take them out where nobody can
//! see colours (no terminal, `NO_COLOR`), so that renderers stay pure functions of their data.

use std::io::{self, BufRead, IsTerminal, Write};

use anstream::AutoStream;
use serde::Serialize;

use crate::inert::inert_json;

/// How answers are printed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// For a person.
    Text,
    /// One JSON document (or one a line, for commands that stream), and nothing else on stdout.
    Json,
}

/// What a person said to a question.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Answer {
    /// `y` or `yes`.
    Yes,
    /// Anything else.
    No,
    /// There is no terminal to ask at.
    Nobody,
}

/// The terminal.
#[derive(Debug)]
pub struct Output {
    out: AutoStream<io::Stdout>,
    err: AutoStream<io::Stderr>,
    format: Format,
}

impl Output {
    /// Writes to this process's stdout and stderr.
    #[must_use]
    pub fn new(format: Format) -> Self {
        Self { out: anstream::stdout(), err: anstream::stderr(), format }
    }

    /// How answers are printed.
    #[must_use]
    pub fn format(&self) -> Format {
        self.format
    }

    /// Prints text for a person; nothing with `--json`. A newline is added if there is none.
    pub fn text(&mut self, text: &str) {
        if self.format == Format::Text {
            let end = if text.ends_with('\n') { "" } else { "\n" };
            // A closed pipe (`wharf run list | head`) is the reader's wish, not an error.
            let _ = write!(self.out, "{text}{end}").and_then(|()| self.out.flush());
        }
    }

    /// Prints a JSON document on a line of its own with `--json`; nothing otherwise.
    pub fn json(&mut self, value: &impl Serialize) {
        if self.format == Format::Json {
            let text = serde_json::to_string(value)
                .unwrap_or_else(|error| format!("{{\"error\":{{\"message\":\"{error}\"}}}}"));
            let _ = writeln!(self.out, "{}", inert_json(&text)).and_then(|()| self.out.flush());
        }
    }

    /// Prints `text` or `value`, as the format asks.
    pub fn answer(&mut self, text: &str, value: &impl Serialize) {
        self.text(text);
        self.json(value);
    }

    /// Prints progress, a warning or an error on stderr, in either format.
    pub fn note(&mut self, text: &str) {
        let _ = writeln!(self.err, "{text}");
    }

    /// Whether a person watches stderr.
    #[must_use]
    pub fn watched(&self) -> bool {
        io::stderr().is_terminal()
    }

    /// Asks a question whose answer is yes or no.
    pub fn ask(&mut self, question: &str) -> Answer {
        if !io::stdin().is_terminal() || !io::stderr().is_terminal() {
            return Answer::Nobody;
        }
        let _ = write!(self.err, "{question} [y/N] ").and_then(|()| self.err.flush());
        let mut line = String::new();
        match io::stdin().lock().read_line(&mut line) {
            Ok(_) if matches!(line.trim(), "y" | "Y" | "yes") => Answer::Yes,
            Ok(_) | Err(_) => Answer::No,
        }
    }
}
