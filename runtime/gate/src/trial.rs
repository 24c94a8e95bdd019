//! A grant that is tried out: every call that passes is judged by it too, and what it would deny is
//! noted. It never lets anything through that the grant in force denies, and it is never asked about
//! what the manifest, the ceiling or the address check decide: those have no trial.

use std::sync::{Arc, OnceLock};

use wharf_model::{
    egress::{Operation, RuleSets, Target, decide},
    http::{Denial, DeniedBy},
};

use crate::{
    authority::{Authority, Scope},
    redact::Redactor,
};

/// The denial of one hop, if there would be one. Clones share it.
#[derive(Clone, Debug, Default)]
pub(crate) struct Trial(Arc<OnceLock<Denial>>);

impl Trial {
    /// Judges a call that has passed.
    pub(crate) fn judge(&self, authority: &Authority, scope: &Scope, method: &str, target: &Target) {
        let inner = &authority.inner;
        let Some(tried) = &inner.tried else {
            return;
        };
        let rules = RuleSets { connector: &inner.connector, manifest: &inner.manifest, grant: tried };
        let operation = Operation { effect: scope.effect, reads: &scope.reads };
        if let Err(denial) = decide(rules, operation, method, target)
            && denial.by == DeniedBy::Grant
        {
            // One hop is judged once.
            let _ = self.0.set(denial);
        }
    }

    /// What would have been denied, fit for a record.
    pub(crate) fn found(&self, redactor: &Redactor) -> Option<Denial> {
        self.0.get().map(|denial| Denial {
            // The message ends with the command; on a trial it is the trial that is changed.
            message: format!("{} --report-only", redactor.text(&denial.message)),
            ..denial.clone()
        })
    }
}
