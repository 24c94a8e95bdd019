//! Ways to connect an account: the secrets that a person enters, and where the gate puts them.
//!
//! A slot that only verifies webhooks stands here too: it is a secret like the others.

use serde::Serialize;

use super::Named;

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
pub struct ClientCertificate {
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
}

/// Where the gate puts a credential; the values are names of slots, except for headers and parameters.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
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
        self.slots.push(name, Slot { title, optional });
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
        self.client_certificate = Some(ClientCertificate { certificate: certificate.into(), key: key.into() });
        self
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
