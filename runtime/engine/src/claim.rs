//! Takes ready runs from the store, as many as there is room for, and drives them.

use std::{sync::Arc, time::Duration};

use crate::{clock, engine::Inner, run};

/// How long to wait after the store could not answer.
const AFTER_ERROR: Duration = Duration::from_secs(1);

/// Runs until the engine stops.
pub(crate) async fn run(inner: Arc<Inner>) {
    while !inner.stopping() {
        if let Err(error) = round(&inner).await {
            tracing::error!(%error, "ready runs cannot be read");
            tokio::time::sleep(AFTER_ERROR).await;
        }
    }
}

/// Claims until nothing is ready or nothing more fits, then waits for either to change.
async fn round(inner: &Arc<Inner>) -> Result<(), wharf_store::StoreError> {
    loop {
        // At least one place must be free before a run is taken from the store.
        let Ok(permit) = Arc::clone(&inner.permits).acquire_owned().await else {
            return Ok(());
        };
        let room = inner.permits.available_permits() + 1;
        drop(permit);
        let claimed = inner.store.claim(clock::now(), room).await?;
        if claimed.is_empty() {
            break;
        }
        for claimed in claimed {
            let Ok(permit) = Arc::clone(&inner.permits).acquire_owned().await else {
                return Ok(());
            };
            let inner_of_run = Arc::clone(inner);
            inner.tasks.spawn(async move {
                let _permit = permit;
                run::drive_claimed(inner_of_run, claimed).await;
            });
        }
    }
    let notified = inner.wake.notified();
    match inner.store.next_due().await? {
        None => notified.await,
        Some(due) => {
            let pause = due.since(clock::now());
            // Whichever comes first.
            let _elapsed = tokio::time::timeout(pause, notified).await;
        }
    }
    Ok(())
}
