//! Components from strangers: loading ends in a reason or in a connector, and a connector that came
//! out of mutated bytes can be called like any other.
//!
//! Input: a component; or `edit` and triples of an offset (16 bits) and a byte, which are written over
//! the guest that exports everything (see `guest`). It is compiled in this process, so it stays small.

use std::{borrow::Cow, sync::LazyLock};

use tokio::runtime::{Builder, Runtime};
use wharf_model::{
    call::{Context, Mode},
    digest::Digest,
    time::Timestamp,
};
use wharf_sandbox::{Call, LoadError, Sandbox, SandboxConfig, ScanLimits};

use crate::{
    guest,
    host::Plain,
    inert,
    lift_values::{LIMITS, ended},
};

/// Larger inputs are not of this target.
const MAX: usize = 32 << 10;

static BED: LazyLock<(Runtime, Sandbox)> = LazyLock::new(|| {
    let runtime = Builder::new_current_thread().enable_time().build().expect("an executor starts");
    let scan = ScanLimits { component_bytes: MAX as u64, functions: 500, function_bytes: 4 << 10 };
    let config = SandboxConfig { slots: 2, scan, ..SandboxConfig::default() };
    let sandbox = runtime.block_on(async { Sandbox::new(config) }).expect("the engine starts");
    (runtime, sandbox)
});

static GUEST: LazyLock<Vec<u8>> = LazyLock::new(guest::build);

fn component(data: &[u8]) -> Cow<'_, [u8]> {
    let Some(edits) = data.strip_prefix(b"edit") else { return data.into() };
    let mut wasm = GUEST.clone();
    for edit in edits.as_chunks::<3>().0 {
        let at = usize::from(u16::from_le_bytes([edit[0], edit[1]])) % wasm.len();
        wasm[at] = edit[2];
    }
    wasm.into()
}

/// One input.
///
/// # Panics
/// When the product is wrong about it.
pub fn run(data: &[u8]) {
    let (runtime, sandbox) = &*BED;
    let wasm = component(data);
    runtime.block_on(async {
        let connector = match sandbox.load(&wasm, Digest::of(&wasm)).await {
            Ok(connector) => connector,
            Err(LoadError::Host(problem)) => panic!("the host failed: {problem}"),
            Err(error) => {
                inert(&error);
                assert!(!error.reason().is_empty());
                return;
            }
        };
        ended(connector.describe(&LIMITS).await);
        let call = Call { limits: LIMITS, host: Box::new(Plain) };
        let context = Context {
            run: "run".to_owned(),
            step: "step".to_owned(),
            attempt: 1,
            mode: Mode::Live,
            idempotency_key: "key".to_owned(),
            deadline: Timestamp(2_000),
            trace_parent: String::new(),
            connection: serde_json::json!({}),
        };
        let finished = connector.run(call, "say", "{}", None, &context).await;
        if !matches!(finished.result, Err(wharf_model::call::CallError::NotExported(_))) {
            ended(finished);
        }
    });
}
