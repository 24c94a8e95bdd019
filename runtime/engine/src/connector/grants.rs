//! Grants: in force, tried out, and what became of what connectors tried.

use serde_json::Value;
use wharf_gate::{CertificateAuthority, TlsMaterialError};
use wharf_model::{
    egress::Rule,
    grant::{Grant, Limits},
};
use wharf_store::{By, Denial, GrantVersion, NewGrant};

use super::{ConnectorInfo, HeldVersion, opened::Opened};
use crate::{clock, engine::Engine, error::EngineError};

/// Rules in a grant: each call is compared with each.
const MOST_RULES: usize = 256;
/// Bytes of certificate authorities in a grant: it is read whenever a call's authority is worked out.
const MOST_ROOT_BYTES: usize = 256 << 10;
/// Versions of a grant that are shown.
const HISTORY: usize = 100;

/// What a connector may do, may be going to do, and was denied.
#[derive(Clone, Debug)]
pub struct Permissions {
    /// Its name.
    pub name: String,
    /// The version that new runs use.
    pub version: Option<String>,
    /// What that version asks for, in plain words.
    pub asks: Vec<String>,
    /// What is in force; none when nothing was ever granted.
    pub grant: Option<GrantVersion>,
    /// What is tried out.
    pub proposed: Option<GrantVersion>,
    /// Versions that wait for approval.
    pub held: Vec<HeldVersion>,
    /// What was denied, and what would be under the grant that is tried out; the latest first.
    pub denials: Vec<Denial>,
    /// The newest versions of the grant, the newest first.
    pub history: Vec<GrantVersion>,
}

impl Engine {
    /// Replaces what is granted. Calls that start from now on are judged by it.
    pub async fn grant(
        &self,
        name: &str,
        grant: Grant,
        seen: Option<u64>,
        actor: &str,
    ) -> Result<ConnectorInfo, EngineError> {
        let new = self.checked(name, grant, seen).await?;
        let opened = self.opened(name, &new.grant).await?;
        let by = By::new(actor, clock::now());
        self.inner.store.set_grant(new, by.clone()).await?;
        self.announce(name, opened, &by).await?;
        self.inner.registry.forget_access();
        self.connector(name).await
    }

    /// Tries a grant out: what it would deny is counted, and passes if the grant in force allows it.
    pub async fn propose_grant(
        &self,
        name: &str,
        grant: Grant,
        seen: Option<u64>,
        actor: &str,
    ) -> Result<ConnectorInfo, EngineError> {
        let new = self.checked(name, grant, seen).await?;
        self.opened(name, &new.grant).await?;
        self.inner.store.propose_grant(new, By::new(actor, clock::now())).await?;
        self.inner.registry.forget_access();
        self.connector(name).await
    }

    /// Puts the grant that is tried out, which must be `version`, in force.
    pub async fn enforce_grant(
        &self,
        name: &str,
        version: u64,
        actor: &str,
    ) -> Result<ConnectorInfo, EngineError> {
        let proposed = self.inner.store.proposed_grant(name.to_owned()).await?;
        let opened = match &proposed {
            Some(proposed) => self.opened(name, &proposed.grant).await?,
            None => Opened::default(),
        };
        let by = By::new(actor, clock::now());
        self.inner.store.enforce_grant(name.to_owned(), version, by.clone()).await?;
        self.announce(name, opened, &by).await?;
        self.inner.registry.forget_access();
        self.connector(name).await
    }

    /// Ends the trial of a grant.
    pub async fn withdraw_grant(&self, name: &str, actor: &str) -> Result<ConnectorInfo, EngineError> {
        self.inner.store.withdraw_grant(name.to_owned(), By::new(actor, clock::now())).await?;
        self.inner.registry.forget_access();
        self.connector(name).await
    }

    /// What a connector may do and was denied.
    pub async fn permissions(&self, name: &str) -> Result<Permissions, EngineError> {
        let info = self.connector(name).await?;
        let store = &self.inner.store;
        Ok(Permissions {
            name: info.name,
            version: info.version,
            asks: info.asks,
            grant: store.grant(name.to_owned()).await?,
            proposed: store.proposed_grant(name.to_owned()).await?,
            held: info.held,
            denials: store.denials(name.to_owned()).await?,
            history: store.grant_history(name.to_owned(), HISTORY).await?,
        })
    }

    async fn checked(
        &self,
        name: &str,
        mut grant: Grant,
        seen: Option<u64>,
    ) -> Result<NewGrant, EngineError> {
        if grant.egress.len() > MOST_RULES {
            return Err(EngineError::Invalid(format!(
                "a grant of {} addresses; {MOST_RULES} are the most, so use prefixes or `*.`",
                grant.egress.len()
            )));
        }
        for request in &grant.egress {
            Rule::parse(request).map_err(|error| EngineError::Invalid(error.to_string()))?;
        }
        under_ceiling(&grant, &self.inner.registry.ceiling)?;
        grant.roots = roots(&grant.roots)?;
        self.connector(name).await?;
        Ok(NewGrant { connector: name.to_owned(), grant, seen })
    }
}

/// The authorities as they are kept: a certificate each, in PEM and nothing else, none twice.
fn roots(given: &[String]) -> Result<Vec<String>, EngineError> {
    let invalid = |error: TlsMaterialError| EngineError::Invalid(error.to_string());
    let bytes: usize = given.iter().map(String::len).sum();
    if bytes > MOST_ROOT_BYTES {
        return Err(EngineError::Invalid(format!(
            "{bytes} bytes of certificate authorities; {MOST_ROOT_BYTES} are the most, so name only those \
             that this connector's providers use"
        )));
    }
    let mut kept = Vec::new();
    for root in CertificateAuthority::read_all(given).map_err(invalid)? {
        if !kept.contains(&root.pem) {
            kept.push(root.pem);
        }
    }
    Ok(kept)
}

/// A limit above the server's ceiling would not hold, and whoever set it should hear of it.
fn under_ceiling(grant: &Grant, ceiling: &Limits) -> Result<(), EngineError> {
    let json = |error: serde_json::Error| EngineError::Invalid(error.to_string());
    let (wanted, most) =
        (serde_json::to_value(grant.limits).map_err(json)?, serde_json::to_value(ceiling).map_err(json)?);
    for (name, value) in wanted.as_object().into_iter().flatten() {
        let most = most.get(name).and_then(Value::as_u64).unwrap_or(u64::MAX);
        if value.as_u64().is_some_and(|value| value > most) {
            return Err(EngineError::Invalid(format!(
                "limit `{name}` of {value} is above the server's ceiling of {most}; grant less, or raise \
                 `ceiling.{name}` in its configuration"
            )));
        }
    }
    Ok(())
}
