//! Components that cost a compiler more than they cost to send, against the real worker process.

use std::path::Path;

use wharf_model::{digest::Digest, grant::Limits};
use wharf_sandbox::{LoadError, Sandbox, SandboxConfig, WorkerCommand};

use crate::wat::speaker;

/// A sandbox whose compiler may use one second.
fn sandbox() -> Sandbox {
    let program = Path::new(env!("CARGO_BIN_EXE_wharf"));
    let worker = WorkerCommand { cpu_seconds: 1, ..WorkerCommand::new(program, ["__compile"]) };
    Sandbox::new(SandboxConfig { slots: 8, worker: Some(worker), ..SandboxConfig::default() }).unwrap()
}

fn leb(out: &mut Vec<u8>, mut value: usize) {
    loop {
        let [low, ..] = value.to_le_bytes();
        value >>= 7;
        out.push(if value == 0 { low & 0x7f } else { low | 0x80 });
        if value == 0 {
            return;
        }
    }
}

fn section(out: &mut Vec<u8>, id: u8, body: &[u8]) {
    out.push(id);
    leb(out, body.len());
    out.extend_from_slice(body);
}

/// A component around one core module, whose functions all are `() -> ()` with this body.
fn bomb(functions: usize, instructions: &[u8]) -> Vec<u8> {
    let (mut kinds, mut code) = (Vec::new(), Vec::new());
    leb(&mut kinds, functions);
    kinds.extend(std::iter::repeat_n(0, functions));
    leb(&mut code, functions);
    let body = [&[0], instructions, &[0x0b]].concat();
    for _ in 0..functions {
        leb(&mut code, body.len());
        code.extend_from_slice(&body);
    }
    let mut module = b"\0asm\x01\0\0\0".to_vec();
    section(&mut module, 1, &[1, 0x60, 0, 0]);
    section(&mut module, 3, &kinds);
    section(&mut module, 10, &code);
    let mut component = b"\0asm\x0d\0\x01\0".to_vec();
    section(&mut component, 1, &module);
    component
}

/// `i32.const 0`, so many times `i32.const 1; i32.add`, `drop`.
fn additions(count: usize) -> Vec<u8> {
    [&[0x41, 0], [0x41, 1, 0x6a].repeat(count).as_slice(), &[0x1a]].concat()
}

async fn refused(wasm: &[u8]) -> LoadError {
    sandbox().load(wasm, Digest::of(wasm)).await.unwrap_err()
}

#[tokio::test(flavor = "multi_thread")]
async fn gr_19_many_functions() {
    for (what, wasm, reason) in [
        ("50,000 functions in 9 MB", bomb(50_000, &additions(60)), "size"),
        ("30 MiB", vec![0; 30 << 20], "size"),
        ("50,000 functions in 4 MB", bomb(50_000, &additions(25)), "function-size"),
    ] {
        let error = refused(&wasm).await;
        assert_eq!(error.reason(), reason, "{what}: {error}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn gr_19_as_much_as_the_scan_lets_through_is_stopped_and_calls_go_on() {
    let sandbox = sandbox();
    let speaker = speaker("canary", "1.0.0", |_| ());
    let canary = sandbox.load(&speaker, Digest::of(&speaker)).await.unwrap();
    let wasm = bomb(20_000, &additions(121));
    assert!(wasm.len() > 7 << 20, "{}", wasm.len());
    let compiling = {
        let sandbox = sandbox.clone();
        tokio::spawn(async move { sandbox.load(&wasm, Digest::of(&wasm)).await })
    };
    let mut calls = 0;
    while !compiling.is_finished() {
        assert!(canary.describe(&Limits::default()).await.result.is_ok());
        calls += 1;
        tokio::task::yield_now().await;
    }
    let error = compiling.await.unwrap().unwrap_err();
    assert_eq!(error.reason(), "compile-budget", "{error}");
    assert!(calls > 10, "only {calls} calls while a component was compiled");
}

#[tokio::test(flavor = "multi_thread")]
async fn gr_20_one_large_function() {
    let error = refused(&bomb(1, &additions(500_000))).await;
    assert_eq!(error.reason(), "function-size", "{error}");
    // As large as it may be: within the worker's limits or not, but never beyond them.
    let error = refused(&bomb(1, &additions(87_000))).await;
    assert!(["compile-budget", "export-missing"].contains(&error.reason()), "{error}");
}

#[tokio::test(flavor = "multi_thread")]
async fn gr_20_deep_nesting() {
    // if, 3,000 deep: `i32.const 0; if`.
    let ifs = [[0x41, 0, 0x04, 0x40].repeat(3_000), [0x0b].repeat(3_000)].concat();
    // One br_table over 20,000 blocks.
    let mut table = [0x02, 0x40].repeat(20_000);
    table.extend([0x41, 0, 0x0e]);
    leb(&mut table, 19_999);
    for label in 0..20_000 {
        leb(&mut table, label);
    }
    table.extend([0x0b].repeat(20_000));
    for (what, body) in [("ifs", ifs), ("br_table", table)] {
        let error = refused(&bomb(1, &body)).await;
        // It compiles, or is stopped at the limit; it is no connector in any case.
        assert!(["compile-budget", "export-missing"].contains(&error.reason()), "{what}: {error}");
    }
}
