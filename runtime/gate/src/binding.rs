//! A connection's credential, bound: where it is placed, and which origins it may be sent to.

use wharf_model::{
    egress::{Rule, Settings, Target},
    manifest::{AuthMethod, ClientCertificate, Manifest, Placement},
};

use crate::{
    authority::AuthorityError,
    credential::{Credentials, Secret, basic},
    redact::Redactor,
};

/// A connection's credential with what binds it.
pub(crate) struct Credential {
    pub(crate) secrets: Credentials,
    pub(crate) placement: Option<Placement>,
    pub(crate) client_certificate: Option<ClientCertificate>,
    pub(crate) audience: Audience,
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

/// Binds a connection's secrets to the auth method they are for. `rules` are the manifest's.
pub(crate) fn bind(
    secrets: Credentials,
    manifest: &Manifest,
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
    Ok(Credential {
        placement: method.placement.clone(),
        client_certificate: method.client_certificate.clone(),
        secrets,
        audience,
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

/// All secrets, and the pair that Basic sends. The user name of a pair with a password is no
/// secret: it is an account name that providers put into every answer.
pub(crate) fn redactor(credential: &Credential) -> Redactor {
    let secrets = &credential.secrets;
    let (pair, name) = match &credential.placement {
        Some(Placement::Basic { user, password }) => {
            (basic(secrets, user, password), secrets.get(password).is_ok().then_some(user))
        }
        Some(Placement::Bearer { .. } | Placement::Header { .. } | Placement::Query { .. }) | None => {
            (None, None)
        }
    };
    let slots = secrets
        .slots
        .iter()
        .filter(|(slot, _)| Some(*slot) != name)
        .map(|(_, secret)| Secret::expose(secret));
    Redactor::new(slots.chain(pair.as_ref().map(|pair| pair.as_bytes())))
}
