//! The sandbox against guests in hand-written WAT; the ids (`GR-01`, `ML-05`) are those of the
//! attack catalogue. No test needs a wasm toolchain.

/// Components from core modules in WAT.
mod guest;
/// A host that answers what a case wants.
mod host;

/// Each limit at its edge.
mod bounds;
/// Compiled artifacts on disk.
mod cache;
/// What a call may ask for, and what it is billed.
mod calls;
/// Where a guest is when its time is up.
mod deadlines;
/// Exchanges that overlap, and bodies that are read as they come.
mod exchanges;
/// One connector cannot starve another.
mod fairness;
/// What no connector may need.
mod features;
/// Limits of what goes through the gate.
mod gate;
/// Each limit, and each way a call can end.
mod limits;
/// What is refused before it runs.
mod loading;
/// Components that somebody has broken.
mod mutants;
/// What a guest may return.
mod output;
/// The reference page.
mod reference;
/// Text of a guest, made safe.
mod text;
/// Components of a toolchain that links WASI.
mod wasi;
/// The process that compiles.
mod worker;

use std::sync::LazyLock;

use wharf_model::{
    call::{Context, Mode},
    digest::Digest,
    time::Timestamp,
};

use crate::{Connector, LoadError, Sandbox, SandboxConfig};

/// One engine for all tests, on one executor: an engine reserves terabytes of address space.
static SANDBOX: LazyLock<Sandbox> =
    LazyLock::new(|| Sandbox::new(SandboxConfig { slots: 16, ..SandboxConfig::default() }).unwrap());

/// Runs a test on its own executor.
fn block_on<T>(test: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(test)
}

async fn load(wasm: &[u8]) -> Result<Connector, LoadError> {
    SANDBOX.load(wasm, Digest::of(wasm)).await
}

fn context() -> Context {
    Context {
        run: "run-1".into(),
        step: "post".into(),
        attempt: 1,
        mode: Mode::Test,
        idempotency_key: "key".into(),
        deadline: Timestamp(2_000),
        trace_parent: "00-00000000000000000000000000000001-0000000000000001-00".into(),
        connection: serde_json::json!({}),
    }
}
