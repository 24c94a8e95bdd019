//! Recipes by which the gate signs. Texts that are called templates may name values in braces, such as
//! `{slot.id}`, `{connection.region}` or `{time.unix}`; the reference of auth methods lists them.

use serde::Serialize;
use serde_json::Value;

use crate::manifest::Named;

/// One header, query parameter or body field.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct Field {
    #[serde(rename = "in")]
    position: &'static str,
    name: String,
    value: String,
}

impl Field {
    /// A header; `value` is a template.
    #[must_use]
    pub fn header(name: &str, value: &str) -> Self {
        Self { position: "header", name: name.into(), value: value.into() }
    }

    /// A query parameter; `value` is a template.
    #[must_use]
    pub fn query(name: &str, value: &str) -> Self {
        Self { position: "query", name: name.into(), value: value.into() }
    }

    /// A member of a JSON object body, or a field of a form; `value` is a template.
    #[must_use]
    pub fn body(name: &str, value: &str) -> Self {
        Self { position: "body", name: name.into(), value: value.into() }
    }
}

/// How a request is signed: the parts, joined, go through HMAC, and the fields carry the result.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct Recipe {
    key: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    key_encoding: Option<String>,
    algorithm: String,
    encoding: String,
    sign: Vec<String>,
    #[serde(skip_serializing_if = "String::is_empty")]
    join: String,
    fields: Vec<Field>,
}

impl Recipe {
    /// `algorithm` is `sha1`, `sha256` or `sha512`; `encoding` is `hex`, `base64` or `base64url`.
    #[must_use]
    pub fn new(key: &str, algorithm: &str, encoding: &str) -> Self {
        Self {
            key: key.into(),
            key_encoding: None,
            algorithm: algorithm.into(),
            encoding: encoding.into(),
            sign: Vec::new(),
            join: String::new(),
            fields: Vec::new(),
        }
    }

    /// How the slot holds the key, if not as it is: `hex` or `base64`.
    #[must_use]
    pub fn key_encoding(mut self, encoding: &str) -> Self {
        self.key_encoding = Some(encoding.into());
        self
    }

    /// What is signed, in order, with `join` between the parts, which are templates.
    #[must_use]
    pub fn sign(mut self, parts: &[&str], join: &str) -> Self {
        self.sign = parts.iter().map(|part| (*part).into()).collect();
        self.join = join.into();
        self
    }

    /// Something that is sent; one of them with `{signature}`.
    #[must_use]
    pub fn field(mut self, field: Field) -> Self {
        self.fields.push(field);
        self
    }
}

/// A JSON Web Token.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct Token {
    algorithm: String,
    key: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    key_encoding: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    key_id: Option<String>,
    claims: Named<Value>,
    lifetime_s: u32,
    #[serde(skip_serializing_if = "is_zero")]
    backdate_s: u32,
    #[serde(skip_serializing_if = "Option::is_none")]
    header: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    prefix: Option<String>,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde's signature")]
fn is_zero(value: &u32) -> bool {
    *value == 0
}

impl Token {
    /// `algorithm` is `HS256`, `HS384`, `HS512`, `RS256`, `PS256` or `ES256`; `key` is a slot.
    #[must_use]
    pub fn new(algorithm: &str, key: &str, lifetime_s: u32) -> Self {
        Self {
            algorithm: algorithm.into(),
            key: key.into(),
            key_encoding: None,
            key_id: None,
            claims: Named::default(),
            lifetime_s,
            backdate_s: 0,
            header: None,
            prefix: None,
        }
    }

    /// How the slot holds a key of `HS…`, if not as it is: `hex` or `base64`.
    #[must_use]
    pub fn key_encoding(mut self, encoding: &str) -> Self {
        self.key_encoding = Some(encoding.into());
        self
    }

    /// The header's `kid`, a template.
    #[must_use]
    pub fn key_id(mut self, template: &str) -> Self {
        self.key_id = Some(template.into());
        self
    }

    /// A claim; strings in it are templates. The gate adds `iat` and `exp`.
    #[must_use]
    pub fn claim(mut self, name: &str, value: impl Into<Value>) -> Self {
        self.claims.push(name, value.into());
        self
    }

    /// How far back `iat` lies, in seconds.
    #[must_use]
    pub fn backdate(mut self, seconds: u32) -> Self {
        self.backdate_s = seconds;
        self
    }

    /// A header other than `Authorization`, with `prefix` before the token.
    #[must_use]
    pub fn in_header(mut self, name: &str, prefix: &str) -> Self {
        self.header = Some(name.into());
        self.prefix = Some(prefix.into());
        self
    }
}

/// AWS Signature Version 4.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct AwsSigV4 {
    access_key_id: String,
    secret_access_key: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    session_token: Option<String>,
    service: String,
    region: String,
}

impl AwsSigV4 {
    /// The slots of the key pair; `service` and `region` are templates over settings.
    #[must_use]
    pub fn new(access_key_id: &str, secret_access_key: &str, service: &str, region: &str) -> Self {
        Self {
            access_key_id: access_key_id.into(),
            secret_access_key: secret_access_key.into(),
            session_token: None,
            service: service.into(),
            region: region.into(),
        }
    }

    /// The slot of a session token, which is sent when the connection holds one.
    #[must_use]
    pub fn session_token(mut self, slot: &str) -> Self {
        self.session_token = Some(slot.into());
        self
    }
}

/// How OAuth 1.0a signs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum OAuth1Method {
    /// HMAC-SHA1.
    HmacSha1,
    /// HMAC-SHA256.
    HmacSha256,
}

/// OAuth 1.0a.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct OAuth1 {
    consumer_key: String,
    consumer_secret: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    token: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    token_secret: Option<String>,
    signature_method: OAuth1Method,
    #[serde(skip_serializing_if = "Option::is_none")]
    realm: Option<String>,
}

impl OAuth1 {
    /// The slots of the consumer's key and secret.
    #[must_use]
    pub fn new(consumer_key: &str, consumer_secret: &str, signature_method: OAuth1Method) -> Self {
        Self {
            consumer_key: consumer_key.into(),
            consumer_secret: consumer_secret.into(),
            token: None,
            token_secret: None,
            signature_method,
            realm: None,
        }
    }

    /// The slots of the token and its secret.
    #[must_use]
    pub fn token(mut self, token: &str, secret: &str) -> Self {
        self.token = Some(token.into());
        self.token_secret = Some(secret.into());
        self
    }

    /// The header's `realm`, a template over settings.
    #[must_use]
    pub fn realm(mut self, template: &str) -> Self {
        self.realm = Some(template.into());
        self
    }
}
