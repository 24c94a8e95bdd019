//! The connector of the benches, built from source, and the least that a call needs of a host.

use std::{future::ready, path::Path, process::Command};

use anyhow::{Context as _, Result, bail};
use async_trait::async_trait;
use serde_json::Value;
use wharf_model::{
    call::{Context, Mode},
    digest::Digest,
    grant::Limits,
    http::{HttpError, HttpRequest},
    time::Timestamp,
};
use wharf_sandbox::{Call, Exchange, Host, Sandbox, SandboxConfig};

/// What the guest is compiled for. The contract needs nothing of WASI.
const TARGET: &str = "wasm32-unknown-unknown";

/// Builds the connector; the bytes of the finished file.
///
/// # Errors
/// Cargo's own, or what is wrong with the module that it made.
pub async fn build() -> Result<Vec<u8>> {
    let module = module(&Path::new(env!("CARGO_MANIFEST_DIR")).join("guests/map"), "bench_connector")?;
    let component = wharf_package::componentize(&module)?;
    let sandbox = Sandbox::new(SandboxConfig { slots: 1, ..SandboxConfig::default() })?;
    let connector = sandbox.load(&component, Digest::of(&component)).await?;
    let manifest = connector.describe(&Limits::default()).await.result?;
    Ok(wharf_package::seal(&component, &manifest)?)
}

fn module(dir: &Path, name: &str) -> Result<Vec<u8>> {
    let status = Command::new("cargo")
        .args(["build", "--release", "--quiet", "--target", TARGET])
        // The flags of the bench's own build are not the guest's.
        .env_remove("RUSTFLAGS")
        .env_remove("CARGO_TARGET_DIR")
        .envs([("CARGO_PROFILE_RELEASE_LTO", "fat")])
        .current_dir(dir)
        .status()
        .context("cargo does not start")?;
    if !status.success() {
        bail!("the guest in {} does not build; it needs `rustup target add {TARGET}`", dir.display());
    }
    let file = dir.join("target").join(TARGET).join("release").join(name).with_extension("wasm");
    std::fs::read(&file).with_context(|| format!("{}", file.display()))
}

/// Refuses everything: neither action asks for anything.
struct Nobody;

#[async_trait]
impl Host for Nobody {
    fn http(&mut self, _: HttpRequest) -> Exchange {
        Box::pin(ready(Err(HttpError::Unreachable("the bench has no network".to_owned()))))
    }

    fn now(&self) -> Timestamp {
        Timestamp(1_795_288_392_345)
    }

    fn seed(&self) -> [u8; 32] {
        [7; 32]
    }
}

/// A call with the default limits, all of them on.
#[must_use]
pub fn call() -> Call {
    Call { limits: Limits::default(), host: Box::new(Nobody) }
}

/// What a call is part of; the lengths are those of a real one.
#[must_use]
pub fn context() -> Context {
    Context {
        run: "01K8QYV3N9T4ZC7E5RWJ2M6HXB".to_owned(),
        step: "one".to_owned(),
        attempt: 1,
        mode: Mode::Live,
        idempotency_key: "01K8QYV3N9T4ZC7E5RWJ2M6HXB-one".to_owned(),
        deadline: Timestamp(1_795_288_422_345),
        trace_parent: "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01".to_owned(),
        connection: Value::Object(serde_json::Map::new()),
    }
}
