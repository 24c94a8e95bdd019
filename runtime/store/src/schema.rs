//! The database's shape and how an older one becomes the newest: one script a version, applied in
//! order, each together with its `user_version`, so that a crash leaves one version or the next.

use rusqlite::Connection;

use crate::error::StoreError;

/// `SCRIPTS[n]` leads from version n to n + 1. A released script never changes.
const SCRIPTS: [&str; 5] = [
    include_str!("schema.sql"),
    include_str!("schema-2.sql"),
    include_str!("schema-3.sql"),
    include_str!("schema-4.sql"),
    include_str!("schema-5.sql"),
];

/// The version in the file; 0 for a new one.
pub(crate) fn version(connection: &Connection) -> Result<u32, StoreError> {
    let found: u32 = connection.query_row("PRAGMA user_version", [], |row| row.get(0))?;
    let known = newest();
    if found > known { Err(StoreError::Newer { found, known }) } else { Ok(found) }
}

/// Brings the database to the newest version.
pub(crate) fn migrate(connection: &mut Connection) -> Result<(), StoreError> {
    let found = version(connection)?;
    for (from, script) in (0..).zip(SCRIPTS).skip_while(|(from, _)| *from < found) {
        let step = connection.transaction()?;
        step.execute_batch(script)?;
        step.pragma_update(None, "user_version", from + 1_u32)?;
        step.commit()?;
    }
    Ok(())
}

/// For those who only read: the database has the newest version already.
pub(crate) fn require(connection: &Connection) -> Result<(), StoreError> {
    let (found, known) = (version(connection)?, newest());
    if found == known { Ok(()) } else { Err(StoreError::Older { found, known }) }
}

fn newest() -> u32 {
    u32::try_from(SCRIPTS.len()).unwrap_or(u32::MAX)
}
