//! Hands notices to the observer, if there is one.

use wharf_model::{call::Metering, effect::Effect};

use crate::notice::{Notice, Observer};

/// The observer, or nobody.
#[derive(Clone, Default)]
pub(crate) struct Observe(pub(crate) Option<Observer>);

impl Observe {
    pub(crate) fn notify(&self, notice: &Notice<'_>) {
        if let Some(observer) = &self.0 {
            observer(notice);
        }
    }

    /// A call of a connector ended.
    pub(crate) fn call(
        &self,
        connector: &str,
        export: &'static str,
        name: &str,
        ended: (&'static str, &Metering),
        effects: &[Effect],
    ) {
        for effect in effects {
            self.notify(&Notice::EffectDone { connector, effect });
        }
        let (outcome, metering) = ended;
        self.notify(&Notice::CallFinished { connector, export, name, outcome, metering });
    }
}
