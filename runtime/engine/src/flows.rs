//! Flows: applying a file, and the versions that runs are on.

use std::{
    collections::{BTreeMap, BTreeSet, HashMap},
    sync::{Arc, PoisonError, RwLock},
};

use wharf_model::{
    flow::{self, Catalog, CatalogConnection, Ended, Flow, On, Problem, StepKind},
    journal::Entry,
    time::Timestamp,
};
use wharf_store::{By, NewRun, Store};

use crate::{
    clock,
    engine::{Engine, Inner},
    error::{EngineError, FlowError},
    registry::{Loaded, Pins},
    run::DriveError,
    tail::new_run_id,
};

/// The version of a flow that new runs are on.
#[derive(Clone)]
pub(crate) struct ActiveFlow {
    pub(crate) flow: Arc<Flow>,
    pub(crate) version: u32,
}

/// Flows in memory: the active version of each, and the older ones that runs are still on.
#[derive(Default)]
pub(crate) struct Flows {
    active: RwLock<BTreeMap<String, ActiveFlow>>,
    versions: RwLock<HashMap<(String, u32), Arc<Flow>>>,
    /// The flows that the end of a flow's run starts, by that flow.
    followers: RwLock<BTreeMap<String, BTreeMap<String, Ended>>>,
}

/// What became of an applied file.
#[derive(Clone, Debug, serde::Serialize)]
pub struct AppliedFlow {
    /// The flow's name.
    pub name: String,
    /// Its version, from 1.
    pub version: u32,
    /// The same content was active already.
    pub unchanged: bool,
    /// Where its deliveries go, if it takes any.
    pub webhook_path: Option<String>,
}

/// A flow as a list shows it.
#[derive(Clone, Debug, serde::Serialize)]
pub struct FlowInfo {
    /// Its name.
    pub name: String,
    /// The version that new runs are on.
    pub version: u32,
    /// Whose it is.
    pub owner: Option<String>,
    /// `github/issue-opened`, `webhook`, `every 5m`, `cron 0 9 * * * UTC`, `flow orders` or `manual`.
    pub trigger: String,
    /// Steps, those in branches included.
    pub steps: usize,
    /// Where its deliveries go, if it takes any.
    pub webhook_path: Option<String>,
    /// Names this version: a digest of the source.
    pub digest: String,
}

impl ActiveFlow {
    /// A run of this version that begins with `entry`; none for `due_at` if the caller drives it.
    pub(crate) fn new_run(
        &self,
        pins: Pins,
        entry: &Entry,
        due_at: Option<Timestamp>,
    ) -> Result<NewRun, EngineError> {
        let entry = serde_json::to_string(entry).map_err(|error| EngineError::Invalid(error.to_string()))?;
        Ok(NewRun {
            id: new_run_id(),
            flow: self.flow.name.clone(),
            flow_version: self.version,
            digests: pins.into_map(),
            entries: vec![entry],
            due_at,
            origin: None,
        })
    }
}

impl Flows {
    pub(crate) fn active(&self, name: &str) -> Option<ActiveFlow> {
        self.active.read().unwrap_or_else(PoisonError::into_inner).get(name).cloned()
    }

    pub(crate) fn all(&self) -> Vec<ActiveFlow> {
        self.active.read().unwrap_or_else(PoisonError::into_inner).values().cloned().collect()
    }

    /// Makes a version the one for new runs.
    pub(crate) fn activate(&self, flow: Arc<Flow>, version: u32) {
        let name = flow.name.clone();
        let mut versions = self.versions.write().unwrap_or_else(PoisonError::into_inner);
        versions.insert((name.clone(), version), Arc::clone(&flow));
        drop(versions);
        let mut followers = self.followers.write().unwrap_or_else(PoisonError::into_inner);
        for flows in followers.values_mut() {
            flows.remove(&name);
        }
        if let On::Flow(binding) = &flow.on {
            followers.entry(binding.flow.name.clone()).or_default().insert(name.clone(), binding.status);
        }
        followers.retain(|_, flows| !flows.is_empty());
        drop(followers);
        let mut active = self.active.write().unwrap_or_else(PoisonError::into_inner);
        active.insert(name, ActiveFlow { flow, version });
    }

    /// A version that a run is on; read from the store if it is an older one.
    pub(crate) async fn version(
        &self,
        store: &Store,
        name: &str,
        version: u32,
    ) -> Result<Arc<Flow>, DriveError> {
        let key = (name.to_owned(), version);
        if let Some(flow) = self.versions.read().unwrap_or_else(PoisonError::into_inner).get(&key) {
            return Ok(Arc::clone(flow));
        }
        let row = store.flow_version(name.to_owned(), version).await?;
        let row = row.ok_or_else(|| DriveError::Flow {
            flow: name.to_owned(),
            version,
            why: "it is not stored".to_owned(),
        })?;
        let flow = Flow::parse(&row.source).map_err(|problems| DriveError::Flow {
            flow: name.to_owned(),
            version,
            why: flow::render(&problems, name, &row.source),
        })?;
        let flow = Arc::new(flow);
        self.versions.write().unwrap_or_else(PoisonError::into_inner).insert(key, Arc::clone(&flow));
        Ok(flow)
    }

    /// The flows that such an end of a flow's run starts.
    pub(crate) fn followers(&self, flow: &str, end: Ended) -> Vec<String> {
        let followers = self.followers.read().unwrap_or_else(PoisonError::into_inner);
        let of_flow = followers.get(flow).into_iter().flatten();
        of_flow.filter(|(_, status)| status.means(end)).map(|(name, _)| name.clone()).collect()
    }

    /// Flows that name a connector.
    pub(crate) fn users_of(&self, connector: &str) -> Vec<String> {
        self.all()
            .into_iter()
            .filter(|active| connectors(&active.flow).contains(connector))
            .map(|active| active.flow.name.clone())
            .collect()
    }

    /// Flows that name a connection.
    pub(crate) fn users_of_connection(&self, connection: &str) -> Vec<String> {
        self.all()
            .into_iter()
            .filter(|active| connections(&active.flow).contains(connection))
            .map(|active| active.flow.name.clone())
            .collect()
    }
}

/// The connectors that a flow names.
pub(crate) fn connectors(flow: &Flow) -> BTreeSet<&str> {
    let trigger = match &flow.on {
        On::Trigger(binding) => Some(binding.connector.as_str()),
        On::Webhook(_) | On::Schedule(_) | On::Flow(_) | On::Manual(_) => None,
    };
    let actions = flow.all_steps().into_iter().filter_map(|step| match &step.kind {
        StepKind::Action(action) => Some(action.connector.as_str()),
        StepKind::Switch(_)
        | StepKind::Map(_)
        | StepKind::ForEach(_)
        | StepKind::Parallel(_)
        | StepKind::Delay(_)
        | StepKind::Wait(_)
        | StepKind::Stop(_)
        | StepKind::Fail(_) => None,
    });
    trigger.into_iter().chain(actions).collect()
}

/// The connections that a flow names.
fn connections(flow: &Flow) -> BTreeSet<&str> {
    let trigger = match &flow.on {
        On::Trigger(binding) => binding.connection.as_deref(),
        On::Webhook(binding) => binding.connection.as_deref(),
        On::Schedule(_) | On::Flow(_) | On::Manual(_) => None,
    };
    let actions = flow.all_steps().into_iter().filter_map(|step| match &step.kind {
        StepKind::Action(action) => action.connection.as_deref(),
        StepKind::Switch(_)
        | StepKind::Map(_)
        | StepKind::ForEach(_)
        | StepKind::Parallel(_)
        | StepKind::Delay(_)
        | StepKind::Wait(_)
        | StepKind::Stop(_)
        | StepKind::Fail(_) => None,
    });
    trigger.into_iter().chain(actions).collect()
}

impl Engine {
    /// Checks a flow file against the installed connectors and connections and makes it the version for
    /// new runs. Runs in flight stay on theirs.
    pub async fn apply_flow(
        &self,
        file_name: &str,
        source: &str,
        actor: &str,
    ) -> Result<AppliedFlow, FlowError> {
        let flow = Arc::new(self.inner.check_flow(file_name, source).await?);
        let before = self.inner.flows.active(&flow.name).map(|active| active.version);
        let by = By::new(actor, clock::now());
        let stored = self.inner.store.publish_flow(flow.name.clone(), source.to_owned(), by).await?;
        self.inner.flows.activate(Arc::clone(&flow), stored.version);
        self.inner.set_trigger(&flow).await?;
        Ok(AppliedFlow {
            name: flow.name.clone(),
            version: stored.version,
            unchanged: before == Some(stored.version),
            webhook_path: self.inner.webhook_path(&flow),
        })
    }

    /// Checks a flow file and changes nothing.
    pub async fn validate_flow(&self, file_name: &str, source: &str) -> Result<(), FlowError> {
        self.inner.check_flow(file_name, source).await.map(|_| ())
    }

    /// The active flows by name.
    #[must_use]
    pub fn flows(&self) -> Vec<FlowInfo> {
        self.inner.flows.all().iter().map(|active| self.inner.flow_info(active)).collect()
    }

    /// The source of a flow's active version.
    pub async fn flow_source(&self, name: &str) -> Result<(FlowInfo, String), EngineError> {
        let active = self.inner.flows.active(name).ok_or_else(|| EngineError::not_found("flow", name))?;
        let row = self.inner.store.flow_version(name.to_owned(), active.version).await?;
        let row = row.ok_or_else(|| EngineError::not_found("flow", name))?;
        Ok((self.inner.flow_info(&active), row.source))
    }
}

impl Inner {
    fn flow_info(&self, active: &ActiveFlow) -> FlowInfo {
        let flow = &active.flow;
        FlowInfo {
            name: flow.name.clone(),
            version: active.version,
            owner: flow.owner.clone(),
            trigger: match &flow.on {
                On::Trigger(binding) => format!("{}/{}", binding.connector, binding.trigger),
                On::Webhook(_) => "webhook".to_owned(),
                On::Schedule(binding) => binding.schedule.to_string(),
                On::Flow(binding) => format!("flow {}", binding.flow.name),
                On::Manual(_) => "manual".to_owned(),
            },
            steps: flow.all_steps().len(),
            webhook_path: self.webhook_path(flow),
            digest: flow.source_digest.to_string(),
        }
    }

    /// Where deliveries to a flow go; none for one that takes none.
    fn webhook_path(&self, flow: &Flow) -> Option<String> {
        let delivered = match &flow.on {
            On::Trigger(binding) => self.registry.loaded_now(&binding.connector).is_none_or(|loaded| {
                loaded.manifest.triggers.get(&binding.trigger).is_none_or(|trigger| {
                    matches!(trigger.source, wharf_model::manifest::TriggerSource::Webhook(_))
                })
            }),
            On::Webhook(_) => true,
            On::Schedule(_) | On::Flow(_) | On::Manual(_) => false,
        };
        delivered.then(|| format!("/webhooks/{}", flow.name))
    }

    async fn check_flow(&self, file_name: &str, source: &str) -> Result<Flow, FlowError> {
        let problems = |problems: Vec<Problem>| FlowError::Problems {
            rendered: flow::render(&problems, file_name, source),
            problems,
        };
        let flow = Flow::parse(source).map_err(problems)?;
        let loaded = self.registry.all_active().await?;
        let found = flow::check(&flow, &self.catalog(&loaded).await?);
        if found.iter().any(Problem::is_error) { Err(problems(found)) } else { Ok(flow) }
    }

    /// What flows can refer to now.
    pub(crate) async fn catalog<'a>(&self, loaded: &'a [Arc<Loaded>]) -> Result<Catalog<'a>, EngineError> {
        let connection = |row: wharf_store::Connection| {
            (row.name, CatalogConnection { connector: row.connector, method: Some(row.method) })
        };
        Ok(Catalog {
            connectors: loaded
                .iter()
                .map(|loaded| (loaded.manifest.name.clone(), &loaded.manifest))
                .collect(),
            connections: self.store.connections().await?.into_iter().map(connection).collect(),
            flows: self.flows.all().into_iter().map(|active| active.flow.name.clone()).collect(),
            follows: self.flows.all().iter().filter_map(|active| followed(&active.flow)).collect(),
        })
    }
}

/// A flow that the end of another starts, and that other.
fn followed(flow: &Flow) -> Option<(String, String)> {
    match &flow.on {
        On::Flow(binding) => Some((flow.name.clone(), binding.flow.name.clone())),
        On::Trigger(_) | On::Webhook(_) | On::Schedule(_) | On::Manual(_) => None,
    }
}
