//! The effects of one call, in the order in which they began.
//!
//! An exchange ends when its response has been read, long after the next one may have begun; its
//! effect still stands where it started. One that is under way when the call ends is told as that.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use wharf_model::effect::{Effect, EffectResult};

/// See the module. Clones are the same list.
#[derive(Clone, Debug, Default)]
pub struct Effects(Arc<Mutex<List>>);

#[derive(Debug, Default)]
struct List {
    exchanges: Vec<Exchange>,
    taken: bool,
}

#[derive(Debug, Default)]
struct Exchange {
    ended: Vec<Effect>,
    /// The one under way, as it would be told now.
    open: Option<Effect>,
}

/// Where the effects of one exchange belong. A request that is never sent leaves none.
#[derive(Debug)]
pub struct Place {
    effects: Effects,
    at: usize,
}

impl Effects {
    /// The place of an exchange that begins now.
    #[must_use]
    pub fn begin(&self) -> Place {
        let mut list = self.lock();
        list.exchanges.push(Exchange::default());
        Place { effects: self.clone(), at: list.exchanges.len() - 1 }
    }

    /// All of them; what is under way has failed, and what comes later is not told.
    #[must_use]
    pub fn take(&self) -> Vec<Effect> {
        let mut list = self.lock();
        list.taken = true;
        std::mem::take(&mut list.exchanges)
            .into_iter()
            .flat_map(|exchange| exchange.ended.into_iter().chain(exchange.open))
            .collect()
    }

    fn lock(&self) -> MutexGuard<'_, List> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Place {
    /// Tells an effect that is over.
    pub fn tell(&self, effect: Effect) {
        self.change(|exchange| {
            exchange.open = None;
            exchange.ended.push(effect);
        });
    }

    /// Tells an effect that has begun.
    pub(crate) fn open(&self, effect: &Effect) {
        let broken = "interrupted: the call ended before the exchange did";
        let effect = Effect { result: EffectResult::Failed(broken.to_owned()), ..effect.clone() };
        self.change(|exchange| exchange.open = Some(effect));
    }

    fn change(&self, change: impl FnOnce(&mut Exchange)) {
        let mut list = self.effects.lock();
        if list.taken {
            return;
        }
        if let Some(exchange) = list.exchanges.get_mut(self.at) {
            change(exchange);
        }
    }
}
