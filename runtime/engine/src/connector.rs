//! Connectors at run time: install, upgrade, grant, remove, without dropping a run.
//!
//! A version that asks for more than is granted is stored and *held*: the one in use stays in use
//! until a person approves. Runs in flight stay on the version they pinned whatever happens here.

use std::collections::BTreeSet;

use serde::Serialize;
use wharf_model::{
    digest::Digest,
    egress::{self, Rule},
    flow,
    grant::{Grant, Limits},
    manifest::{EgressRequest, Manifest},
};
use wharf_package::{Direction, Package, check_manifest, permissions};
use wharf_store::{By, NewConnector, StoreError};

use crate::{
    clock,
    engine::{Engine, Inner},
    error::{EngineError, InstallError},
};

/// Whether a person has seen what the connector asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Approval {
    /// Not yet: hold whatever asks for more than is granted.
    Ask,
    /// Yes: grant what it asks for.
    Approved,
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
    /// What is new against what is granted or in use, in plain words. Not empty when it is held.
    pub widens: Vec<String>,
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
    /// A version that waits for approval.
    pub held: Option<Digest>,
    /// Flows that use it.
    pub flows: Vec<String>,
}

impl Engine {
    /// Installs a package, or upgrades to it.
    pub async fn install(
        &self,
        wasm: Vec<u8>,
        approval: Approval,
        actor: &str,
    ) -> Result<Installed, InstallError> {
        let package = wharf_package::open(&wasm)?;
        let problems = check_manifest(&package.manifest, &package.exports);
        if let Err(problems) = problems {
            return Err(InstallError::Manifest(problems.iter().map(ToString::to_string).collect()));
        }
        let inner = &self.inner;
        let previous = inner.registry.active_manifest(&package.manifest.name).await?;
        inner.admit_version(&package, previous.as_ref(), approval)?;
        inner.registry.try_out(&package, &wasm).await?;
        let granted = inner.store.grant(package.manifest.name.clone()).await?.map(|row| row.grant);
        let widens = widens(&package.manifest, previous.as_ref(), granted.as_ref());
        let status = match approval {
            Approval::Ask if granted.is_none() || !widens.is_empty() => InstallStatus::Held,
            Approval::Ask | Approval::Approved => InstallStatus::Active,
        };
        if status == InstallStatus::Active {
            inner.keeps_flows_working(&package.manifest).await?;
        }
        let installed = Installed {
            name: package.manifest.name.clone(),
            version: package.manifest.version.to_string(),
            digest: package.digest,
            size: package.size,
            status,
            asks: permissions(&package.manifest),
            widens,
            previous: previous.map(|manifest| manifest.version.to_string()),
        };
        let manifest = serde_json::to_string(&package.manifest);
        let new = NewConnector {
            name: installed.name.clone(),
            version: installed.version.clone(),
            manifest: manifest.map_err(|error| EngineError::Invalid(error.to_string()))?,
            wasm,
        };
        inner.store.install_connector(new, By::new(actor, clock::now())).await.map_err(immutable)?;
        if status == InstallStatus::Active {
            inner.activate(&package.manifest, package.digest, granted, approval, actor).await?;
        }
        Ok(installed)
    }

    /// Approves a version that is held: grants what it asks for and makes it the one for new runs.
    pub async fn approve(
        &self,
        name: &str,
        digest: Digest,
        actor: &str,
    ) -> Result<ConnectorInfo, InstallError> {
        let inner = &self.inner;
        let loaded = inner.registry.get(digest).await?;
        if loaded.manifest.name != name {
            return Err(EngineError::not_found("version of this connector", &digest.to_string()).into());
        }
        inner.keeps_flows_working(&loaded.manifest).await?;
        let granted = inner.store.grant(name.to_owned()).await?.map(|row| row.grant);
        inner.activate(&loaded.manifest, digest, granted, Approval::Approved, actor).await?;
        Ok(self.connector(name).await?)
    }
}

/// A version is one content for ever.
fn immutable(error: StoreError) -> InstallError {
    match error {
        StoreError::Exists { .. } => {
            InstallError::Refused(format!("{error}; raise the version in the manifest"))
        }
        other => InstallError::Engine(other.into()),
    }
}

/// What a version asks for beyond what is granted, and beyond what the version in use asks for.
fn widens(new: &Manifest, previous: Option<&Manifest>, granted: Option<&Grant>) -> Vec<String> {
    let mut lines = Vec::new();
    if let Some(previous) = previous {
        let diff = wharf_package::diff(previous, new);
        lines.extend(
            diff.changes
                .into_iter()
                .filter(|change| change.direction == Direction::Widens)
                .map(|change| change.line),
        );
    }
    let granted = granted.map(|grant| rules(&grant.egress)).unwrap_or_default();
    for request in egress::uncovered(&granted, &rules(&new.egress)) {
        if !lines.iter().any(|known| known.contains(&request.url)) {
            lines.push(format!("call {} {}", request.methods.join(", "), request.url));
        }
    }
    lines
}

/// Checked rules; what does not parse was refused when it came in and allows nothing.
fn rules(requests: &[EgressRequest]) -> Vec<Rule> {
    requests.iter().filter_map(|request| Rule::parse(request).ok()).collect()
}

impl Inner {
    /// A version is one content for ever, and an older one is taken only from a person who says so.
    fn admit_version(
        &self,
        package: &Package,
        previous: Option<&Manifest>,
        approval: Approval,
    ) -> Result<(), InstallError> {
        match previous {
            Some(previous) if package.manifest.version < previous.version && approval == Approval::Ask => {
                Err(InstallError::Refused(format!(
                    "{} {} is older than {}, which is in use; approve the downgrade if it is meant",
                    package.manifest.name, package.manifest.version, previous.version
                )))
            }
            Some(_) | None => Ok(()),
        }
    }

    /// Makes a version the one for new runs; on a person's word with everything it asks for.
    async fn activate(
        &self,
        manifest: &Manifest,
        digest: Digest,
        granted: Option<Grant>,
        approval: Approval,
        actor: &str,
    ) -> Result<(), InstallError> {
        if approval == Approval::Approved {
            let grant = extended(granted.unwrap_or_default(), manifest);
            self.store.set_grant(manifest.name.clone(), grant, By::new(actor, clock::now())).await?;
        }
        self.store.activate_connector(digest, By::new(actor, clock::now())).await?;
        self.registry.activate(&manifest.name, digest);
        self.registry.unload_unused().await;
        Ok(())
    }

    /// A version that active flows cannot run on is refused, with the flows and what they would miss.
    async fn keeps_flows_working(&self, manifest: &Manifest) -> Result<(), InstallError> {
        let loaded = self.registry.all_active().await?;
        let mut catalog = self.catalog(&loaded).await?;
        catalog.connectors.insert(manifest.name.clone(), manifest);
        for name in self.flows.users_of(&manifest.name) {
            let Some(active) = self.flows.active(&name) else {
                continue;
            };
            if let Some(problem) =
                flow::check(&active.flow, &catalog).iter().find(|problem| problem.is_error())
            {
                return Err(InstallError::Refused(format!(
                    "flow `{name}` cannot run on {} {}: {}; change the flow first",
                    manifest.name, manifest.version, problem.message
                )));
            }
        }
        Ok(())
    }
}

/// A grant with everything that the manifest asks for.
fn extended(mut grant: Grant, manifest: &Manifest) -> Grant {
    let missing = egress::uncovered(&rules(&grant.egress), &rules(&manifest.egress));
    grant.egress.extend(missing);
    if let Some(store) = &manifest.store {
        grant.store_max_bytes = Some(grant.store_max_bytes.unwrap_or(0).max(store.max_bytes));
    }
    if let Some(scratch) = &manifest.scratch {
        grant.scratch_max_bytes = Some(grant.scratch_max_bytes.unwrap_or(0).max(scratch.max_bytes));
    }
    grant
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
        let versions: Vec<_> =
            self.inner.store.connectors().await?.into_iter().filter(|row| row.name == name).collect();
        let active = self.inner.registry.active_digest(name).ok();
        let shown = versions
            .iter()
            .find(|row| Some(row.digest) == active)
            .or(versions.last())
            .ok_or_else(|| EngineError::not_found("connector", name))?;
        let manifest = wharf_package::parse_manifest(&shown.manifest)
            .map_err(|error| EngineError::Load { digest: shown.digest, why: error.to_string() })?;
        let held = versions.last().filter(|row| Some(row.digest) != active).map(|row| row.digest);
        Ok(ConnectorInfo {
            name: name.to_owned(),
            title: manifest.title.clone(),
            version: active.map(|_| shown.version.clone()),
            digest: active,
            actions: manifest.actions.keys().cloned().collect(),
            triggers: manifest.triggers.keys().cloned().collect(),
            asks: permissions(&manifest),
            grant: self.inner.store.grant(name.to_owned()).await?.map(|row| row.grant).unwrap_or_default(),
            held,
            flows: self.inner.flows.users_of(name),
        })
    }

    /// Replaces what is granted. Calls that start from now on are judged by it.
    pub async fn grant(&self, name: &str, grant: Grant, actor: &str) -> Result<ConnectorInfo, EngineError> {
        for request in &grant.egress {
            Rule::parse(request).map_err(|error| EngineError::Invalid(error.to_string()))?;
        }
        self.connector(name).await?;
        self.inner.store.set_grant(name.to_owned(), grant, By::new(actor, clock::now())).await?;
        self.inner.registry.forget_access();
        self.connector(name).await
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
