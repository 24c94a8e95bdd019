//! What the tests stand on: connectors built once from `plugins/`, `wharf serve` as a process, and the
//! loopback provider in this one. Nothing here sleeps: whoever waits is woken by what it waits for, or
//! asks again until a deadline that only a broken server reaches.

use std::{
    fs,
    net::SocketAddr,
    path::{Path, PathBuf},
    time::Duration,
};

use serde_json::{Value, json};
use tokio::sync::OnceCell;
use wharf_cli::{
    build::{BuildOptions, Install, Wanted, build},
    client::{Body, Client},
    demo::{
        checkout::Checkout,
        child::{Launch, Server},
        delivery::{Answer, Delivery},
        provider::{GITHUB_TOKEN, Provider, SLACK_TOKEN},
    },
};

/// The secret with which the tests sign as GitHub.
pub(crate) const WEBHOOK_SECRET: &str = "It's a Secret to Everybody";

/// The path of the flow that the demo runs.
const TRIAGE: &str = "examples/triage-bugs.yaml";

/// Connector files, built from source.
pub(crate) struct Connectors {
    pub(crate) http: PathBuf,
    pub(crate) github: PathBuf,
    pub(crate) slack: PathBuf,
    pub(crate) hostile: PathBuf,
}

/// This checkout.
pub(crate) fn checkout() -> Checkout {
    Checkout::around(Path::new(env!("CARGO_MANIFEST_DIR"))).unwrap()
}

/// The connectors, built the first time somebody asks.
pub(crate) async fn connectors() -> &'static Connectors {
    static BUILT: OnceCell<Connectors> = OnceCell::const_new();
    BUILT
        .get_or_init(|| async {
            Connectors {
                http: built("plugins/http").await,
                github: built("plugins/github").await,
                slack: built("plugins/slack").await,
                hostile: built("tests/guests/hostile").await,
            }
        })
        .await
}

/// Builds a crate of this repository as its author would.
pub(crate) async fn built(inside: &str) -> PathBuf {
    let out = Path::new(env!("CARGO_TARGET_TMPDIR")).join("connectors");
    fs::create_dir_all(&out).unwrap();
    let options = BuildOptions {
        dir: checkout().path(inside),
        out: Some(out),
        target_dir: None,
        wanted: Wanted::default(),
        install: Install::Allowed,
    };
    println!("building {inside}");
    match build(options, &mut |_| {}).await {
        Ok(built) => built.file,
        Err(error) => panic!("{inside} cannot be built: {error}"),
    }
}

/// A server with a data directory of its own, and a provider.
pub(crate) struct Bed {
    pub(crate) provider: Provider,
    pub(crate) client: Client,
    pub(crate) http: reqwest::Client,
    pub(crate) addr: SocketAddr,
    pub(crate) dir: tempfile::TempDir,
    server: Option<Server>,
}

impl Bed {
    /// A server with nothing installed.
    pub(crate) async fn bare() -> Self {
        Self::start_in(tempfile::tempdir().unwrap(), &[]).await
    }

    /// A server with nothing installed, and these variables.
    pub(crate) async fn with_env(env: &[(&str, &str)]) -> Self {
        Self::start_in(tempfile::tempdir().unwrap(), env).await
    }

    /// The server's process.
    pub(crate) fn pid(&self) -> u32 {
        self.server.as_ref().unwrap().pid
    }

    async fn start_in(dir: tempfile::TempDir, env: &[(&str, &str)]) -> Self {
        let provider = Provider::start().await.unwrap();
        let server = Server::start(&launch(dir.path(), provider.addr(), env)).await.unwrap();
        let addr = server.addr;
        let client = client(addr, dir.path());
        let http = reqwest::Client::builder().no_proxy().tls_certs_only(std::iter::empty()).build().unwrap();
        Self { provider, client, http, addr, dir, server: Some(server) }
    }

    /// A server with nothing installed that watches a folder.
    pub(crate) async fn watching() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let folder = dir.path().join("connectors");
        fs::create_dir(&folder).unwrap();
        Self::start_in(dir, &[("WHARF_CONNECTORS_WATCH", folder.to_str().unwrap())]).await
    }

    /// The folder that it watches.
    pub(crate) fn watched(&self) -> PathBuf {
        self.dir.path().join("connectors")
    }

    /// Returns once new runs use this version of a connector; null for none.
    pub(crate) async fn until_version(&self, connector: &str, version: &Value) {
        let deadline = tokio::time::Instant::now() + Duration::from_secs(60);
        loop {
            let shown = self.client.get(&["connectors", connector], &[]).await.unwrap();
            if shown["version"] == *version {
                return;
            }
            assert!(tokio::time::Instant::now() < deadline, "{connector} stays at {shown:#}");
            tokio::task::yield_now().await;
        }
    }

    /// A server with GitHub and Slack connected and the triage flow applied.
    pub(crate) async fn triage() -> Self {
        let bed = Self::bare().await;
        bed.set_up_triage().await;
        bed
    }

    pub(crate) async fn set_up_triage(&self) {
        let connectors = connectors().await;
        self.install(&connectors.github).await;
        self.install(&connectors.slack).await;
        let github = json!({ "token": GITHUB_TOKEN, "webhook-secret": WEBHOOK_SECRET });
        self.connect("acme-github", "github", json!({ "api-url": self.provider.github_url() }), github).await;
        let slack = json!({ "token": SLACK_TOKEN });
        self.connect("acme-slack", "slack", json!({ "api-url": self.provider.slack_url() }), slack).await;
        let flow = fs::read_to_string(checkout().path(TRIAGE)).unwrap();
        self.apply(&flow).await;
    }

    /// A server with Slack connected, for flows that are started by hand.
    pub(crate) async fn slack() -> Self {
        let bed = Self::bare().await;
        bed.install(&connectors().await.slack).await;
        let slack = json!({ "token": SLACK_TOKEN });
        bed.connect("acme-slack", "slack", json!({ "api-url": bed.provider.slack_url() }), slack).await;
        bed
    }

    pub(crate) async fn install(&self, file: &Path) -> Value {
        self.install_bytes(fs::read(file).unwrap()).await
    }

    pub(crate) async fn install_bytes(&self, wasm: Vec<u8>) -> Value {
        let yes = [("approve", "true"), ("any_host", "true")];
        self.client.post(&["connectors"], &yes, Body::Wasm(wasm)).await.unwrap()
    }

    pub(crate) async fn connect(
        &self,
        name: &str,
        connector: &str,
        settings: Value,
        secrets: Value,
    ) -> Value {
        let body = json!({ "name": name, "connector": connector, "settings": settings, "secrets": secrets });
        self.client.post(&["connections"], &[], Body::Json(body)).await.unwrap()
    }

    pub(crate) async fn apply(&self, flow: &str) -> Value {
        self.client.post(&["flows"], &[("file", "flow.yaml")], Body::Yaml(flow.to_owned())).await.unwrap()
    }

    /// Starts a flow by hand; its run.
    pub(crate) async fn start(&self, flow: &str, data: Value) -> String {
        let body = Body::Json(json!({ "data": data }));
        let accepted = self.client.post(&["flows", flow, "run"], &[], body).await.unwrap();
        accepted["run"].as_str().unwrap().to_owned()
    }

    /// Sends a delivery signed as GitHub signs.
    pub(crate) async fn deliver(&self, delivery: &Delivery) -> anyhow::Result<Answer> {
        let url = format!("http://{}/webhooks/triage-bugs", self.addr);
        delivery.send(&self.http, &url, WEBHOOK_SECRET).await
    }

    /// The run's record, once it is in one of these states.
    pub(crate) async fn until(&self, run: &str, states: &[&str]) -> Value {
        let deadline = tokio::time::Instant::now() + Duration::from_secs(60);
        loop {
            let record = self.client.get(&["runs", run], &[]).await.unwrap();
            let status = record["status"].as_str().unwrap();
            if states.contains(&status) {
                return record;
            }
            assert!(tokio::time::Instant::now() < deadline, "run {run} stays {status}: {record:#}");
            tokio::task::yield_now().await;
        }
    }

    /// The run's record, once it has ended.
    pub(crate) async fn ended(&self, run: &str) -> Value {
        self.until(run, &["done", "ignored", "failed"]).await
    }

    /// `kill -9`.
    pub(crate) async fn kill(&mut self) {
        self.server.take().unwrap().kill().await.unwrap();
    }

    /// Waits until the process has died by itself.
    pub(crate) async fn died(&mut self) {
        let died = self.server.take().unwrap().ended().await;
        assert!(died.is_err(), "it says how it ended");
    }

    /// Waits until the process has died by itself, or so many runs of a flow are done; then it is killed.
    pub(crate) async fn died_or_done(&mut self, flow: &str, runs: usize) {
        loop {
            let Ok(done) = self.client.get(&["runs"], &[("flow", flow), ("status", "done")]).await else {
                return self.died().await;
            };
            if done["items"].as_array().is_some_and(|items| items.len() >= runs) {
                return self.kill().await;
            }
            tokio::task::yield_now().await;
        }
    }

    /// A new process on the same data.
    pub(crate) async fn restart(&mut self, env: &[(&str, &str)]) {
        let server = Server::start(&launch(self.dir.path(), self.provider.addr(), env)).await.unwrap();
        self.addr = server.addr;
        self.client = client(server.addr, self.dir.path());
        self.server = Some(server);
    }

    /// A new process on the same data, which dies by itself, perhaps before it is ready.
    pub(crate) async fn restart_to_die(&mut self, env: &[(&str, &str)]) {
        if let Ok(mut server) = Server::start(&launch(self.dir.path(), self.provider.addr(), env)).await {
            assert!(server.ended().await.is_err(), "it says how it ended");
        }
    }

    /// `SIGTERM`, and waits for the end.
    pub(crate) async fn stop(&mut self) {
        self.server.take().unwrap().stop().await.unwrap();
    }
}

/// The delivery of an example body.
pub(crate) fn delivery(file: &str, event: &'static str, guid: &str) -> Delivery {
    Delivery::of(&checkout(), file, event, guid).unwrap()
}

/// An issue of the flow's repository that was opened, with the label `bug`.
pub(crate) fn issue_opened() -> Delivery {
    delivery("issues.opened.json", "issues", "72d3162e-cc78-11e3-81ab-4c9367dc0958")
}

fn launch(dir: &Path, provider: SocketAddr, env: &[(&str, &str)]) -> Launch {
    Launch {
        program: PathBuf::from(env!("CARGO_BIN_EXE_wharf")),
        data_dir: dir.join("data"),
        log: dir.join("server.log"),
        listen: SocketAddr::from(([127, 0, 0, 1], 0)),
        provider,
        env: env.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect(),
    }
}

fn client(addr: SocketAddr, dir: &Path) -> Client {
    let key = fs::read_to_string(dir.join("data/admin.key")).unwrap();
    Client::at(&format!("http://{addr}"), key.trim()).unwrap()
}
