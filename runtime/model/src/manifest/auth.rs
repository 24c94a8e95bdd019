//! How an account is connected: which secrets a person enters, and what the gate makes of them.
//!
//! A recipe names slots and never holds a secret, and it has no way to say `host`, `path` or `method`:
//! what it makes goes into headers, query parameters and body fields, where the audience alone reads it.

mod signing;

use std::collections::BTreeSet;

use indexmap::IndexMap;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

pub use self::signing::{AwsSigV4, Jwt, JwtAlgorithm, OAuth1, OAuth1Method, SignatureRecipe};
use super::recipe::{Context, Template};

/// One way to connect an account: which secrets it takes and where the gate puts them.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct AuthMethod {
    /// For people.
    pub title: String,
    /// The secrets that a person enters, by slot; a slot used for webhooks stands here too.
    pub slots: IndexMap<String, Slot>,
    /// Where the credential goes on a request; none for a method that only verifies webhooks.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub placement: Option<Placement>,
    /// The certificate that the gate shows in TLS where the credential may go; alone, or with a placement.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub client_certificate: Option<ClientCertificate>,
    /// The origins the credential may be sent to, as egress URLs. Empty: every origin of `egress` that is neither `*` nor a wildcard.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub audience: Vec<String>,
}

/// A client certificate for TLS (RFC 8446, section 4.4.2), in two slots of the method.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct ClientCertificate {
    /// The slot of the chain in PEM, the client's own certificate first.
    pub certificate: String,
    /// The slot of its key in PEM: PKCS #8, PKCS #1 or SEC 1, not encrypted.
    pub key: String,
}

/// One secret value.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Slot {
    /// For people.
    pub title: String,
    /// Whether a connection works without it.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub optional: bool,
    /// Whether the connector may take keyed hashes with it (`credentials.hmac` and `credentials.verify`). Only for keys:
    /// the hash of a password that a person chose can be guessed at leisure.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub hmac: bool,
    /// Why the connector must read the value itself (`credentials.reveal`), for the operator who is asked: nothing is
    /// revealed without a grant that names the slot.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reveal: Option<String>,
}

/// Where the gate puts a credential. Names in `slot`, `key` and the like are slots of the method; texts that are called
/// templates may name values in braces, such as `{slot.id}`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields, tag = "kind")]
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
        #[serde(default)]
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
    /// A member of a JSON object body, or a field of an `application/x-www-form-urlencoded` one.
    BodyField {
        /// The member's name.
        name: String,
        /// The value's slot.
        slot: String,
    },
    /// Several headers, query parameters and body fields, each by a template.
    Fields {
        /// What is placed.
        fields: Vec<PlacedField>,
    },
    /// The request signed with a keyed hash, by a recipe.
    Signature(SignatureRecipe),
    /// A JSON Web Token (RFC 7519) that the gate signs and sends until it expires.
    Jwt(Jwt),
    /// AWS Signature Version 4.
    AwsSigV4(AwsSigV4),
    /// OAuth 1.0a (RFC 5849) with a token that was obtained before.
    #[serde(rename = "oauth1")]
    OAuth1(OAuth1),
    /// `Authorization: Digest` (RFC 7616) with `qop=auth`. A request for which no challenge is known goes out without
    /// the credential and is sent again once it was refused.
    Digest {
        /// The user name's slot.
        user: String,
        /// The password's slot.
        password: String,
        /// Answer a server that offers nothing better than MD5.
        #[serde(default, rename = "allow-md5", skip_serializing_if = "std::ops::Not::not")]
        allow_md5: bool,
    },
}

impl Placement {
    /// The slots whose values it uses, each once; a broken template names none.
    #[must_use]
    pub fn slots(&self) -> Vec<String> {
        let mut slots: Vec<String> = match self {
            Self::Bearer { slot }
            | Self::Header { slot, .. }
            | Self::Query { slot, .. }
            | Self::BodyField { slot, .. } => vec![slot.clone()],
            Self::Basic { user, password } | Self::Digest { user, password, .. } => {
                vec![user.clone(), password.clone()]
            }
            Self::Fields { .. } => Vec::new(),
            Self::Signature(recipe) => vec![recipe.key.clone()],
            Self::Jwt(jwt) => vec![jwt.key.clone()],
            Self::AwsSigV4(aws) => {
                let fixed = [&aws.access_key_id, &aws.secret_access_key];
                fixed.into_iter().chain(&aws.session_token).cloned().collect()
            }
            Self::OAuth1(oauth) => {
                let fixed = [&oauth.consumer_key, &oauth.consumer_secret];
                fixed.into_iter().chain(&oauth.token).chain(&oauth.token_secret).cloned().collect()
            }
        };
        for (text, context) in self.templates() {
            if let Ok(template) = Template::parse(text, context) {
                slots.extend(template.slots().map(str::to_owned));
            }
        }
        let mut seen = BTreeSet::new();
        slots.retain(|slot| seen.insert(slot.clone()));
        slots
    }

    /// Every template in it with where it stands.
    #[must_use]
    pub fn templates(&self) -> Vec<(&str, Context)> {
        let mut found = Vec::new();
        match self {
            Self::Fields { fields } => {
                found.extend(fields.iter().map(|field| (field.value.as_str(), Context::Field)))
            }
            Self::Signature(recipe) => {
                found.extend(recipe.sign.iter().map(|part| (part.as_str(), Context::Signed)));
                found.extend(
                    recipe.fields.iter().map(|field| (field.value.as_str(), Context::SignatureField)),
                );
            }
            Self::Jwt(jwt) => {
                found.extend(jwt.key_id.iter().map(|text| (text.as_str(), Context::Claim)));
                for claim in jwt.claims.values() {
                    strings(claim, &mut |text| found.push((text, Context::Claim)));
                }
            }
            Self::AwsSigV4(aws) => {
                found.extend([(aws.service.as_str(), Context::Name), (aws.region.as_str(), Context::Name)]);
            }
            Self::OAuth1(oauth) => {
                found.extend(oauth.realm.iter().map(|text| (text.as_str(), Context::Name)))
            }
            Self::Bearer { .. }
            | Self::Basic { .. }
            | Self::Header { .. }
            | Self::Query { .. }
            | Self::BodyField { .. }
            | Self::Digest { .. } => {}
        }
        found
    }
}

/// The strings in a claim; a manifest is a JSON text, which bounds the depth.
fn strings<'a>(value: &'a Value, each: &mut impl FnMut(&'a str)) {
    match value {
        Value::String(text) => each(text),
        Value::Array(items) => items.iter().for_each(|item| strings(item, each)),
        Value::Object(members) => members.values().for_each(|member| strings(member, each)),
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}

/// One header, query parameter or body field.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct PlacedField {
    /// Where.
    #[serde(rename = "in")]
    pub position: Position,
    /// The header's, parameter's or member's name.
    pub name: String,
    /// A template: `Token {slot.key}`.
    pub value: String,
}

/// Where a field goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Position {
    /// A header.
    Header,
    /// A query parameter.
    Query,
    /// A member of a JSON object body, or a field of a form.
    Body,
}

/// A hash function.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum HashAlgorithm {
    /// SHA-1; for providers that know nothing better.
    Sha1,
    /// SHA-256 (FIPS 180-4).
    Sha256,
    /// SHA-512.
    Sha512,
}

/// How bytes become text.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum TextEncoding {
    /// Lower-case hexadecimal.
    Hex,
    /// Base64 with padding (RFC 4648, section 4).
    Base64,
    /// Base64 for URLs, without padding (RFC 4648, section 5).
    Base64url,
}

/// How a slot's text holds a key.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum KeyEncoding {
    /// Its bytes are the key.
    #[default]
    Text,
    /// Hexadecimal.
    Hex,
    /// Base64, either alphabet, with or without padding.
    Base64,
}

impl KeyEncoding {
    fn is_text(&self) -> bool {
        *self == Self::Text
    }
}
