//! Which protections are active on this machine, found out by looking and by trying.
//!
//! One finding is one line: what was found, what it protects, and what to do. Half of it only the
//! server's own process knows, and answers at `GET /api/v1/doctor`; the other half is the machine's,
//! and is found with or without a server.

use serde::Serialize;

mod data;
mod machine;
mod process;

pub use data::data;
pub use machine::machine;
pub(crate) use process::keep_memory_private;
pub use process::{Inside, process};

/// How it stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Level {
    /// Active.
    Ok,
    /// Weaker than it could be.
    Warn,
    /// Not active.
    Fail,
}

impl Level {
    /// The stable name.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::Warn => "warn",
            Self::Fail => "fail",
        }
    }
}

/// One protection.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub struct Finding {
    /// Stable, kebab-case.
    pub check: &'static str,
    /// How it stands.
    pub level: Level,
    /// What was found.
    pub found: String,
    /// What it protects.
    pub protects: &'static str,
    /// The rule of the security contract.
    pub rule: &'static str,
    /// What to do; none when it is active.
    pub fix: Option<String>,
}

/// What a check is for.
#[derive(Clone, Copy)]
struct Check {
    name: &'static str,
    rule: &'static str,
    protects: &'static str,
}

impl Check {
    const fn new(name: &'static str, rule: &'static str, protects: &'static str) -> Self {
        Self { name, rule, protects }
    }

    fn ok(self, found: impl Into<String>) -> Finding {
        self.at(Level::Ok, found, None)
    }

    fn warn(self, found: impl Into<String>, fix: impl Into<String>) -> Finding {
        self.at(Level::Warn, found, Some(fix.into()))
    }

    fn fail(self, found: impl Into<String>, fix: impl Into<String>) -> Finding {
        self.at(Level::Fail, found, Some(fix.into()))
    }

    fn at(self, level: Level, found: impl Into<String>, fix: Option<String>) -> Finding {
        Finding {
            check: self.name,
            level,
            found: found.into(),
            protects: self.protects,
            rule: self.rule,
            fix,
        }
    }
}
