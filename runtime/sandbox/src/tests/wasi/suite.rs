//! The public test programs of WASI 0.3 (the wasi-testsuite's `wasm32-wasip3`), where a checkout of
//! its precompiled branch is given in `WASI_TESTSUITE`; without one nothing is run, and said so.
//!
//! They are commands, not connectors, so they run through the same store and linker by hand. A
//! program that wants what is not offered must fail in the way that is written down here: a change
//! of that is a change of what we promise.

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use serde_json::Value;
use wasmtime::component::Component;
use wasmtime_wasi::I32Exit;
use wharf_model::grant::Limits;

use crate::{
    call, contract,
    engine::Flavour,
    scratch::Ground,
    tests::{
        SANDBOX, block_on,
        host::{Gate, TestHost},
    },
};

/// What is not offered, and so cannot pass.
const EXPECTED: [(&str, &str); 9] = [
    ("cli-env", "no arguments and no environment"),
    ("cli-stdio-roundtrip", "stdin is empty"),
    ("cli-stdout-flush", "stdin is empty"),
    ("filesystem-hard-links", "links are not made"),
    ("filesystem-is-same-object", "links are not made"),
    ("filesystem-metadata-hash", "links are not made"),
    ("filesystem-rename", "links are not made"),
    ("http-request", "the engine's library takes no relative path"),
    ("http-fields", "what is forbidden the gate says, when the request is sent"),
];

#[test]
fn the_public_programs_of_wasi_03() {
    let Some(checkout) = std::env::var_os("WASI_TESTSUITE").map(PathBuf::from) else {
        println!("skipped: WASI_TESTSUITE names no checkout of wasi-testsuite (branch prod/testsuite-base)");
        return;
    };
    let programs = checkout.join("tests/rust/testsuite/wasm32-wasip3");
    let mut names: Vec<_> = std::fs::read_dir(&programs)
        .unwrap_or_else(|error| panic!("{}: {error}", programs.display()))
        .filter_map(|entry| Some(entry.ok()?.path().file_name()?.to_str()?.strip_suffix(".wasm")?.to_owned()))
        .collect();
    names.sort();
    let (mut counts, mut wrong) = (BTreeMap::<&str, u32>::new(), Vec::new());
    for name in &names {
        let verdict = judge(&programs, name);
        let kind = verdict.split(':').next().unwrap();
        let kind = ["pass", "refused", "skipped"].into_iter().find(|known| *known == kind).unwrap_or("fail");
        *counts.entry(kind).or_default() += 1;
        let expected = EXPECTED.iter().find(|(known, _)| known == name);
        match (kind, expected) {
            ("fail", None) | ("pass", Some(_)) => wrong.push(name),
            _ => {}
        }
        let why = expected.map_or(String::new(), |(_, why)| format!(" ({why})"));
        println!("{name:28} {verdict}{why}");
    }
    println!("{} programs: {counts:?}", names.len());
    assert!(wrong.is_empty(), "not as written down: {wrong:?}");
}

fn judge(programs: &Path, name: &str) -> String {
    let wasm = std::fs::read(programs.join(format!("{name}.wasm"))).unwrap();
    let spec = std::fs::read(programs.join(format!("{name}.json")));
    let spec: Value = spec.map_or(Value::Null, |text| serde_json::from_slice(&text).unwrap());
    if spec.get("world").is_some() {
        return "skipped: a service, which answers requests; connectors do not".to_owned();
    }
    let root = spec.get("root").or_else(|| spec.pointer("/operations/0/root")).and_then(Value::as_str);
    let exit = spec.get("exit_code").or_else(|| {
        let operations = spec.get("operations")?.as_array()?;
        operations.iter().find_map(|operation| operation.get("exit_code"))
    });
    let exit = exit.and_then(Value::as_i64).unwrap_or(0);
    block_on(run(&wasm, root.map(|root| programs.join(root)), exit))
}

async fn run(wasm: &[u8], root: Option<PathBuf>, expected: i64) -> String {
    let room = SANDBOX.runner(Flavour::Concurrent).await.unwrap();
    let component = Component::from_binary(&room.engine, wasm).unwrap();
    let ty = component.component_type();
    let imports: Vec<_> = ty.imports(&room.engine).map(|(name, _)| name.to_owned()).collect();
    if let Err(error) = contract::check_names(imports.iter().map(String::as_str), []) {
        let text = error.to_string();
        return format!("refused: {}", text.split(',').next().unwrap());
    }
    let limits = Limits::default();
    let mut store = call::store(&room.engine, limits, Some(Box::new(TestHost(Gate::Shows)))).unwrap();
    let place = tempfile::tempdir().unwrap();
    let state = store.data_mut();
    if let Some(root) = root {
        state.ground = Some(Arc::new(Ground::open(place.path()).unwrap()));
        crate::wasi::prepare(state);
        for entry in std::fs::read_dir(root).unwrap() {
            let entry = entry.unwrap();
            let to = state.scratch.as_ref().unwrap().path().join(entry.file_name());
            std::fs::copy(entry.path(), to).unwrap();
        }
    }
    let ended = tokio::time::timeout(Duration::from_secs(10), async {
        let instance = room.wasi.instantiate_async(&mut store, &component).await?;
        let run = component.get_export_index(None, "wasi:cli/run@0.3.0");
        let run = component.get_export_index(run.as_ref(), "run").expect("a command");
        let run = instance.get_typed_func::<(), (Result<(), ()>,)>(&mut store, &run)?;
        run.call_async(&mut store, ()).await
    })
    .await;
    let code = match ended {
        Ok(Ok((Ok(()),))) => 0,
        Ok(Ok((Err(()),))) => 1,
        Ok(Err(error)) => match error.downcast_ref::<I32Exit>() {
            Some(exit) => i64::from(exit.0),
            None => return format!("trap: {}", last_words(&store, &format!("{error:#}"))),
        },
        Err(_) => return "late: ten seconds".to_owned(),
    };
    if code == expected { "pass".to_owned() } else { format!("exit {code}: {}", last_words(&store, "")) }
}

/// What it printed last says more than how it trapped.
fn last_words(store: &wasmtime::Store<crate::state::State>, error: &str) -> String {
    crate::wasi::flush(store.data());
    let log = store.data().log.take();
    let said: Vec<_> =
        log.iter().map(|line| line.message.as_str()).filter(|line| !line.starts_with("note:")).collect();
    if said.is_empty() { error.to_owned() } else { said[said.len().saturating_sub(3)..].join(" / ") }
}
