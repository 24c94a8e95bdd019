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
    effects::Place,
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

    /// Sends what was authorised: resolves, checks every address, dials, places the credential, and
    /// hands on the response, whose body comes under caps as it is read. What came of it goes to
    /// `place` once the body has ended or was dropped; with `Redirects::Follow` that is one effect a
    /// hop.
    ///
    /// Dropping the future, or the body of its response, breaks the exchange off.
    pub fn perform(
        &self,
        request: Authorised,
        place: Place,
    ) -> impl Future<Output = Result<HttpResponse, HttpError>> + Send + use<> {
        let sender = Arc::clone(&self.sender);
        async move { sender.perform(request, place).await }
    }

    /// The effect of a request that [`Gate::authorise`] refused with `error`. `method` and `url` are
    /// the guest's text.
    #[must_use]
    pub fn refused(authority: &Authority, method: &str, url: &str, error: &HttpError) -> Effect {
        refused(authority, method, url, error)
    }

    #[cfg(test)]
    pub(crate) fn clients(&self) -> usize {
        self.clients_after(std::time::Duration::ZERO)
    }

    #[cfg(test)]
    pub(crate) fn clients_after(&self, elapsed: std::time::Duration) -> usize {
        self.sender.pool.len_after(elapsed)
    }
}
