//! The whole engine in one thread, with its time, its disk and its provider in the hands of a seed.
//!
//! What runs is the engine as it is, the store's SQL, the sandbox with a real connector, and the gate with
//! HTTP over pipes. What is not real: the clock is tokio's, paused, so that hours pass in no time; a commit
//! goes well, is refused, or is the last thing before the power goes; the provider fails as the plan says.
//! After each commit, and at the end, it must hold what Wharf promises. A seed that fails is made smaller
//! before it is told.

use std::{
    collections::BTreeMap,
    net::SocketAddr,
    path::{Path, PathBuf},
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use serde_json::json;
use wharf_cli::demo::provider::{Provider, SLACK_TOKEN};
use wharf_engine::{
    AnyHost, Approval, Consent, Downgrade, Engine, EngineConfig, NewConnection, simulated_now,
    simulation_over,
};
use wharf_gate::{Gate, GateConfig, Network};
use wharf_model::time::Timestamp;
use wharf_sandbox::{Sandbox, SandboxConfig};
use wharf_store::{Disk, MasterKey, Store, StoreConfig, Verdict};

/// Chance.
#[path = "simulation/dice.rs"]
pub(crate) mod dice;
/// What must hold.
#[path = "simulation/judge.rs"]
mod judge;
/// Worlds.
#[path = "simulation/plan.rs"]
pub(crate) mod plan;
/// One plan, lived through.
#[path = "simulation/world.rs"]
mod world;

use plan::Plan;
use world::World;

const KEY: &str = "00112233445566778899aabbccddeeff0f1e2d3c4b5a69788796a5b4c3d2e1f0";
const START: Timestamp = Timestamp(1_795_288_392_345);
const PROVIDER: SocketAddr = SocketAddr::new(std::net::IpAddr::V4(std::net::Ipv4Addr::LOCALHOST), 9);

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
