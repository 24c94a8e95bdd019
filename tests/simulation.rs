//! The whole engine in one thread, with its time, its disk and its provider in the hands of a seed.
//!
//! What runs is the engine as it is, the store's SQL, the sandbox with a real connector, and the gate with
//! HTTP over pipes. What is not real: the clock is tokio's, paused, so that hours pass in no time; a commit
//! goes well, is refused, or is the last thing before the power goes; the provider fails as the plan says.
//! After each commit, and at the end, it must hold what Wharf promises. A seed that fails is made smaller
//! before it is told.

use std::{
    collections::{BTreeMap, BTreeSet},
    net::SocketAddr,
    path::{Path, PathBuf},
    sync::{
        Arc, Mutex,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use serde_json::json;
use tokio::sync::Notify;
use wharf_cli::demo::provider::{Provider, SLACK_TOKEN};
use wharf_engine::{
    AnyHost, Approval, Consent, Downgrade, Engine, EngineConfig, NewConnection, RunRecord, simulate,
    simulated_now, simulation_over,
};
use wharf_gate::{Gate, GateConfig, Network};
use wharf_model::time::Timestamp;
use wharf_sandbox::{Sandbox, SandboxConfig};
use wharf_store::{Archive, Commit, Disk, MasterKey, Store, StoreConfig, StoreError, Verdict};

/// Chance.
#[path = "simulation/dice.rs"]
pub(crate) mod dice;
/// Worlds.
#[path = "simulation/plan.rs"]
pub(crate) mod plan;

use plan::Plan;

const KEY: &str = "00112233445566778899aabbccddeeff0f1e2d3c4b5a69788796a5b4c3d2e1f0";
const START: Timestamp = Timestamp(1_795_288_392_345);
const PROVIDER: SocketAddr = SocketAddr::new(std::net::IpAddr::V4(std::net::Ipv4Addr::LOCALHOST), 9);
/// No plan leads to a run that takes longer than this.
const PATIENCE: Duration = Duration::from_secs(40 * 86_400);
/// Times that a dead run is sent on its way again.
const REPLAYS: u32 = 3;

/// What all worlds share: the compiled connector, and a database with it installed.
pub(crate) struct Ground {
    sandbox: Sandbox,
    template: PathBuf,
    dir: tempfile::TempDir,
    worlds: AtomicU64,
}

/// What a world came to.
#[derive(Debug, Default)]
pub(crate) struct Lived {
    pub(crate) runs: u64,
    pub(crate) commits: u64,
    pub(crate) starts: u64,
    pub(crate) requests: u64,
    pub(crate) messages: u64,
    /// How runs ended, replays included.
    pub(crate) ends: BTreeMap<String, u64>,
}

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

impl Ground {
    pub(crate) async fn make(connector: Vec<u8>) -> Self {
        // In memory, where there is a place for that: what the disk does is the plan's affair.
        let memory = Path::new("/dev/shm");
        let dir = if memory.is_dir() { tempfile::tempdir_in(memory) } else { tempfile::tempdir() }.unwrap();
        let sandbox =
            Sandbox::new(SandboxConfig { cache: Some(dir.path().join("cache")), ..SandboxConfig::default() })
                .unwrap();
        let template = dir.path().join("template");
        let disk: Disk = Arc::new(|_| Verdict::Go);
        let store = open(&template, disk);
        let provider = Arc::new(Provider::apart(PROVIDER, now));
        let engine =
            Engine::start(EngineConfig::default(), store, sandbox.clone(), gate(&provider)).await.unwrap();
        let yes =
            Consent { approval: Approval::Approved, downgrade: Downgrade::Refuse, any_host: AnyHost::Allow };
        engine.install(connector, yes, "simulation").await.unwrap();
        let connection = NewConnection {
            name: "slack".to_owned(),
            connector: "slack".to_owned(),
            method: None,
            settings: json!({ "api-url": provider.slack_url() }),
            secrets: BTreeMap::from([("token".to_owned(), SLACK_TOKEN.to_owned())]),
        };
        engine.add_connection(connection, "simulation").await.unwrap();
        engine.shutdown(Duration::ZERO).await;
        Self { sandbox, template, dir, worlds: AtomicU64::new(0) }
    }

    /// Lives through a plan; what did not hold is the error.
    pub(crate) fn live(&self, plan: &Plan) -> Result<Lived, String> {
        let world = self.worlds.fetch_add(1, Ordering::Relaxed);
        let data = self.dir.path().join(format!("world-{world}"));
        copy(&self.template, &data);
        let lived =
            std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| World::new(self, plan, &data).live()));
        simulation_over();
        std::fs::remove_dir_all(&data).unwrap();
        lived.unwrap_or_else(|panic| Err(format!("a panic: {}", said(panic.as_ref()))))
    }

    /// As [`live`](Self::live); of a plan that fails the smallest that still does, in words.
    pub(crate) fn prove(&self, seed: u64) -> Result<Lived, String> {
        let plan = Plan::of(seed);
        self.live(&plan).map_err(|broken| {
            let (plan, broken) = self.shrink(plan, broken);
            format!("seed {seed}: {broken}\n{}{plan:#?}", plan.flow())
        })
    }

    fn shrink(&self, mut plan: Plan, mut broken: String) -> (Plan, String) {
        'smaller: loop {
            for smaller in plan.smaller() {
                if let Err(still) = self.live(&smaller) {
                    (plan, broken) = (smaller, still);
                    continue 'smaller;
                }
            }
            return (plan, broken);
        }
    }
}

fn said(panic: &(dyn std::any::Any + Send)) -> String {
    let text = panic.downcast_ref::<String>().map(String::as_str);
    text.or_else(|| panic.downcast_ref::<&str>().copied()).unwrap_or("without words").to_owned()
}

fn now() -> Timestamp {
    simulated_now().unwrap_or(START)
}

fn open(dir: &Path, disk: Disk) -> Store {
    let master_key = MasterKey::from_hex(KEY).unwrap();
    Store::open_simulated(StoreConfig { path: dir.to_owned(), master_key }, disk).unwrap()
}

fn copy(from: &Path, to: &Path) {
    std::fs::create_dir(to).unwrap();
    for file in std::fs::read_dir(from).unwrap() {
        let file = file.unwrap();
        std::fs::copy(file.path(), to.join(file.file_name())).unwrap();
    }
}

fn gate(provider: &Arc<Provider>) -> Gate {
    let provider = Arc::clone(provider);
    let dialled = move |_: SocketAddr| {
        let (near, far) = tokio::io::duplex(64 * 1024);
        provider.serve(far);
        Ok(near)
    };
    let carve_outs = vec!["127.0.0.1/32:9".parse().unwrap()];
    Gate::new(GateConfig { carve_outs, network: Some(Network(Arc::new(dialled))), ..GateConfig::default() })
        .unwrap()
}

/// One world, from the first start to the end of the last run.
struct World<'a> {
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
    fn new(ground: &'a Ground, plan: &'a Plan, data: &'a Path) -> Self {
        let provider = Arc::new(Provider::apart(PROVIDER, now));
        for (route, fault) in &plan.faults {
            provider.script(*route, [*fault]);
        }
        let refused = plan.refused.iter().copied().collect();
        let power = Arc::new(Mutex::new(Power { refused, ..Power::default() }));
        let (acked, replays) = (BTreeSet::new(), BTreeMap::new());
        Self { ground, plan, data, provider, power, lived: Lived::default(), acked, replays }
    }

    fn live(mut self) -> Result<Lived, String> {
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

/// Every step that says it posted has its one message; one that does not know may have one; others have none.
fn counted<'a>(record: &RunRecord, texts: impl Iterator<Item = &'a str>) -> Result<(), String> {
    let mut found: BTreeMap<&str, u64> = BTreeMap::new();
    for text in texts.filter_map(|text| text.strip_prefix(record.id.as_str())) {
        *found.entry(text.trim()).or_default() += 1;
    }
    let mut expected: BTreeMap<&str, (u64, u64)> = BTreeMap::new();
    for step in record.steps.iter().filter(|step| step.title == "slack/post-message") {
        let id = step.path.rsplit('/').next().unwrap_or_default();
        let (least, most) = expected.entry(id).or_default();
        let done = step.status == "done";
        // What a rescue that failed leaves as the step's failure is the rescue's own.
        let mut failures = step.attempts.iter().rev().filter_map(|attempt| attempt.failure.as_ref());
        let unknown = failures.next().is_some_and(|failure| failure.outcome_unknown);
        *least += u64::from(done);
        *most += u64::from(done || unknown);
    }
    for (id, count) in &found {
        let (least, most) = expected.get(id).copied().unwrap_or_default();
        if *count < least || *count > most {
            let steps: Vec<_> = record
                .steps
                .iter()
                .map(|step| (&step.path, step.status, &step.failure, &step.attempts))
                .collect();
            return Err(format!(
                "{id} of run {}: {count} messages, {least} to {most} are right: {steps:?}",
                record.id
            ));
        }
    }
    match expected.iter().find(|(id, (least, _))| *least > 0 && !found.contains_key(*id)) {
        Some((id, _)) => Err(format!("{id} of run {} is done, and there is no message", record.id)),
        None => Ok(()),
    }
}

/// What holds after every commit.
fn sound(connection: &rusqlite::Connection, provider: &Provider) -> Result<(), String> {
    let wrong: Vec<String> = connection
        .prepare_cached(
            "SELECT 'the tally of ' || status FROM (SELECT status, count(*) AS n FROM run GROUP BY status) AS found
             WHERE n <> (SELECT sum(n) FROM tally WHERE tally.status = found.status)
             UNION ALL SELECT 'a due time of ' || status FROM run WHERE (due_at IS NOT NULL) <> (status = 'waiting')
             UNION ALL SELECT 'an end of ' || status FROM run
             WHERE (finished_at IS NOT NULL) <> (status IN ('done', 'ignored', 'failed', 'discarded'))
             UNION ALL SELECT 'a dead letter of ' || run FROM dead_letter JOIN run ON run.id = dead_letter.run
             WHERE (dead_letter.state = 'open') <> (run.status = 'failed')
             UNION ALL SELECT 'the length of the journal of ' || id FROM run
             WHERE seq <> (SELECT count(*) FROM journal WHERE journal.run = run.id)",
        )
        .and_then(|mut select| select.query_map([], |row| row.get(0))?.collect())
        .map_err(|error| error.to_string())?;
    if let Some(wrong) = wrong.first() {
        return Err(format!("after a commit {wrong} is wrong"));
    }
    let mut keys = BTreeSet::new();
    match provider.messages().into_iter().find(|message| !keys.insert(message.key.clone())) {
        Some(message) => Err(format!("posted twice: {message:?}")),
        None => Ok(()),
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

#[cfg(test)]
#[tokio::test]
async fn a_few_hundred_seeds_hold() {
    let connector = std::fs::read(&crate::bed::connectors().await.slack).unwrap();
    let ground = Ground::make(connector).await;
    let proved = tokio::task::spawn_blocking(move || {
        let mut lived = Vec::new();
        // And those that have found something.
        for seed in (0..300).chain([461, 1_001_394, 1_004_238]) {
            match ground.prove(seed) {
                Ok(world) => lived.push(world),
                Err(broken) => panic!("{broken}"),
            }
        }
        lived
    });
    let lived = proved.await.unwrap();
    // It is a proof of something only if things went wrong.
    let sum = |of: fn(&Lived) -> u64| lived.iter().map(of).sum::<u64>();
    let [starts, messages] = [sum(|world| world.starts), sum(|world| world.messages)];
    println!("{} worlds, {starts} starts, {messages} messages", lived.len());
    assert!(starts > 600 && messages > 600, "{starts} starts, {messages} messages");
}
