//! The canary: a connector of somebody else that is called ten times a second while a case plays. A
//! case may take what it is given, and nothing of what the canary needs.

use std::{
    sync::{Arc, Mutex},
    time::Duration,
};

use serde_json::json;
use tokio::{sync::watch, time::Instant};
use wharf_cli::client::{Body, Client};

/// How often it is called.
const PACE: Duration = Duration::from_millis(100);

/// What became of its calls.
#[derive(Clone)]
pub(crate) struct Canary {
    echoes: Arc<Mutex<Echoes>>,
    count: watch::Receiver<usize>,
}

#[derive(Default)]
struct Echoes {
    /// From the request to the end of the run.
    took: Vec<Duration>,
    failed: Vec<String>,
}

impl Canary {
    /// Calls the flow `canary` of this server from now on.
    pub(crate) fn release(client: Client) -> Self {
        let (counted, count) = watch::channel(0);
        let canary = Self { echoes: Arc::default(), count };
        let echoes = Arc::clone(&canary.echoes);
        tokio::spawn(async move {
            let mut pace = tokio::time::interval(PACE);
            pace.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Skip);
            loop {
                pace.tick().await;
                let started = Instant::now();
                let echo = echo(&client).await;
                let mut echoes = echoes.lock().unwrap();
                match echo {
                    Ok(()) => echoes.took.push(started.elapsed()),
                    Err(why) => echoes.failed.push(why),
                }
                drop(echoes);
                counted.send_modify(|count| *count += 1);
            }
        });
        canary
    }

    /// Returns after the next call that has not begun yet.
    pub(crate) async fn next(&self) {
        let mut count = self.count.clone();
        for _ in 0..2 {
            count.borrow_and_update();
            count.changed().await.unwrap();
        }
    }

    /// How many calls there have been.
    pub(crate) fn mark(&self) -> (usize, usize) {
        let echoes = self.echoes.lock().unwrap();
        (echoes.took.len(), echoes.failed.len())
    }

    /// How long the calls since `mark` took, and why some failed.
    pub(crate) fn since(&self, mark: (usize, usize)) -> (Vec<Duration>, Vec<String>) {
        let echoes = self.echoes.lock().unwrap();
        (echoes.took[mark.0..].to_vec(), echoes.failed[mark.1..].to_vec())
    }
}

async fn echo(client: &Client) -> Result<(), String> {
    let body = Body::Json(json!({ "data": {} }));
    let accepted = client.post(&["flows", "canary", "run"], &[], body).await;
    let accepted = accepted.map_err(|error| format!("not accepted: {error:?}"))?;
    let run = accepted["run"].as_str().unwrap_or_default().to_owned();
    loop {
        let record = client.get(&["runs", &run], &[]).await.map_err(|error| format!("{run}: {error:?}"))?;
        match record["status"].as_str() {
            Some("done") => return Ok(()),
            Some("running" | "waiting") => tokio::task::yield_now().await,
            _ => return Err(format!("{record}")),
        }
    }
}
