//! Effects of calls that were refused or failed: one place decides how an error shows in a run.

use wharf_model::{
    effect::{Effect, EffectResult},
    egress::Target,
    http::{Denial, DeniedBy, HttpError},
};

use crate::{authority::Authority, redact::Redactor};

/// An error with what only the operator may read of it, such as the address a name resolved to.
#[derive(Debug)]
pub(crate) struct Failed {
    pub(crate) error: HttpError,
    pub(crate) detail: Option<String>,
}

impl From<HttpError> for Failed {
    fn from(error: HttpError) -> Self {
        Self { error, detail: None }
    }
}

impl Failed {
    /// Takes secrets out of the texts: a guest, a peer's TLS or a redirect may have put one in.
    pub(crate) fn clean(self, redactor: &Redactor) -> Self {
        let detail = self.detail.map(|detail| redactor.text(&detail).into_owned());
        Self { error: clean(self.error, redactor), detail }
    }

    /// How the failure shows in an effect.
    pub(crate) fn result(&self) -> EffectResult {
        let denied = |reason: &str, by: DeniedBy, message: &str| EffectResult::Denied {
            reason: reason.to_owned(),
            by,
            message: self.detail.clone().unwrap_or_else(|| message.to_owned()),
        };
        match &self.error {
            HttpError::Denied(denial) => denied(&denial.reason, denial.by, &denial.message),
            HttpError::InvalidRequest(message) => denied("invalid-request", DeniedBy::Ceiling, message),
            HttpError::CredentialUnavailable(message) => {
                denied("credential-unavailable", DeniedBy::Ceiling, message)
            }
            HttpError::BudgetExhausted(message) => denied("budget-exhausted", DeniedBy::Ceiling, message),
            HttpError::Unreachable(_)
            | HttpError::Tls(_)
            | HttpError::Timeout(_)
            | HttpError::Interrupted(_)
            | HttpError::BadResponse(_)
            | HttpError::Ambiguous(_) => EffectResult::Failed(self.error.to_string()),
        }
    }
}

/// See [`Failed::clean`].
pub(crate) fn clean(error: HttpError, redactor: &Redactor) -> HttpError {
    let text = |text: String| redactor.text(&text).into_owned();
    match error {
        HttpError::Denied(denial) => HttpError::Denied(Denial { message: text(denial.message), ..denial }),
        HttpError::InvalidRequest(problem) => HttpError::InvalidRequest(text(problem)),
        HttpError::CredentialUnavailable(problem) => HttpError::CredentialUnavailable(text(problem)),
        HttpError::BudgetExhausted(problem) => HttpError::BudgetExhausted(text(problem)),
        HttpError::Unreachable(problem) => HttpError::Unreachable(text(problem)),
        HttpError::Tls(problem) => HttpError::Tls(text(problem)),
        HttpError::Timeout(problem) => HttpError::Timeout(text(problem)),
        HttpError::Interrupted(problem) => HttpError::Interrupted(text(problem)),
        HttpError::BadResponse(problem) => HttpError::BadResponse(text(problem)),
        HttpError::Ambiguous(problem) => HttpError::Ambiguous(text(problem)),
    }
}

/// The effect of a request that [`crate::Gate::authorise`] refused, for the journal and the audit.
/// `method` and `url` are the guest's own text; what is hostile or secret in it does not get through.
pub(crate) fn refused(authority: &Authority, method: &str, url: &str, error: &HttpError) -> Effect {
    let url = match Target::parse(url) {
        Ok(target) => authority.redactor().text(&target.display()).into_owned(),
        Err(problem) => format!("({problem})"),
    };
    let method = method.chars().take(32).filter(char::is_ascii_graphic).collect();
    let result = Failed::from(error.clone()).result();
    Effect { method, url, result, micros: 0, sent_bytes: 0, received_bytes: 0, would_deny: None }
}
