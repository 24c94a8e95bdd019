//! What the gate costs: a call through it beside the same call by its HTTP library alone, the decision
//! by itself, a call that is denied.
//!
//! `cargo bench -p wharf-benches --no-default-features --bench gate` builds without the engine. The
//! provider is a process of its own, so CPU here is the client's; rounds of the two clients alternate,
//! so that a busy machine is busy for both. One word (`http`, `decide`) measures that alone; the search
//! for secrets has a bench of its own, `scan`.

#![expect(clippy::print_stdout, reason = "figures are what a bench is for")]

use std::{collections::BTreeMap, hint::black_box, sync::Arc, time::Duration};

use anyhow::{Context as _, Result, bail, ensure};
use serde_json::json;
use tokio::{
    runtime::{Builder, Runtime},
    time::Instant,
};
use wharf_benches::{
    EVENT,
    load::{Measured, Span, closed_loop},
    memory,
    provider::{self, Provider},
};
use wharf_gate::{Authority, Credentials, Effects, Gate, GateConfig, Scope, Secret};
use wharf_model::{
    egress::{Operation, Rule, RuleSets, Target, decide},
    grant::{Grant, Limits},
    http::{Body, Field, HttpRequest, Redirects},
    manifest::{EffectClass, EgressRequest, Manifest},
};

/// Callers at once.
const CONCURRENCY: [usize; 2] = [1, 32];

/// Of each client, taking turns.
const ROUNDS: usize = 5;

const SECRET: &str = "sk_live_4eC39HqLyjWDarjtT1zdp7dc";

fn main() -> Result<()> {
    // Cargo adds `--bench`.
    let arguments: Vec<String> = std::env::args().skip(1).filter(|argument| argument != "--bench").collect();
    let words: Vec<&str> = arguments.iter().map(String::as_str).collect();
    match words.as_slice() {
        [provider::SERVE] => {
            let runtime = Builder::new_current_thread().enable_all().build()?;
            runtime.block_on(provider::serve(|addr| println!("{addr}")))
        }
        [] => http().and_then(|()| decisions()),
        ["http"] => http(),
        ["decide"] => decisions(),
        _ => bail!("it takes nothing, `http` or `decide`"),
    }
}

/// A connector with eight rules, as real ones have, and a bearer token.
fn authority(base: &str) -> Result<Authority> {
    let mut egress = vec![json!({ "url": format!("{base}/v1/"), "methods": ["GET", "POST"] })];
    for name in ["files", "auth", "uploads", "search", "events", "eu", "us"] {
        egress.push(json!({ "url": format!("https://{name}.example.com/api/"), "methods": ["GET", "POST"] }));
    }
    egress.reverse();
    let manifest: Manifest = serde_json::from_value(json!({
        "name": "bench", "version": "1.0.0", "title": "Bench", "egress": egress,
        "auth": { "token": {
            "title": "Token", "slots": { "token": { "title": "Token" } },
            "placement": { "kind": "bearer", "slot": "token" },
        } },
    }))?;
    let grant = Grant { egress: manifest.egress.clone(), ..Grant::default() };
    let secret = Secret::new(SECRET);
    let credentials =
        Credentials { method: "token".to_owned(), slots: BTreeMap::from([("token".to_owned(), secret)]) };
    Ok(Authority::new("bench", &manifest, &grant, None, Some(credentials))?)
}

fn request(url: &str, auth: Option<&str>) -> HttpRequest {
    HttpRequest {
        method: "GET".to_owned(),
        url: url.to_owned(),
        headers: vec![
            Field::new("accept", "application/json"),
            Field::new("x-request-id", "5f3a9c2e41d0b688"),
        ],
        body: Body::empty(),
        auth: auth.map(str::to_owned),
        timeout_ms: None,
        redirects: Redirects::Manual,
    }
}

/// The gate with everything on, beside reqwest with the same headers.
struct Clients {
    gate: Gate,
    authority: Authority,
    scope: Scope,
    raw: reqwest::Client,
    url: String,
}

impl Clients {
    fn new(provider: &Provider) -> Result<Self> {
        let base = format!("http://{}", provider.addr);
        let carve_out = format!("127.0.0.1/32:{}", provider.addr.port()).parse()?;
        let gate = Gate::new(GateConfig { carve_outs: vec![carve_out], ..GateConfig::default() })?;
        let raw = reqwest::Client::builder()
            .no_proxy()
            .redirect(reqwest::redirect::Policy::none())
            .tcp_nodelay(true)
            .build()?;
        Ok(Self {
            gate,
            authority: authority(&base)?,
            scope: Scope::new(EffectClass::Read, &Limits::default()),
            raw,
            url: format!("{base}/v1/issues/42?per_page=100"),
        })
    }

    async fn through_gate(&self) -> Result<()> {
        let authorised =
            self.gate.authorise(&self.authority, &self.scope, request(&self.url, Some("token")))?;
        let effects = Effects::default();
        let response = self.gate.perform(authorised, effects.begin()).await?;
        let (status, body) = (response.status, response.body.whole().await?);
        ensure!(status == 200 && body.len() == EVENT.len(), "{status}, {} bytes", body.len());
        black_box(effects.take());
        Ok(())
    }

    async fn through_library(&self) -> Result<()> {
        let request = self
            .raw
            .get(&self.url)
            .header("accept", "application/json")
            .header("x-request-id", "5f3a9c2e41d0b688")
            .header("authorization", format!("Bearer {SECRET}"));
        let response = request.send().await?;
        ensure!(response.status() == 200, "{}", response.status());
        let body = response.bytes().await?;
        ensure!(body.len() == EVENT.len(), "{} bytes", body.len());
        Ok(())
    }
}

/// Which of the two.
#[derive(Clone, Copy, PartialEq)]
enum Client {
    Library,
    Gate,
}

fn http() -> Result<()> {
    // The raw client takes the process's own; the gate brings its.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let provider = Provider::start()?;
    let runtime = Runtime::new()?;
    let clients = Arc::new(Clients::new(&provider)?);
    println!("GET of 1,000 bytes on loopback, kept connections, the provider in another process");
    for callers in CONCURRENCY {
        let mut costs: [Vec<Cost>; 2] = [Vec::new(), Vec::new()];
        for _ in 0..ROUNDS {
            for (client, costs) in [Client::Library, Client::Gate].into_iter().zip(&mut costs) {
                costs.push(runtime.block_on(round(&clients, client, callers))?);
            }
        }
        let [library, gate] = costs.map(median);
        println!("  library {callers:>3} callers  {library}");
        println!("  gate    {callers:>3} callers  {gate}   load {}", memory::load_average());
        println!(
            "  gate over library: wall {:+.1} %, CPU of the client {:+.1} % (medians of {ROUNDS} rounds)",
            100.0 * (gate.wall / library.wall - 1.0),
            100.0 * (gate.cpu / library.cpu - 1.0),
        );
    }
    Ok(())
}

/// Microseconds a call.
#[derive(Clone, Copy)]
struct Cost {
    wall: f64,
    cpu: f64,
    rate: f64,
}

impl std::fmt::Display for Cost {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{:>8.0}/s   {:>6.1} µs a call, {:>6.1} µs of CPU", self.rate, self.wall, self.cpu)
    }
}

async fn round(clients: &Arc<Clients>, client: Client, callers: usize) -> Result<Cost> {
    let span = Span { warm_up: Duration::from_millis(300), measured: Duration::from_secs(2) };
    let clients = Arc::clone(clients);
    let began = (Instant::now(), cpu()?);
    let measured: Measured = closed_loop(
        callers,
        span,
        async |_| Ok(clients.clone()),
        move |clients: Arc<Clients>, _| async move {
            match client {
                Client::Library => clients.through_library().await?,
                Client::Gate => clients.through_gate().await?,
            }
            Ok(clients)
        },
    )
    .await?;
    // The warm-up costs CPU too; it is at the same rate.
    let (wall, cpu) = (began.0.elapsed().as_secs_f64(), (cpu()? - began.1).as_secs_f64());
    Ok(Cost { wall: 1e6 / measured.rate, cpu: 1e6 * cpu / wall / measured.rate, rate: measured.rate })
}

/// CPU time of this process; the kernel counts in ticks of 10 ms.
fn cpu() -> Result<Duration> {
    let stat = std::fs::read_to_string("/proc/self/stat")?;
    let fields = stat.rsplit_once(')').context("/proc/self/stat")?.1;
    let ticks: u64 =
        fields.split_whitespace().skip(11).take(2).filter_map(|text| text.parse::<u64>().ok()).sum();
    Ok(Duration::from_millis(10 * ticks))
}

fn median(mut costs: Vec<Cost>) -> Cost {
    costs.sort_by(|a, b| a.wall.total_cmp(&b.wall));
    costs.get(costs.len() / 2).copied().unwrap_or(Cost { wall: 0.0, cpu: 0.0, rate: 0.0 })
}

/// The decision without IO: of the rules alone, of the gate with headers, credential and leak scan,
/// and of a call that is refused, with its denial for the journal.
fn decisions() -> Result<()> {
    let gate = Gate::new(GateConfig::default())?;
    let authority = authority("https://api.example.com")?;
    let scope = Scope::new(EffectClass::Read, &Limits::default());
    let rules: Vec<Rule> = ["files", "auth", "uploads", "search", "events", "eu", "us", "api"]
        .map(|name| EgressRequest {
            url: format!("https://{name}.example.com/{}/", if name == "api" { "v1" } else { "api" }),
            methods: vec!["GET".to_owned(), "POST".to_owned()],
        })
        .iter()
        .map(Rule::parse)
        .collect::<Result<_, _>>()?;
    let url = "https://api.example.com/v1/issues/42?per_page=100";
    println!("decision, eight rules, one thread");
    tell("URL made canonical", || Target::parse(black_box(url)).is_ok());
    let target = Target::parse(url)?;
    let sets = RuleSets { connector: "bench", manifest: &rules, grant: &rules };
    let operation = Operation { effect: EffectClass::Read, reads: &[] };
    tell("rules of manifest and grant", || decide(sets, operation, "GET", black_box(&target)).is_ok());
    tell("URL and rules", || {
        Target::parse(black_box(url)).is_ok_and(|target| decide(sets, operation, "GET", &target).is_ok())
    });
    tell("the gate's whole decision", || {
        gate.authorise(&authority, &scope, request(black_box(url), Some("token"))).is_ok()
    });
    let denied = "https://sink.example.org/v1/issues";
    tell("a denied call, with its effect", || {
        match gate.authorise(&authority, &scope, request(black_box(denied), None)) {
            Ok(_) => false,
            Err(error) => !Gate::refused(&authority, "GET", denied, &error).url.is_empty(),
        }
    });
    Ok(())
}

/// The time of one call of `work`: the median of rounds of some 50 ms.
fn tell(name: &str, work: impl Fn() -> bool) {
    let mut rounds = Vec::new();
    let mut count = 1_u32;
    while rounds.len() < 9 {
        let began = Instant::now();
        let mut held = true;
        for _ in 0..count {
            held &= work();
        }
        let took = began.elapsed();
        assert!(black_box(held), "{name}: the work was not done");
        if took < Duration::from_millis(50) {
            count *= 2;
            rounds.clear();
            continue;
        }
        rounds.push(took / count);
    }
    rounds.sort_unstable();
    println!(
        "  {name:32} {:>8.2} µs",
        rounds.get(rounds.len() / 2).map_or(0.0, |took| took.as_secs_f64() * 1e6)
    );
}
