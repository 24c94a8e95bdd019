//! `docs/reference/limits.md` is what the code says. `WHARF_BLESS=1 cargo test` rewrites it; read the
//! diff.

use std::{fmt::Write as _, fs, path::Path};

use wharf_model::grant::Limits;

use crate::{
    SandboxConfig, ScanLimits, WorkerCommand,
    price::{PER_BYTE, PRICES, REQUEST, WASI, WASI_FILES},
    report::grouped,
};

/// Each limit of a call: what it bounds, and what happens where it is crossed.
const CROSSED: [(&str, &str, &str); 14] = [
    (
        "fuel",
        "units of work, about one a WebAssembly instruction; host calls by the list below",
        "stopped: `fuel`",
    ),
    (
        "deadline-ms",
        "milliseconds of wall time, instantiation and waiting for the gate included",
        "stopped: `deadline`",
    ),
    (
        "memory-bytes",
        "bytes of linear memory, all memories together",
        "`memory.grow` gives -1; stopped: `memory` if it starts larger or gives up",
    ),
    (
        "table-elements",
        "elements of all tables together",
        "`table.grow` gives -1; stopped: `table` if it starts larger",
    ),
    ("instances", "core instances in the component", "stopped: `instances`"),
    ("host-bytes-per-call", "bytes across the border in one host call or result", "stopped: `host-bytes`"),
    (
        "host-bytes",
        "bytes across the border in all host calls, and held by the host",
        "stopped: `host-bytes`",
    ),
    ("handles", "resource handles alive at once", "stopped: `handles`"),
    ("http-requests", "HTTP requests", "the guest gets `budget-exhausted`"),
    ("http-in-flight", "HTTP requests under way at once", "the next one waits for its turn"),
    ("http-request-bytes", "bytes of one request body", "the guest gets `budget-exhausted`"),
    ("http-response-bytes", "bytes of one response body, decoded", "the guest gets `bad-response`"),
    ("log-bytes", "bytes of log kept", "the log is cut and marked; the call goes on"),
    ("output-bytes", "bytes of returned JSON", "stopped: `output`"),
];

fn page() -> String {
    let mut page = "\
# Limits

<!-- Printed by the code; a test compares. `WHARF_BLESS=1 cargo test -p wharf-sandbox reference` rewrites it. -->

Every call of a connector runs in a fresh instance under all of these, always. They are independent: raising one raises no
other. Crossing one ends that call only. `wharf connector grant NAME --fuel 2G` (and so on) changes one for one connector,
up to the ceiling; `wharf.toml` sets the defaults and the ceiling.

## One call

| limit | bounds | default | ceiling | where it is crossed |
|---|---|---|---|---|
"
    .to_owned();
    let (defaults, ceiling) = (fields(Limits::default()), fields(Limits::ceiling()));
    for (name, default) in &defaults {
        let (_, bounds, crossed) = CROSSED
            .iter()
            .find(|(known, _, _)| known == name)
            .unwrap_or_else(|| panic!("`{name}` is a limit and has no row in the reference"));
        let (default, ceiling) =
            (grouped(*default), grouped(ceiling.iter().find(|(known, _)| known == name).unwrap().1));
        writeln!(page, "| `{name}` | {bounds} | {default} | {ceiling} | {crossed} |").unwrap();
    }
    page.push_str("\
| stack | bytes that a guest's calls nest to | 524,288 | 524,288 | stopped: `stack` |
| depth | levels of arrays and objects in returned JSON | 127 | 127 | stopped: `output` |

A trap of the connector's own (`unreachable`, a panic, a division by zero) is stopped as `guest`. A stop is reported with the
limit, a backtrace with names where the component has them, the last effect, fuel and memory; a guest that is stopped while
it waits for the gate or computes past its deadline is reported with a backtrace too.

## The price of a host call

Fuel measures guest work; what the host does for a guest is paid for in the same unit. ");
    writeln!(page, "Each byte of arguments and results costs {PER_BYTE} more.\n\n| call | fuel |\n|---|---|")
        .unwrap();
    for price in PRICES {
        writeln!(page, "| `{}` | {} |", price.call, grouped(price.fuel)).unwrap();
    }
    writeln!(page, "| a function of `wasi:filesystem` | {} |", grouped(WASI_FILES)).unwrap();
    writeln!(page, "| a request through `wasi:http` | {} |", grouped(REQUEST)).unwrap();
    writeln!(page, "| any other function of WASI | {} |\n\nWhat is owed for WASI is collected at the next call of the contract, or every 5 ms.", grouped(WASI)).unwrap();
    loading(&mut page);
    page
}

fn loading(page: &mut String) {
    let (scan, config, worker) =
        (ScanLimits::default(), SandboxConfig::default(), WorkerCommand::new("", [""; 0]));
    writeln!(
        page,
        "
## Loading a component

| limit | value | where it is crossed |
|---|---|---|
| bytes | {} | refused: `size`, before anything looks at them |
| functions | {} | refused: `function-size` |
| bytes of one function | {} | refused: `function-size` |
| first memory | the ceiling of `memory-bytes` | refused: `memory-min` |
| first tables | the ceiling of `table-elements` | refused: `table-min` |
| CPU of the compile worker | {} s | refused: `compile-budget` |
| address space of the compile worker | {} MiB | refused: `compile-budget` |
| components that wait to be compiled (`sandbox.compile-queue`) | {} | refused: `busy`, try again |
| fuel and time to start | 100,000,000 and 5 s | refused: `start` |

## All calls together

| limit | value | setting |
|---|---|---|
| calls inside a guest, waiting ones included | {} | |
| of one connector | {} | `sandbox.slots-each` |
| that one connector may have waiting for a place | 1,024; more fail as temporarily unavailable | |
| that compute at once after 2 ms, or after their connector had 25 ms at more than half a processor | one fewer than processors | `sandbox.heavy-calls` |
| bytes of compiled connectors on the disk | {} | `sandbox.cache-bytes` |",
        grouped(scan.component_bytes),
        grouped(scan.functions.into()),
        grouped(scan.function_bytes),
        worker.cpu_seconds,
        worker.address_space >> 20,
        config.compile_queue,
        config.slots,
        config.slots_each,
        grouped(config.cache_bytes),
    )
    .unwrap();
}

/// A limit's name and value, in the order of the struct.
fn fields(limits: Limits) -> Vec<(String, u64)> {
    let value = serde_json::to_value(limits).unwrap();
    let fields = value.as_object().unwrap().iter();
    fields.map(|(name, value)| (name.clone(), value.as_u64().unwrap())).collect()
}

#[test]
fn reference() {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/reference/limits.md");
    let page = page();
    if std::env::var_os("WHARF_BLESS").is_some() {
        fs::write(&file, &page).unwrap();
    }
    assert!(
        fs::read_to_string(&file).unwrap_or_default() == page,
        "docs/reference/limits.md is not what the code says"
    );
}

#[test]
fn every_price_has_a_door() {
    // The other way round, a function that is offered and not priced keeps a sandbox from starting.
    let mut listed: Vec<&str> = PRICES.iter().map(|price| price.call).collect();
    let sources = [
        include_str!("../capability/blobs.rs"),
        include_str!("../capability/clock.rs"),
        include_str!("../capability/credentials.rs"),
        include_str!("../capability/http.rs"),
        include_str!("../capability/log.rs"),
        include_str!("../capability/random.rs"),
        include_str!("../capability/store.rs"),
    ]
    .concat();
    listed.retain(|call| !sources.contains(&format!("\"{call}\"")));
    assert!(listed.is_empty(), "priced and not offered: {listed:?}");
}
