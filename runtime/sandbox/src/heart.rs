//! The beat of the engine's epochs: while calls are under way, a thread of its own counts them up.
//!
//! A thread and not a task, so that the beat does not depend on the executor that a guest may keep
//! busy. It rests while there is nothing to stop: an idle server wakes up for nothing.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    thread::{self, Thread},
    time::Duration,
};

use wasmtime::{Engine, EngineWeak};

use crate::config::SandboxError;

/// From one epoch to the next: how long a guest computes on past its deadline.
pub(crate) const BEAT: Duration = Duration::from_millis(5);

/// Beats without a call before the thread rests. To wake it costs a call more than a beat does.
const IDLE_BEATS: u32 = 200;

/// The thread, and how many calls need it.
pub(crate) struct Heart {
    shared: Arc<Shared>,
    thread: Thread,
}

#[derive(Default)]
struct Shared {
    calls: AtomicUsize,
    resting: AtomicBool,
    over: AtomicBool,
}

/// A call under way.
pub(crate) struct Pulse<'a>(&'a Shared);

impl Heart {
    pub(crate) fn start(engine: &Engine) -> Result<Self, SandboxError> {
        let shared = Arc::new(Shared::default());
        let (theirs, engine) = (Arc::clone(&shared), engine.weak());
        let handle = thread::Builder::new()
            .name("wharf-epochs".into())
            .stack_size(64 << 10)
            .spawn(move || beat(&theirs, &engine))
            .map_err(|error| SandboxError::Engine(format!("no thread for the epochs: {error}")))?;
        Ok(Self { shared, thread: handle.thread().clone() })
    }

    /// The epochs count up at least as long as the pulse lives.
    pub(crate) fn pulse(&self) -> Pulse<'_> {
        self.shared.calls.fetch_add(1, Ordering::SeqCst);
        if self.shared.resting.load(Ordering::SeqCst) {
            self.thread.unpark();
        }
        Pulse(&self.shared)
    }
}

impl Drop for Pulse<'_> {
    fn drop(&mut self) {
        self.0.calls.fetch_sub(1, Ordering::SeqCst);
    }
}

impl Drop for Heart {
    fn drop(&mut self) {
        self.shared.over.store(true, Ordering::SeqCst);
        self.thread.unpark();
    }
}

fn beat(shared: &Shared, engine: &EngineWeak) {
    let mut idle = 0;
    while !shared.over.load(Ordering::SeqCst) {
        thread::park_timeout(BEAT);
        let Some(engine) = engine.upgrade() else { return };
        engine.increment_epoch();
        idle = if shared.calls.load(Ordering::SeqCst) == 0 { idle + 1 } else { 0 };
        if idle < IDLE_BEATS {
            continue;
        }
        shared.resting.store(true, Ordering::SeqCst);
        // A call that came before it could see the flag is seen here, one that came after wakes us.
        while shared.calls.load(Ordering::SeqCst) == 0 && !shared.over.load(Ordering::SeqCst) {
            thread::park();
        }
        shared.resting.store(false, Ordering::SeqCst);
        idle = 0;
    }
}
