//! Forgets what is old: runs that ended well, deliveries and their dedupe keys, audit rows, in small
//! batches, so that the cost of a run does not grow with the runs before it. Failed runs wait for a person.

use std::{sync::Arc, time::Duration};

use wharf_store::Retention;

use crate::{clock, engine::Inner};

/// How often it looks.
const EVERY: Duration = Duration::from_secs(3600);

/// Runs until the engine stops.
pub(crate) async fn run(inner: Arc<Inner>, retention: Retention) {
    let mut hours = tokio::time::interval(EVERY);
    while !inner.stopping() {
        tokio::select! {
            _ = hours.tick() => forget(&inner, &retention).await,
            () = inner.stopped() => return,
        }
    }
}

async fn forget(inner: &Inner, retention: &Retention) {
    loop {
        match inner.store.prune(clock::now(), *retention).await {
            Ok(pruned) if pruned.is_empty() || inner.stopping() => return,
            Ok(pruned) => tracing::debug!(?pruned, "old runs and deliveries are forgotten"),
            Err(error) => {
                tracing::warn!(%error, "old runs and deliveries cannot be forgotten now");
                return;
            }
        }
    }
}
