//! A connection's credential, bound: what is made of it, which origins it may be sent to, and what a
//! connector may do with single slots.

use std::{collections::BTreeSet, sync::OnceLock};

use bytes::Bytes;
use http::{HeaderMap, HeaderValue, Method, header};
use url::Url;
use wharf_model::{
    egress::{Rule, Settings, Target},
    grant::Grant,
    manifest::{AuthMethod, ClientCertificate, Manifest, Placement},
};

use crate::{
    authority::AuthorityError,
    clock,
    credential::{Credentials, Minted, Now, Outgoing, PlaceError, Plan, Secret, basic},
    redact::Redactor,
};

/// A connection's credential with what binds it.
pub(crate) struct Credential {
    pub(crate) secrets: Credentials,
    pub(crate) client_certificate: Option<ClientCertificate>,
    pub(crate) audience: Audience,
    /// Slots that the manifest declares for keyed hashes.
    pub(crate) hmac: BTreeSet<String>,
    /// Slots that the manifest declares and the operator grants to be read.
    pub(crate) revealed: BTreeSet<String>,
    placement: Option<Placement>,
    /// None for a method that only verifies webhooks.
    plan: Result<Option<Plan>, PlaceError>,
    /// What came of placing it once, into a request that nobody sends.
    tried: OnceLock<Result<Option<Minted>, PlaceError>>,
}

/// Where a credential may go.
pub(crate) enum Audience {
    /// As the auth method says: origin and path.
    Declared(Vec<Rule>),
    /// The origins of the manifest's concrete rules.
    Origins(Vec<Rule>),
}

impl Audience {
    pub(crate) fn holds(&self, target: &Target) -> bool {
        match self {
            Self::Declared(rules) => {
                rules.iter().any(|rule| rule.has_origin(target) && rule.has_path(target))
            }
            Self::Origins(rules) => rules.iter().any(|rule| rule.has_origin(target)),
        }
    }

    pub(crate) fn rules(&self) -> &[Rule] {
        match self {
            Self::Declared(rules) | Self::Origins(rules) => rules,
        }
    }
}

impl Credential {
    /// Whether there is anything to place in a request.
    pub(crate) fn is_placed(&self) -> bool {
        self.placement.is_some()
    }

    /// Whether it goes into the body.
    pub(crate) fn is_in_body(&self) -> bool {
        self.placement.as_ref().is_some_and(|placement| !names(placement).body.is_empty())
    }

    /// Whether the body must be whole before it can be placed: it goes there, signs it, or may be asked
    /// for a second time.
    pub(crate) fn reads_body(&self) -> bool {
        match &self.placement {
            None
            | Some(
                Placement::Bearer { .. }
                | Placement::Basic { .. }
                | Placement::Header { .. }
                | Placement::Query { .. }
                | Placement::Jwt(_),
            ) => false,
            Some(
                Placement::BodyField { .. }
                | Placement::Fields { .. }
                | Placement::Signature(_)
                | Placement::AwsSigV4(_)
                | Placement::OAuth1(_)
                | Placement::Digest { .. },
            ) => true,
        }
    }

    /// Whether it can be placed at all: a slot that is empty or holds no key is known before anything
    /// is journaled.
    pub(crate) fn ready(&self, redactor: &Redactor) -> Result<(), PlaceError> {
        let tried = self.tried.get_or_init(|| {
            let mut outgoing = blank().ok_or(PlaceError::Challenge("no request can be made"))?;
            self.put(&mut outgoing)
        });
        if let Ok(Some(minted)) = tried {
            redactor.learn(minted.0.as_bytes());
        }
        tried.as_ref().map(|_| ()).map_err(PlaceError::clone)
    }

    /// Puts it into a request, after all decisions.
    pub(crate) fn place(&self, outgoing: &mut Outgoing, redactor: &Redactor) -> Result<(), PlaceError> {
        if let Some(minted) = self.put(outgoing)? {
            redactor.learn(minted.0.as_bytes());
        }
        Ok(())
    }

    fn put(&self, outgoing: &mut Outgoing) -> Result<Option<Minted>, PlaceError> {
        match self.plan.as_ref().map_err(PlaceError::clone)? {
            Some(plan) => plan.place(&self.secrets, &Now::at(clock::now())?, outgoing),
            None => Ok(None),
        }
    }

    /// Takes a refusal's challenge in; whether the same request can now be sent with an answer to it.
    pub(crate) fn learn(&self, url: &Url, status: u16, headers: &HeaderMap) -> bool {
        let plan = self.plan.as_ref().ok().and_then(Option::as_ref);
        plan.is_some_and(|plan| plan.learn(|| url.origin().ascii_serialization(), status, headers))
    }
}

/// A request that takes every credential.
fn blank() -> Option<Outgoing> {
    let json = HeaderValue::from_static("application/json");
    Some(Outgoing {
        method: Method::POST,
        url: Url::parse("https://wharf.invalid/").ok()?,
        headers: [(header::CONTENT_TYPE, json)].into_iter().collect(),
        body: Bytes::from_static(b"{}"),
    })
}

/// Binds a connection's secrets to the auth method they are for. `rules` are the manifest's.
pub(crate) fn bind(
    secrets: Credentials,
    (manifest, grant): (&Manifest, &Grant),
    rules: &[Rule],
    settings: Settings<'_>,
) -> Result<Credential, AuthorityError> {
    let Some(method) = manifest.auth.get(&secrets.method) else {
        return Err(AuthorityError::UnknownMethod(secrets.method));
    };
    let audience = if method.audience.is_empty() {
        Audience::Origins(rules.iter().filter(|rule| rule.is_concrete()).cloned().collect())
    } else {
        Audience::Declared(declared_audience(&secrets.method, method, settings)?)
    };
    let slots = method.slots.iter();
    let hmac = slots.clone().filter(|(_, slot)| slot.hmac).map(|(name, _)| name.clone()).collect();
    let revealed = slots
        .filter(|(name, slot)| slot.reveal.is_some() && grant.reveals(&secrets.method, name))
        .map(|(name, _)| name.clone())
        .collect();
    Ok(Credential {
        plan: method.placement.as_ref().map(|placement| Plan::new(placement, settings)).transpose(),
        placement: method.placement.clone(),
        client_certificate: method.client_certificate.clone(),
        tried: OnceLock::new(),
        secrets,
        audience,
        hmac,
        revealed,
    })
}

fn declared_audience(
    name: &str,
    method: &AuthMethod,
    settings: Settings<'_>,
) -> Result<Vec<Rule>, AuthorityError> {
    let mut audience = Vec::new();
    for url in &method.audience {
        if url == "*" {
            return Err(AuthorityError::Audience(name.to_owned()));
        }
        audience.extend(Rule::parse_place(url)?.resolve(settings)?);
    }
    Ok(audience)
}

/// All secrets, and the pair that Basic sends. The name that a scheme sends in the clear beside a
/// secret is none itself: it is an account's name, which providers put into every answer.
pub(crate) fn redactor(credential: &Credential) -> Redactor {
    let pair = match &credential.placement {
        Some(Placement::Basic { user, password }) => basic(&credential.secrets, user, password),
        Some(_) | None => None,
    };
    let name = public_name(credential);
    let slots = credential.secrets.slots.iter().filter(|(slot, _)| Some(slot.as_str()) != name);
    let slots = slots.map(|(_, secret)| Secret::expose(secret));
    Redactor::new(slots.chain(pair.as_ref().map(|pair| pair.as_bytes())))
}

/// What must not stand in a request to the audience: there a connector may send what it may read.
pub(crate) fn guard(credential: &Credential) -> Option<Redactor> {
    if credential.revealed.is_empty() {
        return None;
    }
    let name = public_name(credential);
    let slots = credential
        .secrets
        .slots
        .iter()
        .filter(|(slot, _)| !credential.revealed.contains(*slot) && Some(slot.as_str()) != name);
    Some(Redactor::new(slots.map(|(_, secret)| Secret::expose(secret))))
}

fn public_name(credential: &Credential) -> Option<&str> {
    match credential.placement.as_ref()? {
        Placement::Basic { user, password } | Placement::Digest { user, password, .. } => {
            credential.secrets.get(password).is_ok().then_some(user)
        }
        Placement::AwsSigV4(aws) => Some(&aws.access_key_id),
        Placement::OAuth1(oauth) => Some(&oauth.consumer_key),
        Placement::Bearer { .. }
        | Placement::Header { .. }
        | Placement::Query { .. }
        | Placement::BodyField { .. }
        | Placement::Fields { .. }
        | Placement::Signature(_)
        | Placement::Jwt(_) => None,
    }
}

/// What only the gate sets.
#[derive(Default)]
pub(crate) struct Names<'a> {
    pub(crate) headers: Vec<&'a str>,
    pub(crate) parameters: Vec<&'a str>,
    pub(crate) body: Vec<&'a str>,
}

/// The headers, parameters and body fields of a placement.
pub(crate) fn names(placement: &Placement) -> Names<'_> {
    use wharf_model::manifest::Position;
    let mut names = Names::default();
    let fields = match placement {
        Placement::Fields { fields } => fields.as_slice(),
        Placement::Signature(recipe) => recipe.fields.as_slice(),
        Placement::Header { .. }
        | Placement::Query { .. }
        | Placement::BodyField { .. }
        | Placement::Jwt(_)
        | Placement::AwsSigV4(_)
        | Placement::Bearer { .. }
        | Placement::Basic { .. }
        | Placement::OAuth1(_)
        | Placement::Digest { .. } => &[],
    };
    for field in fields {
        match field.position {
            Position::Header => names.headers.push(&field.name),
            Position::Query => names.parameters.push(&field.name),
            Position::Body => names.body.push(&field.name),
        }
    }
    match placement {
        Placement::Header { name, .. } => names.headers.push(name),
        Placement::Query { name, .. } => names.parameters.push(name),
        Placement::BodyField { name, .. } => names.body.push(name),
        Placement::Jwt(jwt) => names.headers.push(&jwt.header),
        Placement::AwsSigV4(_) => {
            names.headers.extend(["x-amz-date", "x-amz-content-sha256", "x-amz-security-token"]);
        }
        // The others use `Authorization`, which no connector sets.
        Placement::Fields { .. }
        | Placement::Signature(_)
        | Placement::Bearer { .. }
        | Placement::Basic { .. }
        | Placement::OAuth1(_)
        | Placement::Digest { .. } => {}
    }
    names
}
