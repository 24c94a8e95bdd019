//! Asks the component for its manifest, in a sandbox without any capability.

use wharf_model::{
    call::{CallError, LogLine},
    digest::Digest,
    grant::Limits,
};
use wharf_sandbox::{Sandbox, SandboxConfig, ScanLimits};

use super::BuildError;

/// One call needs one slot; each costs address space.
const SLOTS: u32 = 1;

/// The manifest's JSON, as the connector returns it.
pub(super) async fn describe(component: &[u8]) -> Result<String, BuildError> {
    let failed = |message: String| BuildError::Describe(message);
    let scan = ScanLimits { component_bytes: wharf_package::MAX_BYTES as u64, ..ScanLimits::default() };
    let config = SandboxConfig { slots: SLOTS, scan, ..SandboxConfig::default() };
    let sandbox = Sandbox::new(config).map_err(|error| failed(error.to_string()))?;
    let connector =
        sandbox.load(component, Digest::of(component)).await.map_err(|error| failed(error.to_string()))?;
    let finished = connector.describe(&Limits::default()).await;
    finished.result.map_err(|error| failed(words(&error, &finished.log)))
}

/// What stopped it, where, and what it said before: a panic's message is in the log.
fn words(error: &CallError, log: &[LogLine]) -> String {
    let mut words = error.to_string();
    if let CallError::Stopped(report) = error {
        words.extend(report.backtrace.iter().take(8).map(|frame| format!("\n  in {frame}")));
    }
    words.extend(log.iter().map(|line| format!("\n  it said: {}", line.message)));
    words
}
