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

fn with_worker(script: &str, compile_queue: usize) -> Sandbox {
    let worker = Some(WorkerCommand::new("/bin/sh", ["-c", script]));
    Sandbox::new(SandboxConfig { slots: 1, worker, compile_queue, ..SandboxConfig::default() }).unwrap()
}

/// Polls `load` until `file` has something in it: the worker has started.
async fn until_written(load: impl Future<Output = ()>, file: &std::path::Path) -> String {
    let written = async {
        loop {
            match std::fs::read_to_string(file) {
                Ok(text) if text.ends_with("done\n") => return text,
                Ok(_) | Err(_) => tokio::task::yield_now().await,
            }
        }
    };
    tokio::select! {
        () = load => panic!("it was loaded"),
        text = written => text,
    }
}

#[test]
fn a_worker_dies_with_whoever_asked_for_it() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("pid");
    let sandbox = with_worker(&format!("(echo $$; echo done) > {}; exec sleep 1000", file.display()), 1);
    let wasm = Guest::default().build();
    block_on(async {
        let load = async { drop(sandbox.load(&wasm, Digest::of(&wasm)).await) };
        let pid = until_written(load, &file).await;
        let stat = format!("/proc/{}/stat", pid.lines().next().unwrap());
        // The caller is gone: the load was dropped. A zombie is dead.
        loop {
            match std::fs::read_to_string(&stat) {
                Ok(text) if !text.contains(") Z ") => tokio::task::yield_now().await,
                Ok(_) | Err(_) => return,
            }
        }
    });
}

#[test]
fn a_worker_gets_no_environment_and_no_files() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("about");
    let script = format!(
        "(tr '\\0' '\\n' < /proc/$$/environ; echo --; ls /proc/$$/fd; echo --; pwd; echo done) > {}; exec sleep 1000",
        file.display()
    );
    let sandbox = with_worker(&script, 1);
    let wasm = Guest::default().build();
    let about = block_on(async {
        let load = async { drop(sandbox.load(&wasm, Digest::of(&wasm)).await) };
        until_written(load, &file).await
    });
    let [environment, files, cwd] = about.split("--\n").collect::<Vec<_>>()[..] else { panic!("{about}") };
    assert_eq!(environment, "");
    // What the shell itself opens for the list is above 9.
    let inherited: Vec<&str> = files.lines().filter(|fd| fd.len() == 1).collect();
    assert_eq!(inherited, ["0", "1", "2"]);
    assert_eq!(cwd, "/\ndone\n");
}

#[test]
fn gr_19_the_queue_of_the_compiler_is_bounded() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("started");
    let sandbox = with_worker(&format!("echo done > {}; exec sleep 1000", file.display()), 2);
    let guests = ["i32.const 64", "i32.const 65", "i32.const 66", "i32.const 67"]
        .map(|run| Guest { run, ..Guest::default() }.build());
    block_on(async {
        let load = |wasm: Vec<u8>| {
            let sandbox = sandbox.clone();
            tokio::spawn(async move { sandbox.load(&wasm, Digest::of(&wasm)).await })
        };
        let [one, two, three, four] = guests;
        let under_way = [load(one), load(two), load(three)];
        until_written(std::future::pending(), &file).await;
        let refused = sandbox.load(&four, Digest::of(&four)).await.unwrap_err();
        assert_eq!(refused, crate::LoadError::Busy { waiting: 3, retry_after_s: 6 });
        for load in under_way {
            load.abort();
            assert!(load.await.unwrap_err().is_cancelled());
        }
        // Whoever went makes room: the next one is refused by its worker's silence, not by the queue.
        let next = sandbox.clone();
        let next = tokio::spawn(async move { next.load(&four, Digest::of(&four)).await });
        for _ in 0..100 {
            tokio::task::yield_now().await;
        }
        assert!(!next.is_finished());
        next.abort();
    });
}
