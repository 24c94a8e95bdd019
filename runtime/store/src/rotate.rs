//! Another master key in place of the one there is, so that a leaked key opens nothing any more.
//!
//! Every secret is sealed anew, data key and all: a data key that the old master key could unwrap from
//! a backup would still open what is sealed now. It is done with the server stopped, in small
//! transactions; each secret says which key it is under, so that whatever cuts the work off, doing
//! it again goes on where it was. In the end the file is written anew, without what deleted rows leave.

use std::{
    fs::File,
    path::{Path, PathBuf},
};

use rusqlite::{Connection, OptionalExtension as _, Transaction, TransactionBehavior, params};
use serde_json::json;

use crate::{
    audit::{self, By},
    error::StoreError,
    key::MasterKey,
    lock::DirLock,
    row::{signed, unsigned},
    schema,
    seal::{Binding, Sealed, Sealer},
    store::{self, CHECK, GENERATION, NEXT},
};

/// Secrets in a transaction: some milliseconds of work to lose.
const BATCH: usize = 64;

/// Which key takes the place of which.
#[derive(Debug)]
pub struct Rotation {
    /// The data directory.
    pub path: PathBuf,
    /// The key of now.
    pub old: MasterKey,
    /// The key from then on.
    pub new: MasterKey,
}

/// What has just become durable.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Progress {
    /// The new key lies beside the old one.
    KeyMade,
    /// Every secret opens, and the database expects the new key.
    Begun {
        /// Secrets to be sealed anew.
        secrets: u64,
    },
    /// Some more are under the new key.
    Sealed {
        /// So far, in this go.
        secrets: u64,
    },
    /// The database takes the new key only.
    Switched,
    /// Nothing of the old key's is left in the files.
    Cleaned,
    /// The new key's file has the place of the old one's.
    KeyMoved,
}

/// What a rotation has done.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Rotated {
    /// Secrets that were sealed anew, in this go.
    pub secrets: u64,
    /// Secrets that somebody damaged while it was under way; each is an error when it is used.
    pub damaged: u64,
    /// The master keys that this database has had.
    pub generation: u64,
}

/// The file in which the next key waits beside the key's own.
#[must_use]
pub fn next_key_file(key_file: &Path) -> PathBuf {
    let mut name = key_file.as_os_str().to_owned();
    name.push(".next");
    name.into()
}

/// Rotates to a new random key and puts it in the place of the one in `key_file`. A rotation that was
/// cut off is finished. The data directory must not be in use.
///
/// # Errors
/// When a server has the directory, a secret does not open (nothing is changed then), or a file
/// cannot be read or written.
pub fn rotate_key_file(
    dir: &Path,
    key_file: &Path,
    by: &By,
    progress: &mut dyn FnMut(Progress),
) -> Result<Rotated, StoreError> {
    let lock = DirLock::acquire(dir)?;
    let next = next_key_file(key_file);
    let old = MasterKey::load(key_file)?;
    check_openable(dir, &old, &next)?;
    let new = MasterKey::load_or_create(&next)?;
    progress(Progress::KeyMade);
    let rotated = rotate_locked(dir, &old, &new, by, progress)?;
    let wrong = |error: std::io::Error| StoreError::file(key_file, error.to_string());
    std::fs::rename(&next, key_file).map_err(wrong)?;
    let folder = key_file.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    File::open(folder).and_then(|folder| folder.sync_all()).map_err(wrong)?;
    progress(Progress::KeyMoved);
    drop(lock);
    Ok(rotated)
}

/// Rotates between two keys that the caller keeps. Done again, it goes on where it was cut off.
///
/// # Errors
/// As [`rotate_key_file`].
pub fn rotate(
    rotation: &Rotation,
    by: &By,
    progress: &mut dyn FnMut(Progress),
) -> Result<Rotated, StoreError> {
    let _lock = DirLock::acquire(&rotation.path)?;
    rotate_locked(&rotation.path, &rotation.old, &rotation.new, by, progress)
}

/// No new key is made for a database that the old one does not open.
fn check_openable(dir: &Path, old: &MasterKey, next: &Path) -> Result<(), StoreError> {
    if matches!(next.try_exists(), Ok(true)) {
        return Ok(());
    }
    let connection = open(dir)?;
    if store::accepts(&connection, &Sealer::new(old), CHECK)? {
        Ok(())
    } else {
        Err(StoreError::WrongMasterKey)
    }
}

fn rotate_locked(
    dir: &Path,
    old: &MasterKey,
    new: &MasterKey,
    by: &By,
    progress: &mut dyn FnMut(Progress),
) -> Result<Rotated, StoreError> {
    let mut connection = open(dir)?;
    schema::migrate(&mut connection)?;
    let (old, new) = (Sealer::new(old), Sealer::new(new));
    let generation = store::generation(&connection)?;
    let mut rotated = Rotated { generation, ..Rotated::default() };
    if !store::accepts(&connection, &new, CHECK)? {
        let target = generation.saturating_add(1);
        begin(&mut connection, &old, &new, progress)?;
        while let Some(batch) = seal_batch(&mut connection, (&old, &new), target)? {
            rotated.secrets += batch.secrets;
            rotated.damaged += batch.damaged;
            progress(Progress::Sealed { secrets: rotated.secrets });
        }
        switch(&mut connection, &new, &Rotated { generation: target, ..rotated }, by)?;
        rotated.generation = target;
        progress(Progress::Switched);
    }
    clean(&connection)?;
    progress(Progress::Cleaned);
    Ok(rotated)
}

fn open(dir: &Path) -> Result<Connection, StoreError> {
    let path = dir.join(store::DATABASE);
    if !matches!(path.try_exists(), Ok(true)) {
        return Err(StoreError::file(&path, "there is no database here; nothing is sealed yet"));
    }
    store::connect(&path)
}

/// Looks at every secret first: after this there is no way back to a database that the old key opens.
fn begin(
    connection: &mut Connection,
    old: &Sealer,
    new: &Sealer,
    progress: &mut dyn FnMut(Progress),
) -> Result<(), StoreError> {
    let begin = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    if !store::accepts(&begin, old, CHECK)? {
        return Err(StoreError::WrongMasterKey);
    }
    let begun: Option<Vec<u8>> =
        begin.query_row("SELECT value FROM meta WHERE name = ?1", [NEXT], |row| row.get(0)).optional()?;
    let mut secrets = 0;
    match begun {
        Some(value) if new.accepts(&value) => {}
        Some(_) => return Err(StoreError::RotatingToAnother),
        None => {
            for kept in read(&begin, u64::MAX, usize::MAX)? {
                if kept.open(old).is_none() {
                    return Err(StoreError::SecretCorrupt { connection: kept.connection, slot: kept.slot });
                }
                secrets += 1;
            }
            begin.execute(
                "INSERT INTO meta (name, value) VALUES (?1, ?2)",
                params![NEXT, new.check_value()?],
            )?;
        }
    }
    begin.commit()?;
    progress(Progress::Begun { secrets });
    Ok(())
}

/// Seals some secrets anew; none when there are no more.
fn seal_batch(
    connection: &mut Connection,
    (old, new): (&Sealer, &Sealer),
    target: u64,
) -> Result<Option<Rotated>, StoreError> {
    let batch = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    let secrets = read(&batch, target, BATCH)?;
    if secrets.is_empty() {
        return Ok(None);
    }
    let mut done = Rotated::default();
    for kept in secrets {
        let sealed = match kept.open(old) {
            Some(value) => {
                done.secrets += 1;
                let Sealed { wrapped_key, sealed } = new.seal(kept.binding(), &value)?;
                (Some(wrapped_key), Some(sealed))
            }
            // It opened when the rotation began. Stopping here would leave a database for no key.
            None => {
                done.damaged += 1;
                (None, None)
            }
        };
        batch
            .prepare_cached(
                "UPDATE secret SET wrapped_key = ?3, sealed = ?4, key = ?5 WHERE connection = ?1 AND slot = ?2",
            )?
            .execute(params![kept.connection, kept.slot, sealed.0, sealed.1, signed(target)])?;
    }
    batch.commit()?;
    Ok(Some(done))
}

fn switch(connection: &mut Connection, new: &Sealer, rotated: &Rotated, by: &By) -> Result<(), StoreError> {
    let switch = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    switch.execute(
        "INSERT OR REPLACE INTO meta (name, value) VALUES (?1, ?2)",
        params![CHECK, new.check_value()?],
    )?;
    switch.execute("DELETE FROM meta WHERE name = ?1", [NEXT])?;
    switch.execute(
        "INSERT OR REPLACE INTO meta (name, value) VALUES (?1, ?2)",
        params![GENERATION, rotated.generation.to_string().into_bytes()],
    )?;
    let detail = json!({ "generation": rotated.generation, "damaged": rotated.damaged });
    audit::append(&switch, by, "secrets.rotate", "master-key", &detail)?;
    switch.commit()?;
    Ok(())
}

/// Writes the database anew, without what pages and free pages still hold of rows that were deleted
/// or moved, and empties the log. It takes as long as copying the file, and that much room for the time.
fn clean(connection: &Connection) -> Result<(), StoreError> {
    connection.execute_batch("VACUUM")?;
    let busy: i64 = connection.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |row| row.get(0))?;
    if busy == 0 { Ok(()) } else { Err(StoreError::Busy) }
}

/// A sealed secret with what it is bound to.
struct Kept {
    connector: String,
    connection: String,
    method: String,
    slot: String,
    version: u64,
    wrapped_key: Option<Vec<u8>>,
    sealed: Option<Vec<u8>>,
}

impl Kept {
    fn binding(&self) -> Binding<'_> {
        Binding {
            connector: &self.connector,
            connection: &self.connection,
            method: &self.method,
            slot: &self.slot,
            version: self.version,
        }
    }

    fn open(&self, sealer: &Sealer) -> Option<zeroize::Zeroizing<Vec<u8>>> {
        let sealed = Sealed { wrapped_key: self.wrapped_key.clone()?, sealed: self.sealed.clone()? };
        sealer.open(self.binding(), &sealed).ok()
    }
}

/// Up to `most` secrets under a key older than `target`.
fn read(connection: &Transaction<'_>, target: u64, most: usize) -> Result<Vec<Kept>, StoreError> {
    let mut select = connection.prepare_cached(
        "SELECT s.connection, s.slot, s.wrapped_key, s.sealed, coalesce(c.connector, '') AS connector,
                coalesce(c.method, '') AS method, coalesce(c.version, 0) AS version
         FROM secret AS s LEFT JOIN connection AS c ON c.name = s.connection
         WHERE s.key < ?1 ORDER BY s.connection, s.slot LIMIT ?2",
    )?;
    let most = i64::try_from(most).unwrap_or(i64::MAX);
    let rows = select.query_map(params![signed(target), most], |row| {
        Ok(Kept {
            connector: row.get("connector")?,
            connection: row.get("connection")?,
            method: row.get("method")?,
            slot: row.get("slot")?,
            version: unsigned(row.get("version")?),
            wrapped_key: row.get("wrapped_key")?,
            sealed: row.get("sealed")?,
        })
    })?;
    Ok(rows.collect::<Result<_, _>>()?)
}
