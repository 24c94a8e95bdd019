//! Who asks and what they may do: a connector's rules under a grant, resolved against a connection,
//! with its credential. Compiled once for each (connector version, grant, connection) and shared.
//!
//! An authority has connections to providers of its own, so TLS sessions are never shared between
//! accounts; building one for each call would build those anew each time.

use std::{collections::HashMap, fmt, sync::Arc};

use serde_json::Value;
use wharf_model::{
    egress::{Rule, RuleError, Settings, Target},
    grant::{Grant, Limits},
    manifest::{EffectClass, EgressRequest, KeyCarrier, Manifest, Placement},
};

use crate::{
    account::Account,
    authorise::WithCredential,
    binding::{Credential, bind, redactor},
    credential::{Credentials, HmacAlgorithm, UnknownSlot},
    header::{is_forbidden, spelling},
    redact::Redactor,
    tls::{ClientTls, Identity, Roots, TlsMaterialError},
};

/// Why a connector cannot be given its authority.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum AuthorityError {
    /// A rule of the manifest, of the grant, or of an audience.
    #[error(transparent)]
    Rule(#[from] RuleError),
    /// The connection uses a method that the manifest does not declare.
    #[error(
        "the connection uses the auth method `{0}`, which the manifest does not declare; connect the account again"
    )]
    UnknownMethod(String),
    /// The credential would be a header that the gate itself sets, or no header at all.
    #[error(
        "auth method `{method}` places its credential in the header `{header}`, which is not allowed; use another"
    )]
    Placement {
        /// The auth method.
        method: String,
        /// The header's name.
        header: String,
    },
    /// The grant's authorities, or the connection's client certificate.
    #[error(transparent)]
    Tls(#[from] TlsMaterialError),
    /// An audience of every host.
    #[error("auth method `{0}` has `*` for an audience; name the provider's origins")]
    Audience(String),
}

/// See the module. Cheap to clone.
#[derive(Clone)]
pub struct Authority {
    pub(crate) inner: Arc<Inner>,
    /// Keys the connection pool.
    pub(crate) account: Account,
}

pub(crate) struct Inner {
    pub(crate) connector: String,
    pub(crate) manifest: Vec<Rule>,
    pub(crate) grant: Vec<Rule>,
    pub(crate) credential: Option<Credential>,
    pub(crate) redactor: Redactor,
    /// For requests without the credential, and for those with it.
    tls: [Arc<ClientTls>; 2],
    actions: HashMap<String, Action>,
    reserved_headers: Vec<String>,
    reserved_parameters: Vec<String>,
}

struct Action {
    effect: EffectClass,
    reads: Arc<[Rule]>,
    key_header: Option<Arc<str>>,
}

/// What one call may do of its authority's all.
#[derive(Clone, Debug)]
pub struct Scope {
    pub(crate) effect: EffectClass,
    pub(crate) reads: Arc<[Rule]>,
    pub(crate) key_header: Option<Arc<str>>,
    pub(crate) key: Option<String>,
    pub(crate) request_bytes: u64,
    pub(crate) response_bytes: u64,
}

impl Scope {
    /// The scope of a call that is no action: `Read` for polling, options and validation;
    /// `IdempotentWrite` for registering webhooks.
    #[must_use]
    pub fn new(effect: EffectClass, limits: &Limits) -> Self {
        Self {
            effect,
            reads: Arc::new([]),
            key_header: None,
            key: None,
            request_bytes: limits.http_request_bytes,
            response_bytes: limits.http_response_bytes,
        }
    }

    /// The idempotency key of the next write, for an action that carries it in a header. Visible ASCII.
    #[must_use]
    pub fn with_key(mut self, key: impl Into<String>) -> Self {
        self.key = Some(key.into());
        self
    }
}

impl Authority {
    /// Compiles what a connector may do. `settings` are the connection's, an object; rules that name
    /// a setting which is missing allow nothing.
    ///
    /// # Errors
    /// Names the rule, the setting or the auth method at fault.
    pub fn new(
        connector: &str,
        manifest: &Manifest,
        grant: &Grant,
        settings: Option<&Value>,
        credentials: Option<Credentials>,
    ) -> Result<Self, AuthorityError> {
        let settings =
            Settings { schema: manifest.settings.as_ref(), values: settings.unwrap_or(&Value::Null) };
        let rules = resolve(&manifest.egress, settings)?;
        let credential = credentials.map(|secrets| bind(secrets, manifest, &rules, settings)).transpose()?;
        let mut actions = HashMap::new();
        for (name, action) in &manifest.actions {
            let key_header = match &action.idempotency {
                Some(KeyCarrier::Header { name }) => Some(Arc::from(spelling(name))),
                Some(KeyCarrier::BodyField { .. }) | None => None,
            };
            let reads = resolve(&action.reads, settings)?.into();
            actions.insert(name.clone(), Action { effect: action.effect, reads, key_header });
        }
        let (reserved_headers, reserved_parameters) = reserved(manifest)?;
        let redactor = credential.as_ref().map(redactor).unwrap_or_default();
        let tls = tls(grant, credential.as_ref())?;
        Ok(Self {
            account: Account::own(),
            inner: Arc::new(Inner {
                connector: connector.to_owned(),
                manifest: rules,
                grant: resolve(&grant.egress, settings)?,
                credential,
                redactor,
                tls,
                actions,
                reserved_headers,
                reserved_parameters,
            }),
        })
    }

    /// Shares connections to providers and TLS sessions with every other authority of this name and
    /// the same secrets; without this, with nobody. Name a project's connection, or its connector.
    #[must_use]
    pub fn of_account(self, name: &str) -> Self {
        let secrets = self.inner.credential.as_ref().map(|credential| &credential.secrets);
        Self { account: Account::named(name, secrets), ..self }
    }

    /// The scope of an action; none if the manifest has no such action.
    #[must_use]
    pub fn action(&self, name: &str, limits: &Limits) -> Option<Scope> {
        let action = self.inner.actions.get(name)?;
        Some(Scope {
            reads: Arc::clone(&action.reads),
            key_header: action.key_header.clone(),
            ..Scope::new(action.effect, limits)
        })
    }

    /// Finds the connection's secrets in whatever leaves the connector.
    #[must_use]
    pub fn redactor(&self) -> &Redactor {
        &self.inner.redactor
    }

    /// Whether the connection holds a secret in a slot.
    #[must_use]
    pub fn has_slot(&self, slot: &str) -> bool {
        self.inner.credential.as_ref().is_some_and(|credential| credential.secrets.get(slot).is_ok())
    }

    /// The keyed hash of `data` with the secret in `slot`.
    ///
    /// # Errors
    /// The connection holds nothing in the slot, or there is no such slot.
    pub fn hmac(&self, slot: &str, algorithm: HmacAlgorithm, data: &[u8]) -> Result<Vec<u8>, UnknownSlot> {
        self.inner.credential.as_ref().ok_or(UnknownSlot)?.secrets.hmac(slot, algorithm, data)
    }
}

impl fmt::Debug for Authority {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Authority").field("connector", &self.inner.connector).finish_non_exhaustive()
    }
}

impl Inner {
    /// A client certificate goes where the credential goes, and on no other socket.
    pub(crate) fn tls(&self, credential: WithCredential) -> &ClientTls {
        let [without, with] = &self.tls;
        match credential {
            WithCredential::No => without,
            WithCredential::Yes => with,
        }
    }

    /// Why a guest may not set this header (in [`spelling`]), if it may not.
    pub(crate) fn reserves_header(&self, scope: &Scope, name: &str) -> Option<&'static str> {
        if self.reserved_headers.iter().any(|reserved| reserved == name) {
            return Some(
                "the manifest has the gate place a credential there; name the auth method in the request's `auth`",
            );
        }
        let key = scope.key_header.as_deref() == Some(name);
        key.then_some("the gate places the idempotency key there")
    }

    /// The credential's parameter that stands in a guest's query, if one does.
    pub(crate) fn reserved_parameter(&self, target: &Target) -> Option<&str> {
        let holds = |name: &&String| target.url().query_pairs().any(|(own, _)| own == name.as_str());
        self.reserved_parameters.iter().find(holds).map(String::as_str)
    }
}

fn tls(grant: &Grant, credential: Option<&Credential>) -> Result<[Arc<ClientTls>; 2], TlsMaterialError> {
    let roots = Roots::read(grant.roots.iter().map(String::as_bytes))?;
    let without = Arc::new(ClientTls::new(roots.clone(), None));
    let with = match credential.and_then(|c| c.client_certificate.as_ref().map(|slots| (slots, &c.secrets))) {
        Some((slots, secrets)) => {
            let identity = Identity::of_slots(slots, secrets)?;
            Arc::new(ClientTls::new(roots, Some(identity)))
        }
        None => Arc::clone(&without),
    };
    Ok([without, with])
}

fn resolve(requests: &[EgressRequest], settings: Settings<'_>) -> Result<Vec<Rule>, RuleError> {
    let resolved = requests.iter().map(|request| Rule::parse(request)?.resolve(settings));
    resolved.filter_map(Result::transpose).collect()
}

/// The header names and query parameters that only credentials of this connector use, whichever
/// method the connection has chosen.
fn reserved(manifest: &Manifest) -> Result<(Vec<String>, Vec<String>), AuthorityError> {
    let (mut headers, mut parameters) = (Vec::new(), Vec::new());
    for (method, auth) in &manifest.auth {
        match &auth.placement {
            Some(Placement::Header { name, .. }) => {
                let spelled = spelling(name);
                let valid = http::HeaderName::from_bytes(name.as_bytes()).is_ok();
                if !valid || (is_forbidden(&spelled) && spelled != "authorization") {
                    return Err(AuthorityError::Placement { method: method.clone(), header: name.clone() });
                }
                headers.push(spelled);
            }
            Some(Placement::Query { name, .. }) => parameters.push(name.clone()),
            Some(Placement::Bearer { .. } | Placement::Basic { .. }) | None => {}
        }
    }
    Ok((headers, parameters))
}
