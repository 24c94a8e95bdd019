//! Credentials that are made anew for each request: a keyed hash over it, a token, or a scheme of its own.
//!
//! A recipe says what is signed and never what is called: method, host and path are read, not written.

use indexmap::IndexMap;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{HashAlgorithm, KeyEncoding, PlacedField, TextEncoding};

/// How a request is signed: the parts, joined, go through HMAC (RFC 2104), and the fields carry the result.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct SignatureRecipe {
    /// The key's slot.
    pub key: String,
    /// How the slot holds the key.
    #[serde(default, skip_serializing_if = "KeyEncoding::is_text")]
    pub key_encoding: KeyEncoding,
    /// The hash function.
    pub algorithm: HashAlgorithm,
    /// How the signature is written.
    pub encoding: TextEncoding,
    /// What is signed, as templates in order: `{method}`, `{host}`, `{path}`, `{query}`, `{query.sorted}`, `{header.x}`,
    /// `{time.unix}`, `{time.unix-ms}`, `{time.iso}`, `{time.http}`, `{nonce}`, `{body}`, `{body.sha256.hex}`, `{slot.x}`,
    /// `{connection.x}`, and text.
    pub sign: Vec<String>,
    /// Stands between the parts.
    #[serde(default)]
    pub join: String,
    /// What is sent; those without `{signature}` are placed first, so that it can cover them.
    pub fields: Vec<PlacedField>,
}

/// A JSON Web Token. The gate adds `iat` and `exp`, and keeps the token until shortly before it expires.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Jwt {
    /// How it is signed.
    pub algorithm: JwtAlgorithm,
    /// The key's slot: text for `HS…`, a private key in PEM otherwise.
    pub key: String,
    /// How the slot holds a key of `HS…`.
    #[serde(default, skip_serializing_if = "KeyEncoding::is_text")]
    pub key_encoding: KeyEncoding,
    /// The header's `kid`, a template.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub key_id: Option<String>,
    /// The claims: each string in it is a template over slots, settings, `{nonce}` and times; `{time.unix}` alone is a number.
    pub claims: IndexMap<String, Value>,
    /// From `iat` to `exp`, in seconds.
    pub lifetime_s: u32,
    /// How far back `iat` lies, for providers whose clock is behind, in seconds.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub backdate_s: u32,
    /// Which header carries it.
    #[serde(default = "authorization", skip_serializing_if = "is_authorization")]
    pub header: String,
    /// Goes before it.
    #[serde(default = "bearer", skip_serializing_if = "is_bearer")]
    pub prefix: String,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde's signature")]
fn is_zero(value: &u32) -> bool {
    *value == 0
}

fn authorization() -> String {
    "Authorization".to_owned()
}

fn is_authorization(name: &str) -> bool {
    name == "Authorization"
}

fn bearer() -> String {
    "Bearer ".to_owned()
}

fn is_bearer(prefix: &str) -> bool {
    prefix == "Bearer "
}

/// A signature algorithm of a token (RFC 7518, section 3.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum JwtAlgorithm {
    /// HMAC with SHA-256.
    HS256,
    /// HMAC with SHA-384.
    HS384,
    /// HMAC with SHA-512.
    HS512,
    /// RSA PKCS #1 v1.5 with SHA-256.
    RS256,
    /// RSA-PSS with SHA-256.
    PS256,
    /// ECDSA on P-256 with SHA-256.
    ES256,
}

impl JwtAlgorithm {
    /// As the token's header has it.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::HS256 => "HS256",
            Self::HS384 => "HS384",
            Self::HS512 => "HS512",
            Self::RS256 => "RS256",
            Self::PS256 => "PS256",
            Self::ES256 => "ES256",
        }
    }
}

/// AWS Signature Version 4, in the header, with the payload's hash.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct AwsSigV4 {
    /// The access key id's slot.
    pub access_key_id: String,
    /// The secret access key's slot.
    pub secret_access_key: String,
    /// The session token's slot; sent when the connection holds one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub session_token: Option<String>,
    /// The service, a template over settings: `s3`. Paths of `s3` are signed as they are, others encoded again.
    pub service: String,
    /// The region, a template over settings: `{connection.region}`.
    pub region: String,
}

/// OAuth 1.0a. `PLAINTEXT` is not offered: it is two passwords in a header.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct OAuth1 {
    /// The consumer key's slot.
    pub consumer_key: String,
    /// The consumer secret's slot.
    pub consumer_secret: String,
    /// The token's slot; none for two-legged calls.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub token: Option<String>,
    /// The token secret's slot.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub token_secret: Option<String>,
    /// How the request is signed.
    pub signature_method: OAuth1Method,
    /// The header's `realm`, a template over settings.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub realm: Option<String>,
}

/// How OAuth 1.0a signs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum OAuth1Method {
    /// HMAC-SHA1 (RFC 5849, section 3.4.2).
    HmacSha1,
    /// HMAC-SHA256, as many providers have it.
    HmacSha256,
}

impl OAuth1Method {
    /// As `oauth_signature_method` has it.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::HmacSha1 => "HMAC-SHA1",
            Self::HmacSha256 => "HMAC-SHA256",
        }
    }
}
