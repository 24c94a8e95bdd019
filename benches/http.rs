//! A server, whichever process it is in: set up over its admin API, loaded over its webhook address.

use std::{
    net::SocketAddr,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use anyhow::{Context as _, Result, ensure};
use serde_json::json;
use tokio::time::{Instant, sleep};

use crate::{
    EVENT,
    client::Client,
    flows,
    load::{Measured, Span, closed_loop},
};

/// Between two looks at the counter of runs; each look costs the server a query.
const LOOK: Duration = Duration::from_millis(20);
/// Nothing that is measured here may take longer to drain.
const DRAINED_WITHIN: Duration = Duration::from_secs(120);

/// A server, and who is allowed to set it up.
#[derive(Clone, Debug)]
pub struct Server {
    /// Where it listens.
    pub addr: SocketAddr,
    /// An admin key.
    pub key: String,
}

/// What one flow does under load.
#[derive(Clone, Debug)]
pub struct Delivered {
    /// Deliveries that were made durable and answered with 202.
    pub accepted: Measured,
    /// Runs that ended, a second, from the first delivery to the last end.
    pub done_rate: f64,
    /// From a run's acceptance to its end, on average.
    pub mean: Duration,
}

/// How many runs of a flow ended well, and how long they took together.
#[derive(Clone, Copy, Debug, Default)]
struct Ended {
    runs: f64,
    seconds: f64,
}

impl Server {
    /// Installs the bench's connector, connects it and applies the flows.
    ///
    /// # Errors
    /// With the server's own words.
    pub async fn set_up(&self, connector: &[u8]) -> Result<()> {
        let mut client = Client::connect(self.addr).await?;
        client
            .admin(&self.key, "POST", "connectors?approve=true&any_host=true", "application/wasm", connector)
            .await?;
        let connection = json!({
            "name": flows::CONNECTION, "connector": "bench", "settings": {}, "secrets": { "secret": flows::SECRET },
        });
        client
            .admin(&self.key, "POST", "connections", "application/json", connection.to_string().as_bytes())
            .await?;
        for (_, source) in flows::all() {
            client.admin(&self.key, "POST", "flows?file=flow.yaml", "text/yaml", source.as_bytes()).await?;
        }
        Ok(())
    }

    /// Delivers signed events to a flow from so many connections, and waits until every run has ended.
    ///
    /// # Errors
    /// A delivery that is not taken, a run that does not end.
    pub async fn deliver(&self, flow: &'static str, callers: usize, span: Span) -> Result<Delivered> {
        let before = self.ended(flow).await?;
        let signature = flows::signature(EVENT.as_bytes())?;
        let target = format!("/webhooks/{flow}");
        let (addr, began) = (self.addr, Instant::now());
        let sent = Arc::new(AtomicU64::new(0));
        let counted = Arc::clone(&sent);
        // Ids must differ from those of every other measurement.
        let ids = format!("{flow}-{callers}-{}", before.runs);
        let accepted = closed_loop(
            callers,
            span,
            async move |caller| Ok((caller, Client::connect(addr).await?)),
            move |(caller, mut client), count| {
                let headers = format!(
                    "content-type: application/json\r\nx-hub-signature-256: {signature}\r\nx-github-delivery: {ids}-{caller}-{count}\r\n"
                );
                let (target, sent) = (target.clone(), Arc::clone(&counted));
                async move {
                    let response = client.send("POST", &target, &headers, EVENT.as_bytes()).await?;
                    ensure!(response.status == 202, "a delivery was answered {} {}", response.status, response.body);
                    sent.fetch_add(1, Ordering::Relaxed);
                    Ok((caller, client))
                }
            },
        )
        .await?;
        #[expect(clippy::cast_precision_loss, reason = "no bench sends 2^53 deliveries")]
        let runs = sent.load(Ordering::Relaxed) as f64;
        let after = self.all_ended(flow, before.runs + runs).await?;
        let mean = Duration::from_secs_f64((after.seconds - before.seconds) / runs.max(1.0));
        Ok(Delivered { accepted, done_rate: runs / began.elapsed().as_secs_f64(), mean })
    }

    async fn all_ended(&self, flow: &str, runs: f64) -> Result<Ended> {
        let deadline = Instant::now() + DRAINED_WITHIN;
        loop {
            let ended = self.ended(flow).await?;
            if ended.runs >= runs {
                return Ok(ended);
            }
            ensure!(Instant::now() < deadline, "{} of {runs} runs of {flow} ended", ended.runs);
            sleep(LOOK).await;
        }
    }

    async fn ended(&self, flow: &str) -> Result<Ended> {
        let page = Client::connect(self.addr).await?.send("GET", "/metrics", "", b"").await?;
        ensure!(page.status == 200, "/metrics answered {}", page.status);
        let of = |name: &str| {
            let line = page.body.lines().find(|line| {
                let labels = line.strip_prefix(name).unwrap_or_default();
                labels.contains(&format!("flow=\"{flow}\"")) && labels.contains("status=\"done\"")
            });
            line.and_then(|line| line.rsplit(' ').next()).map(str::parse::<f64>).transpose()
        };
        let runs = of("wharf_runs_finished_total{").context("wharf_runs_finished_total")?;
        let seconds = of("wharf_run_duration_seconds_sum{").context("wharf_run_duration_seconds_sum")?;
        Ok(Ended { runs: runs.unwrap_or_default(), seconds: seconds.unwrap_or_default() })
    }
}
