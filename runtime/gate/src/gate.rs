//! The gate as the engine and the harness hold it.

use std::sync::Arc;

use wharf_model::{
    effect::Effect,
    http::{HttpError, HttpRequest, HttpResponse},
};

use crate::{
    authorise::{Authorised, authorise},
    authority::{Authority, Scope},
    carve_out::AddressPolicy,
    config::{GateConfig, GateConfigError},
    perform::Sender,
    pool::Pool,
    refusal::{clean, refused},
    resolve::{Lookup, Resolver},
};

/// The one door out. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Gate {
    sender: Arc<Sender>,
}

impl Gate {
    /// Opens the gate.
    ///
    /// # Errors
    /// Names the setting that cannot be used.
    pub fn new(mut config: GateConfig) -> Result<Self, GateConfigError> {
        let lookup = Lookup::of_this_process(&mut config)?;
        Self::with_lookup(config, lookup)
    }

    pub(crate) fn with_lookup(config: GateConfig, lookup: Lookup) -> Result<Self, GateConfigError> {
        config.check()?;
        let trust = config.trust()?;
        let policy = Arc::new(AddressPolicy {
            carve_outs: config.carve_outs.clone(),
            own: config.own_listeners.clone(),
        });
        let resolver = Arc::new(Resolver::new(lookup, Arc::clone(&policy)));
        let pool = Pool::new(config.clone(), trust, resolver);
        Ok(Self { sender: Arc::new(Sender { config, policy, pool }) })
    }

    /// Decides about a request; no IO happens.
    ///
    /// # Errors
    /// A refusal, with the gate that refused and the line that would allow it. Nothing was sent.
    pub fn authorise(
        &self,
        authority: &Authority,
        scope: &Scope,
        request: HttpRequest,
    ) -> Result<Authorised, HttpError> {
        let decision = authorise(&self.sender.policy, authority, scope, request);
        decision.map_err(|error| clean(error, authority.redactor()))
    }

    /// Sends what was authorised: resolves, checks every address, dials, places the credential,
    /// reads the response under caps. The effect is for the run's record, whatever happened. With
    /// `Redirects::Follow` it is one effect, of the first request with the last status.
    ///
    /// Dropping the future breaks the exchange off; what became of the request is then unknown.
    pub async fn perform(&self, request: Authorised) -> (Result<HttpResponse, HttpError>, Effect) {
        self.sender.perform(request).await
    }

    /// The effect of a request that [`Gate::authorise`] refused with `error`. `method` and `url` are
    /// the guest's text.
    #[must_use]
    pub fn refused(authority: &Authority, method: &str, url: &str, error: &HttpError) -> Effect {
        refused(authority, method, url, error)
    }

    #[cfg(test)]
    pub(crate) fn clients(&self) -> usize {
        self.sender.pool.len()
    }
}
