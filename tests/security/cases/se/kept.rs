//! Secrets at rest, the key that seals them, and a process that shows neither.

use std::fs;
use std::os::unix::process::ExitStatusExt as _;
use std::path::Path;
use std::sync::Arc;

use rusqlite::Connection;
use serde_json::json;
use wharf_cli::client::Body;

use super::{A, URL};
use crate::security::after::database_file;
use crate::security::bed::{Bed, Process};
use crate::security::mock::reply;
use crate::security::network;
use crate::security::play::cases;
use crate::security::play::{Case, Findings};
use crate::security::probe::signed;

cases! {
    se_09_what_lies_on_disk => Case::Own(|bed, _| Box::pin(many_runs(bed)));

    se_10_a_ciphertext_in_anothers_row => Case::Own(|bed, _| Box::pin(moved(bed)));

    se_11_a_ciphertext_with_a_flipped_byte => Case::Own(|bed, _| Box::pin(flipped(bed)));

    se_13_master_keys_that_are_none => Case::Own(|bed, _| Box::pin(master_keys(bed)));

    se_15_the_process_shows_no_key => Case::Own(|bed, _| Box::pin(shows_nothing(bed)));
}

async fn many_runs(bed: &Bed) -> Findings {
    const RUNS: usize = 250;
    let mut findings = Findings::none();
    bed.grant("probe", A, &json!({})).await;
    bed.network.play(Arc::new(|_, request| reply(200, "", request.as_bytes())));
    let mut runs = Vec::new();
    for _ in 0..RUNS {
        runs.push(bed.begin("probe-read", json!({ "steps": [signed(URL).json("")] })).await);
    }
    for run in runs {
        let record = bed.ended(&run).await;
        if !record.to_string().contains("[redacted]") {
            findings.wrong.push(format!("{record:#}"));
        }
    }
    findings.figures = format!("{RUNS} runs");
    findings.allowed.hits = [RUNS, 0, 0, 0];
    findings.allowed.dials = vec![network::A];
    findings
}

fn writable(bed: &Bed) -> Connection {
    let connection = Connection::open(database_file(&bed.dir)).unwrap();
    connection.busy_timeout(std::time::Duration::from_secs(5)).unwrap();
    connection
}

/// Whether the gate can use the secret of a connection now; with the reason if not. What the server
/// remembers of it is forgotten first.
async fn usable(bed: &Bed, connection: &str) -> Result<(), String> {
    for bytes in [1, 0] {
        let egress = json!([{ "url": "https://api.allowed.test/v1/", "methods": ["GET", "POST"] }]);
        for connector in ["probe", "neighbour"] {
            let limits = json!({ "log-bytes": 100_000 + bytes });
            let grant = json!({ "egress": egress, "limits": limits, "store-max-bytes": 65536 });
            bed.client.put(&["connectors", connector, "grant"], grant).await.unwrap();
        }
    }
    match bed.client.post(&["connections", connection, "test"], &[], Body::None).await {
        Ok(tested) if tested["ok"] == true => Ok(()),
        Ok(tested) => Err(tested.to_string()),
        Err(fault) => Err(fault.code),
    }
}

/// The sealed parts of `from`, in the row of `to`; then as it was.
async fn moved(bed: &Bed) -> Findings {
    let mut findings = Findings::none();
    bed.connect("p2", "probe", json!({ "token": "another value of the same connector" })).await;
    let before = bed.network.a.hits();
    for (from, to) in [("p", "p2"), ("p", "q")] {
        let connection = writable(bed);
        let copy = |from: &str, to: &str| {
            connection
                .execute("UPDATE secret SET (wrapped_key, sealed) = (SELECT wrapped_key, sealed FROM secret WHERE connection = ?1) WHERE connection = ?2", [from, to])
                .unwrap()
        };
        connection
            .execute("CREATE TEMP TABLE kept AS SELECT * FROM secret WHERE connection = ?1", [to])
            .unwrap();
        copy(from, to);
        match usable(bed, to).await {
            Err(code) if code == "secret-corrupt" => {}
            other => findings.wrong.push(format!("the row of {from} in that of {to}: {other:?}")),
        }
        connection
            .execute("UPDATE secret SET (wrapped_key, sealed) = (SELECT wrapped_key, sealed FROM kept) WHERE connection = ?1", [to])
            .unwrap();
        connection.execute("DROP TABLE kept", []).unwrap();
        if let Err(code) = usable(bed, to).await {
            findings.wrong.push(format!("{to} as it was: {code}"));
        }
    }
    // Each was usable once, when it was as it was.
    findings.allowed.hits = [before + 2, 0, 0, 0];
    findings.allowed.dials = vec![network::A];
    findings
}

async fn flipped(bed: &Bed) -> Findings {
    let mut findings = Findings::none();
    let connection = writable(bed);
    let read = |column: &str| -> Vec<u8> {
        connection
            .query_row(&format!("SELECT {column} FROM secret WHERE connection = 'p'"), [], |row| row.get(0))
            .unwrap()
    };
    let mut tried = 0;
    for column in ["wrapped_key", "sealed"] {
        let whole = read(column);
        let mut broken: Vec<Option<Vec<u8>>> = (0..whole.len())
            .map(|at| {
                let mut bytes = whole.clone();
                bytes[at] ^= 1;
                Some(bytes)
            })
            .collect();
        broken.extend([
            Some(whole[..whole.len() - 1].to_vec()),
            Some(whole[..10].to_vec()),
            Some(Vec::new()),
            None,
        ]);
        for bytes in broken {
            tried += 1;
            let set = format!("UPDATE secret SET {column} = ?1 WHERE connection = 'p'");
            connection.execute(&set, [&bytes]).unwrap();
            match usable(bed, "p").await {
                Err(code) if code == "secret-corrupt" => {}
                other => findings.wrong.push(format!("{column} as {bytes:?}: {other:?}")),
            }
        }
        connection
            .execute(&format!("UPDATE secret SET {column} = ?1 WHERE connection = 'p'"), [&whole])
            .unwrap();
    }
    if let Err(code) = usable(bed, "p").await {
        findings.wrong.push(format!("as it was: {code}"));
    }
    findings.figures = format!("{tried} changes");
    findings.allowed.hits = [1, 0, 0, 0];
    findings.allowed.dials = vec![network::A];
    findings
}

/// A second server on data that a first has left; none of these keys starts it, and nothing is changed.
async fn master_keys(bed: &Bed) -> Findings {
    let mut findings = Findings::none();
    let dir = bed.dir.join("another");
    fs::create_dir_all(&dir).unwrap();
    stop(Process::start(&dir, &[], &[]).unwrap());
    let database = database_file(&dir);
    let whole = fs::read(&database).unwrap();
    let mut keys: Vec<(&str, String)> = [
        ("empty", ""),
        ("eight bytes", "0011223344556677"),
        ("zeros", "0000000000000000000000000000000000000000000000000000000000000000"),
        ("one byte again and again", "abababababababababababababababababababababababababababababababab"),
        ("another's", "8f1d3c5b7a9e0246813579bdf0e2c4a68f1d3c5b7a9e02468135aabbccddeeff"),
        ("no digits", "correct horse battery staple correct horse battery staple correct"),
    ]
    .map(|(what, key)| (what, key.to_owned()))
    .into();
    keys.push(("too long", "1f".repeat(64)));
    for (what, key) in &keys {
        refuses(&dir, &[("WHARF_MASTER_KEY", key.clone())], what, &mut findings);
    }
    let file = dir.join("data/master.key");
    let kept = fs::read(&file).unwrap();
    for (what, content) in [("an empty file", Some("")), ("a short file", Some("0011")), ("no file", None)] {
        match content {
            Some(content) => fs::write(&file, content).unwrap(),
            None => fs::remove_file(&file).unwrap(),
        }
        refuses(&dir, &[], what, &mut findings);
    }
    if fs::read(&database).unwrap() != whole {
        findings.wrong.push("the database was changed".to_owned());
    }
    fs::write(&file, kept).unwrap();
    match Process::start(&dir, &[], &[]) {
        Ok(server) => stop(server),
        Err(log) => findings.wrong.push(format!("with its own key it does not start: {log}")),
    }
    fs::remove_dir_all(&dir).unwrap();
    findings.figures = format!("{} keys", keys.len() + 3);
    findings
}

fn refuses(dir: &Path, env: &[(&str, String)], what: &str, findings: &mut Findings) {
    match Process::start(dir, env, &[]) {
        Ok(server) => {
            stop(server);
            findings.wrong.push(format!("{what}: the server starts"));
        }
        Err(said) if said.starts_with("exit status: 0") => findings.wrong.push(format!("{what}: {said}")),
        Err(_) => {}
    }
}

fn stop(mut server: Process) {
    let pid = rustix::process::Pid::from_raw(i32::try_from(server.pid).unwrap()).unwrap();
    rustix::process::kill_process(pid, rustix::process::Signal::TERM).unwrap();
    server.child.wait().unwrap();
}

async fn shows_nothing(bed: &Bed) -> Findings {
    let mut findings = Findings::none();
    let key = fs::read_to_string(bed.dir.join("data/master.key")).unwrap();
    let raw: Vec<u8> = (0..key.trim().len() / 2)
        .filter_map(|at| u8::from_str_radix(key.get(2 * at..2 * at + 2)?, 16).ok())
        .collect();
    for file in ["environ", "cmdline"] {
        let bytes = fs::read(format!("/proc/{}/{file}", bed.pid)).unwrap();
        let shows = |part: &[u8]| !part.is_empty() && bytes.windows(part.len()).any(|window| window == part);
        if shows(key.trim().as_bytes()) || shows(&raw) {
            findings.wrong.push(format!("/proc/PID/{file} shows the master key"));
        }
    }
    // A server of its own to abort: with core files allowed, the kernel must not write one.
    let dir = bed.dir.join("aborted");
    fs::create_dir_all(&dir).unwrap();
    let mut server = Process::start(&dir, &[], &[]).unwrap();
    let pid = rustix::process::Pid::from_raw(i32::try_from(server.pid).unwrap()).unwrap();
    rustix::process::kill_process(pid, rustix::process::Signal::ABORT).unwrap();
    let status = server.child.wait().unwrap();
    if status.core_dumped() {
        findings.wrong.push("an aborted server leaves a core".to_owned());
    }
    findings.figures = format!("aborted: {status}");
    fs::remove_dir_all(&dir).unwrap();
    findings
}
