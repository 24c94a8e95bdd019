//! The process that compiles: its protocol, and what a host makes of one that fails.

use wharf_model::digest::Digest;

use super::{block_on, guest::Guest};
use crate::{Sandbox, SandboxConfig, WorkerCommand, engine::Flavour, worker};

#[test]
fn what_a_worker_writes_is_what_the_host_loads() {
    let wasm = Guest::default().build();
    let command = WorkerCommand::new("unused", [] as [&str; 0]);
    let config = SandboxConfig { slots: 1, ..SandboxConfig::default() };
    for flavour in [Flavour::Plain, Flavour::Concurrent] {
        let (mut asked, mut answer, mut limits) = (Vec::new(), Vec::new(), None);
        block_on(worker::send(&mut asked, &command, flavour, &wasm)).unwrap();
        worker::serve(asked.as_slice(), &mut answer, |cpu, memory| {
            limits = Some((cpu, memory));
            Ok(())
        })
        .unwrap();
        assert_eq!(limits, Some((20, 1 << 30)));
        let (status, artifact) = block_on(worker::receive(answer.as_slice())).unwrap();
        assert_eq!(status, worker::COMPILED);
        let runner = crate::engine::runner(&config, flavour).unwrap();
        let loaded = crate::cache::load(&runner, &artifact);
        assert!(loaded.is_ok(), "worker and runner disagree about the {flavour:?} engine");
    }
}

#[test]
fn a_worker_without_a_parent_says_so() {
    let error = worker::serve(b"hello".as_slice(), Vec::new(), |_, _| Ok(())).unwrap_err();
    assert!(error.to_string().contains("wharf serve"), "{error}");
}

#[test]
fn workers_that_fail() {
    for (script, reason) in [
        // As the kernel ends one that is over its CPU seconds, and the allocator one over its memory.
        ("kill -XCPU $$", "compile-budget"),
        ("kill -ABRT $$", "compile-budget"),
        ("exit 3", "host"),
        ("echo something else entirely, and a few words more", "host"),
        ("printf '\\001\\004\\000\\000\\000\\000\\000\\000\\000oops'", "malformed"),
    ] {
        let worker = Some(WorkerCommand::new("/bin/sh", ["-c", script]));
        let sandbox = Sandbox::new(SandboxConfig { slots: 1, worker, ..SandboxConfig::default() }).unwrap();
        let wasm = Guest::default().build();
        let error = block_on(sandbox.load(&wasm, Digest::of(&wasm))).unwrap_err();
        assert_eq!(error.reason(), reason, "{script}: {error}");
    }
}
