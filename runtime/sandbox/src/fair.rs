//! Places that connectors share fairly: so many in all, so many each, and whoever waits is let in by
//! turns of connectors, not of calls.
//!
//! A queue in order of arrival would let the connector that asks most wait least. Here each connector
//! has a queue of its own and the queues take turns, so a connector with one call waits for one call
//! of each other connector, however many they have.

use std::{
    collections::{HashMap, HashSet, VecDeque},
    pin::Pin,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    task::{Context, Poll, Waker},
};

use wharf_model::digest::Digest;

/// How many places there are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Places {
    pub(crate) all: usize,
    /// Of one connector at a time.
    pub(crate) each: usize,
    /// Calls of one connector that may wait.
    pub(crate) waiting: usize,
}

/// The places and who waits for them.
pub(crate) struct Fair {
    places: Places,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    taken: usize,
    lines: HashMap<Digest, Line>,
    /// Connectors with somebody waiting, each once, the next one first.
    turns: VecDeque<Digest>,
    /// Tickets that were let in and do not know it yet.
    admitted: HashSet<u64>,
    tickets: u64,
}

#[derive(Default)]
struct Line {
    taken: usize,
    waiting: VecDeque<(u64, Waker)>,
}

/// A place; given back when dropped.
pub(crate) struct Place {
    fair: Arc<Fair>,
    connector: Digest,
}

/// Too many calls of one connector wait already.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Full {
    pub(crate) waiting: usize,
}

/// The wait for a place; leaves the queue when dropped.
pub(crate) struct Entering {
    fair: Arc<Fair>,
    connector: Digest,
    ticket: Option<u64>,
}

impl Fair {
    pub(crate) fn new(places: Places) -> Arc<Self> {
        Arc::new(Self { places, state: Mutex::default() })
    }

    /// Waits for a place.
    pub(crate) fn enter(self: &Arc<Self>, connector: Digest) -> Entering {
        Entering { fair: Arc::clone(self), connector, ticket: None }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn place(self: &Arc<Self>, connector: Digest) -> Place {
        Place { fair: Arc::clone(self), connector }
    }
}

impl State {
    /// Takes a place at once. Nobody who could take it waits: free places are given out when they
    /// become free.
    fn take(&mut self, connector: Digest, places: Places) -> bool {
        if self.taken >= places.all {
            return false;
        }
        let line = self.lines.entry(connector).or_default();
        if line.taken >= places.each {
            return false;
        }
        line.taken += 1;
        self.taken += 1;
        true
    }

    fn queue(&mut self, connector: Digest, waker: &Waker, places: Places) -> Result<u64, Full> {
        let line = self.lines.entry(connector).or_default();
        if line.waiting.len() >= places.waiting {
            return Err(Full { waiting: line.waiting.len() });
        }
        if line.waiting.is_empty() {
            self.turns.push_back(connector);
        }
        self.tickets += 1;
        line.waiting.push_back((self.tickets, waker.clone()));
        Ok(self.tickets)
    }

    /// Gives out what is free, a place to each connector in turn.
    fn admit(&mut self, places: Places) {
        let mut passed_over = 0;
        while self.taken < places.all && passed_over < self.turns.len() {
            let Some(connector) = self.turns.pop_front() else { return };
            let Some(line) = self.lines.get_mut(&connector) else { continue };
            if line.taken >= places.each {
                self.turns.push_back(connector);
                passed_over += 1;
                continue;
            }
            passed_over = 0;
            if let Some((ticket, waker)) = line.waiting.pop_front() {
                line.taken += 1;
                self.taken += 1;
                self.admitted.insert(ticket);
                waker.wake();
            }
            if !line.waiting.is_empty() {
                self.turns.push_back(connector);
            }
        }
    }

    fn leave(&mut self, connector: Digest, places: Places) {
        self.taken = self.taken.saturating_sub(1);
        if let Some(line) = self.lines.get_mut(&connector) {
            line.taken = line.taken.saturating_sub(1);
        }
        self.admit(places);
        self.forget(connector);
    }

    fn abandon(&mut self, connector: Digest, ticket: u64, places: Places) {
        if self.admitted.remove(&ticket) {
            self.leave(connector, places);
            return;
        }
        if let Some(line) = self.lines.get_mut(&connector) {
            line.waiting.retain(|(waiting, _)| *waiting != ticket);
            if line.waiting.is_empty() {
                self.turns.retain(|waiting| *waiting != connector);
            }
        }
        self.forget(connector);
    }

    fn forget(&mut self, connector: Digest) {
        if self.lines.get(&connector).is_some_and(|line| line.taken == 0 && line.waiting.is_empty()) {
            self.lines.remove(&connector);
        }
    }
}

impl Future for Entering {
    type Output = Result<Place, Full>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let (fair, connector) = (Arc::clone(&self.fair), self.connector);
        let mut state = fair.state();
        let Some(ticket) = self.ticket else {
            if state.take(connector, fair.places) {
                return Poll::Ready(Ok(fair.place(connector)));
            }
            return match state.queue(connector, cx.waker(), fair.places) {
                Ok(ticket) => {
                    self.ticket = Some(ticket);
                    Poll::Pending
                }
                Err(full) => Poll::Ready(Err(full)),
            };
        };
        if state.admitted.remove(&ticket) {
            self.ticket = None;
            return Poll::Ready(Ok(fair.place(connector)));
        }
        let line = state.lines.get_mut(&connector);
        if let Some((_, waker)) =
            line.and_then(|line| line.waiting.iter_mut().find(|(waiting, _)| *waiting == ticket))
        {
            waker.clone_from(cx.waker());
        }
        Poll::Pending
    }
}

impl Drop for Entering {
    fn drop(&mut self) {
        if let Some(ticket) = self.ticket {
            self.fair.state().abandon(self.connector, ticket, self.fair.places);
        }
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.fair.state().leave(self.connector, self.fair.places);
    }
}

#[cfg(test)]
mod tests;
