//! Connections that only read. Each sees the last commit at its first statement; none waits for the writer.

use std::{
    path::{Path, PathBuf},
    sync::{Arc, Mutex, PoisonError},
};

use rusqlite::{Connection, OpenFlags};
use tokio::sync::Semaphore;

use crate::error::StoreError;

/// Reads at the same time; more would only share two cores.
const READERS: usize = 4;

/// The pool.
#[derive(Clone)]
pub(crate) struct Readers {
    path: PathBuf,
    idle: Arc<Mutex<Vec<Connection>>>,
    places: Arc<Semaphore>,
    #[cfg(debug_assertions)]
    inline: bool,
}

impl Readers {
    pub(crate) fn new(path: &Path) -> Self {
        Self {
            path: path.to_owned(),
            idle: Arc::new(Mutex::new(Vec::with_capacity(READERS))),
            places: Arc::new(Semaphore::new(READERS)),
            #[cfg(debug_assertions)]
            inline: false,
        }
    }

    /// On the caller's thread, for simulations.
    #[cfg(debug_assertions)]
    pub(crate) fn inline(path: &Path) -> Self {
        Self { inline: true, ..Self::new(path) }
    }

    /// Runs `query` on a blocking thread, in one snapshot.
    pub(crate) async fn read<T, F>(&self, query: F) -> Result<T, StoreError>
    where
        T: Send + 'static,
        F: FnOnce(&Connection) -> Result<T, StoreError> + Send + 'static,
    {
        #[cfg(debug_assertions)]
        if self.inline {
            return self.query(query);
        }
        let place = Arc::clone(&self.places).acquire_owned().await.map_err(|_| StoreError::Closed)?;
        let pool = self.clone();
        let task = tokio::task::spawn_blocking(move || {
            let _place = place;
            pool.query(query)
        });
        task.await.unwrap_or_else(|error| Err(StoreError::Database(format!("a read ended early: {error}"))))
    }

    fn query<T, F>(&self, query: F) -> Result<T, StoreError>
    where
        F: FnOnce(&Connection) -> Result<T, StoreError>,
    {
        let idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner).pop();
        let connection = match idle {
            Some(connection) => connection,
            None => open(&self.path)?,
        };
        let snapshot = connection.unchecked_transaction()?;
        let result = query(&snapshot);
        drop(snapshot);
        self.idle.lock().unwrap_or_else(PoisonError::into_inner).push(connection);
        result
    }
}

fn open(path: &Path) -> Result<Connection, StoreError> {
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(path, flags)?;
    connection.busy_timeout(std::time::Duration::from_secs(5))?;
    connection.set_prepared_statement_cache_capacity(64);
    connection
        .execute_batch("PRAGMA query_only = ON; PRAGMA cache_size = -2048; PRAGMA temp_store = MEMORY")?;
    Ok(connection)
}
