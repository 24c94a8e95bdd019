//! Opening the data directory, and the handle that everything else is a method of.

use std::{
    fs::OpenOptions,
    os::unix::fs::OpenOptionsExt as _,
    path::{Path, PathBuf},
    sync::Arc,
};

use rusqlite::{Connection, OptionalExtension as _, TransactionBehavior, params};

use crate::{
    error::StoreError,
    key::MasterKey,
    lock::DirLock,
    reader::Readers,
    row::unsigned,
    schema,
    seal::Sealer,
    writer::{JobError, Writer},
};

/// The database's file.
pub(crate) const DATABASE: &str = "wharf.db";
/// What tells whether a master key is the right one.
pub(crate) const CHECK: &str = "master-key-check";
/// The same for the key that is to take its place, while it does.
pub(crate) const NEXT: &str = "master-key-next";
/// Counts the master keys.
pub(crate) const GENERATION: &str = "master-key-generation";
/// Bytes that the write-ahead log keeps between checkpoints: overwriting a file that already has its
/// size syncs without touching the file system's own journal.
const LOG_BYTES: u64 = 64 << 20;
/// Pages in the log at which a commit also checkpoints: 16 MB.
const CHECKPOINT_PAGES: u32 = 4096;

/// What to open.
#[derive(Debug)]
pub struct StoreConfig {
    /// The data directory. Made if need be, readable by its owner only.
    pub path: PathBuf,
    /// Wraps the keys of the secrets.
    pub master_key: MasterKey,
}

/// The store. Clones share it; the last one to go waits until everything accepted is written.
#[derive(Clone)]
pub struct Store(Arc<Inner>);

struct Inner {
    epoch: u64,
    sealer: Arc<Sealer>,
    readers: Readers,
    writer: Writer,
}

/// A data directory that is this process's.
pub(crate) struct Opened {
    pub(crate) connection: Connection,
    pub(crate) path: PathBuf,
    pub(crate) lock: DirLock,
    pub(crate) epoch: u64,
    pub(crate) sealer: Sealer,
}

impl Store {
    /// Opens the data directory for this process alone, brings the database to the newest version,
    /// takes the next epoch, and makes every run that the last owner had claimed ready again.
    ///
    /// Blocks on the disk; call it before serving, or from a blocking thread.
    ///
    /// # Errors
    /// When another process has the directory, the master key is another one, or the files cannot
    /// be used. A wrong key leaves the database as it was.
    pub fn open(config: StoreConfig) -> Result<Self, StoreError> {
        let Opened { connection, path, lock, epoch, sealer } = Self::take(config)?;
        let readers = Readers::new(&path);
        let writer = Writer::start(connection, epoch, lock)?;
        tracing::info!(path = %path.display(), epoch, "store open");
        Ok(Self::of(epoch, sealer, readers, writer))
    }

    pub(crate) fn of(epoch: u64, sealer: Sealer, readers: Readers, writer: Writer) -> Self {
        Self(Arc::new(Inner { epoch, sealer: Arc::new(sealer), readers, writer }))
    }

    /// Makes this process the owner of the data directory.
    pub(crate) fn take(config: StoreConfig) -> Result<Opened, StoreError> {
        let StoreConfig { path: dir, master_key } = config;
        let sealer = Sealer::new(&master_key);
        drop(master_key);
        let lock = DirLock::acquire(&dir)?;
        let path = dir.join(DATABASE);
        let mut connection = connect(&path)?;
        if schema::version(&connection)? > 0 {
            check_key(&connection, &sealer)?;
        }
        schema::migrate(&mut connection)?;
        let epoch = take_over(&mut connection, &sealer)?;
        Ok(Opened { connection, path, lock, epoch, sealer })
    }

    /// The epoch that this opening took; what is claimed carries it, and a later opening fences it.
    #[must_use]
    pub fn epoch(&self) -> u64 {
        self.0.epoch
    }

    /// The data directory's database exists: it was made with a master key that is to be kept.
    #[must_use]
    pub fn exists(dir: &Path) -> bool {
        dir.join(DATABASE).exists()
    }

    pub(crate) fn sealer(&self) -> &Arc<Sealer> {
        &self.0.sealer
    }

    pub(crate) async fn write<T, E, F>(&self, job: F) -> Result<T, E>
    where
        T: Send + 'static,
        E: JobError + Send + 'static,
        F: FnOnce(&Connection) -> Result<T, E> + Send + 'static,
    {
        self.0.writer.write(job).await
    }

    pub(crate) async fn read<T, F>(&self, query: F) -> Result<T, StoreError>
    where
        T: Send + 'static,
        F: FnOnce(&Connection) -> Result<T, StoreError> + Send + 'static,
    {
        self.0.readers.read(query).await
    }
}

impl std::fmt::Debug for Store {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Store").field("epoch", &self.0.epoch).finish_non_exhaustive()
    }
}

pub(crate) fn connect(path: &Path) -> Result<Connection, StoreError> {
    // SQLite gives its log and index files the mode of the database.
    OpenOptions::new()
        .write(true)
        .create(true)
        .truncate(false)
        .mode(0o600)
        .open(path)
        .map_err(|error| StoreError::file(path, error.to_string()))?;
    let connection = Connection::open(path)?;
    connection.busy_timeout(std::time::Duration::from_secs(5))?;
    connection.set_prepared_statement_cache_capacity(128);
    let mode: String = connection.query_row("PRAGMA journal_mode = WAL", [], |row| row.get(0))?;
    if mode != "wal" {
        return Err(StoreError::file(
            path,
            format!("the file system allows no write-ahead log (got `{mode}`)"),
        ));
    }
    connection.execute_batch(&format!(
        "PRAGMA synchronous = FULL; PRAGMA journal_size_limit = {LOG_BYTES};
         PRAGMA wal_autocheckpoint = {CHECKPOINT_PAGES}; PRAGMA cache_size = -16384;
         PRAGMA temp_store = MEMORY; PRAGMA trusted_schema = OFF"
    ))?;
    // What is acknowledged must be on the disk (2 is FULL); a build of SQLite may think otherwise.
    let synchronous: i64 = connection.query_row("PRAGMA synchronous", [], |row| row.get(0))?;
    if synchronous != 2 {
        return Err(StoreError::file(
            path,
            format!("commits are not synced to the disk (synchronous = {synchronous})"),
        ));
    }
    Ok(connection)
}

fn check_key(connection: &Connection, sealer: &Sealer) -> Result<(), StoreError> {
    if !accepts(connection, sealer, CHECK)? && !accepts(connection, sealer, NEXT)? {
        return Err(StoreError::WrongMasterKey);
    }
    // Some secrets are under one key and some under the other.
    if kept(connection, NEXT)?.is_some() { Err(StoreError::Rotating) } else { Ok(()) }
}

/// Whether the key is the one that the value `name` was made with. Any key will do while there is
/// none: then the first opening was cut off between making the tables and taking over.
pub(crate) fn accepts(connection: &Connection, sealer: &Sealer, name: &str) -> Result<bool, StoreError> {
    Ok(match kept(connection, name)? {
        Some(value) => sealer.accepts(&value),
        None => name == CHECK,
    })
}

/// How many master keys there have been.
pub(crate) fn generation(connection: &Connection) -> Result<u64, StoreError> {
    let value = kept(connection, GENERATION)?.unwrap_or_default();
    let text = String::from_utf8_lossy(&value);
    text.parse()
        .map_err(|_| StoreError::corrupt("the count of master keys", format!("`{text}` is no number")))
}

pub(crate) fn kept(connection: &Connection, name: &str) -> Result<Option<Vec<u8>>, StoreError> {
    Ok(connection.query_row("SELECT value FROM meta WHERE name = ?1", [name], |row| row.get(0)).optional()?)
}

/// Takes the next epoch. What the last owner had claimed and not settled becomes ready.
fn take_over(connection: &mut Connection, sealer: &Sealer) -> Result<u64, StoreError> {
    let take = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    let epoch: i64 =
        take.query_row("UPDATE owner SET epoch = epoch + 1 RETURNING epoch", [], |row| row.get(0))?;
    let check = sealer.check_value()?;
    take.execute("INSERT OR IGNORE INTO meta (name, value) VALUES (?1, ?2)", params![CHECK, check])?;
    let resumed =
        take.execute("UPDATE run SET status = 'waiting', due_at = 0 WHERE status = 'running'", [])?;
    take.commit()?;
    if resumed > 0 {
        tracing::info!(runs = resumed, "runs of the last owner are ready again");
    }
    Ok(unsigned(epoch))
}
