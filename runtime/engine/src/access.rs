//! What a connector version may do for a connection: worked out once, kept until a grant, a
//! connection or a version changes.

use std::sync::{Arc, PoisonError};

use serde_json::{Map, Value};
use wharf_gate::{Authority, Credentials, Secret};
use wharf_model::{digest::Digest, grant::Limits};

use crate::{
    error::EngineError,
    registry::{Loaded, Registry},
};

/// What a call may do.
pub(crate) struct Access {
    pub(crate) authority: Authority,
    pub(crate) limits: Limits,
    /// Bytes that the connector may keep; 0 refuses the store.
    pub(crate) store_max_bytes: u64,
    /// Bytes of scratch files a call; 0 gives no directory.
    pub(crate) scratch_bytes: u64,
    /// The connection's settings, an object.
    pub(crate) settings: Value,
    /// The scopes that the provider granted.
    pub(crate) scopes: Vec<String>,
    /// For the audit log: the connector, and the connection if there is one.
    pub(crate) subject: String,
}

/// A connector version and a connection.
pub(crate) type AccessKey = (Digest, Option<String>);

impl Registry {
    /// What `loaded` may do for `connection`, under the grant of now.
    pub(crate) async fn access(
        &self,
        loaded: &Loaded,
        connection: Option<&str>,
    ) -> Result<Arc<Access>, EngineError> {
        let key = (loaded.digest, connection.map(str::to_owned));
        let (kept, generation) = {
            let access = self.access.read().unwrap_or_else(PoisonError::into_inner);
            (access.kept.get(&key).cloned(), access.generation)
        };
        if let Some(kept) = kept {
            return Ok(kept);
        }
        let made = Arc::new(self.work_out(loaded, connection).await?);
        let mut access = self.access.write().unwrap_or_else(PoisonError::into_inner);
        // What changed meanwhile is not to be forgotten: then this one serves its call only.
        if access.generation == generation {
            access.kept.insert(key, Arc::clone(&made));
        }
        Ok(made)
    }

    /// Grants or connections changed.
    pub(crate) fn forget_access(&self) {
        let mut access = self.access.write().unwrap_or_else(PoisonError::into_inner);
        access.generation += 1;
        access.kept.clear();
    }

    async fn work_out(&self, loaded: &Loaded, connection: Option<&str>) -> Result<Access, EngineError> {
        let manifest = &loaded.manifest;
        let granted = self.store.grant(manifest.name.clone()).await?.map(|row| row.grant).unwrap_or_default();
        let (settings, credentials, scopes) = match connection {
            None => (Value::Object(Map::new()), None, Vec::new()),
            Some(name) => self.credentials(loaded, name).await?,
        };
        let authority = Authority::new(&manifest.name, manifest, &granted, Some(&settings), credentials)
            .map_err(|error| EngineError::Invalid(error.to_string()))?;
        let proposed = self.store.proposed_grant(manifest.name.clone()).await?;
        let authority = match &proposed {
            Some(proposed) => authority
                .trying(manifest, &proposed.grant, Some(&settings))
                .map_err(|error| EngineError::Invalid(error.to_string()))?,
            None => authority,
        };
        // What is worked out anew goes on with the connections to the provider that are open.
        let account = match connection {
            Some(name) => format!("connection {name}"),
            None => format!("connector {}", manifest.name),
        };
        let authority = authority.of_account(&account);
        let declared = manifest.store.as_ref().map_or(0, |store| store.max_bytes);
        Ok(Access {
            authority,
            limits: self.limits.with(&granted.limits, &self.ceiling),
            store_max_bytes: declared.min(granted.store_max_bytes.unwrap_or(0)),
            scratch_bytes: granted.scratch(manifest),
            settings,
            scopes,
            subject: connection.map_or_else(
                || manifest.name.clone(),
                |connection| format!("{}/{connection}", manifest.name),
            ),
        })
    }

    async fn credentials(
        &self,
        loaded: &Loaded,
        name: &str,
    ) -> Result<(Value, Option<Credentials>, Vec<String>), EngineError> {
        let row = self.store.connection(name.to_owned()).await?;
        let row = row.ok_or_else(|| EngineError::not_found("connection", name))?;
        if row.connector != loaded.manifest.name {
            return Err(EngineError::Invalid(format!(
                "connection `{name}` is for {}, not for {}",
                row.connector, loaded.manifest.name
            )));
        }
        let damaged = |error: serde_json::Error| {
            EngineError::Invalid(format!("connection `{name}` is damaged: {error}"))
        };
        let mut settings: Value = serde_json::from_str(&row.settings).map_err(damaged)?;
        fill_defaults(loaded.manifest.settings.as_ref(), &mut settings);
        let identity: Option<Value> =
            row.identity.as_deref().map(serde_json::from_str).transpose().map_err(damaged)?;
        let scopes = identity.as_ref().and_then(|identity| identity.get("scopes")).and_then(Value::as_array);
        let scopes = scopes.into_iter().flatten().filter_map(Value::as_str).map(str::to_owned).collect();
        let opened = self.store.secrets(name.to_owned()).await?;
        let secrets =
            opened.iter().map(|(slot, secret)| (slot.clone(), Secret::new(secret.expose().to_vec())));
        Ok((settings, Some(Credentials { method: row.method, slots: secrets.collect() }), scopes))
    }

    /// The secret in a connection's slot.
    pub(crate) async fn secret(
        &self,
        connection: &str,
        slot: &str,
    ) -> Result<wharf_store::Secret, EngineError> {
        let mut secrets = self.store.secrets(connection.to_owned()).await?;
        secrets.remove(slot).ok_or_else(|| {
            EngineError::Refused(format!(
                "connection `{connection}` holds nothing in slot `{slot}`; add it again with it"
            ))
        })
    }
}

/// Settings that are not set take the schema's defaults.
fn fill_defaults(schema: Option<&Value>, settings: &mut Value) {
    let properties = schema.and_then(|schema| schema.get("properties")).and_then(Value::as_object);
    let (Some(properties), Some(settings)) = (properties, settings.as_object_mut()) else {
        return;
    };
    for (name, property) in properties {
        if let Some(default) = property.get("default")
            && !settings.contains_key(name)
        {
            settings.insert(name.clone(), default.clone());
        }
    }
}
