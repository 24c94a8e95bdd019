//! How calls share the processor, and how each of them ends in time.
//!
//! A call computes in slices: each [`SLICE_FUEL`] the guest yields. What computes briefly is never
//! held up. A call that has computed for longer, or a connector that has used more than its share
//! lately, takes *turns*: of these at most one fewer than there are processors compute at once, by
//! turns of connectors. So one processor is always left for short calls and for the host, however
//! many calls spin.
//!
//! The deadline is looked at after each slice, whatever the state of the executor's timers. First the
//! guest is told: the next epoch check traps, with a backtrace. Only a guest that does not come to
//! one, because it waits inside the host or for a turn, is dropped where it stands, after [`GRACE`].
//!
//! What follows a call, its report and giving its memory back, is work too, and is done in turns as
//! well: two hundred calls that come to their deadline at once are a crowd as they leave.

use std::{
    future::poll_fn,
    pin::{Pin, pin},
    sync::{Arc, Mutex, PoisonError},
    task::{Context, Poll},
    time::Duration,
};

use tokio::time::{Instant, Sleep, sleep_until};
use wharf_model::digest::Digest;

use crate::fair::{Fair, Place, Places};

/// Fuel between two yields: about half a millisecond of guest work.
pub(crate) const SLICE_FUEL: u64 = 200_000;

/// From the deadline to the end of a call that does not end by itself.
const GRACE: Duration = Duration::from_millis(50);

/// What a call computes before it takes turns.
const BRIEF: Duration = Duration::from_millis(2);

/// What a connector computes at once before its calls take turns; it is regained at half the rate
/// of a processor.
const SHARE: Duration = Duration::from_millis(25);

/// The processor's turns; shared by all connectors of a sandbox.
#[derive(Clone)]
pub(crate) struct Turns(Arc<Fair>);

impl Turns {
    /// `heavy`: calls beyond their share that compute at once.
    pub(crate) fn new(heavy: usize) -> Self {
        let heavy = heavy.max(1);
        // Everybody who waits here has a slot of the pool, so the queue is bounded by those.
        Self(Fair::new(Places { all: heavy, each: heavy, waiting: usize::MAX }))
    }
}

/// What is left of a connector's share.
pub(crate) struct Share(Mutex<Purse>);

struct Purse {
    /// In microseconds; below zero is debt.
    left: i64,
    at: Option<Instant>,
}

/// A call that was dropped where it stood.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Late;

impl Share {
    pub(crate) fn new() -> Self {
        Self(Mutex::new(Purse { left: micros(SHARE), at: None }))
    }

    /// Books `spent`, at `now`.
    pub(crate) fn spend(&self, spent: Duration, now: Instant) {
        let mut purse = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        purse.regain(now);
        // Debt is bounded too: a connector that ends its excess is well again soon.
        purse.left = (purse.left - micros(spent)).max(-micros(SHARE));
    }

    pub(crate) fn is_used_up(&self, now: Instant) -> bool {
        let mut purse = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        purse.regain(now);
        purse.left <= 0
    }
}

impl Purse {
    fn regain(&mut self, now: Instant) {
        let since = self.at.map_or(Duration::ZERO, |at| now.saturating_duration_since(at));
        self.left = self.left.saturating_add(micros(since) / 2).min(micros(SHARE));
        self.at = Some(now);
    }
}

fn micros(duration: Duration) -> i64 {
    i64::try_from(duration.as_micros()).unwrap_or(i64::MAX)
}

/// A call that has ended.
pub(crate) struct Ran<T> {
    pub(crate) ended: Result<T, Late>,
    computed: Duration,
}

/// The turn in which a call is cleared away; its time counts against the connector's share.
pub(crate) struct Closing<'a> {
    _turn: Option<Place>,
    share: &'a Share,
    began: Instant,
}

impl Drop for Closing<'_> {
    fn drop(&mut self) {
        let now = Instant::now();
        self.share.spend(now.saturating_duration_since(self.began), now);
    }
}

impl<T> Ran<T> {
    /// Waits for the turn to clear the call away, if it has not been brief.
    pub(crate) async fn close<'a>(
        &self,
        turns: &Turns,
        (connector, share): (Digest, &'a Share),
    ) -> Closing<'a> {
        let takes_turns = self.computed >= BRIEF || share.is_used_up(Instant::now());
        let turn = if takes_turns { turns.0.enter(connector).await.ok() } else { None };
        Closing { _turn: turn, share, began: Instant::now() }
    }
}

/// Drives `work` to its end, in turns and until `deadline`.
pub(crate) async fn run<F: Future>(
    turns: &Turns,
    (connector, share): (Digest, &Share),
    deadline: Instant,
    work: F,
) -> Ran<F::Output> {
    let mut work = pin!(work);
    let mut alarm = pin!(sleep_until(deadline));
    let end = deadline + GRACE;
    let (mut entering, mut computed) = (None, Duration::ZERO);
    let ended = poll_fn(|cx| {
        let began = Instant::now();
        let mut turn = None;
        if computed >= BRIEF || share.is_used_up(began) {
            let waiting = entering.get_or_insert_with(|| turns.0.enter(connector));
            match pin!(waiting).poll(cx) {
                Poll::Ready(place) => turn = place.ok(),
                Poll::Pending => return gone_off(alarm.as_mut(), end, cx).map(|()| Err(Late)),
            }
        }
        entering = None;
        let polled = work.as_mut().poll(cx);
        drop(turn);
        let now = Instant::now();
        let spent = now.saturating_duration_since(began);
        computed += spent;
        share.spend(spent, now);
        if let Poll::Ready(output) = polled {
            return Poll::Ready(Ok(output));
        }
        if now >= end {
            return Poll::Ready(Err(Late));
        }
        gone_off(alarm.as_mut(), end, cx).map(|()| Err(Late))
    })
    .await;
    Ran { ended, computed }
}

/// Ready at `end`; before, the alarm wakes the call at its deadline.
fn gone_off(mut alarm: Pin<&mut Sleep>, end: Instant, cx: &mut Context<'_>) -> Poll<()> {
    while alarm.as_mut().poll(cx).is_ready() {
        if alarm.deadline() >= end {
            return Poll::Ready(());
        }
        alarm.as_mut().reset(end);
    }
    Poll::Pending
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_share_is_used_up_and_regained() {
        let (share, start) = (Share::new(), Instant::now());
        let at = |millis| start + Duration::from_millis(millis);
        share.spend(Duration::from_millis(24), at(0));
        assert!(!share.is_used_up(at(0)));
        share.spend(Duration::from_millis(1), at(0));
        assert!(share.is_used_up(at(0)));
        assert!(!share.is_used_up(at(1)), "half a millisecond is regained");
        share.spend(Duration::from_secs(100), at(1));
        assert!(share.is_used_up(at(50)), "debt is paid first");
        assert!(!share.is_used_up(at(52)), "and is bounded");
        assert!(!share.is_used_up(at(1_000)));
        share.spend(Duration::from_millis(25), at(1_000));
        assert!(share.is_used_up(at(1_000)), "nobody saves up for more than one share");
    }
}
