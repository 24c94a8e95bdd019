//! What a grant opens that must not pass unseen: secrets that the connector may read itself, and
//! certificate authorities that it trusts. Each is said aloud in the audit log, besides the grant.

use std::collections::BTreeSet;

use serde_json::json;
use wharf_gate::CertificateAuthority;
use wharf_model::grant::Grant;
use wharf_store::By;

use crate::{engine::Engine, error::EngineError};

/// What a grant opens beyond the one before it.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Opened {
    /// Secrets, as `METHOD/SLOT`.
    secrets: Vec<String>,
    /// Fingerprints of authorities.
    authorities: Vec<String>,
}

impl Engine {
    /// Says in the audit log what is open from now on.
    pub(super) async fn announce(&self, name: &str, opened: Opened, by: &By) -> Result<(), EngineError> {
        let secrets = opened.secrets.iter().map(|secret| ("grant.reveal", json!({ "secret": secret })));
        let authorities =
            opened.authorities.iter().map(|root| ("grant.root", json!({ "fingerprint": root })));
        for (act, detail) in secrets.chain(authorities) {
            self.inner.store.record(by.clone(), act, name.to_owned(), detail).await?;
        }
        Ok(())
    }

    /// What `grant`, which has been checked, opens and the grant before did not. Each secret must be
    /// asked for by a version that is installed.
    pub(super) async fn opened(&self, name: &str, grant: &Grant) -> Result<Opened, EngineError> {
        let before = self.inner.store.grant(name.to_owned()).await?.map(|row| row.grant).unwrap_or_default();
        let secrets: Vec<String> =
            grant.reveal.iter().filter(|secret| !before.reveal.contains(secret)).cloned().collect();
        if !secrets.is_empty() {
            self.asked_to_reveal(name, &secrets).await?;
        }
        let trusted = fingerprints(&before);
        let authorities = fingerprints(grant).into_iter().filter(|root| !trusted.contains(root)).collect();
        Ok(Opened { secrets, authorities })
    }

    /// Refuses a secret that no installed version asks to read.
    async fn asked_to_reveal(&self, name: &str, secrets: &[String]) -> Result<(), EngineError> {
        let mut asked = BTreeSet::new();
        for row in self.inner.store.connectors().await?.into_iter().filter(|row| row.name == name) {
            if let Ok(manifest) = wharf_package::parse_manifest(&row.manifest) {
                for (method, auth) in &manifest.auth {
                    let slots = auth.slots.iter().filter(|(_, slot)| slot.reveal.is_some());
                    asked.extend(slots.map(|(slot, _)| format!("{method}/{slot}")));
                }
            }
        }
        match secrets.iter().find(|secret| !asked.contains(*secret)) {
            Some(secret) => {
                let asked: Vec<String> = asked.into_iter().collect();
                let asked = if asked.is_empty() { "none".to_owned() } else { asked.join(", ") };
                Err(EngineError::Invalid(format!(
                    "{name} does not ask to read the secret `{secret}`; it asks for: {asked}"
                )))
            }
            None => Ok(()),
        }
    }
}

/// Of the authorities of a grant. What cannot be read was refused when it came in.
fn fingerprints(grant: &Grant) -> Vec<String> {
    let read = grant.roots.iter().flat_map(|pem| CertificateAuthority::read(pem).unwrap_or_default());
    read.map(|root| root.fingerprint.to_string()).collect()
}
