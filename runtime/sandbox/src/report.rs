//! Turns the way a call ended into a [`CallError`]: which limit or trap, where in the guest, and
//! after which effect. Who is to blame is decided here and only here.

use std::time::Duration;

use wasmtime::{PoolConcurrencyLimitError, Trap, WasmBacktrace};
use wasmtime_wasi::{I32Exit, ResourceTableError};
use wharf_model::{
    call::{CallError, StopReason, TrapReport},
    failure::{Failure, FailureClass},
};

use crate::{
    inert::{cut, inert},
    output::Rejected,
    state::{NoCapability, State, Stop},
};

/// Frames that are reported.
const MAX_FRAMES: usize = 20;

/// What is known beside the error.
pub(crate) struct Scene<'a> {
    pub(crate) state: &'a State,
    pub(crate) fuel: u64,
    pub(crate) wall: Duration,
    pub(crate) export: &'static str,
    pub(crate) phase: Phase,
}

/// How far a call came.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Phase {
    /// The instance was being made: start functions run, memories get their minimum.
    Instantiating,
    /// The export is being called.
    Calling,
}

/// A call that did not return.
pub(crate) fn trapped(error: &wasmtime::Error, scene: &Scene<'_>) -> CallError {
    if let Some(refused) = error.downcast_ref::<NoCapability>() {
        let message = format!("`{}` {refused}", scene.export);
        return CallError::Failed(Failure::new(FailureClass::CapabilityDenied, message));
    }
    if error.is::<PoolConcurrencyLimitError>()
        || error.is::<std::io::Error>()
        || error.is::<wasmtime::OutOfMemory>()
    {
        return CallError::Host(format!("no sandbox for the call: {error:#}"));
    }
    let (reason, message) = reason(error, scene);
    stopped(reason, message, error.downcast_ref().map(frames).unwrap_or_default(), scene)
}

fn stopped(reason: StopReason, message: String, backtrace: Vec<String>, scene: &Scene<'_>) -> CallError {
    CallError::Stopped(TrapReport {
        reason,
        message,
        backtrace,
        last_effect: scene.state.exchanges.last(),
        fuel: scene.fuel,
        peak_memory_bytes: scene.state.used.peak_memory_bytes,
    })
}

/// A call that did not even come to its end after its deadline: it waited inside the host. The stack
/// is gone with it, so no frames.
pub(crate) fn late(scene: &Scene<'_>) -> CallError {
    stopped(StopReason::Deadline, past_deadline(scene), Vec::new(), scene)
}

fn past_deadline(scene: &Scene<'_>) -> String {
    format!(
        "past the deadline of {} ms in `{}`, {} units of fuel used",
        grouped(scene.state.limits.deadline_ms),
        scene.export,
        grouped(scene.fuel),
    )
}

/// A call that returned what it may not.
pub(crate) fn rejected(rejected: Rejected, scene: &Scene<'_>) -> CallError {
    match rejected {
        Rejected::Stopped(Stop { reason, message }) => {
            stopped(reason, format!("`{}`: {message}", scene.export), Vec::new(), scene)
        }
        Rejected::Failed(failure) => CallError::Failed(failure),
        Rejected::Defect(what) => CallError::Failed(Failure::new(
            FailureClass::ConnectorDefect,
            format!("`{}` {what}", scene.export),
        )),
    }
}

fn reason(error: &wasmtime::Error, scene: &Scene<'_>) -> (StopReason, String) {
    let starting = match scene.phase {
        Phase::Instantiating => " while starting",
        Phase::Calling => "",
    };
    if let Some(stop) = error.downcast_ref::<Stop>() {
        return match stop.reason {
            StopReason::Deadline => (StopReason::Deadline, past_deadline(scene)),
            reason => (reason, stop.message.clone()),
        };
    }
    if let Some(trap) = error.downcast_ref::<Trap>() {
        return match trap {
            Trap::OutOfFuel => (
                StopReason::Fuel,
                format!(
                    "out of fuel ({}) after {}{starting}",
                    grouped(scene.state.limits.fuel),
                    took(scene.wall)
                ),
            ),
            Trap::StackOverflow => (StopReason::Stack, format!("the stack overflowed{starting}")),
            // What a guest's allocator does when memory does not grow.
            Trap::UnreachableCodeReached if memory_refused(scene) => (
                StopReason::Memory,
                format!(
                    "gave up when its memory could not grow past {} bytes{starting}",
                    grouped(scene.state.limits.memory_bytes)
                ),
            ),
            trap => (StopReason::Guest, format!("{trap}{starting}")),
        };
    }
    if let Some(exit) = error.downcast_ref::<I32Exit>() {
        return (StopReason::Guest, format!("exited with code {}{starting}", exit.0));
    }
    if error.is::<ResourceTableError>() {
        return (StopReason::Handles, handles(scene));
    }
    untyped(error, scene)
}

/// What the engine has no types for: the words are pinned with its version, and tests hold them.
fn untyped(error: &wasmtime::Error, scene: &Scene<'_>) -> (StopReason, String) {
    let text = format!("{:#}", error.root_cause());
    if text.contains("fuel allocated for hostcalls has been exhausted") {
        let limit = scene.state.limits.host_bytes_per_call.min(scene.state.limits.host_bytes);
        let message = format!("more than {} bytes in one move from guest to host", grouped(limit));
        return (StopReason::HostBytes, message);
    }
    if text.contains("handle limit exceeded") {
        return (StopReason::Handles, handles(scene));
    }
    if let (Phase::Instantiating, Some(refused)) = (scene.phase, scene.state.refused) {
        let (what, unit) = match refused.reason {
            StopReason::Table => ("tables", "elements"),
            _ => ("memories", "bytes"),
        };
        let (wanted, limit) = (grouped(refused.wanted), grouped(refused.limit));
        return (refused.reason, format!("its {what} start with {wanted} {unit}; the limit is {limit}"));
    }
    if text.contains("resource limit exceeded") {
        let message = format!("more than {} core instances", scene.state.limits.instances);
        return (StopReason::Instances, message);
    }
    (StopReason::Guest, inert(cut(&text, 400)))
}

fn memory_refused(scene: &Scene<'_>) -> bool {
    let refused = scene.state.refused;
    refused.is_some_and(|refused| refused.reason == StopReason::Memory)
}

/// `412 ms` below a second, else `1.3 s`.
fn took(wall: Duration) -> String {
    if wall < Duration::from_secs(1) {
        return format!("{} ms", wall.as_millis());
    }
    format!("{:.1} s", wall.as_secs_f64())
}

fn handles(scene: &Scene<'_>) -> String {
    format!("more than {} handles alive", grouped(u64::from(scene.state.limits.handles)))
}

/// One line a frame, innermost first. Names come from the guest, so they are made inert.
fn frames(backtrace: &WasmBacktrace) -> Vec<String> {
    let frames = backtrace.frames().iter().take(MAX_FRAMES);
    frames
        .map(|frame| {
            let name = match frame.func_name() {
                Some(name) => {
                    let readable = format!("{:#}", rustc_demangle::demangle(name));
                    inert(cut(&readable, 160))
                }
                None => format!("function {}", frame.func_index()),
            };
            match (frame.module().name(), frame.module_offset()) {
                (Some(module), Some(offset)) => {
                    format!("{name} ({}+{offset:#x})", inert(cut(module, 60)))
                }
                (None, Some(offset)) => format!("{name} ({offset:#x})"),
                (_, None) => name,
            }
        })
        .collect()
}

/// `1000000` as `1,000,000`.
pub(crate) fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::with_capacity(digits.len() + digits.len() / 3);
    for (position, digit) in digits.chars().enumerate() {
        if position > 0 && (digits.len() - position).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}
