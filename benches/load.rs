//! Closed-loop load: so many callers, each of which starts again when it is served. A slow server is
//! asked less, so a latency here is what that many patient callers see, and not what a queue would do.

use std::{fmt, future::Future, sync::Arc, time::Duration};

use anyhow::Result;
use tokio::{task::JoinSet, time::Instant};

/// What was measured.
#[derive(Clone, Debug)]
pub struct Measured {
    /// Calls that were served, without those of the warm-up.
    pub served: usize,
    /// Served a second.
    pub rate: f64,
    /// The median latency.
    pub median: Duration,
    /// What 99 of 100 did not exceed.
    pub p99: Duration,
}

impl fmt::Display for Measured {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let ms = |duration: Duration| duration.as_secs_f64() * 1e3;
        write!(
            f,
            "{:>9.0}/s   median {:>8.2} ms   p99 {:>8.2} ms   n {}",
            self.rate,
            ms(self.median),
            ms(self.p99),
            self.served
        )
    }
}

/// How long to warm up and to measure.
#[derive(Clone, Copy, Debug)]
pub struct Span {
    /// Before anything counts.
    pub warm_up: Duration,
    /// What counts.
    pub measured: Duration,
}

impl Default for Span {
    /// One second, then four.
    fn default() -> Self {
        Self { warm_up: Duration::from_secs(1), measured: Duration::from_secs(4) }
    }
}

/// Runs `callers` callers; each gets a state of its own from `state` and calls `call` over and over.
///
/// # Errors
/// The first that a caller meets.
pub async fn closed_loop<S, F>(
    callers: usize,
    span: Span,
    state: impl AsyncFn(usize) -> Result<S>,
    call: impl Fn(S, u64) -> F + Send + Sync + 'static,
) -> Result<Measured>
where
    S: Send + 'static,
    F: Future<Output = Result<S>> + Send + 'static,
{
    let mut states = Vec::new();
    for caller in 0..callers {
        states.push(state(caller).await?);
    }
    let call = Arc::new(call);
    let begin = Instant::now() + span.warm_up;
    let end = begin + span.measured;
    let mut tasks = JoinSet::new();
    for mut state in states {
        let call = Arc::clone(&call);
        tasks.spawn(async move {
            let mut latencies = Vec::new();
            for count in 0.. {
                let sent = Instant::now();
                if sent >= end {
                    break;
                }
                state = call(state, count).await?;
                let served = Instant::now();
                if served >= begin && served < end {
                    latencies.push(served - sent);
                }
            }
            anyhow::Ok(latencies)
        });
    }
    let mut latencies = Vec::new();
    while let Some(task) = tasks.join_next().await {
        latencies.extend(task??);
    }
    Ok(measured(latencies, span.measured))
}

fn measured(mut latencies: Vec<Duration>, within: Duration) -> Measured {
    latencies.sort_unstable();
    let at = |percent: usize| {
        latencies
            .get((latencies.len() * percent / 100).min(latencies.len().saturating_sub(1)))
            .copied()
            .unwrap_or_default()
    };
    #[expect(clippy::cast_precision_loss, reason = "no bench serves 2^53 calls")]
    let rate = latencies.len() as f64 / within.as_secs_f64();
    Measured { served: latencies.len(), rate, median: at(50), p99: at(99) }
}
