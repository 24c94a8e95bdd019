//! The one thread that writes, and the group commit.
//!
//! A job is one caller's transaction. The thread takes what is waiting, up to [`GROUP`] jobs, runs
//! each in a savepoint, commits once, and only then answers. It never waits for a group to fill: under
//! load a group fills while the last one is being synced. A job that fails is rolled back alone; an
//! error of the disk fails the whole group, and after a failed sync nothing is written until the
//! store is opened again, because nobody knows what the disk holds.

use std::thread::JoinHandle;

use rusqlite::Connection;
use tokio::sync::{mpsc, oneshot};

#[cfg(debug_assertions)]
use crate::simulate;
use crate::{
    error::{Reach, StoreError},
    lock::DirLock,
    row::unsigned,
};

/// Most jobs in a commit; past a hundred the sync no longer dominates.
const GROUP: usize = 256;
/// Most jobs waiting; a caller past it waits for [`PATIENCE`].
const QUEUE: usize = 4096;
/// How long a caller waits for a place in the queue.
const PATIENCE: std::time::Duration = std::time::Duration::from_secs(5);
/// Guests run at 0; a commit that waits a scheduler tick behind them costs every caller of its group.
const PRIORITY: i32 = -10;

/// The error of a job, which may hide an error of the store.
pub(crate) trait JobError: From<StoreError> {
    /// The store's error, if it is one.
    fn store(&self) -> Option<&StoreError>;
}

impl JobError for StoreError {
    fn store(&self) -> Option<&StoreError> {
        Some(self)
    }
}

/// What is to become of a job's changes.
enum Fate {
    Keep,
    Undo,
    Abort(StoreError),
}

/// A job that has run. `answer` gets the group's error, if it failed.
pub(crate) struct Done {
    fate: Fate,
    pub(crate) answer: Box<dyn FnOnce(Option<StoreError>) + Send>,
}

/// Runs on the connection, or is told why it will not.
pub(crate) type Job = Box<dyn FnOnce(Result<&Connection, StoreError>) -> Done + Send>;

/// The way to the writer thread. Dropping it drains the queue, ends the thread and waits for it.
pub(crate) struct Writer {
    jobs: Option<mpsc::Sender<Job>>,
    thread: Option<JoinHandle<()>>,
    #[cfg(debug_assertions)]
    inline: Option<simulate::Inline>,
}

impl Writer {
    /// Starts the thread. It keeps the lock until its connection is closed.
    pub(crate) fn start(connection: Connection, epoch: u64, lock: DirLock) -> Result<Self, StoreError> {
        let (sender, jobs) = mpsc::channel(QUEUE);
        let thread = std::thread::Builder::new()
            .name("store-writer".to_owned())
            .spawn(move || {
                raise_priority();
                Thread { connection, epoch, broken: None, _lock: lock }.run(jobs);
            })
            .map_err(|error| StoreError::Database(format!("cannot start the writer thread: {error}")))?;
        Ok(Self {
            jobs: Some(sender),
            thread: Some(thread),
            #[cfg(debug_assertions)]
            inline: None,
        })
    }

    /// Without a thread: each job is a commit of its own, on the caller's thread.
    #[cfg(debug_assertions)]
    pub(crate) fn inline(connection: Connection, epoch: u64, lock: DirLock, disk: simulate::Disk) -> Self {
        let thread = Thread { connection, epoch, broken: None, _lock: lock };
        Self { jobs: None, thread: None, inline: Some(simulate::Inline::new(thread, disk)) }
    }

    /// Runs `job` in a transaction of its own and answers when that is durable.
    pub(crate) async fn write<T, E, F>(&self, job: F) -> Result<T, E>
    where
        T: Send + 'static,
        E: JobError + Send + 'static,
        F: FnOnce(&Connection) -> Result<T, E> + Send + 'static,
    {
        let (sender, answer) = oneshot::channel();
        let job = move |connection: Result<&Connection, StoreError>| -> Done {
            let result = connection.map_err(E::from).and_then(job);
            let fate = match &result {
                Ok(_) => Fate::Keep,
                Err(error) => match error.store() {
                    Some(error) if error.reach() != Reach::Job => Fate::Abort(error.clone()),
                    _ => Fate::Undo,
                },
            };
            let answer = move |group: Option<StoreError>| {
                let result = match group {
                    None => result,
                    Some(error) => result.and(Err(E::from(error))),
                };
                // A caller that no longer listens has lost nothing: its transaction stands.
                drop(sender.send(result));
            };
            Done { fate, answer: Box::new(answer) }
        };
        #[cfg(debug_assertions)]
        if let Some(inline) = &self.inline {
            inline.commit(Box::new(job)).await;
            return answer.await.unwrap_or_else(|_| Err(E::from(StoreError::Closed)));
        }
        let jobs = self.jobs.as_ref().ok_or(StoreError::Closed)?;
        match jobs.send_timeout(Box::new(job), PATIENCE).await {
            Ok(()) => answer.await.unwrap_or_else(|_| Err(E::from(StoreError::Closed))),
            Err(mpsc::error::SendTimeoutError::Timeout(_)) => Err(E::from(StoreError::Overloaded)),
            Err(mpsc::error::SendTimeoutError::Closed(_)) => Err(E::from(StoreError::Closed)),
        }
    }
}

impl Drop for Writer {
    fn drop(&mut self) {
        self.jobs = None;
        if let Some(thread) = self.thread.take()
            && thread.join().is_err()
        {
            tracing::error!("the store's writer thread ended in a panic");
        }
    }
}

/// The writer's own state.
pub(crate) struct Thread {
    pub(crate) connection: Connection,
    epoch: u64,
    /// The first error after which nothing can be promised.
    broken: Option<StoreError>,
    _lock: DirLock,
}

impl Thread {
    fn run(mut self, mut jobs: mpsc::Receiver<Job>) {
        let mut group = Vec::with_capacity(GROUP);
        while jobs.blocking_recv_many(&mut group, GROUP) > 0 {
            let (done, error) = self.commit(group.drain(..));
            for job in done {
                (job.answer)(error.clone());
            }
        }
        if self.broken.is_none()
            && let Err(error) = self.connection.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(()))
        {
            tracing::debug!(%error, "the last checkpoint is left to the next start");
        }
    }

    /// Runs the jobs in one transaction. The error is the whole group's.
    pub(crate) fn commit(&mut self, jobs: impl Iterator<Item = Job>) -> (Vec<Done>, Option<StoreError>) {
        let mut done = Vec::with_capacity(GROUP);
        let mut error = self.broken.clone().or_else(|| self.begin().err());
        for job in jobs {
            if let Some(error) = &error {
                done.push(job(Err(error.clone())));
                continue;
            }
            match self.in_savepoint(job) {
                (job, Ok(())) => done.push(job),
                (job, Err(cause)) => {
                    done.push(job);
                    error = Some(cause);
                }
            }
        }
        if error.is_none() {
            error = self.connection.execute_batch("COMMIT").map_err(StoreError::from).err();
        }
        if let Some(cause) = &error {
            self.give_up(cause);
        }
        (done, error)
    }

    fn begin(&self) -> Result<(), StoreError> {
        self.connection.execute_batch("BEGIN IMMEDIATE")?;
        let current: i64 =
            self.connection.prepare_cached("SELECT epoch FROM owner")?.query_row([], |row| row.get(0))?;
        let current = unsigned(current);
        if current == self.epoch { Ok(()) } else { Err(StoreError::Fenced { held: self.epoch, current }) }
    }

    /// The error is one that ends the group.
    fn in_savepoint(&self, job: Job) -> (Done, Result<(), StoreError>) {
        let run = |sql: &str| self.connection.prepare_cached(sql).and_then(|mut s| s.execute([]));
        if let Err(error) = run("SAVEPOINT job") {
            let error = StoreError::from(error);
            return (job(Err(error.clone())), Err(error));
        }
        let mut done = job(Ok(&self.connection));
        // Some errors end the whole transaction inside SQLite, whatever the job made of them.
        if self.connection.is_autocommit() {
            let error = match std::mem::replace(&mut done.fate, Fate::Undo) {
                Fate::Abort(error) => error,
                Fate::Keep | Fate::Undo => StoreError::Database("the transaction was rolled back".to_owned()),
            };
            return (done, Err(error));
        }
        let ended = match &done.fate {
            Fate::Keep => run("RELEASE job").map(drop).map_err(StoreError::from),
            Fate::Undo => {
                run("ROLLBACK TO job").and_then(|_| run("RELEASE job")).map(drop).map_err(StoreError::from)
            }
            Fate::Abort(error) => Err(error.clone()),
        };
        (done, ended)
    }

    fn give_up(&mut self, cause: &StoreError) {
        if !self.connection.is_autocommit()
            && let Err(error) = self.connection.execute_batch("ROLLBACK")
        {
            tracing::error!(%error, "a failed group could not be rolled back");
            self.broken.get_or_insert(StoreError::FailClosed { reason: error.to_string() });
        }
        match cause.reach() {
            Reach::Store => {
                tracing::error!(error = %cause, "writing stopped");
                self.broken.get_or_insert(cause.clone());
            }
            Reach::Group | Reach::Job => tracing::warn!(error = %cause, "a group of writes failed"),
        }
    }
}

/// Best effort: an unprivileged process may not, and works all the same.
fn raise_priority() {
    // On Linux a process id of 0 means the calling thread; elsewhere it would be the process.
    #[cfg(target_os = "linux")]
    if let Err(error) = rustix::process::setpriority_process(None, PRIORITY) {
        tracing::debug!(%error, "the store's writer thread keeps the ordinary priority");
    }
}
