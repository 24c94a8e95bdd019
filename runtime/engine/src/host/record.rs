//! What the engine learns from a call besides its result.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use wharf_gate::{Effects, Place};
use wharf_model::effect::{Effect, WriteKey};

/// What was learned, once the call is over.
#[derive(Debug, Default)]
pub(crate) struct Record {
    /// Everything that went through the gate, in the order in which it began.
    pub(crate) effects: Vec<Effect>,
    /// The write that the connector was last answered, while nothing else was under way and until
    /// another exchange followed it.
    pub(crate) last_answered: Option<WriteKey>,
    /// Why the step must stop: a write that is not the one of the attempt before.
    pub(crate) ambiguous: Option<String>,
}

/// Learns while the call goes on.
#[derive(Default)]
pub(crate) struct Recorder {
    effects: Effects,
    heard: Mutex<Heard>,
}

#[derive(Default)]
struct Heard {
    begun: u64,
    in_flight: u64,
    last_answered: Option<WriteKey>,
    ambiguous: Option<String>,
    over: bool,
}

impl Recorder {
    /// An exchange begins.
    pub(crate) fn begin(self: &Arc<Self>) -> (Place, Underway) {
        let mut heard = self.lock();
        heard.begun += 1;
        heard.in_flight += 1;
        heard.last_answered = None;
        let alone = (heard.in_flight == 1).then_some(heard.begun);
        drop(heard);
        (self.effects.begin(), Underway { recorder: Arc::clone(self), alone, answered: None })
    }

    /// What was learned. Exchanges that are still under way are told as broken off, and what becomes
    /// of them is not journaled any more.
    pub(crate) fn take(&self) -> Record {
        let mut heard = self.lock();
        heard.over = true;
        Record {
            effects: self.effects.take(),
            last_answered: heard.last_answered.take(),
            ambiguous: heard.ambiguous.take(),
        }
    }

    fn lock(&self) -> MutexGuard<'_, Heard> {
        self.heard.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// An exchange, from its beginning to the head of its response; a write's to the end of it.
pub(crate) struct Underway {
    recorder: Arc<Recorder>,
    /// Its number, if no other was under way when it began.
    alone: Option<u64>,
    answered: Option<WriteKey>,
}

impl Underway {
    /// Whether the call is over, so that its journal is not this exchange's to add to.
    pub(crate) fn is_late(&self) -> bool {
        self.recorder.lock().over
    }

    /// The connector is answered this write.
    pub(crate) fn answered(&mut self, key: WriteKey) {
        self.answered = Some(key);
    }

    /// The step must stop.
    pub(crate) fn ambiguous(&self, message: String) {
        self.recorder.lock().ambiguous = Some(message);
    }
}

impl Drop for Underway {
    fn drop(&mut self) {
        let mut heard = self.recorder.lock();
        heard.in_flight -= 1;
        // Beside another exchange, a failure that the connector reports next may be about that one.
        let alone = self.alone == Some(heard.begun);
        heard.last_answered = self.answered.filter(|_| alone);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(ordinal: u32) -> WriteKey {
        WriteKey::of(ordinal, "POST", "https://a.test/", b"x")
    }

    /// What happens to exchanges, in order: `+` begins the next one, a digit ends that one, answered.
    #[track_caller]
    fn check(events: &str, expected: Option<u32>) {
        let recorder = Arc::<Recorder>::default();
        let mut underway: Vec<Option<Underway>> = Vec::new();
        for event in events.chars() {
            match event.to_digit(10) {
                None => underway.push(Some(recorder.begin().1)),
                Some(number) => {
                    let mut ended = underway[number as usize].take().unwrap();
                    ended.answered(key(number));
                }
            }
        }
        assert_eq!(recorder.take().last_answered, expected.map(key), "{events}");
        assert!(underway.iter().flatten().all(Underway::is_late));
    }

    #[test]
    fn the_last_answer_is_one_that_nothing_ran_beside() {
        check("", None);
        check("+", None);
        check("+0", Some(0));
        check("+0+", None);
        check("+0+1", Some(1));
        check("++01", None);
        check("++10", None);
        check("++10+2", Some(2));
        check("+0++12", None);
    }
}
