//! Connectors at run time: install, upgrade, grant, remove, without dropping a run.
//!
//! A version that asks for more than the one in use is stored and *held*: the one in use stays in use
//! until a person approves. Runs in flight stay on the version they pinned whatever happens here.

use std::collections::BTreeSet;

use serde::Serialize;
use wharf_model::{
    digest::Digest,
    grant::{Grant, Limits},
    time::Timestamp,
};
use wharf_package::{PermissionChange, permissions};
use wharf_store::By;

use crate::{clock, engine::Engine, error::EngineError};

mod change;
mod grants;
mod install;
mod opened;

pub use grants::Permissions;
use install::manifest_of;

/// Whether a person has seen what the connector asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Approval {
    /// Not yet: hold whatever asks for more than is granted.
    Ask,
    /// Yes: grant what it asks for.
    Approved,
}

/// Whether a version may take the place of a newer one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Downgrade {
    /// No.
    Refuse,
    /// A person says so.
    Allow,
}

/// Whether a yes speaks of every host of the internet, too.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AnyHost {
    /// No.
    Refuse,
    /// A person says so.
    Allow,
}

/// What a person has agreed to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Consent {
    /// To what it asks for.
    pub approval: Approval,
    /// To going back.
    pub downgrade: Downgrade,
    /// To any host.
    pub any_host: AnyHost,
}

impl Consent {
    /// Nobody was asked.
    pub const NONE: Self =
        Self { approval: Approval::Ask, downgrade: Downgrade::Refuse, any_host: AnyHost::Refuse };
}

/// A yes to a version that is held.
#[derive(Clone, Debug)]
pub struct Approve {
    /// The version: what was judged is what is let in.
    pub digest: Digest,
    /// The [`review`](HeldVersion::review) that was shown with it; another one refuses the yes.
    pub review: Option<String>,
    /// Whether it may take the place of a newer one.
    pub downgrade: Downgrade,
    /// Whether the yes speaks of every host, too.
    pub any_host: AnyHost,
}

/// What became of a package.
#[derive(Clone, Debug, Serialize)]
pub struct Installed {
    /// The connector's name.
    pub name: String,
    /// Its version.
    pub version: String,
    /// Its digest.
    pub digest: Digest,
    /// In bytes.
    pub size: u64,
    /// Whether new runs use it.
    pub status: InstallStatus,
    /// What it asks for, in plain words.
    pub asks: Vec<String>,
    /// What is new against the version that was in use last, in plain words. Not empty when an upgrade is held.
    pub widens: Vec<String>,
    /// All that changes against that version.
    pub changes: Vec<PermissionChange>,
    /// What is new reaches every public host.
    pub any_host: bool,
    /// Names what was shown here, for [`Approve::review`].
    pub review: String,
    /// The version that was or is in use.
    pub previous: Option<String>,
}

/// Whether new runs use a version.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum InstallStatus {
    /// They do.
    Active,
    /// Not before a person approves.
    Held,
}

/// A version that waits for approval.
#[derive(Clone, Debug, Serialize)]
pub struct HeldVersion {
    /// Its version.
    pub version: String,
    /// Its digest.
    pub digest: Digest,
    /// Since when.
    pub since: Timestamp,
    /// What it asks for, in plain words.
    pub asks: Vec<String>,
    /// What is new against the version that was in use last.
    pub widens: Vec<String>,
    /// All that changes against that version.
    pub changes: Vec<PermissionChange>,
    /// It is older than the version in use.
    pub downgrade: bool,
    /// What is new reaches every public host.
    pub any_host: bool,
    /// Names what is shown here, for [`Approve::review`].
    pub review: String,
}

/// A connector as a list shows it.
#[derive(Clone, Debug, Serialize)]
pub struct ConnectorInfo {
    /// Its name.
    pub name: String,
    /// For people.
    pub title: String,
    /// The version that new runs use; none while its first is held.
    pub version: Option<String>,
    /// Its digest.
    pub digest: Option<Digest>,
    /// Actions by name.
    pub actions: Vec<String>,
    /// Triggers by name.
    pub triggers: Vec<String>,
    /// What it asks for, in plain words.
    pub asks: Vec<String>,
    /// What is granted.
    pub grant: Grant,
    /// The version of the grant, 0 for none.
    pub grant_version: u64,
    /// The grant that is tried out, with its version.
    pub proposed: Option<(u64, Grant)>,
    /// Versions that wait for approval, the oldest first.
    pub held: Vec<HeldVersion>,
    /// Flows that use it.
    pub flows: Vec<String>,
}

impl Engine {
    /// Every connector that has ever had a version.
    pub async fn connectors(&self) -> Result<Vec<ConnectorInfo>, EngineError> {
        let mut infos = Vec::new();
        let names: BTreeSet<String> =
            self.inner.store.connectors().await?.into_iter().map(|row| row.name).collect();
        for name in names {
            infos.push(self.connector(&name).await?);
        }
        Ok(infos)
    }

    /// One connector.
    pub async fn connector(&self, name: &str) -> Result<ConnectorInfo, EngineError> {
        let store = &self.inner.store;
        let versions: Vec<_> = store.connectors().await?.into_iter().filter(|row| row.name == name).collect();
        let active = self.inner.registry.active_digest(name).ok();
        let shown = versions
            .iter()
            .find(|row| Some(row.digest) == active)
            .or(versions.last())
            .ok_or_else(|| EngineError::not_found("connector", name))?;
        let manifest = manifest_of(shown)?;
        let granted = store.grant(name.to_owned()).await?;
        let proposed = store.proposed_grant(name.to_owned()).await?;
        Ok(ConnectorInfo {
            name: name.to_owned(),
            title: manifest.title.clone(),
            version: active.map(|_| shown.version.clone()),
            digest: active,
            actions: manifest.actions.keys().cloned().collect(),
            triggers: manifest.triggers.keys().cloned().collect(),
            asks: permissions(&manifest),
            grant_version: granted.as_ref().map_or(0, |row| row.version),
            grant: granted.map(|row| row.grant).unwrap_or_default(),
            proposed: proposed.map(|row| (row.version, row.grant)),
            held: self.inner.held_versions(&versions).await?,
            flows: self.inner.flows.users_of(name),
        })
    }

    /// Takes a connector out of use. Refused while a flow needs it; runs in flight keep their version.
    pub async fn remove_connector(&self, name: &str, actor: &str) -> Result<(), EngineError> {
        let users = self.inner.flows.users_of(name);
        if !users.is_empty() {
            return Err(EngineError::Refused(format!(
                "connector `{name}` is used by {}: change or remove these flows first",
                users.join(", ")
            )));
        }
        let _one_at_a_time = self.inner.registry.changing.lock().await;
        self.inner.registry.active_digest(name)?;
        self.inner.store.deactivate_connector(name.to_owned(), By::new(actor, clock::now())).await?;
        self.inner.registry.deactivate(name);
        self.inner.registry.unload_unused().await;
        Ok(())
    }

    /// The limits of a call that no grant changes.
    #[must_use]
    pub fn default_limits(&self) -> Limits {
        self.inner.registry.default_limits()
    }
}
