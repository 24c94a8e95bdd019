//! A manifest's placement, made ready for one connection: templates parsed, settings filled in.
//!
//! Placing comes after every decision and after the redirect's origin check, once for each exchange:
//! a hop to the same origin is signed anew, a hop elsewhere gets nothing.

use base64::{Engine as _, engine::general_purpose::STANDARD};
use http::HeaderMap;
use wharf_model::{
    egress::Settings,
    manifest::{Context, PlacedField, Placement, Position},
};
use zeroize::Zeroizing;

use super::{
    Credentials, PlaceError, Secret,
    aws::Aws,
    digest::Digest,
    jwt::Token,
    oauth1::OAuth,
    outgoing::{Misfit, Outgoing},
    render::{Filled, Now, Values},
    signature::Signature,
};

/// See the module.
pub(crate) enum Plan {
    Fields(Vec<Field>),
    Basic { user: String, password: String },
    Signature(Signature),
    Jwt(Token),
    Aws(Aws),
    OAuth1(OAuth),
    Digest(Digest),
}

/// One header, query parameter or body field, ready.
pub(crate) struct Field {
    position: Position,
    name: String,
    pub(super) value: Filled,
}

/// A token that the gate made; an echo of it is as good as the key until it expires.
pub(crate) struct Minted(pub(crate) Zeroizing<String>);

impl Field {
    pub(super) fn all(
        fields: &[PlacedField],
        context: Context,
        settings: Settings<'_>,
    ) -> Result<Vec<Self>, PlaceError> {
        let field = |field: &PlacedField| {
            let value = Filled::new(&field.value, context, settings)?;
            Ok(Self { position: field.position, name: field.name.clone(), value })
        };
        fields.iter().map(field).collect()
    }

    fn of_slot(position: Position, name: &str, prefix: &str, slot: &str) -> Vec<Self> {
        vec![Self { position, name: name.to_owned(), value: Filled::of_slot(prefix, slot) }]
    }

    pub(super) fn place(
        &self,
        secrets: &Credentials,
        now: &Now,
        outgoing: &mut Outgoing,
        signature: &str,
    ) -> Result<(), PlaceError> {
        let value = self.value.render(&Values { secrets, now, outgoing, signature })?;
        let slot = || self.value.slot();
        outgoing.put(self.position, &self.name, &value).map_err(|misfit| PlaceError::of(misfit, slot))
    }
}

impl PlaceError {
    pub(super) fn of(misfit: Misfit, slot: impl FnOnce() -> String) -> Self {
        match misfit {
            Misfit::Value => Self::Unfit(slot()),
            Misfit::Body(problem) => Self::Request(problem),
        }
    }
}

impl Credentials {
    pub(super) fn need(&self, slot: &str) -> Result<&[u8], PlaceError> {
        self.get(slot).map(Secret::expose).map_err(|_| PlaceError::Empty(slot.to_owned()))
    }
}

impl Plan {
    /// Reads a placement; the connection's settings go in now, its secrets with each request.
    pub(crate) fn new(placement: &Placement, settings: Settings<'_>) -> Result<Self, PlaceError> {
        Ok(match placement {
            Placement::Bearer { slot } => {
                Self::Fields(Field::of_slot(Position::Header, "authorization", "Bearer ", slot))
            }
            Placement::Basic { user, password } => {
                Self::Basic { user: user.clone(), password: password.clone() }
            }
            Placement::Header { name, prefix, slot } => {
                Self::Fields(Field::of_slot(Position::Header, name, prefix, slot))
            }
            Placement::Query { name, slot } => Self::Fields(Field::of_slot(Position::Query, name, "", slot)),
            Placement::BodyField { name, slot } => {
                Self::Fields(Field::of_slot(Position::Body, name, "", slot))
            }
            Placement::Fields { fields } => Self::Fields(Field::all(fields, Context::Field, settings)?),
            Placement::Signature(recipe) => Self::Signature(Signature::new(recipe, settings)?),
            Placement::Jwt(jwt) => Self::Jwt(Token::new(jwt, settings)?),
            Placement::AwsSigV4(aws) => Self::Aws(Aws::new(aws, settings)?),
            Placement::OAuth1(oauth) => Self::OAuth1(OAuth::new(oauth, settings)?),
            Placement::Digest { user, password, allow_md5 } => {
                Self::Digest(Digest::new(user, password, *allow_md5))
            }
        })
    }

    /// Puts the credential into a request.
    pub(crate) fn place(
        &self,
        secrets: &Credentials,
        now: &Now,
        outgoing: &mut Outgoing,
    ) -> Result<Option<Minted>, PlaceError> {
        match self {
            Self::Fields(fields) => {
                for field in fields {
                    field.place(secrets, now, outgoing, "")?;
                }
            }
            Self::Basic { user, password } => {
                let pair = basic(secrets, user, password).ok_or_else(|| PlaceError::Empty(user.clone()))?;
                let value = Zeroizing::new(format!("Basic {}", pair.as_str()));
                outgoing
                    .put(Position::Header, "authorization", value.as_bytes())
                    .map_err(|_| PlaceError::Unfit(user.clone()))?;
            }
            Self::Signature(signature) => signature.place(secrets, now, outgoing)?,
            Self::Jwt(token) => return token.place(secrets, now, outgoing),
            Self::Aws(aws) => aws.place(secrets, now, outgoing)?,
            Self::OAuth1(oauth) => oauth.place(secrets, now, outgoing)?,
            Self::Digest(digest) => digest.place(secrets, now, outgoing)?,
        }
        Ok(None)
    }

    /// Takes a refusal's challenge in; whether the request can now be sent again with an answer.
    pub(crate) fn learn(&self, origin: impl FnOnce() -> String, status: u16, headers: &HeaderMap) -> bool {
        match self {
            Self::Digest(digest) => status == 401 && digest.learn(&origin(), headers),
            Self::Fields(_)
            | Self::Basic { .. }
            | Self::Signature(_)
            | Self::Jwt(_)
            | Self::Aws(_)
            | Self::OAuth1(_) => false,
        }
    }
}

/// `user:password` in base64; one of the two may be empty (RFC 7617, section 2), not both.
pub(crate) fn basic(credentials: &Credentials, user: &str, password: &str) -> Option<Zeroizing<String>> {
    let part = |slot| credentials.get(slot).map_or(&[] as &[u8], Secret::expose);
    let (user, password) = (part(user), part(password));
    if (user.is_empty() && password.is_empty()) || user.contains(&b':') {
        return None;
    }
    let pair = Zeroizing::new([user, b":", password].concat());
    Some(Zeroizing::new(STANDARD.encode(pair.as_slice())))
}
