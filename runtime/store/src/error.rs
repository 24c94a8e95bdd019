//! What can go wrong with the store, by what the caller can do about it.
//!
//! The errors are `Clone` because one failed commit is the answer to every caller of its group.

use std::path::PathBuf;

use rusqlite::{ErrorCode, ffi};

use crate::key::MasterKeyError;

/// Why the store did not do what it was asked.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum StoreError {
    /// Another process has the data directory.
    #[error("{} is in use by process {owner}: stop it, or give this one another data directory", .path.display())]
    Locked {
        /// The lock file.
        path: PathBuf,
        /// The process id that the lock file names; `?` when it names none.
        owner: String,
    },
    /// A file of the data directory cannot be made, opened or protected.
    #[error("{}: {reason}", .path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// The operating system's reason.
        reason: String,
    },
    /// The database was written by a newer version.
    #[error("the database has schema {found}, this version knows {known}: upgrade wharf")]
    Newer {
        /// The version in the file.
        found: u32,
        /// The newest that this build reads.
        known: u32,
    },
    /// The database was written by an older version, and is only read here.
    #[error("the database has schema {found}, this version reads {known}: start `wharf serve` on it once")]
    Older {
        /// The version in the file.
        found: u32,
        /// The version of this build.
        known: u32,
    },
    /// The master key cannot be used.
    #[error(transparent)]
    MasterKey(#[from] MasterKeyError),
    /// The master key is sound and not the one that this database was made with.
    #[error("the master key is not the one this database was made with: restore that key")]
    WrongMasterKey,
    /// The master key is being replaced, and that was cut off.
    #[error("a rotation of the master key was cut off: finish it with `wharf secrets rotate`")]
    Rotating,
    /// As [`Rotating`](Self::Rotating), and the new key is another one than was begun with.
    #[error("a rotation to another master key was begun: finish it with that key first")]
    RotatingToAnother,
    /// A secret at rest was changed, moved or cut. It is never answered with an empty value.
    #[error("secret `{slot}` of connection `{connection}` is corrupt: enter it again")]
    SecretCorrupt {
        /// The connection.
        connection: String,
        /// The slot.
        slot: String,
    },
    /// A row does not say what it must; somebody else wrote it, or the disk lost it.
    #[error("{what} is damaged: {reason}")]
    Corrupt {
        /// Which row.
        what: String,
        /// What is wrong with it.
        reason: String,
    },
    /// The caller's values cannot be stored.
    #[error("{what}: {reason}")]
    Invalid {
        /// Which value.
        what: &'static str,
        /// What is wrong, and what would do.
        reason: String,
    },
    /// There is no such thing.
    #[error("no {what} `{name}`")]
    NotFound {
        /// `connector`, `flow`, `run` and so on.
        what: &'static str,
        /// What was asked for.
        name: String,
    },
    /// The thing exists, with other content.
    #[error("{what} `{name}` exists: {reason}")]
    Exists {
        /// What it is.
        what: &'static str,
        /// Its name.
        name: String,
        /// Why it stays.
        reason: String,
    },
    /// The disk is full. Nothing of this group was kept; writing works again once there is room.
    #[error("the disk is full")]
    Full,
    /// Somebody else holds the database's write lock.
    #[error("the database is locked by another program")]
    Busy,
    /// More is waiting to be written than the store takes on; try again later.
    #[error("the store has too much to write")]
    Overloaded,
    /// A newer owner has the database; this one may no longer write.
    #[error("fenced: epoch {held} is over, the database is at {current}")]
    Fenced {
        /// The epoch this store was opened with.
        held: u64,
        /// The epoch in the database.
        current: u64,
    },
    /// A write did not reach the disk, so that nothing can be promised until the store is opened again.
    #[error("writing stopped after an I/O error, restart to recover: {reason}")]
    FailClosed {
        /// The first error.
        reason: String,
    },
    /// The store was closed.
    #[error("the store is closed")]
    Closed,
    /// Anything else the database says.
    #[error("database: {0}")]
    Database(String),
}

/// What a failed write means for what else is to be written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Reach {
    /// This transaction only.
    Job,
    /// Every transaction of the group.
    Group,
    /// The store, until it is opened again.
    Store,
}

impl StoreError {
    /// How far the error reaches.
    pub(crate) fn reach(&self) -> Reach {
        match self {
            Self::FailClosed { .. } => Reach::Store,
            Self::Full | Self::Busy | Self::Fenced { .. } => Reach::Group,
            Self::Locked { .. }
            | Self::File { .. }
            | Self::Newer { .. }
            | Self::Older { .. }
            | Self::MasterKey(_)
            | Self::WrongMasterKey
            | Self::Rotating
            | Self::RotatingToAnother
            | Self::SecretCorrupt { .. }
            | Self::Corrupt { .. }
            | Self::Invalid { .. }
            | Self::NotFound { .. }
            | Self::Exists { .. }
            | Self::Overloaded
            | Self::Closed
            | Self::Database(_) => Reach::Job,
        }
    }

    /// Whether the same call may succeed later without anybody changing anything but the load or the disk.
    #[must_use]
    pub fn is_transient(&self) -> bool {
        matches!(self, Self::Full | Self::Busy | Self::Overloaded)
    }

    pub(crate) fn corrupt(what: impl Into<String>, reason: impl Into<String>) -> Self {
        Self::Corrupt { what: what.into(), reason: reason.into() }
    }

    pub(crate) fn file(path: &std::path::Path, reason: impl Into<String>) -> Self {
        Self::File { path: path.to_owned(), reason: reason.into() }
    }

    pub(crate) fn not_found(what: &'static str, name: impl Into<String>) -> Self {
        Self::NotFound { what, name: name.into() }
    }
}

impl StoreError {
    /// An error that is not SQLite's own: a column holds what this crate never writes there.
    fn of_value(error: &rusqlite::Error) -> Self {
        match error {
            rusqlite::Error::FromSqlConversionFailure(..)
            | rusqlite::Error::IntegralValueOutOfRange(..)
            | rusqlite::Error::InvalidColumnType(..) => Self::corrupt("a row", error.to_string()),
            _ => Self::Database(error.to_string()),
        }
    }
}

impl From<rusqlite::Error> for StoreError {
    fn from(error: rusqlite::Error) -> Self {
        let Some(code) = error.sqlite_error() else {
            return Self::of_value(&error);
        };
        match code.extended_code {
            // After a failed sync the kernel may have dropped the dirty pages, and a second sync that
            // succeeds proves nothing: only reading the file again tells what is there.
            ffi::SQLITE_IOERR_FSYNC | ffi::SQLITE_IOERR_DIR_FSYNC | ffi::SQLITE_IOERR_WRITE => {
                return Self::FailClosed { reason: error.to_string() };
            }
            _ => {}
        }
        match code.code {
            ErrorCode::DiskFull => Self::Full,
            ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked => Self::Busy,
            ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase => {
                Self::FailClosed { reason: error.to_string() }
            }
            _ => Self::Database(error.to_string()),
        }
    }
}
