//! What lies in a data directory, without touching it: for `wharf doctor`, with or without a server.

use std::{
    fs::{OpenOptions, TryLockError},
    path::Path,
    time::Duration,
};

use rusqlite::{Connection, OpenFlags};
use wharf_model::time::Timestamp;

use crate::{
    error::StoreError,
    key::MasterKey,
    row::{self, unsigned},
    schema,
    seal::Sealer,
    store::{self, CHECK, DATABASE, NEXT},
};

/// What was found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Examined {
    /// What SQLite finds wrong with its file; empty when it is sound.
    pub problems: Vec<String>,
    /// Whether the master key is this database's; none without one.
    pub key_fits: Option<bool>,
    /// A rotation of the master key was cut off.
    pub rotating: bool,
    /// Master keys that there have been.
    pub generation: u64,
    /// Secrets.
    pub secrets: u64,
    /// The time of the newest audit row.
    pub last_audit: Option<Timestamp>,
}

/// Reads the database in `dir` through a connection that cannot write; none when there is no database.
///
/// # Errors
/// When it cannot be opened, or was written by a newer version.
pub fn examine(dir: &Path, key: Option<&MasterKey>) -> Result<Option<Examined>, StoreError> {
    let path = dir.join(DATABASE);
    if !matches!(path.try_exists(), Ok(true)) {
        return Ok(None);
    }
    let connection = Connection::open_with_flags(&path, OpenFlags::SQLITE_OPEN_READ_ONLY)?;
    connection.busy_timeout(Duration::from_secs(5))?;
    connection.execute_batch("PRAGMA query_only = ON")?;
    if schema::version(&connection)? == 0 {
        return Ok(None);
    }
    let mut check = connection.prepare("PRAGMA quick_check(20)")?;
    let found: Vec<String> = check.query_map([], |row| row.get(0))?.collect::<Result<_, _>>()?;
    let problems = found.into_iter().filter(|line| line != "ok").collect();
    let sealer = key.map(Sealer::new);
    let key_fits = sealer.as_ref().map(|sealer| store::accepts(&connection, sealer, CHECK)).transpose()?;
    let count = |sql: &str| connection.query_row(sql, [], |row| row.get(0)).map(unsigned);
    let last_audit =
        connection.query_row("SELECT max(at) AS at FROM audit", [], |row| row::time_maybe(row, "at"))?;
    // An older schema has neither; it is brought up to date at the next start.
    let newest = schema::version(&connection)? >= 2;
    Ok(Some(Examined {
        problems,
        key_fits,
        rotating: store::kept(&connection, NEXT)?.is_some(),
        generation: if newest { store::generation(&connection)? } else { 1 },
        secrets: count("SELECT count(*) FROM secret")?,
        last_audit,
    }))
}

/// The process that has the data directory; none when nobody has.
///
/// # Errors
/// When the lock's file cannot be read.
pub fn owner(dir: &Path) -> Result<Option<String>, StoreError> {
    let path = dir.join("wharf.lock");
    let wrong = |error: std::io::Error| StoreError::file(&path, error.to_string());
    let file = match OpenOptions::new().read(true).open(&path) {
        Ok(file) => file,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(wrong(error)),
    };
    match file.try_lock_shared() {
        Ok(()) => Ok(None),
        Err(TryLockError::WouldBlock) => {
            Ok(Some(std::fs::read_to_string(&path).map_err(wrong)?.trim().to_owned()))
        }
        Err(TryLockError::Error(error)) => Err(wrong(error)),
    }
}
