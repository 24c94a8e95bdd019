//! `kill -9` at random instants under load: what was acknowledged is done exactly once, and the database
//! needs no repair.

use std::{
    collections::{BTreeMap, BTreeSet},
    net::SocketAddr,
    process::{Command, ExitCode},
    sync::Arc,
    time::Duration,
};

use serde_json::{Value, json};
use tokio::{sync::watch, task::JoinSet, time::Instant};
use wharf_cli::demo::{
    delivery::Delivery,
    provider::{Fault, Route},
};

use crate::{
    bed::{self, Bed, WEBHOOK_SECRET},
    simulation::dice::Dice,
};

/// As the example, with a thread for each event: what `confirm` looks through does not grow with the load. Slack
/// itself takes about one message a second in a channel.
const FLOW: &str = "flow: triage-bugs
on: { trigger: github/issue-opened, connection: acme-github, with: { repository: Codertocat/Hello-World } }
steps:
  - id: shape
    map: { text: \"#${event.number} ${event.title} by ${event.author}\" }
  - id: tell
    action: slack/post-message
    connection: acme-slack
    with: { channel: C024BE91L, text: \"${steps.shape.text}\", thread_ts: \"1700000000.${event.number}\" }
";

/// How the loop is run.
pub(crate) struct Plan {
    /// How often the process is killed.
    pub(crate) kills: u64,
    /// Deliveries a second.
    pub(crate) rate: u64,
    /// Decides the instants and the provider's faults.
    pub(crate) seed: u64,
}

/// What the sender of an event knows.
struct Acked {
    event: u64,
    run: String,
    sent: u64,
}

/// Kills, and tells what came of it.
pub(crate) async fn run(plan: Plan) -> ExitCode {
    let mut bed = Bed::triage().await;
    bed.apply(FLOW).await;
    let template: Value = serde_json::from_slice(&bed::issue_opened().body).unwrap();
    let (address, addresses) = watch::channel(bed.addr);
    let (stop, stopped) = watch::channel(false);
    let sender = tokio::spawn(send(Arc::new(template), plan.rate, addresses, stopped));
    let began = Instant::now();
    let mut starts = strike(&mut bed, &plan, &address).await;
    stop.send_replace(true);
    let acked = sender.await.unwrap();
    let statuses = ends(&bed, &acked).await;
    let took = began.elapsed();
    let counted = bed.client.get(&["status"], &[]).await.unwrap();
    bed.stop().await;
    starts.sort();
    let proof = Proof::of(&bed, &acked);
    println!(
        "\nseed {}, {} kills in {:.0} s, {} deliveries a second\n\
         {} events acknowledged after {} requests; runs by status: {statuses:?}\n\
         messages posted: {}, of events that were not acknowledged: {}, missing: {}, posted twice: {}\n\
         idempotency keys seen twice: {}; database and chains of hashes sound, nothing repaired: {}\n\
         start after a kill: median {} ms, longest {} ms\nserver's own count: {}",
        plan.seed,
        plan.kills,
        took.as_secs_f64(),
        plan.rate,
        acked.len(),
        acked.iter().map(|one| one.sent).sum::<u64>(),
        proof.posted,
        proof.strange,
        proof.missing,
        proof.twice,
        proof.keys_twice,
        proof.sound,
        starts[starts.len() / 2].as_millis(),
        starts[starts.len() - 1].as_millis(),
        counted["runs"],
    );
    let done = statuses.get("done").copied().unwrap_or_default();
    if proof.holds() && done == acked.len() && !acked.is_empty() {
        println!("holds: acknowledged = done once");
        ExitCode::SUCCESS
    } else {
        println!("DOES NOT HOLD");
        ExitCode::FAILURE
    }
}

/// Kills the server as often as planned; how long each start after it took.
async fn strike(bed: &mut Bed, plan: &Plan, address: &watch::Sender<SocketAddr>) -> Vec<Duration> {
    let began = Instant::now();
    let mut dice = Dice::new(plan.seed);
    let mut starts = Vec::new();
    for kill in 1..=plan.kills {
        // A few faults of the provider a round, so that outcomes are unknown and retries are under way, too.
        let faults = (0..dice.roll(4)).map(|_| match dice.roll(4) {
            0 => Fault::ResetAfterApply,
            1 => Fault::ResetBeforeApply,
            2 => Fault::Unavailable,
            _ => Fault::RateLimited { retry_after_secs: 1 },
        });
        bed.provider.script(Route::PostMessage, faults.collect::<Vec<_>>());
        tokio::time::sleep(Duration::from_millis(dice.roll(1_500))).await;
        bed.kill().await;
        let start = Instant::now();
        bed.restart(&[]).await;
        starts.push(start.elapsed());
        address.send_replace(bed.addr);
        if kill % 25 == 0 {
            println!("{kill} kills, {:.0} s", began.elapsed().as_secs_f64());
        }
    }
    starts
}

/// Waits for every acknowledged event's run; how many ended in which way.
async fn ends(bed: &Bed, acked: &[Acked]) -> BTreeMap<String, usize> {
    let mut statuses: BTreeMap<String, usize> = BTreeMap::new();
    for one in acked {
        let record = bed.ended(&one.run).await;
        let status = record["status"].as_str().unwrap().to_owned();
        if status != "done" {
            println!("event {} ended {status}: {record:#}", one.event);
        }
        *statuses.entry(status).or_default() += 1;
    }
    statuses
}

/// What the provider and the database say.
struct Proof {
    posted: usize,
    strange: usize,
    missing: usize,
    twice: usize,
    keys_twice: usize,
    sound: bool,
}

impl Proof {
    fn of(bed: &Bed, acked: &[Acked]) -> Self {
        let messages = bed.provider.messages();
        let expected: BTreeSet<String> = acked.iter().map(|one| title(one.event)).collect();
        let mut times: BTreeMap<&str, usize> = BTreeMap::new();
        let mut keys: BTreeMap<&str, usize> = BTreeMap::new();
        for message in &messages {
            let event = message.text.split(' ').find(|word| word.starts_with("event-")).unwrap();
            *times.entry(event).or_default() += 1;
            *keys.entry(message.key.as_deref().unwrap()).or_default() += 1;
        }
        let audit = Command::new(env!("CARGO_BIN_EXE_wharf"))
            .args(["audit", "verify", "--offline", "--json", "--data-dir"])
            .arg(bed.dir.path().join("data"))
            .output()
            .unwrap();
        let sqlite = rusqlite::Connection::open(bed.dir.path().join("data/wharf.db")).unwrap();
        let integrity: String = sqlite.query_row("PRAGMA integrity_check", [], |row| row.get(0)).unwrap();
        Self {
            posted: messages.len(),
            strange: times.keys().filter(|event| !expected.contains(**event)).count(),
            missing: expected.iter().filter(|event| !times.contains_key(event.as_str())).count(),
            twice: times.values().filter(|count| **count > 1).count(),
            keys_twice: keys.values().filter(|count| **count > 1).count(),
            sound: audit.status.success() && integrity == "ok",
        }
    }

    fn holds(&self) -> bool {
        self.strange == 0 && self.missing == 0 && self.twice == 0 && self.keys_twice == 0 && self.sound
    }
}

fn title(event: u64) -> String {
    format!("event-{event}")
}

/// Sends events at a steady rate until told to stop; each is sent again until it is acknowledged.
async fn send(
    template: Arc<Value>,
    rate: u64,
    addresses: watch::Receiver<SocketAddr>,
    mut stopped: watch::Receiver<bool>,
) -> Vec<Acked> {
    let http = reqwest::Client::builder().no_proxy().tls_certs_only(std::iter::empty()).build().unwrap();
    let mut ticks = tokio::time::interval(Duration::from_micros(1_000_000 / rate.max(1)));
    let mut sending = JoinSet::new();
    let mut event = 0;
    loop {
        tokio::select! {
            _ = ticks.tick() => {
                event += 1;
                sending.spawn(until_acknowledged(http.clone(), Arc::clone(&template), event, addresses.clone()));
            }
            _ = stopped.changed() => return sending.join_all().await,
        }
    }
}

async fn until_acknowledged(
    http: reqwest::Client,
    template: Arc<Value>,
    event: u64,
    mut addresses: watch::Receiver<SocketAddr>,
) -> Acked {
    let mut body = (*template).clone();
    body["issue"]["title"] = json!(title(event));
    body["issue"]["number"] = json!(event);
    let delivery = Delivery {
        guid: format!("00000000-0000-4000-8000-{event:012x}"),
        event: "issues",
        body: serde_json::to_vec(&body).unwrap(),
    };
    for sent in 1.. {
        let url = format!("http://{}/webhooks/triage-bugs", *addresses.borrow_and_update());
        if let Ok(answer) = delivery.send(&http, &url, WEBHOOK_SECRET).await {
            match answer.run() {
                Some(run) if answer.status.is_success() => {
                    return Acked { event, run: run.to_owned(), sent };
                }
                _ => {
                    assert!(answer.status.is_server_error(), "event {event}: {answer:?}");
                    tokio::time::sleep(Duration::from_millis(100)).await;
                    continue;
                }
            }
        }
        // The server is gone. The next one is told of, or has been while this was sent.
        let _elapsed = tokio::time::timeout(Duration::from_millis(500), addresses.changed()).await;
    }
    unreachable!("it is sent until it is acknowledged")
}
