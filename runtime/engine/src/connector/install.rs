//! Installing, holding, approving and rejecting versions.

use std::sync::Arc;

use wharf_model::{digest::Digest, flow, grant::Grant, manifest::Manifest};
use wharf_package::{Package, check_manifest, permissions};
use wharf_store::{Activation, By, Connector, NewConnector, StoreError};

use super::{
    AnyHost, Approval, Approve, ConnectorInfo, Consent, Downgrade, HeldVersion, InstallStatus, Installed,
    change::{Change, review},
};
use crate::{
    clock,
    engine::{Engine, Inner},
    error::{EngineError, InstallError},
};

/// What a version is measured against.
struct Baseline {
    /// The version in use, or the last that was.
    row: Option<Connector>,
    manifest: Option<Manifest>,
    grant: Grant,
    /// 0 for none.
    grant_version: u64,
}

impl Baseline {
    fn digest(&self) -> Option<Digest> {
        self.row.as_ref().map(|row| row.digest)
    }

    fn change(&self, new: &Manifest) -> Change {
        Change::of(new, self.manifest.as_ref(), &self.grant)
    }

    fn is_downgrade(&self, new: &Manifest) -> bool {
        self.manifest.as_ref().is_some_and(|manifest| new.version < manifest.version)
    }

    fn review(&self, digest: Digest) -> String {
        review(digest, self.digest(), self.grant_version)
    }

    /// An older version, and the whole internet, each need a yes of their own.
    fn admit(&self, new: &Manifest, change: &Change, consent: Consent) -> Result<(), InstallError> {
        if let Some(manifest) = &self.manifest
            && self.is_downgrade(new)
            && consent.downgrade == Downgrade::Refuse
        {
            return Err(InstallError::Refused(format!(
                "{} {} is older than {}, which is or was in use; say --downgrade if it is meant",
                new.name, new.version, manifest.version
            )));
        }
        if change.any_host && consent.approval == Approval::Approved && consent.any_host == AnyHost::Refuse {
            return Err(InstallError::Refused(format!(
                "{} {} asks to call any public address of the internet; say --any-host if it is meant, or grant \
                 it the addresses that it needs with `wharf connector grant` once it is in",
                new.name, new.version
            )));
        }
        Ok(())
    }
}

impl Engine {
    /// Installs a package, or upgrades to it.
    pub async fn install(
        &self,
        wasm: Vec<u8>,
        consent: Consent,
        actor: &str,
    ) -> Result<Installed, InstallError> {
        let package = wharf_package::open(&wasm)?;
        let problems = check_manifest(&package.manifest, &package.exports);
        if let Err(problems) = problems {
            return Err(InstallError::Manifest(problems.iter().map(ToString::to_string).collect()));
        }
        let inner = &self.inner;
        let name = &package.manifest.name;
        // Both at the door, before anything is compiled, and again under the lock.
        let baseline = inner.baseline(name).await?;
        baseline.admit(&package.manifest, &baseline.change(&package.manifest), consent)?;
        inner.registry.try_out(&package, &wasm).await?;
        let _one_at_a_time = inner.registry.changing.lock().await;
        let baseline = inner.baseline(name).await?;
        let change = baseline.change(&package.manifest);
        baseline.admit(&package.manifest, &change, consent)?;
        let status = match consent.approval {
            Approval::Ask if baseline.grant_version == 0 || change.widens() => InstallStatus::Held,
            Approval::Ask | Approval::Approved => InstallStatus::Active,
        };
        if status == InstallStatus::Active {
            inner.keeps_flows_working(&package.manifest).await?;
        }
        let installed =
            describe(&package, &baseline, &change, status, inner.registry.active_digest(name).ok());
        inner.keep(&package, wasm, status, actor).await?;
        if status == InstallStatus::Active {
            inner.activate(&package.manifest, package.digest, (&baseline, change), actor).await?;
        }
        Ok(installed)
    }

    /// Approves a version that is held: grants what it asks for anew and makes it the one for new runs.
    pub async fn approve(
        &self,
        name: &str,
        approve: &Approve,
        actor: &str,
    ) -> Result<ConnectorInfo, InstallError> {
        let inner = &self.inner;
        let loaded = inner.registry.get(approve.digest).await?;
        if loaded.manifest.name != name {
            return Err(
                EngineError::not_found("version of this connector", &approve.digest.to_string()).into()
            );
        }
        let _one_at_a_time = inner.registry.changing.lock().await;
        let baseline = inner.baseline(name).await?;
        if approve.review.as_ref().is_some_and(|shown| *shown != baseline.review(approve.digest)) {
            return Err(InstallError::Refused(format!(
                "what {} {} would change is no longer what was shown: another version or another grant is in use \
                 now; look at it again with `wharf connector permissions {name}`",
                loaded.manifest.name, loaded.manifest.version
            )));
        }
        let change = baseline.change(&loaded.manifest);
        let consent = Consent {
            approval: Approval::Approved,
            downgrade: approve.downgrade,
            any_host: approve.any_host,
        };
        baseline.admit(&loaded.manifest, &change, consent)?;
        inner.keeps_flows_working(&loaded.manifest).await?;
        inner.activate(&loaded.manifest, approve.digest, (&baseline, change), actor).await?;
        Ok(self.connector(name).await?)
    }

    /// Turns a version that is held away.
    pub async fn reject(
        &self,
        name: &str,
        digest: Digest,
        actor: &str,
    ) -> Result<ConnectorInfo, EngineError> {
        let inner = &self.inner;
        let _one_at_a_time = inner.registry.changing.lock().await;
        let row = inner.store.connector(digest).await?.filter(|row| row.name == name);
        if row.is_none_or(|row| row.held_since.is_none()) {
            return Err(EngineError::not_found("held version", &digest.to_string()));
        }
        let before = self.connector(name).await?;
        inner.store.reject_connector(digest, By::new(actor, clock::now())).await?;
        inner.registry.unload_unused().await;
        match self.connector(name).await {
            Ok(info) => Ok(info),
            // It was the only one.
            Err(EngineError::NotFound { .. }) => Ok(ConnectorInfo { held: Vec::new(), ..before }),
            Err(error) => Err(error),
        }
    }
}

fn describe(
    package: &Package,
    baseline: &Baseline,
    change: &Change,
    status: InstallStatus,
    active: Option<Digest>,
) -> Installed {
    let manifest = &package.manifest;
    let previous = baseline.row.as_ref().filter(|row| Some(row.digest) == active);
    Installed {
        name: manifest.name.clone(),
        version: manifest.version.to_string(),
        digest: package.digest,
        size: package.size,
        status,
        asks: permissions(manifest),
        widens: change.wider(),
        changes: change.lines.clone(),
        any_host: change.any_host,
        review: baseline.review(package.digest),
        previous: previous.map(|row| row.version.clone()),
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

impl Inner {
    async fn baseline(&self, name: &str) -> Result<Baseline, EngineError> {
        let rows = self.store.connectors().await?;
        let row = rows
            .into_iter()
            .filter(|row| row.name == name)
            .filter(|row| row.active_since.is_some() || row.activated_at.is_some())
            .max_by_key(|row| (row.active_since, row.activated_at));
        let manifest = row.as_ref().map(manifest_of).transpose()?;
        let granted = self.store.grant(name.to_owned()).await?;
        Ok(Baseline {
            row,
            manifest,
            grant_version: granted.as_ref().map_or(0, |granted| granted.version),
            grant: granted.map(|granted| granted.grant).unwrap_or_default(),
        })
    }

    async fn keep(
        &self,
        package: &Package,
        wasm: Vec<u8>,
        status: InstallStatus,
        actor: &str,
    ) -> Result<(), InstallError> {
        let manifest = serde_json::to_string(&package.manifest);
        let new = NewConnector {
            name: package.manifest.name.clone(),
            version: package.manifest.version.to_string(),
            manifest: manifest.map_err(|error| EngineError::Invalid(error.to_string()))?,
            wasm,
        };
        let by = || By::new(actor, clock::now());
        self.store.install_connector(new, by()).await.map_err(immutable)?;
        if status == InstallStatus::Held {
            self.store.hold_connector(package.digest, by()).await?;
        }
        Ok(())
    }

    /// Makes a version the one for new runs, with the grant that goes with it.
    async fn activate(
        &self,
        manifest: &Manifest,
        digest: Digest,
        (baseline, change): (&Baseline, Change),
        actor: &str,
    ) -> Result<(), InstallError> {
        let changed = baseline.grant_version == 0 || change.grant != baseline.grant;
        let grant = changed.then_some((change.grant, baseline.grant_version));
        let superseded = self.superseded(manifest).await?;
        let activation = Activation { digest, grant, superseded };
        self.store.activate_connector(activation, By::new(actor, clock::now())).await?;
        self.registry.activate(&manifest.name, digest);
        self.set_triggers_of(&manifest.name).await;
        self.registry.unload_unused().await;
        Ok(())
    }

    /// Held versions that are not newer than this one.
    async fn superseded(&self, manifest: &Manifest) -> Result<Vec<Digest>, EngineError> {
        let rows = self.store.connectors().await?;
        let held = rows.iter().filter(|row| row.name == manifest.name && row.held_since.is_some());
        let mut older = Vec::new();
        for row in held {
            if manifest_of(row)?.version <= manifest.version {
                older.push(row.digest);
            }
        }
        Ok(older)
    }

    /// The versions of a connector that wait for a person, the oldest first.
    pub(super) async fn held_versions(&self, rows: &[Connector]) -> Result<Vec<HeldVersion>, EngineError> {
        let Some(name) = rows.first().map(|row| &row.name) else {
            return Ok(Vec::new());
        };
        let baseline = Arc::new(self.baseline(name).await?);
        let mut held = Vec::new();
        for row in rows {
            let Some(since) = row.held_since else {
                continue;
            };
            let manifest = manifest_of(row)?;
            let change = baseline.change(&manifest);
            held.push(HeldVersion {
                version: row.version.clone(),
                digest: row.digest,
                since,
                asks: permissions(&manifest),
                widens: change.wider(),
                downgrade: baseline.is_downgrade(&manifest),
                any_host: change.any_host,
                changes: change.lines,
                review: baseline.review(row.digest),
            });
        }
        Ok(held)
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

/// The manifest as it was stored.
pub(super) fn manifest_of(row: &Connector) -> Result<Manifest, EngineError> {
    wharf_package::parse_manifest(&row.manifest)
        .map_err(|error| EngineError::Load { digest: row.digest, why: error.to_string() })
}
