//! TLS as a client: whom the gate trusts, and who it says it is.
//!
//! Certificates are always verified and nothing below TLS 1.2 is spoken; there is no switch for
//! either. A client certificate belongs to a connection of its own: a socket on which one account
//! was recognised never serves a request without that account's credential.

use std::sync::Arc;

use base64::{Engine as _, engine::general_purpose::STANDARD};
use rustls::{
    ClientConfig, RootCertStore,
    client::Resumption,
    crypto::{CryptoProvider, ring},
    pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject as _},
    sign::{CertifiedKey, SingleCertAndKey},
};
use sha2::{Digest as _, Sha256};

use wharf_model::{digest::Digest, manifest::ClientCertificate};

use crate::credential::{Credentials, Secret, UnknownSlot};

/// Sessions that an account may resume, all hosts together.
const SESSIONS: usize = 16;

/// Authorities of a grant; an operator's PEM file of the whole web's is a mistake.
const MAX_ROOTS: usize = 64;

/// A certificate, a key or an authority that cannot be used. Never a value.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TlsMaterialError {
    /// Not PEM, or nothing of the kind in it.
    #[error("{what}: {problem}; give it in PEM")]
    Pem {
        /// What it is for.
        what: &'static str,
        /// What is wrong.
        problem: String,
    },
    /// The connection holds nothing in one of the two slots.
    #[error("the connection holds nothing in the slot `{slot}`, where its client certificate should be")]
    Empty {
        /// The slot.
        slot: String,
    },
    /// The key is of a kind that cannot sign, or is not the certificate's.
    #[error("the client certificate and its key cannot be used: {0}")]
    Pair(String),
    /// The TLS library refused its own defaults.
    #[error("tls: {0}")]
    Library(String),
}

/// A certificate authority by itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CertificateAuthority {
    /// SHA-256 over its DER, as `openssl x509 -noout -fingerprint -sha256` prints it with colons.
    pub fingerprint: Digest,
    /// The certificate in PEM, and nothing else.
    pub pem: String,
}

impl CertificateAuthority {
    /// The certificates in `pem`, one by one. What else stands in there is left out, so that a private
    /// key in the same file goes no further.
    ///
    /// # Errors
    /// There is no certificate in it, one cannot be used, or there are too many.
    pub fn read(pem: &str) -> Result<Vec<Self>, TlsMaterialError> {
        Self::read_all([pem])
    }

    /// As [`Self::read`], of several texts; the number of certificates is bounded over all of them.
    ///
    /// # Errors
    /// As [`Self::read`], of any of them.
    pub fn read_all<P: AsRef<str>>(pems: impl IntoIterator<Item = P>) -> Result<Vec<Self>, TlsMaterialError> {
        let pems: Vec<P> = pems.into_iter().collect();
        let Roots(roots) = Roots::read(pems.iter().map(|pem| pem.as_ref().as_bytes()))?;
        Ok(roots.iter().map(Self::of).collect())
    }

    fn of(root: &CertificateDer<'static>) -> Self {
        let encoded = STANDARD.encode(root);
        let mut pem = "-----BEGIN CERTIFICATE-----\n".to_owned();
        for (position, letter) in encoded.chars().enumerate() {
            if position > 0 && position % 64 == 0 {
                pem.push('\n');
            }
            pem.push(letter);
        }
        pem.push_str("\n-----END CERTIFICATE-----\n");
        Self { fingerprint: Digest::of(root), pem }
    }
}

/// Authorities that are trusted besides the built-in ones.
#[derive(Clone, Debug, Default)]
pub(crate) struct Roots(Vec<CertificateDer<'static>>);

impl Roots {
    pub(crate) fn read<'a>(pems: impl IntoIterator<Item = &'a [u8]>) -> Result<Self, TlsMaterialError> {
        let mut roots = Vec::new();
        for pem in pems {
            roots.extend(certificates(pem, "a certificate authority")?);
        }
        if roots.len() > MAX_ROOTS {
            let problem = format!("{} certificates; at most {MAX_ROOTS}", roots.len());
            return Err(TlsMaterialError::Pem { what: "a certificate authority", problem });
        }
        // Found out here, and not at the first dial.
        let mut store = RootCertStore::empty();
        for root in &roots {
            add(&mut store, root)?;
        }
        Ok(Self(roots))
    }

    pub(crate) fn extend(&mut self, more: Self) {
        self.0.extend(more.0);
    }
}

/// A client certificate with its key, ready to sign.
#[derive(Clone, Debug)]
pub(crate) struct Identity(Arc<CertifiedKey>);

impl Identity {
    /// The certificate that a connection keeps in two of its slots.
    pub(crate) fn of_slots(
        slots: &ClientCertificate,
        secrets: &Credentials,
    ) -> Result<Self, TlsMaterialError> {
        let get = |slot: &String| {
            secrets.get(slot).map_err(|UnknownSlot| TlsMaterialError::Empty { slot: slot.clone() })
        };
        Self::read(get(&slots.certificate)?, get(&slots.key)?)
    }

    /// Reads a chain (the client's own certificate first) and its key: PKCS #8, PKCS #1 or SEC 1.
    pub(crate) fn read(chain: &Secret, key: &Secret) -> Result<Self, TlsMaterialError> {
        let chain = certificates(chain.expose(), "the client certificate")?;
        let key = PrivateKeyDer::from_pem_slice(key.expose())
            .map_err(|error| TlsMaterialError::Pem { what: "the client key", problem: error.to_string() })?;
        let pair = CertifiedKey::from_der(chain, key, &ring::default_provider())
            .map_err(|error| TlsMaterialError::Pair(error.to_string()))?;
        Ok(Self(Arc::new(pair)))
    }
}

/// What a client's sockets are made with, besides the server's own configuration.
#[derive(Clone, Debug)]
pub(crate) struct ClientTls {
    roots: Roots,
    identity: Option<Identity>,
    /// The same for the same material only.
    pub(crate) fingerprint: [u8; 32],
}

impl ClientTls {
    pub(crate) fn new(roots: Roots, identity: Option<Identity>) -> Self {
        let mut hash = Sha256::new();
        let chain = identity.iter().flat_map(|identity| &identity.0.cert);
        for (kind, der) in roots.0.iter().map(|der| (b"r", der)).chain(chain.map(|der| (b"i", der))) {
            hash.update(kind);
            hash.update((der.len() as u64).to_le_bytes());
            hash.update(der);
        }
        let fingerprint = hash.finalize().into();
        Self { roots, identity, fingerprint }
    }
}

/// What all clients of a gate have in common.
#[derive(Debug)]
pub(crate) struct Trust {
    provider: Arc<CryptoProvider>,
    roots: Arc<RootCertStore>,
}

impl Trust {
    /// The Mozilla roots and the operator's.
    pub(crate) fn new(extra: &Roots) -> Result<Self, TlsMaterialError> {
        let mut roots = RootCertStore { roots: webpki_roots::TLS_SERVER_ROOTS.to_vec() };
        for root in &extra.0 {
            add(&mut roots, root)?;
        }
        let trust = Self { provider: Arc::new(ring::default_provider()), roots: Arc::new(roots) };
        trust.config(&ClientTls::new(Roots::default(), None)).map(|_| trust)
    }

    /// The configuration of one client; its sessions are resumed by that client alone.
    pub(crate) fn config(&self, client: &ClientTls) -> Result<ClientConfig, TlsMaterialError> {
        let mut roots = Arc::clone(&self.roots);
        if !client.roots.0.is_empty() {
            let mut more = RootCertStore::clone(&roots);
            for root in &client.roots.0 {
                add(&mut more, root)?;
            }
            roots = Arc::new(more);
        }
        let builder = ClientConfig::builder_with_provider(Arc::clone(&self.provider))
            .with_safe_default_protocol_versions()
            .map_err(|error| TlsMaterialError::Library(error.to_string()))?
            .with_root_certificates(roots);
        let mut config = match &client.identity {
            Some(Identity(pair)) => {
                builder.with_client_cert_resolver(Arc::new(SingleCertAndKey::from(Arc::clone(pair))))
            }
            None => builder.with_no_client_auth(),
        };
        config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
        config.resumption = Resumption::in_memory_sessions(SESSIONS);
        Ok(config)
    }
}

fn certificates(pem: &[u8], what: &'static str) -> Result<Vec<CertificateDer<'static>>, TlsMaterialError> {
    let fail = |problem: String| TlsMaterialError::Pem { what, problem };
    let read: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(pem).collect();
    let certificates = read.map_err(|error| fail(error.to_string()))?;
    if certificates.is_empty() {
        return Err(fail("no certificate in it".to_owned()));
    }
    Ok(certificates)
}

fn add(store: &mut RootCertStore, root: &CertificateDer<'static>) -> Result<(), TlsMaterialError> {
    store.add(root.clone()).map_err(|error| TlsMaterialError::Pem {
        what: "a certificate authority",
        problem: error.to_string(),
    })
}
