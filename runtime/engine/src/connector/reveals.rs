//! Grants that let a connector read a secret itself: each must have been asked for, and each is said aloud.

use std::collections::BTreeSet;

use wharf_model::grant::Grant;
use wharf_store::By;

use crate::{engine::Engine, error::EngineError};

impl Engine {
    /// Says in the audit log what a connector may read from now on.
    pub(super) async fn announce(
        &self,
        name: &str,
        revealed: Vec<String>,
        by: &By,
    ) -> Result<(), EngineError> {
        for secret in revealed {
            let detail = serde_json::json!({ "secret": secret });
            self.inner.store.record(by.clone(), "grant.reveal", name.to_owned(), detail).await?;
        }
        Ok(())
    }

    /// The secrets that `grant` lets the connector read and the grant before did not. Each must be asked
    /// for by a version that is installed.
    pub(super) async fn newly_revealed(&self, name: &str, grant: &Grant) -> Result<Vec<String>, EngineError> {
        let before = self.inner.store.grant(name.to_owned()).await?.map(|row| row.grant).unwrap_or_default();
        let new: Vec<String> =
            grant.reveal.iter().filter(|secret| !before.reveal.contains(secret)).cloned().collect();
        if new.is_empty() {
            return Ok(new);
        }
        let mut asked = BTreeSet::new();
        for row in self.inner.store.connectors().await?.into_iter().filter(|row| row.name == name) {
            if let Ok(manifest) = wharf_package::parse_manifest(&row.manifest) {
                for (method, auth) in &manifest.auth {
                    let slots = auth.slots.iter().filter(|(_, slot)| slot.reveal.is_some());
                    asked.extend(slots.map(|(slot, _)| format!("{method}/{slot}")));
                }
            }
        }
        match new.iter().find(|secret| !asked.contains(*secret)) {
            Some(secret) => {
                let asked: Vec<String> = asked.into_iter().collect();
                let asked = if asked.is_empty() { "none".to_owned() } else { asked.join(", ") };
                Err(EngineError::Invalid(format!(
                    "{name} does not ask to read the secret `{secret}`; it asks for: {asked}"
                )))
            }
            None => Ok(new),
        }
    }
}
