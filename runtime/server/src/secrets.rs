//! The master key's rotation, as an operator asks for it. The server must be stopped: a process that
//! holds the old key in memory would go on sealing with it.

use std::path::PathBuf;

use wharf_store::{By, MasterKey, Rotation, rotate as rotate_between, rotate_key_file};
pub use wharf_store::{Progress, Rotated};

use crate::{clock, config::Config, serve::ServeError};

/// Which keys.
#[derive(Debug)]
pub enum Keys {
    /// The one in the configured file; a new one is made in its place.
    File,
    /// Both are the operator's to keep.
    Given {
        /// The key of now, 64 hexadecimal digits.
        old: String,
        /// The file of the key from then on; made if it is not there.
        new: PathBuf,
    },
}

/// Seals every secret anew under another master key. What was cut off goes on where it was.
///
/// # Errors
/// A server has the data directory, a secret does not open, or a file cannot be read or written.
pub fn rotate(
    config: &Config,
    keys: &Keys,
    progress: &mut dyn FnMut(Progress),
) -> Result<Rotated, ServeError> {
    let by = By::new("wharf secrets rotate", clock::now());
    let mut crash = Crash::default();
    let mut progress = |step: Progress| {
        progress(step);
        crash.point();
    };
    match keys {
        Keys::File => Ok(rotate_key_file(&config.data_dir, &config.master_key_file(), &by, &mut progress)?),
        Keys::Given { old, new } => {
            let rotation = Rotation {
                path: config.data_dir.clone(),
                old: MasterKey::from_hex(old)?,
                new: MasterKey::load_or_create(new)?,
            };
            Ok(rotate_between(&rotation, &by, &mut progress)?)
        }
    }
}

/// Where a test of a debug build may have the process die: `WHARF_CRASH_AT=rotate:N` at the Nth step.
#[derive(Default)]
struct Crash {
    #[cfg(debug_assertions)]
    passed: u32,
}

impl Crash {
    #[cfg(debug_assertions)]
    fn point(&mut self) {
        self.passed += 1;
        if std::env::var("WHARF_CRASH_AT").is_ok_and(|at| at == format!("rotate:{}", self.passed)) {
            std::process::abort();
        }
    }

    #[cfg(not(debug_assertions))]
    fn point(&mut self) {
        let Self {} = self;
    }
}
