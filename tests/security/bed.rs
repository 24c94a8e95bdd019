//! One real server for each group of cases: `wharf serve` in a process of its own, a scripted network
//! around it, a canary that is called ten times a second, and connectors with sentinels for secrets.
//!
//! A server outlives the test that started it, and nothing in a test binary runs after the last test. So
//! each has a guard: a shell that waits for the end of this process and kills what is left.

use std::{
    fs::{self, File},
    io::{BufRead as _, BufReader, Read as _, Write as _},
    net::SocketAddr,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    sync::{LazyLock, Mutex},
};

use serde_json::{Value, json};
use tokio::{runtime::Runtime, sync::OnceCell};
use wharf_cli::client::{Body, Client};

use super::{canary::Canary, network::Network, sentinel::Search};
use crate::{bed::built, wat::speaker};

/// What connection `p` of the probe holds.
pub(crate) const SENTINEL: &str = "sk_live_S3NT1NEL_7f3a9c2e41d0b688";
/// What connection `q` of its neighbour holds.
pub(crate) const NEIGHBOURS: &str = "sk_live_S3NT1NEL_q51c0ffee9d2b7a04";

/// Everything that outlives a test runs here: a test's own runtime ends with it.
pub(crate) static RUNTIME: LazyLock<Runtime> = LazyLock::new(|| {
    tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap()
});

/// A group of cases; each has a server.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Group {
    Gr,
    Ml,
    Hc,
    Se,
    Fs,
}

impl Group {
    pub(crate) const ALL: [Self; 5] = [Self::Gr, Self::Ml, Self::Hc, Self::Se, Self::Fs];

    /// As in the ids of its cases.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Gr => "GR",
            Self::Ml => "ML",
            Self::Hc => "HC",
            Self::Se => "SE",
            Self::Fs => "FS",
        }
    }

    /// The group of an id such as `HC-13`.
    pub(crate) fn of(id: &str) -> Self {
        *Self::ALL.iter().find(|group| id.starts_with(group.name())).unwrap()
    }

    /// The server of the group, started the first time somebody asks.
    pub(crate) async fn bed(self) -> &'static Bed {
        static BEDS: [OnceCell<Bed>; 5] = [const { OnceCell::const_new() }; 5];
        BEDS[self as usize].get_or_init(|| Bed::start(self)).await
    }

    /// Settings that its server starts with.
    fn settings(self) -> &'static [&'static str] {
        match self {
            // Everything that any library has to say, so that whatever is logged is searched.
            Self::Se => &["report.filter=trace"],
            Self::Gr | Self::Ml | Self::Hc | Self::Fs => &[],
        }
    }
}

/// A server and what is around it.
pub(crate) struct Bed {
    pub(crate) client: Client,
    pub(crate) http: reqwest::Client,
    pub(crate) addr: SocketAddr,
    pub(crate) pid: u32,
    pub(crate) dir: PathBuf,
    pub(crate) network: Network,
    pub(crate) canary: Canary,
    pub(crate) search: Search,
    /// One case at a time: what is measured is the process.
    pub(crate) turn: tokio::sync::Mutex<()>,
    /// The last grant of the probe, so that the same one is not set again.
    granted: Mutex<Value>,
    _guard: Guard,
}

impl Bed {
    async fn start(group: Group) -> Self {
        let dir = Path::new(env!("CARGO_TARGET_TMPDIR")).join("security").join(format!(
            "{}-{}",
            group.name().to_lowercase(),
            std::process::id()
        ));
        let _ = fs::remove_dir_all(&dir);
        fs::create_dir_all(&dir).unwrap();
        let network = Network::start(&dir).await;
        let proxy = format!("http://{}", network.proxy.address);
        let mut env = vec![("WHARF_TEST_NETWORK", network.script.to_str().unwrap().to_owned())];
        for name in ["HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "http_proxy", "https_proxy", "all_proxy"] {
            env.push((name, proxy.clone()));
        }
        let started = Process::start(&dir, &env, group.settings()).unwrap_or_else(|log| panic!("{log}"));
        let key = fs::read_to_string(dir.join("data/admin.key")).unwrap();
        let client = Client::at(&format!("http://{}", started.addr), key.trim()).unwrap();
        let http = reqwest::Client::builder().no_proxy().tls_certs_only(std::iter::empty()).build().unwrap();
        install(&client, speaker("canary", "1.0.0", |_| {})).await;
        apply(&client, "flow: canary\non: manual\nsteps:\n  - { id: say, action: canary/say }\n").await;
        let canary = Canary::release(client.clone());
        let bed = Self {
            client,
            http,
            addr: started.addr,
            pid: started.pid,
            network,
            canary,
            search: Search::default(),
            turn: tokio::sync::Mutex::default(),
            granted: Mutex::default(),
            _guard: Guard::over(started, &dir),
            dir,
        };
        bed.furnish().await;
        bed
    }

    /// The probe and its neighbour, connected, with a flow for each way to call them.
    async fn furnish(&self) {
        for (connector, connection, secret) in [("probe", "p", SENTINEL), ("neighbour", "q", NEIGHBOURS)] {
            let file = built(&format!("tests/guests/{connector}")).await;
            install(&self.client, fs::read(file).unwrap()).await;
            self.connect(connection, connector, json!({ "token": secret })).await;
            for action in ["read", "write", "say"] {
                apply(
                    &self.client,
                    &format!(
                        "flow: {connector}-{action}\non: manual\nsteps:\n  - {{ id: run, action: {connector}/{action}, connection: {connection}, with: {{ steps: \"${{event.steps}}\" }}, on-error: continue, retry: none }}\n"
                    ),
                )
                .await;
            }
        }
    }

    pub(crate) async fn connect(&self, name: &str, connector: &str, secrets: Value) {
        let body = json!({ "name": name, "connector": connector, "settings": {}, "secrets": secrets });
        self.client.post(&["connections"], &[], Body::Json(body)).await.unwrap();
    }

    /// Grants these rules (`GET,POST https://…`) and limits, and nothing else.
    pub(crate) async fn grant(&self, connector: &str, rules: &[&str], limits: &Value) {
        self.grant_revealing(connector, rules, limits, &[]).await;
    }

    /// The same, and these slots may be read.
    pub(crate) async fn grant_revealing(
        &self,
        connector: &str,
        rules: &[&str],
        limits: &Value,
        reveal: &[&str],
    ) {
        let egress: Vec<Value> = rules
            .iter()
            .map(|rule| {
                let (methods, url) = rule.split_once(' ').unwrap();
                json!({ "url": url, "methods": methods.split(',').collect::<Vec<_>>() })
            })
            .collect();
        let limits = if limits.is_null() { json!({}) } else { limits.clone() };
        let grant = json!({ "egress": egress, "limits": limits, "store-max-bytes": 65536, "reveal": reveal });
        let known = json!([connector, grant]);
        if std::mem::replace(&mut *self.granted.lock().unwrap(), known.clone()) != known {
            self.client.put(&["connectors", connector, "grant"], grant).await.unwrap();
        }
    }

    /// Installs a connector that a test made.
    pub(crate) async fn install(&self, wasm: Vec<u8>) -> Result<Value, wharf_cli::exit::Fault> {
        self.client.post(&["connectors"], &[("approve", "true")], Body::Wasm(wasm)).await
    }

    /// Applies a flow `NAME` that calls action `say` of the connector of that name once.
    pub(crate) async fn flow_of(&self, connector: &str) {
        apply(
            &self.client,
            &format!(
                "flow: {connector}\non: manual\nsteps:\n  - {{ id: run, action: {connector}/say, on-error: continue, retry: none }}\n"
            ),
        )
        .await;
    }

    /// Starts a flow by hand; its run.
    pub(crate) async fn begin(&self, flow: &str, data: Value) -> String {
        let body = Body::Json(json!({ "data": data }));
        let accepted = self.client.post(&["flows", flow, "run"], &[], body).await.unwrap();
        accepted["run"].as_str().unwrap().to_owned()
    }

    /// The run's record, once it has ended.
    pub(crate) async fn ended(&self, run: &str) -> Value {
        for asked in 0_u32.. {
            let record = self.client.get(&["runs", run], &[]).await.unwrap();
            let status = record["status"].as_str().unwrap();
            if ["done", "ignored", "failed"].contains(&status) {
                return record;
            }
            assert!(asked < 1_200, "run {run} stays {status}: {record:#}");
            // What does not end at once is asked for at the canary's pace.
            if asked > 20 {
                self.canary.next().await;
            }
        }
        unreachable!()
    }

    /// Runs a flow of one step to its end.
    pub(crate) async fn run(&self, flow: &str, data: Value) -> Ran {
        let run = self.begin(flow, data).await;
        Ran(self.ended(&run).await)
    }

    /// `GET` of a page that needs no key.
    pub(crate) async fn page(&self, path: &str) -> String {
        self.http.get(format!("http://{}{path}", self.addr)).send().await.unwrap().text().await.unwrap()
    }
}

/// The record of a run with one step.
#[derive(Debug)]
pub(crate) struct Ran(pub(crate) Value);

impl Ran {
    pub(crate) fn id(&self) -> &str {
        self.0["id"].as_str().unwrap()
    }

    pub(crate) fn step(&self) -> &Value {
        self.0["steps"].as_array().unwrap().iter().find(|step| step["path"] == "run").unwrap()
    }

    pub(crate) fn attempt(&self) -> &Value {
        &self.step()["attempts"][0]
    }

    /// What stopped the call, if something did.
    pub(crate) fn stopped(&self) -> Option<&str> {
        self.attempt()["trap"]["reason"].as_str()
    }

    /// What the probe saw, a step each.
    pub(crate) fn seen(&self) -> &[Value] {
        self.step()["output"]["seen"].as_array().map(Vec::as_slice).unwrap_or_default()
    }

    /// Bytes of the log.
    pub(crate) fn logged(&self) -> usize {
        let lines = self.attempt()["log"].as_array().unwrap().iter();
        lines
            .map(|line| line["message"].as_str().unwrap().len() + line["fields"].as_str().unwrap().len())
            .sum()
    }
}

pub(crate) async fn install(client: &Client, wasm: Vec<u8>) {
    client.post(&["connectors"], &[("approve", "true")], Body::Wasm(wasm)).await.unwrap();
}

pub(crate) async fn apply(client: &Client, flow: &str) {
    let body = Body::Yaml(flow.to_owned());
    client
        .post(&["flows"], &[("file", "case.yaml")], body)
        .await
        .unwrap_or_else(|error| panic!("{flow}{error:?}"));
}

/// A server process. Its output is in `stdout.log` and `stderr.log`.
pub(crate) struct Process {
    pub(crate) child: Child,
    pub(crate) addr: SocketAddr,
    pub(crate) pid: u32,
}

impl Process {
    /// Starts a server on `DIR/data` and waits until it says where it listens. Else what it said instead.
    pub(crate) fn start(dir: &Path, env: &[(&str, String)], settings: &[&str]) -> Result<Self, String> {
        let mut child = command(dir, env, settings).spawn().unwrap();
        let mut stdout = BufReader::new(child.stdout.take().unwrap());
        let mut line = String::new();
        stdout.read_line(&mut line).unwrap();
        let said = |line: &str| -> Option<SocketAddr> {
            let started: Value = serde_json::from_str(line).ok()?;
            started["server"].as_str()?.strip_prefix("http://")?.parse().ok()
        };
        let Some(addr) = said(&line) else {
            let status = child.wait().unwrap();
            let log = fs::read_to_string(dir.join("stderr.log")).unwrap_or_default();
            return Err(format!("{status}\n{line}\n{log}"));
        };
        let mut copy = File::create(dir.join("stdout.log")).unwrap();
        copy.write_all(line.as_bytes()).unwrap();
        std::thread::spawn(move || std::io::copy(&mut stdout, &mut copy));
        Ok(Self { pid: child.id(), child, addr })
    }
}

fn command(dir: &Path, env: &[(&str, String)], settings: &[&str]) -> Command {
    let stderr = File::options().create(true).append(true).open(dir.join("stderr.log")).unwrap();
    // A core file would be one: nothing but the server itself keeps it from writing one.
    let mut command = Command::new("sh");
    command.args(["-c", "ulimit -c unlimited; exec \"$@\"", "sh", env!("CARGO_BIN_EXE_wharf")]);
    for (name, _) in std::env::vars_os() {
        if name.to_string_lossy().starts_with("WHARF_") {
            command.env_remove(name);
        }
    }
    command
        .envs(env.iter().map(|(name, value)| (name, value)))
        .args(["--json", "serve", "--log", "json", "--listen", "127.0.0.1:0", "--set", "drain-seconds=2"])
        .args(settings.iter().flat_map(|setting| ["--set", setting]))
        .arg("--data-dir")
        .arg(dir.join("data"))
        .current_dir(dir)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(stderr);
    command
}

/// Kills a server and removes its directory when this process ends, however it ends.
struct Guard {
    _child: Mutex<Child>,
    _server: Mutex<Child>,
}

impl Guard {
    fn over(server: Process, dir: &Path) -> Self {
        let script =
            "cat >/dev/null; grep -qaF \"$2\" /proc/$1/cmdline && kill -9 $1; [ -n \"$3\" ] || rm -rf \"$2\"";
        let child = Command::new("sh")
            .args(["-c", script, "sh", &server.pid.to_string()])
            .arg(dir)
            .arg(std::env::var("WHARF_KEEP").unwrap_or_default())
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        Self { _child: Mutex::new(child), _server: Mutex::new(server.child) }
    }
}

/// A file from `from` on, and where it ends.
pub(crate) fn tail(path: &Path, from: u64) -> (Vec<u8>, u64) {
    use std::io::{Seek as _, SeekFrom};
    let mut file = File::open(path).unwrap();
    file.seek(SeekFrom::Start(from)).unwrap();
    let mut bytes = Vec::new();
    file.read_to_end(&mut bytes).unwrap();
    let end = from + bytes.len() as u64;
    (bytes, end)
}
