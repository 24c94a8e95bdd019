//! A store for simulations: the same SQL in the same order, and no thread but the caller's, so that a seed
//! decides everything.
//!
//! A build without debug assertions has none of this: there is nothing to switch on.

use std::{
    future,
    sync::{Arc, Mutex, PoisonError},
};

use rusqlite::Connection;

use crate::{
    error::StoreError,
    store::{Opened, Store, StoreConfig},
    writer::{Job, Thread, Writer},
};

/// A commit, from the disk's side.
#[derive(Debug)]
pub enum Commit<'a> {
    /// It is about to begin.
    Before,
    /// It is durable; the connection shows what is there now.
    After(&'a Connection),
}

/// What the disk makes of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// It goes well.
    Go,
    /// Before: nothing is written, and the caller is told. After: as [`Verdict::Go`].
    Fail(StoreError),
    /// The power is gone: nobody is told anything any more.
    Cut,
}

/// Judges every commit.
pub type Disk = Arc<dyn Fn(Commit<'_>) -> Verdict + Send + Sync>;

impl Store {
    /// As [`Store::open`], with nothing on other threads and every commit judged.
    ///
    /// # Errors
    /// As there.
    pub fn open_simulated(config: StoreConfig, disk: Disk) -> Result<Self, StoreError> {
        let Opened { connection, path, lock, epoch, sealer } = Self::take(config)?;
        let readers = crate::reader::Readers::inline(&path);
        Ok(Self::of(epoch, sealer, readers, Writer::inline(connection, epoch, lock, disk)))
    }
}

/// The writer's state, without its thread.
pub(crate) struct Inline {
    thread: Mutex<Thread>,
    disk: Disk,
}

impl Inline {
    pub(crate) fn new(thread: Thread, disk: Disk) -> Self {
        Self { thread: Mutex::new(thread), disk }
    }

    /// One job, one commit. Others get a turn before it, as they would while a disk syncs.
    pub(crate) async fn commit(&self, job: Job) {
        tokio::task::yield_now().await;
        match (self.disk)(Commit::Before) {
            Verdict::Go => {}
            Verdict::Fail(error) => {
                let done = job(Err(error.clone()));
                return (done.answer)(Some(error));
            }
            Verdict::Cut => return future::pending().await,
        }
        let cut = {
            let mut thread = self.thread.lock().unwrap_or_else(PoisonError::into_inner);
            let (done, error) = thread.commit(std::iter::once(job));
            let cut = (self.disk)(Commit::After(&thread.connection)) == Verdict::Cut;
            if !cut {
                for job in done {
                    (job.answer)(error.clone());
                }
            }
            cut
        };
        if cut {
            future::pending::<()>().await;
        }
    }
}
