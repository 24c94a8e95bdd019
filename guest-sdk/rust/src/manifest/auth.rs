//! Ways to connect an account: the secrets that a person enters, and where the gate puts them.
//!
//! A slot that only verifies webhooks stands here too: it is a secret like the others.

use serde::Serialize;

use super::Named;

mod recipe;

pub use recipe::{AwsSigV4, Field, OAuth1, OAuth1Method, Recipe, Token};

/// An auth method.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct Auth {
    title: String,
    slots: Named<Slot>,
    #[serde(skip_serializing_if = "Option::is_none")]
    placement: Option<Placement>,
    #[serde(skip_serializing_if = "Option::is_none")]
    client_certificate: Option<ClientCertificate>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    audience: Vec<String>,
}

/// The certificate that the gate shows in TLS; the values are names of slots.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
struct ClientCertificate {
    certificate: String,
    key: String,
}

/// One secret value.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct Slot {
    title: String,
    #[serde(skip_serializing_if = "core::ops::Not::not")]
    optional: bool,
    #[serde(skip_serializing_if = "core::ops::Not::not")]
    hmac: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    reveal: Option<String>,
}

/// Where the gate puts a credential; the values are names of slots, except for headers and parameters.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case", tag = "kind")]
pub enum Placement {
    /// `Authorization: Bearer` (RFC 6750).
    Bearer {
        /// The token's slot.
        slot: String,
    },
    /// `Authorization: Basic` (RFC 7617).
    Basic {
        /// The user name's slot.
        user: String,
        /// The password's slot.
        password: String,
    },
    /// A header of its own.
    Header {
        /// The header's name.
        name: String,
        /// Goes before the value, such as `Token `.
        prefix: String,
        /// The value's slot.
        slot: String,
    },
    /// A query parameter.
    Query {
        /// The parameter's name.
        name: String,
        /// The value's slot.
        slot: String,
    },
    /// A member of a JSON object body, or a field of a form.
    BodyField {
        /// The member's name.
        name: String,
        /// The value's slot.
        slot: String,
    },
    /// Several headers, query parameters and body fields, each by a template.
    Fields {
        /// What is placed.
        fields: Vec<Field>,
    },
    /// The request signed with a keyed hash.
    Signature(Recipe),
    /// A token that the gate signs.
    Jwt(Token),
    /// AWS Signature Version 4.
    AwsSigV4(AwsSigV4),
    /// OAuth 1.0a.
    #[serde(rename = "oauth1")]
    OAuth1(OAuth1),
    /// `Authorization: Digest` (RFC 7616).
    Digest {
        /// The user name's slot.
        user: String,
        /// The password's slot.
        password: String,
        /// Answer a server that offers nothing better than MD5.
        #[serde(rename = "allow-md5", skip_serializing_if = "core::ops::Not::not")]
        allow_md5: bool,
    },
}

impl Auth {
    /// A method without slots.
    #[must_use]
    pub fn new(title: &str) -> Self {
        Self {
            title: title.into(),
            slots: Named::default(),
            placement: None,
            client_certificate: None,
            audience: Vec::new(),
        }
    }

    /// A secret that a person enters.
    #[must_use]
    pub fn slot(self, name: &str, title: &str) -> Self {
        self.push(name, title, false)
    }

    /// A secret without which a connection works too.
    #[must_use]
    pub fn optional_slot(self, name: &str, title: &str) -> Self {
        self.push(name, title, true)
    }

    fn push(mut self, name: &str, title: &str, optional: bool) -> Self {
        let title = title.into();
        self.slots.push(name, Slot { title, optional, hmac: false, reveal: None });
        self
    }

    /// Lets the connector take keyed hashes with the last slot. Only for keys: the hash of a password that
    /// a person chose can be guessed at leisure.
    #[must_use]
    pub fn hmac(mut self) -> Self {
        if let Some(slot) = self.slots.last_mut() {
            slot.hmac = true;
        }
        self
    }

    /// Asks to read the last slot's secret itself, and says why. An operator must grant it by name.
    #[must_use]
    pub fn reveal(mut self, reason: &str) -> Self {
        if let Some(slot) = self.slots.last_mut() {
            slot.reveal = Some(reason.into());
        }
        self
    }

    /// `Authorization: Bearer` with the slot's value.
    #[must_use]
    pub fn bearer(self, slot: &str) -> Self {
        let slot = slot.into();
        self.placement(Placement::Bearer { slot })
    }

    /// `Authorization: Basic` with the values of two slots.
    #[must_use]
    pub fn basic(self, user: &str, password: &str) -> Self {
        let (user, password) = (user.into(), password.into());
        self.placement(Placement::Basic { user, password })
    }

    /// A header with `prefix` and the slot's value.
    #[must_use]
    pub fn header(self, name: &str, prefix: &str, slot: &str) -> Self {
        self.placement(Placement::Header { name: name.into(), prefix: prefix.into(), slot: slot.into() })
    }

    /// A query parameter with the slot's value.
    #[must_use]
    pub fn query(self, name: &str, slot: &str) -> Self {
        let (name, slot) = (name.into(), slot.into());
        self.placement(Placement::Query { name, slot })
    }

    /// A certificate in TLS, from a slot with its chain and a slot with its key, both in PEM; alone, or
    /// with a credential in the request.
    #[must_use]
    pub fn client_certificate(mut self, certificate: &str, key: &str) -> Self {
        self.client_certificate =
            Some(ClientCertificate { certificate: certificate.into(), key: key.into() });
        self
    }

    /// A member of a JSON object body, or a field of a form, with the slot's value.
    #[must_use]
    pub fn body_field(self, name: &str, slot: &str) -> Self {
        let (name, slot) = (name.into(), slot.into());
        self.placement(Placement::BodyField { name, slot })
    }

    /// Several headers, query parameters and body fields, each by a template such as `Token {slot.key}`.
    #[must_use]
    pub fn fields(self, fields: impl IntoIterator<Item = Field>) -> Self {
        self.placement(Placement::Fields { fields: fields.into_iter().collect() })
    }

    /// The request signed by a recipe.
    #[must_use]
    pub fn signature(self, recipe: Recipe) -> Self {
        self.placement(Placement::Signature(recipe))
    }

    /// A token that the gate signs and keeps until shortly before it expires.
    #[must_use]
    pub fn jwt(self, token: Token) -> Self {
        self.placement(Placement::Jwt(token))
    }

    /// AWS Signature Version 4.
    #[must_use]
    pub fn aws_sig_v4(self, aws: AwsSigV4) -> Self {
        self.placement(Placement::AwsSigV4(aws))
    }

    /// OAuth 1.0a with a token that was obtained before.
    #[must_use]
    pub fn oauth1(self, oauth: OAuth1) -> Self {
        self.placement(Placement::OAuth1(oauth))
    }

    /// `Authorization: Digest` with SHA-256.
    #[must_use]
    pub fn digest(self, user: &str, password: &str) -> Self {
        let (user, password) = (user.into(), password.into());
        self.placement(Placement::Digest { user, password, allow_md5: false })
    }

    /// As [`Auth::digest`], with MD5 for a server that offers nothing better.
    #[must_use]
    pub fn digest_with_md5(self, user: &str, password: &str) -> Self {
        let (user, password) = (user.into(), password.into());
        self.placement(Placement::Digest { user, password, allow_md5: true })
    }

    fn placement(mut self, placement: Placement) -> Self {
        self.placement = Some(placement);
        self
    }

    /// An origin that the credential may be sent to. Without any, every origin of the egress that is
    /// neither `*` nor a wildcard.
    #[must_use]
    pub fn audience(mut self, url: &str) -> Self {
        self.audience.push(url.into());
        self
    }
}
