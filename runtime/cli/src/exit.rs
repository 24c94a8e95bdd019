//! Exit codes, and the error that carries one from the place where it happened to `main`.

use std::{fmt, process::ExitCode};

use serde_json::{Value, json};

/// What the process says to its caller. The numbers are stable.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Exit {
    /// Done.
    Ok,
    /// It was tried and failed.
    Failed,
    /// The command line is wrong, or a file it names cannot be read.
    Usage,
    /// Refused: denied by policy, or held until a person approves.
    Refused,
    /// What was named does not exist.
    NotFound,
    /// No server answers at that address.
    Unreachable,
    /// The API key is missing or wrong.
    Unauthorized,
    /// The file or input was read, and is wrong.
    Invalid,
}

impl Exit {
    /// Every code, in order.
    pub const ALL: [Self; 8] = [
        Self::Ok,
        Self::Failed,
        Self::Usage,
        Self::Refused,
        Self::NotFound,
        Self::Unreachable,
        Self::Unauthorized,
        Self::Invalid,
    ];

    /// The number.
    #[must_use]
    pub fn code(self) -> u8 {
        match self {
            Self::Ok => 0,
            Self::Failed => 1,
            Self::Usage => 2,
            Self::Refused => 3,
            Self::NotFound => 4,
            Self::Unreachable => 5,
            Self::Unauthorized => 6,
            Self::Invalid => 7,
        }
    }

    /// One line, as the help shows it.
    #[must_use]
    pub fn meaning(self) -> &'static str {
        match self {
            Self::Ok => "done",
            Self::Failed => "tried, and failed",
            Self::Usage => "wrong command line, or a file that cannot be read",
            Self::Refused => "refused: denied, or held until a person approves",
            Self::NotFound => "what was named does not exist",
            Self::Unreachable => "no server answers at that address",
            Self::Unauthorized => "the API key is missing or wrong",
            Self::Invalid => "the file or input was read, and is wrong",
        }
    }

    /// The table at the end of `wharf --help`.
    #[must_use]
    pub fn table() -> String {
        let rows: Vec<String> =
            Self::ALL.iter().map(|exit| format!("  {}  {}", exit.code(), exit.meaning())).collect();
        format!("Exit codes:\n{}", rows.join("\n"))
    }
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(exit.code())
    }
}

/// An error with its exit code, its stable name and the way out.
#[derive(Clone, Debug)]
pub struct Fault {
    /// How the process ends.
    pub exit: Exit,
    /// Stable, kebab-case; the server's own code where the server refused.
    pub code: String,
    /// What happened, for a person.
    pub message: String,
    /// The fix, typed out.
    pub fix: Option<String>,
    /// Printed as it is below the message; may be styled.
    pub detail: Option<String>,
    /// What is wrong with a file, where it is a file.
    pub problems: Option<Box<Problems>>,
}

/// What is wrong with a file, as the server found it.
#[derive(Clone, Debug, Default)]
pub struct Problems {
    /// Stands for the message on a terminal: the problems at their places, in plain text.
    pub rendered: Option<String>,
    /// The same as data.
    pub list: Value,
}

impl Fault {
    /// A fault with a message only.
    pub fn new(exit: Exit, code: &str, message: impl Into<String>) -> Self {
        Self { exit, code: code.to_owned(), message: message.into(), fix: None, detail: None, problems: None }
    }

    /// The same with a way out.
    #[must_use]
    pub fn fix(mut self, fix: impl Into<String>) -> Self {
        self.fix = Some(fix.into());
        self
    }

    /// The same with text below.
    #[must_use]
    pub fn detail(mut self, detail: impl Into<String>) -> Self {
        self.detail = Some(detail.into());
        self
    }

    /// The command line is wrong, or a file cannot be read.
    pub fn usage(message: impl Into<String>) -> Self {
        Self::new(Exit::Usage, "usage", message)
    }

    /// What `--json` prints.
    #[must_use]
    pub fn to_json(&self) -> Value {
        let problems = self.problems.as_ref();
        let plain = |text: &String| anstream::adapter::strip_str(text).to_string();
        json!({ "error": {
            "code": self.code, "message": self.message, "fix": self.fix, "detail": self.detail.as_ref().map(plain),
            "problems": problems.map(|problems| &problems.list), "rendered": problems.map(|problems| &problems.rendered), "exit_code": self.exit.code(),
        } })
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for Fault {}

#[cfg(test)]
mod tests {
    use super::Exit;

    #[test]
    fn codes_are_the_table() {
        for (position, exit) in Exit::ALL.iter().enumerate() {
            assert_eq!(usize::from(exit.code()), position);
        }
        assert!(Exit::table().contains("  3  refused: denied, or held until a person approves\n"));
    }
}
