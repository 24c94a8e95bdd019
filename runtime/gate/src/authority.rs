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
    http::{is_forbidden, spelling},
    manifest::{EffectClass, EgressRequest, HashAlgorithm, KeyCarrier, Manifest},
};

use crate::{
    account::Account,
    authorise::WithCredential,
    binding::{Credential, bind, guard, names, redactor},
    credential::{Credentials, SlotRefusal, UnknownSlot, constant_time_equal},
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
    /// A grant that is only tried out.
    pub(crate) tried: Option<Vec<Rule>>,
    pub(crate) credential: Option<Credential>,
    pub(crate) redactor: Redactor,
    /// For requests without the credential, and for those with it.
    tls: [Arc<ClientTls>; 2],
    /// What a request to the audience is searched for, where that is less.
    pub(crate) guard: Option<Redactor>,
    actions: HashMap<String, Action>,
    reserved: Reserved,
}

/// What only credentials of this connector use, whichever method the connection has chosen.
#[derive(Default)]
struct Reserved {
    headers: Vec<String>,
    parameters: Vec<String>,
    body: Vec<String>,
}

/// Bytes that a connector may have hashed with a secret at once.
const MAX_HASHED: usize = 1 << 20;

struct Action {
    effect: EffectClass,
    reads: Arc<[Rule]>,
    key_carrier: Option<Arc<KeyCarrier>>,
}

/// What one call may do of its authority's all.
#[derive(Clone, Debug)]
pub struct Scope {
    pub(crate) effect: EffectClass,
    pub(crate) reads: Arc<[Rule]>,
    pub(crate) key_carrier: Option<Arc<KeyCarrier>>,
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
            key_carrier: None,
            key: None,
            request_bytes: limits.http_request_bytes,
            response_bytes: limits.http_response_bytes,
        }
    }

    /// The idempotency key of the next write, for an action that says where it goes. Visible ASCII.
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
        let credential =
            credentials.map(|secrets| bind(secrets, (manifest, grant), &rules, settings)).transpose()?;
        let mut actions = HashMap::new();
        for (name, action) in &manifest.actions {
            let key_carrier = action.idempotency.clone().map(Arc::new);
            let reads = resolve(&action.reads, settings)?.into();
            actions.insert(name.clone(), Action { effect: action.effect, reads, key_carrier });
        }
        let reserved = reserved(manifest)?;
        let redactor = credential.as_ref().map(redactor).unwrap_or_default();
        let tls = tls(grant, credential.as_ref())?;
        Ok(Self {
            account: Account::own(),
            inner: Arc::new(Inner {
                connector: connector.to_owned(),
                manifest: rules,
                grant: resolve(&grant.egress, settings)?,
                guard: credential.as_ref().and_then(guard),
                tried: None,
                credential,
                redactor,
                tls,
                actions,
                reserved,
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

    /// Has every call that passes judged by `grant` too, without holding it up: what that would deny
    /// stands in the effect. Takes an authority that nobody shares yet; a shared one stays as it is.
    ///
    /// # Errors
    /// Names the rule at fault.
    pub fn trying(
        mut self,
        manifest: &Manifest,
        grant: &Grant,
        settings: Option<&Value>,
    ) -> Result<Self, AuthorityError> {
        let settings =
            Settings { schema: manifest.settings.as_ref(), values: settings.unwrap_or(&Value::Null) };
        let rules = resolve(&grant.egress, settings)?;
        if let Some(inner) = Arc::get_mut(&mut self.inner) {
            inner.tried = Some(rules);
        }
        Ok(self)
    }

    /// The scope of an action; none if the manifest has no such action.
    #[must_use]
    pub fn action(&self, name: &str, limits: &Limits) -> Option<Scope> {
        let action = self.inner.actions.get(name)?;
        Some(Scope {
            reads: Arc::clone(&action.reads),
            key_carrier: action.key_carrier.clone(),
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

    /// Why the connection's credential can never be placed, if it cannot: an empty slot, a key that is
    /// none, a setting that is missing. Names the slot, never its value.
    ///
    /// # Errors
    /// The reason, for a person.
    pub fn try_credential(&self) -> Result<(), String> {
        match &self.inner.credential {
            Some(credential) => credential.ready(&self.inner.redactor).map_err(|error| error.to_string()),
            None => Ok(()),
        }
    }

    /// The keyed hash of `data` with the secret in `slot`. The hash tells nothing of a key that nobody
    /// can guess, so only slots that the manifest declares as keys are used, and never a password.
    ///
    /// # Errors
    /// The connection holds nothing in the slot, the slot is not for that, or the data is over 1 MiB.
    pub fn hmac(&self, slot: &str, algorithm: HashAlgorithm, data: &[u8]) -> Result<Vec<u8>, SlotRefusal> {
        let credential = self.inner.credential.as_ref().ok_or(UnknownSlot)?;
        credential.secrets.get(slot)?;
        if !credential.hmac.contains(slot) {
            return Err(SlotRefusal::Denied(format!(
                "the manifest does not declare the slot `{slot}` with `hmac`"
            )));
        }
        if data.len() > MAX_HASHED {
            return Err(SlotRefusal::Denied(format!("{} bytes to hash; at most {MAX_HASHED}", data.len())));
        }
        Ok(credential.secrets.hmac(slot, algorithm, data)?)
    }

    /// Whether `signature` is the keyed hash of `data`, found out in constant time.
    ///
    /// # Errors
    /// As [`Authority::hmac`].
    pub fn verify(
        &self,
        slot: &str,
        algorithm: HashAlgorithm,
        data: &[u8],
        signature: &[u8],
    ) -> Result<bool, SlotRefusal> {
        Ok(constant_time_equal(&self.hmac(slot, algorithm, data)?, signature))
    }

    /// The secret itself, where the manifest asks for it and the operator has granted it by name.
    ///
    /// # Errors
    /// The connection holds nothing in the slot, or it may not be read.
    pub fn reveal(&self, slot: &str) -> Result<&[u8], SlotRefusal> {
        let credential = self.inner.credential.as_ref().ok_or(UnknownSlot)?;
        let secret = credential.secrets.get(slot)?;
        if credential.revealed.contains(slot) {
            return Ok(secret.expose());
        }
        let (connector, method) = (&self.inner.connector, &credential.secrets.method);
        Err(SlotRefusal::Denied(format!(
            "{connector} may not read the secret `{method}/{slot}`: the manifest must give a reason under `reveal`, and the operator must grant it   wharf connector grant {connector} --reveal {method}/{slot}"
        )))
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
        if self.reserved.headers.iter().any(|reserved| reserved == name) {
            return Some(
                "the manifest has the gate place a credential there; name the auth method in the request's `auth`",
            );
        }
        let key = match scope.key_carrier.as_deref() {
            Some(KeyCarrier::Header { name: own }) => spelling(own) == name,
            Some(KeyCarrier::BodyField { .. }) | None => false,
        };
        key.then_some("the gate places the idempotency key there")
    }

    /// The credential's parameter that stands in a guest's query, if one does.
    pub(crate) fn reserved_parameter(&self, target: &Target) -> Option<&str> {
        let holds = |name: &&String| target.url().query_pairs().any(|(own, _)| own == name.as_str());
        self.reserved.parameters.iter().find(holds).map(String::as_str)
    }

    /// The credential's body fields.
    pub(crate) fn reserved_fields(&self) -> &[String] {
        &self.reserved.body
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

fn reserved(manifest: &Manifest) -> Result<Reserved, AuthorityError> {
    let mut reserved = Reserved::default();
    for (method, auth) in &manifest.auth {
        let Some(placed) = auth.placement.as_ref().map(names) else { continue };
        for name in placed.headers {
            let spelled = spelling(name);
            let valid = http::HeaderName::from_bytes(name.as_bytes()).is_ok();
            if !valid || (is_forbidden(&spelled) && spelled != "authorization") {
                return Err(AuthorityError::Placement { method: method.clone(), header: name.to_owned() });
            }
            reserved.headers.push(spelled);
        }
        reserved.parameters.extend(placed.parameters.into_iter().map(str::to_owned));
        reserved.body.extend(placed.body.into_iter().map(str::to_owned));
    }
    Ok(reserved)
}
