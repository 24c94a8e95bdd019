//! `wharf demo`: the main job, live and for real. It builds connectors, starts a server as a process
//! of its own and a provider in this one, plays deliveries that GitHub published, and checks after
//! every act that what it told is what happened. The surprising thing is how little of it is staged:
//! the provider's faults are scripted, and the `kill -9` is timed; all else is the product.

mod act;
pub mod checkout;
pub mod child;
pub mod delivery;
pub mod provider;
mod stage;
mod summary;

use anyhow::Result;
use tokio::time::Instant;

use crate::output::Output;
use checkout::Checkout;

/// What happens at the end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ending {
    /// Everything is stopped and removed.
    Stop,
    /// The server stays up until Ctrl-C.
    Keep,
}

/// Plays every act; the first check that fails ends it with an error that names it.
///
/// # Errors
/// What failed.
pub async fn play(ending: Ending, output: &mut Output) -> Result<()> {
    crate::install_crypto();
    let checkout = Checkout::find()?;
    let dir = tempfile::Builder::new().prefix("wharf-demo-").tempdir()?;
    let built = act::build::play(&checkout, dir.path(), output).await?;
    let began = Instant::now();
    let mut stage = act::start::play(checkout, dir, output).await?;
    act::install::play(&mut stage, &built).await?;
    act::connect::play(&mut stage).await?;
    let first = act::deliver::play(&mut stage).await?;
    act::refuse::play(&mut stage, &first).await?;
    act::hostile::play(&mut stage).await?;
    act::crash::play(&mut stage).await?;
    act::close::play(stage, began.elapsed(), ending).await
}
