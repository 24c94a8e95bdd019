//! What the gate refused in a call, into the audit log and the counts.

use wharf_model::effect::{Effect, EffectResult};
use wharf_store::{DenialKind, DeniedIn, NewDenial};

use crate::{clock, engine::Inner};

impl Inner {
    /// Keeps what was refused in a call, before anything else of the call is kept. `step` is the run's
    /// step, or what was called outside of a run.
    pub(crate) async fn keep_denials(
        &self,
        connector: &str,
        (run, step): (Option<&str>, &str),
        effects: &[Effect],
    ) {
        let denials: Vec<NewDenial> = effects.iter().filter_map(denial).collect();
        if denials.is_empty() {
            return;
        }
        for denial in denials.iter().filter(|denial| denial.kind == DenialKind::WouldDeny) {
            tracing::info!(
                connector,
                run,
                step,
                reason = denial.reason,
                method = denial.method,
                url = denial.place,
                "the grant that is tried out would deny this"
            );
        }
        let within =
            DeniedIn { connector: connector.to_owned(), run: run.map(str::to_owned), step: step.to_owned() };
        if let Err(error) = self.store.record_denials(within, denials, clock::now()).await {
            tracing::error!(connector, run, step, %error, "what the gate refused could not be audited");
        }
    }
}

fn denial(effect: &Effect) -> Option<NewDenial> {
    let of = |kind, reason: &str, gate: &str, message: &str| NewDenial {
        kind,
        reason: reason.to_owned(),
        gate: gate.to_owned(),
        method: effect.method.clone(),
        place: effect.url.clone(),
        message: message.to_owned(),
    };
    match (&effect.result, &effect.would_deny) {
        (EffectResult::Denied { reason, by, message }, _) => {
            Some(of(DenialKind::Denied, reason, by.name(), message))
        }
        (_, Some(denial)) => {
            Some(of(DenialKind::WouldDeny, &denial.reason, denial.by.name(), &denial.message))
        }
        (EffectResult::Status(_) | EffectResult::Journaled(_) | EffectResult::Failed(_), None) => None,
    }
}
