//! One plan, lived through: starts, work, power cuts, and the judgement at the end.

use std::{
    collections::{BTreeMap, BTreeSet},
    path::Path,
    sync::{Arc, Mutex},
    time::Duration,
};

use serde_json::json;
use tokio::sync::Notify;
use wharf_cli::demo::provider::Provider;
use wharf_engine::{Engine, EngineConfig, RunRecord, simulate};
use wharf_gate::Gate;
use wharf_sandbox::Sandbox;
use wharf_store::{Archive, Commit, Disk, Store, StoreError, Verdict};

use super::{
    Ground, Lived, PROVIDER, START, gate,
    judge::{counted, sound},
    now, open,
    plan::Plan,
};

/// No plan leads to a run that takes longer than this.
const PATIENCE: Duration = Duration::from_secs(40 * 86_400);
/// Times that a dead run is sent on its way again.
const REPLAYS: u32 = 3;

/// The disk and the power of one world.
#[derive(Default)]
struct Power {
    commits: u64,
    since_start: u64,
    cut: Option<(u64, bool)>,
    refused: BTreeSet<u64>,
    /// What did not hold after a commit.
    broken: Option<String>,
}

/// One world, from the first start to the end of the last run.
pub(super) struct World<'a> {
    ground: &'a Ground,
    plan: &'a Plan,
    data: &'a Path,
    provider: Arc<Provider>,
    power: Arc<Mutex<Power>>,
    lived: Lived,
    /// Runs that were acknowledged.
    acked: BTreeSet<String>,
    replays: BTreeMap<String, u32>,
}

/// How a life between two starts ended.
enum Ended {
    Cut,
    AllDone,
}

impl<'a> World<'a> {
    pub(super) fn new(ground: &'a Ground, plan: &'a Plan, data: &'a Path) -> Self {
        let provider = Arc::new(Provider::apart(PROVIDER, now));
        for (route, fault) in &plan.faults {
            provider.script(*route, [*fault]);
        }
        let refused = plan.refused.iter().copied().collect();
        let power = Arc::new(Mutex::new(Power { refused, ..Power::default() }));
        let (acked, replays) = (BTreeSet::new(), BTreeMap::new());
        Self { ground, plan, data, provider, power, lived: Lived::default(), acked, replays }
    }

    pub(super) fn live(mut self) -> Result<Lived, String> {
        let mut at = START;
        let mut cuts = self.plan.cuts.iter();
        loop {
            let cut = cuts.next();
            {
                let mut power = self.power.lock().unwrap();
                power.cut = cut.map(|cut| (cut.commit, cut.after));
                power.since_start = 0;
            }
            self.lived.starts += 1;
            let runtime = tokio::runtime::Builder::new_current_thread()
                .enable_all()
                .start_paused(true)
                .build()
                .unwrap();
            let ids = u128::from(self.lived.starts) << 40;
            let (ended, until) = runtime.block_on(async {
                simulate(at, ids);
                let ended = self.start().await;
                (ended, now())
            });
            // Whoever still waits is dropped here, at whatever it waits for.
            drop(runtime);
            if let Some(broken) = self.power.lock().unwrap().broken.take() {
                return Err(broken);
            }
            match ended? {
                Ended::Cut => at = until.after(Duration::from_secs(cut.map_or(1, |cut| cut.down))),
                Ended::AllDone => break,
            }
        }
        self.judge()?;
        Ok(self.lived)
    }

    /// From a start to the next cut, or to the end.
    async fn start(&mut self) -> Result<Ended, String> {
        let cut = Arc::new(Notify::new());
        let store = open(self.data, self.disk(&cut));
        let ended = Arc::new(Notify::new());
        let told = Arc::clone(&ended);
        let config = EngineConfig {
            observer: Some(Arc::new(move |notice| {
                if let wharf_engine::Notice::RunFinished { .. } = notice {
                    told.notify_one();
                }
            })),
            ..EngineConfig::default()
        };
        let (sandbox, gate, provider) =
            (self.ground.sandbox.clone(), gate(&self.provider), Arc::clone(&self.provider));
        tokio::select! {
            biased;
            () = cut.notified() => Ok(Ended::Cut),
            () = provider.held() => Ok(Ended::Cut),
            worked = async {
                let engine = started(config, store, sandbox, gate).await?;
                self.work(&engine, &ended).await
            } => worked.map(|()| Ended::AllDone),
        }
    }

    /// Applies the flow, starts the runs, and sees them to their ends.
    async fn work(&mut self, engine: &Engine, ended: &Notify) -> Result<(), String> {
        let flow = self.plan.flow();
        again(|| engine.apply_flow("simulated.yaml", &flow, "simulation")).await?;
        for run in 0..self.plan.runs {
            let key = format!("run-{run}");
            let accepted =
                again(|| engine.run_flow("simulated", json!({ "n": run }), Some(key.clone()))).await?;
            self.acked.insert(accepted.run);
        }
        if self.acked.len() as u64 != self.plan.runs {
            return Err(format!("{} runs of {} events", self.acked.len(), self.plan.runs));
        }
        loop {
            let mut open = 0;
            for run in self.acked.clone() {
                let record = engine.run(&run).await.map_err(|error| format!("run {run}: {error}"))?;
                match record.status.as_str() {
                    "done" | "ignored" => {}
                    "failed" => open += self.dead(engine, &record).await?,
                    _ => {
                        open += 1;
                        self.speak(engine, &record).await?;
                    }
                }
            }
            if open == 0 {
                return Ok(());
            }
            if tokio::time::timeout(PATIENCE, ended.notified()).await.is_err() {
                return Err(format!("{open} runs are stuck: {}", self.standing(engine).await));
            }
        }
    }

    /// Where every run stands, in words.
    async fn standing(&self, engine: &Engine) -> String {
        let mut lines = Vec::new();
        for run in &self.acked {
            let steps = match engine.run(run).await {
                Ok(record) => {
                    let steps = record.steps.iter().map(|step| format!("{} {}", step.path, step.status));
                    format!("{}: {}", record.status, steps.collect::<Vec<_>>().join(", "))
                }
                Err(error) => error.to_string(),
            };
            lines.push(format!("{run} {steps}"));
        }
        lines.join("; ")
    }

    /// Somebody answers every second run that waits for a signal.
    async fn speak(&self, engine: &Engine, record: &RunRecord) -> Result<(), String> {
        let waits = record.steps.iter().any(|step| step.asks.is_some());
        if waits && record.steps.len().is_multiple_of(2) {
            match again(|| engine.signal(&record.id, "go", json!({}), "simulation")).await {
                // It was over before.
                Err(why) if !why.contains("takes nothing more") => return Err(why),
                Ok(()) | Err(_) => {}
            }
        }
        Ok(())
    }

    /// A dead run is sent on its way again, a few times; how many more ends there are to wait for.
    async fn dead(&mut self, engine: &Engine, record: &RunRecord) -> Result<u64, String> {
        let times = self.replays.entry(record.id.clone()).or_default();
        if *times >= REPLAYS {
            return Ok(0);
        }
        *times += 1;
        again(|| engine.replay_run(&record.id, "simulation")).await?;
        Ok(1)
    }

    /// The disk: counts, cuts, refuses, and looks at what is there after each commit.
    fn disk(&self, cut: &Arc<Notify>) -> Disk {
        let (power, cut, provider) = (Arc::clone(&self.power), Arc::clone(cut), Arc::clone(&self.provider));
        Arc::new(move |commit| {
            let mut power = power.lock().unwrap();
            let cuts = |power: &Power, now: bool| {
                power.cut.is_some_and(|(at, after)| after == now && at == power.since_start)
            };
            match commit {
                Commit::Before => {
                    power.commits += 1;
                    power.since_start += 1;
                    if cuts(&power, false) {
                        cut.notify_one();
                        return Verdict::Cut;
                    }
                    let commit = power.commits;
                    if power.refused.remove(&commit) {
                        return Verdict::Fail(StoreError::Full);
                    }
                }
                Commit::After(connection) => {
                    if let Err(broken) = sound(connection, &provider) {
                        power.broken.get_or_insert(broken);
                    }
                    if power.broken.is_some() || cuts(&power, true) {
                        cut.notify_one();
                        return Verdict::Cut;
                    }
                }
            }
            Verdict::Go
        })
    }

    /// When everything has ended.
    fn judge(&mut self) -> Result<(), String> {
        let messages = self.provider.messages();
        self.lived.commits = self.power.lock().unwrap().commits;
        self.lived.runs = self.acked.len() as u64;
        self.lived.requests = self.provider.requests().len() as u64;
        self.lived.messages = messages.len() as u64;
        let runtime =
            tokio::runtime::Builder::new_current_thread().enable_all().start_paused(true).build().unwrap();
        let records = runtime.block_on(async {
            let store = open(self.data, Arc::new(|_| Verdict::Go));
            let gate = gate(&self.provider);
            let engine = Engine::start(EngineConfig::default(), store, self.ground.sandbox.clone(), gate)
                .await
                .unwrap();
            let mut records = Vec::new();
            for run in &self.acked {
                records.push(engine.run(run).await.map_err(|error| format!("run {run}: {error}"))?);
            }
            Ok::<_, String>(records)
        })?;
        drop(runtime);
        for record in &records {
            *self.lived.ends.entry(record.status.clone()).or_default() += 1;
            counted(record, messages.iter().map(|message| message.text.as_str()))?;
        }
        let archive = Archive::open(self.data).map_err(|error| error.to_string())?;
        archive.audit(None).map_err(|error| error.to_string())?;
        let journals = archive.journals(None).map_err(|error| error.to_string())?;
        if !journals.damaged.is_empty() {
            return Err(format!("{:?}", journals.damaged));
        }
        Ok(())
    }
}

/// Starting reads from the disk only, so it goes well or the power goes.
async fn started(config: EngineConfig, store: Store, sandbox: Sandbox, gate: Gate) -> Result<Engine, String> {
    Engine::start(config, store, sandbox, gate).await.map_err(|error| format!("no start: {error}"))
}

/// What was not acknowledged is asked for again, as a client does.
async fn again<T, E: std::fmt::Display, F: Future<Output = Result<T, E>>>(
    mut ask: impl FnMut() -> F,
) -> Result<T, String> {
    for _ in 0..5 {
        match ask().await {
            Ok(answer) => return Ok(answer),
            Err(error) if ["disk is full", "try again"].iter().any(|why| error.to_string().contains(why)) => {
                tokio::time::sleep(Duration::from_secs(1)).await;
            }
            Err(error) => return Err(error.to_string()),
        }
    }
    Err("the disk is full for too long".to_owned())
}
