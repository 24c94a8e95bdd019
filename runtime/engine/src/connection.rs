//! Connections: accounts that operators connect, whose secrets go in and never come out.

use std::{collections::BTreeMap, sync::Arc};

use serde::Serialize;
use serde_json::Value;
use tokio_util::sync::CancellationToken;
use wharf_gate::{Authority, Credentials};
use wharf_model::{
    call::Metering,
    failure::Failure,
    flow::InputValidator,
    grant::Grant,
    manifest::{AuthMethod, Manifest},
};
use wharf_sandbox::{Call, Choices, Identity, OptionsQuery};
use wharf_store::{By, Secret};

use crate::{
    access::Access,
    clock,
    engine::{Engine, Inner},
    error::{EngineError, unless_gone},
    host::Recorder,
    outcome, redact,
    registry::Loaded,
    settle,
    state::{Buffer, Scopes},
};

/// An account to be connected.
pub struct NewConnection {
    /// How flows name it: `[a-z][a-z0-9-]{0,62}`.
    pub name: String,
    /// The connector.
    pub connector: String,
    /// The auth method; none takes the connector's only one.
    pub method: Option<String>,
    /// Settings under the manifest's schema, an object.
    pub settings: Value,
    /// Secrets by slot.
    pub secrets: BTreeMap<String, String>,
}

/// A connection without its secrets.
#[derive(Clone, Debug, Serialize)]
pub struct ConnectionInfo {
    /// Its name.
    pub name: String,
    /// The connector.
    pub connector: String,
    /// The auth method.
    pub method: String,
    /// Settings that are not secret.
    pub settings: Value,
    /// The slots that hold something.
    pub slots: Vec<String>,
    /// Those of them that the connector may read, and not only use.
    pub reveals: Vec<String>,
    /// Whom it stood for when it was last tested.
    pub identity: Option<Value>,
}

/// What the provider said of a connection.
#[derive(Clone, Debug, Serialize)]
pub struct ConnectionTest {
    /// Whether the credential works.
    pub ok: bool,
    /// Whom it stands for.
    pub identity: Option<Value>,
    /// Why it does not work.
    pub failure: Option<Failure>,
    /// What the question cost.
    pub metering: Metering,
}

impl Engine {
    /// Connects an account, or replaces what a connection of that name holds.
    pub async fn add_connection(
        &self,
        new: NewConnection,
        actor: &str,
    ) -> Result<ConnectionInfo, EngineError> {
        check_name(&new.name)?;
        let loaded = self.inner.registry.active(&new.connector).await?;
        let (method, auth) = method(&loaded.manifest, new.method.as_deref())?;
        check_slots(&new, method, auth)?;
        check_settings(&loaded.manifest, &new.settings)?;
        check_use(&loaded.manifest, method, &new)?;
        let row = wharf_store::NewConnection {
            name: new.name.clone(),
            connector: new.connector,
            method: method.to_owned(),
            settings: new.settings.to_string(),
            identity: None,
            secrets: new
                .secrets
                .into_iter()
                .map(|(slot, value)| (slot, Secret::new(value.into_bytes())))
                .collect(),
        };
        self.inner.store.put_connection(row, By::new(actor, clock::now())).await?;
        self.inner.registry.forget_access();
        // What cannot be reached from these settings is better known now than in the first run.
        self.inner.registry.access(&loaded, Some(&new.name)).await?;
        self.connection(&new.name).await
    }

    /// One connection.
    pub async fn connection(&self, name: &str) -> Result<ConnectionInfo, EngineError> {
        let row = self.inner.store.connection(name.to_owned()).await?;
        let row = row.ok_or_else(|| EngineError::not_found("connection", name))?;
        self.inner.info(row).await
    }

    /// All connections by name.
    pub async fn connections(&self) -> Result<Vec<ConnectionInfo>, EngineError> {
        let mut infos = Vec::new();
        for row in self.inner.store.connections().await? {
            infos.push(self.inner.info(row).await?);
        }
        Ok(infos)
    }

    /// Forgets a connection and its secrets. Refused while a flow uses it.
    pub async fn remove_connection(&self, name: &str, actor: &str) -> Result<(), EngineError> {
        let users = self.inner.flows.users_of_connection(name);
        if !users.is_empty() {
            return Err(EngineError::Refused(format!(
                "connection `{name}` is used by {}: change or remove these flows first",
                users.join(", ")
            )));
        }
        self.connection(name).await?;
        self.inner.store.remove_connection(name.to_owned(), By::new(actor, clock::now())).await?;
        self.inner.registry.forget_access();
        Ok(())
    }

    /// Asks the provider, by the connector's `validate`, whether the credential works.
    pub async fn test_connection(
        &self,
        name: &str,
        actor: &str,
        gone: &CancellationToken,
    ) -> Result<ConnectionTest, EngineError> {
        let (loaded, access, info) = self.inner.connected(name).await?;
        let (call, record) = self.inner.outside_call(&loaded, &access, name);
        let context = self.inner.context_of(("connection", name), 1, &access, access.limits.deadline_ms);
        let validate = loaded.connector.validate(call, &info.method, &context);
        let finished = unless_gone(gone, validate).await;
        let redactor = access.authority.redactor();
        let effects = record.take().effects;
        self.inner.keep_denials(&info.connector, (None, &format!("connection/{name}")), &effects).await;
        let finished = finished?;
        let label = outcome::label(&finished.result);
        self.inner.observe.call(
            &info.connector,
            "validate",
            &info.method,
            (label, &finished.metering),
            &effects,
        );
        let metering = finished.metering;
        match finished.result {
            Ok(identity) => {
                let identity = redactor.json(identity_json(&identity));
                let text = Some(identity.to_string());
                let by = By::new(actor, clock::now());
                self.inner
                    .store
                    .describe_connection(name.to_owned(), info.settings.to_string(), text, by)
                    .await?;
                self.inner.registry.forget_access();
                Ok(ConnectionTest { ok: true, identity: Some(identity), failure: None, metering })
            }
            Err(error) => {
                let failure = Some(settle::failure(redact::error(error, redactor)).0);
                Ok(ConnectionTest { ok: false, identity: None, failure, metering })
            }
        }
    }

    /// What a person may choose from, as the provider has it now.
    pub async fn options(
        &self,
        connection: &str,
        loader: &str,
        query: &OptionsQuery,
        gone: &CancellationToken,
    ) -> Result<Result<Choices, Failure>, EngineError> {
        let (loaded, access, info) = self.inner.connected(connection).await?;
        if !loaded.manifest.options.iter().any(|known| known == loader) {
            return Err(EngineError::not_found("option loader", loader));
        }
        let (call, record) = self.inner.outside_call(&loaded, &access, connection);
        let context = self.inner.context_of(("options", loader), 1, &access, access.limits.deadline_ms);
        let finished = unless_gone(gone, loaded.connector.load_options(call, loader, query, &context)).await;
        let effects = record.take().effects;
        self.inner.keep_denials(&info.connector, (None, &format!("options/{loader}")), &effects).await;
        let finished = finished?;
        let label = outcome::label(&finished.result);
        self.inner.observe.call(&info.connector, "options", loader, (label, &finished.metering), &effects);
        let redactor = access.authority.redactor();
        let clean = |error| settle::failure(redact::error(error, redactor)).0;
        Ok(finished.result.map(|choices| redact::choices(choices, redactor)).map_err(clean))
    }
}

impl Inner {
    async fn connected(&self, name: &str) -> Result<(Arc<Loaded>, Arc<Access>, ConnectionInfo), EngineError> {
        let row = self.store.connection(name.to_owned()).await?;
        let info = self.info(row.ok_or_else(|| EngineError::not_found("connection", name))?).await?;
        let loaded = self.registry.active(&info.connector).await?;
        let access = self.registry.access(&loaded, Some(name)).await?;
        Ok((loaded, access, info))
    }

    async fn info(&self, row: wharf_store::Connection) -> Result<ConnectionInfo, EngineError> {
        let parse = |text: &str| {
            serde_json::from_str(text).map_err(|error| {
                EngineError::Invalid(format!("connection `{}` is damaged: {error}", row.name))
            })
        };
        let granted = self.store.grant(row.connector.clone()).await?.map(|row| row.grant).unwrap_or_default();
        let reveals = row.slots.iter().filter(|slot| granted.reveals(&row.method, slot)).cloned().collect();
        Ok(ConnectionInfo {
            settings: parse(&row.settings)?,
            identity: row.identity.as_deref().map(parse).transpose()?,
            name: row.name,
            connector: row.connector,
            method: row.method,
            slots: row.slots,
            reveals,
        })
    }

    /// A call outside of any run: it reads, and what it would keep is dropped.
    fn outside_call(&self, loaded: &Loaded, access: &Access, connection: &str) -> (Call, Arc<Recorder>) {
        let record = Arc::<Recorder>::default();
        let scopes = Scopes::new(&loaded.manifest.name, Some(connection), "");
        let buffer = Buffer::new(self.store.clone(), scopes, access.store_max_bytes);
        let host = self.bare_host(access, &record, &buffer, ("connection", connection, clock::now()));
        (Call { limits: access.limits, host: Box::new(host) }, record)
    }
}

fn identity_json(identity: &Identity) -> Value {
    serde_json::json!({
        "label": identity.label,
        "account": identity.account,
        "scopes": identity.scopes,
        "metadata": identity.metadata,
    })
}

fn check_name(name: &str) -> Result<(), EngineError> {
    let mut letters = name.chars();
    let starts = letters.next().is_some_and(|letter| letter.is_ascii_lowercase());
    let goes_on =
        letters.all(|letter| letter.is_ascii_lowercase() || letter.is_ascii_digit() || letter == '-');
    if starts && goes_on && name.len() <= 63 {
        return Ok(());
    }
    Err(EngineError::Invalid(format!(
        "connection name `{}` must be 1 to 63 of a-z, 0-9 and -, and begin with a letter",
        name.escape_debug()
    )))
}

fn method<'m>(manifest: &'m Manifest, asked: Option<&str>) -> Result<(&'m str, &'m AuthMethod), EngineError> {
    let known = || manifest.auth.keys().map(String::as_str).collect::<Vec<_>>().join(", ");
    let found = match asked {
        Some(asked) => manifest.auth.get_key_value(asked).ok_or_else(|| {
            EngineError::Invalid(format!(
                "{} has no auth method `{asked}`; it has: {}",
                manifest.name,
                known()
            ))
        })?,
        None if manifest.auth.len() > 1 => {
            return Err(EngineError::Invalid(format!(
                "{} has several auth methods, name one of: {}",
                manifest.name,
                known()
            )));
        }
        None => manifest.auth.first().ok_or_else(|| {
            EngineError::Invalid(format!("{} takes no connection: it has no auth method", manifest.name))
        })?,
    };
    Ok((found.0.as_str(), found.1))
}

fn check_slots(new: &NewConnection, method: &str, auth: &AuthMethod) -> Result<(), EngineError> {
    for (slot, value) in &new.secrets {
        if !auth.slots.contains_key(slot) {
            let known: Vec<_> = auth.slots.keys().map(String::as_str).collect();
            return Err(EngineError::Invalid(format!(
                "method `{method}` has no slot `{slot}`; it has: {}",
                known.join(", ")
            )));
        }
        if value.is_empty() {
            return Err(EngineError::Invalid(format!("the secret for slot `{slot}` is empty")));
        }
    }
    let missing = auth.slots.iter().find(|(slot, spec)| !spec.optional && !new.secrets.contains_key(*slot));
    match missing {
        Some((slot, spec)) => Err(EngineError::Invalid(format!(
            "method `{method}` needs a secret for slot `{slot}` ({})",
            spec.title
        ))),
        None => Ok(()),
    }
}

fn check_settings(manifest: &Manifest, settings: &Value) -> Result<(), EngineError> {
    let problems = match &manifest.settings {
        Some(schema) => {
            let validator =
                InputValidator::of_schema(schema).map_err(|error| EngineError::Invalid(error.to_string()))?;
            validator.check(settings).err().map_or_else(Vec::new, |failure| failure.fields)
        }
        None if settings.as_object().is_some_and(serde_json::Map::is_empty) => Vec::new(),
        None => {
            return Err(EngineError::Invalid(format!("{} takes no settings", manifest.name)));
        }
    };
    match problems.first() {
        Some(problem) => {
            Err(EngineError::Invalid(format!("connection settings: {} {}", problem.path, problem.message)))
        }
        None => Ok(()),
    }
}

/// Hosts and audiences that are made of settings, and keys that are none: each call judges them again;
/// here the person who can put them right is still there.
fn check_use(manifest: &Manifest, method: &str, new: &NewConnection) -> Result<(), EngineError> {
    let invalid = |problem: String| EngineError::Invalid(format!("connection `{}`: {problem}", new.name));
    let slots =
        new.secrets.iter().map(|(slot, value)| (slot.clone(), wharf_gate::Secret::new(value.as_str())));
    let credentials = Credentials { method: method.to_owned(), slots: slots.collect() };
    let grant = Grant::default();
    let authority = Authority::new(&manifest.name, manifest, &grant, Some(&new.settings), Some(credentials))
        .map_err(|error| invalid(error.to_string()))?;
    authority.try_credential().map_err(invalid)
}
