//! What holds after every case, whatever its verdict: U1 to U8 of the security contract.
//!
//! All of it is looked at before anything is said, and what a process gives back only after a while
//! (memory, descriptors, threads) is asked for again at the canary's pace.

use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
    time::Duration,
};

use rusqlite::{Connection, OpenFlags};
use serde_json::Value;

use super::{bed::Bed, sentinel};

/// What a process may hold more than before.
const RSS_MIB: u64 = 64;
/// Descriptors and threads come and go by a few: the canary's own requests, the runtime's idle threads.
const SLACK: u64 = 6;
/// Times that the process is looked at again; the canary is called ten times a second.
const PATIENCE: usize = 150;
/// The longest echo.
const ECHO: Duration = Duration::from_secs(1);

/// Queries that find rows which must not be.
const INVARIANTS: &[(&str, &str)] = &[
    ("journal entries of no run", "SELECT count(*) FROM journal WHERE run NOT IN (SELECT id FROM run)"),
    (
        "runs in a state that is none",
        "SELECT count(*) FROM run WHERE status NOT IN ('running', 'waiting', 'done', 'ignored', 'failed', 'discarded')",
    ),
    (
        "ended runs without an end",
        "SELECT count(*) FROM run WHERE (finished_at IS NULL) <> (status IN ('running', 'waiting'))",
    ),
    ("claimed runs that are due", "SELECT count(*) FROM run WHERE status = 'running' AND due_at IS NOT NULL"),
    (
        "gaps in a journal",
        "SELECT count(*) FROM (SELECT run FROM journal GROUP BY run HAVING max(seq) - min(seq) + 1 <> count(*))",
    ),
    ("dead letters of no run", "SELECT count(*) FROM dead_letter WHERE run NOT IN (SELECT id FROM run)"),
    ("owners besides one", "SELECT count(*) - 1 FROM owner"),
    (
        "deliveries accepted twice",
        "SELECT count(*) FROM (SELECT 1 FROM inbox GROUP BY source, dedupe_key HAVING count(*) > 1)",
    ),
    (
        "tallies that do not match",
        "SELECT count(*) FROM (SELECT flow, status, count(*) AS n FROM run GROUP BY flow, status) AS now
         LEFT JOIN tally USING (flow, status) WHERE tally.n IS NOT now.n",
    ),
    ("audit rows that are gone", "SELECT coalesce(max(n), 0) - count(*) FROM audit"),
    (
        "secrets of no connection",
        "SELECT count(*) FROM secret WHERE connection NOT IN (SELECT name FROM connection)",
    ),
];

/// A server as it was before a case.
pub(crate) struct Before {
    process: Process,
    canary: (usize, usize),
    denials: BTreeMap<String, u64>,
    audit: u64,
}

/// What a case allows beyond nothing.
#[derive(Clone, Debug, Default)]
pub(crate) struct Allowed {
    /// Denials by reason, as the operator counts them.
    pub(crate) denied: BTreeMap<String, u64>,
    /// Addresses that may be dialled, as the policy sees them.
    pub(crate) dials: Vec<&'static str>,
    /// Requests that A, A2, S and M got.
    pub(crate) hits: [usize; 4],
    /// API bodies that the case was given.
    pub(crate) bodies: Vec<Value>,
}

#[derive(Clone, Copy, Debug)]
struct Process {
    rss_kib: u64,
    files: u64,
    threads: u64,
    started: u64,
}

impl Before {
    pub(crate) async fn of(bed: &Bed) -> Self {
        Self {
            process: process(bed.pid).expect("the server is there"),
            canary: bed.canary.mark(),
            denials: denials(bed).await,
            audit: newest(bed),
        }
    }

    /// Everything that does not hold, and figures worth keeping.
    pub(crate) async fn compare(&self, bed: &Bed, allowed: &Allowed) -> (Vec<String>, String) {
        let mut wrong = Vec::new();
        self.alive(bed, &mut wrong).await;
        let figures = self.settles(bed, &mut wrong).await;
        scan(bed, allowed, &mut wrong).await;
        database(bed, &mut wrong);
        self.denied(bed, allowed, &mut wrong).await;
        dialled(bed, allowed, &mut wrong);
        (wrong, figures)
    }

    /// U1, and U2 while the case played.
    async fn alive(&self, bed: &Bed, wrong: &mut Vec<String>) {
        let health = bed.http.get(format!("http://{}/healthz", bed.addr)).timeout(ECHO).send().await;
        match health {
            Ok(answer) if answer.status() == 200 => {}
            other => wrong.push(format!("U1: /healthz: {other:?}")),
        }
        match process(bed.pid) {
            Some(now) if now.started == self.process.started => {}
            _ => wrong.push(format!("U1: process {} is gone", bed.pid)),
        }
        let (_, failed) = bed.canary.since(self.canary);
        if let Some(why) = failed.first() {
            wrong.push(format!("U2: {} calls of the canary failed: {why}", failed.len()));
        }
    }

    /// U2 and U3: an echo in time, and the process as it was.
    async fn settles(&self, bed: &Bed, wrong: &mut Vec<String>) -> String {
        let mut now = self.process;
        let mut late = Duration::ZERO;
        let mut waited = String::new();
        for asked in 0..PATIENCE {
            let mark = bed.canary.mark();
            bed.canary.next().await;
            late = bed.canary.since(mark).0.last().copied().unwrap_or(Duration::MAX);
            now = process(bed.pid).unwrap_or(now);
            let kept = self.given_back(now);
            if late <= ECHO && kept.is_none() && bed.network.a.endless() == 0 {
                let slowest = bed.canary.since(self.canary).0.into_iter().max().unwrap_or_default();
                let back =
                    if asked > 5 { format!("; waited {asked} times for {waited}") } else { String::new() };
                return format!("canary at most {} ms{back}", slowest.as_millis());
            }
            waited = kept
                .unwrap_or_else(|| format!("{} open answers, an echo of {late:?}", bed.network.a.endless()));
        }
        if late > ECHO {
            wrong.push(format!("U2: an echo takes {late:?}"));
        }
        wrong.extend(self.given_back(now).map(|kept| format!("U3: {kept}")));
        if bed.network.a.endless() > 0 {
            wrong.push(format!("U3: {} answers without an end are still taken", bed.network.a.endless()));
        }
        String::new()
    }

    fn given_back(&self, now: Process) -> Option<String> {
        let before = self.process;
        let over = |what: &str, before: u64, now: u64, by: u64| {
            (now > before + by).then(|| format!("{what}: {now} after {before}"))
        };
        over("KiB resident", before.rss_kib, now.rss_kib, RSS_MIB << 10)
            .or_else(|| over("descriptors", before.files, now.files, SLACK))
            .or_else(|| over("threads", before.threads, now.threads, SLACK))
    }

    /// U6.
    async fn denied(&self, bed: &Bed, allowed: &Allowed, wrong: &mut Vec<String>) {
        let mut counted = denials(bed).await;
        for (reason, before) in &self.denials {
            if let Some(now) = counted.get_mut(reason) {
                *now -= before;
            }
        }
        counted.retain(|_, count| *count > 0);
        if counted != allowed.denied {
            wrong.push(format!("U6: metrics count the denials {counted:?}, not {:?}", allowed.denied));
        }
        let audited = audited(bed, self.audit);
        let expected: BTreeMap<String, u64> = allowed.denied.clone();
        if audited != expected {
            wrong.push(format!("U6: the audit log has the denials {audited:?}, not {expected:?}"));
        }
    }

    /// Figures of the canary while the case played, in milliseconds: how many, the 99th of a hundred.
    pub(crate) fn canary(&self, bed: &Bed) -> (usize, u128) {
        let (mut took, _) = bed.canary.since(self.canary);
        took.sort_unstable();
        let p99 = took.get((took.len() * 99 / 100).min(took.len().saturating_sub(1)));
        (took.len(), p99.map_or(0, Duration::as_millis))
    }

    /// KiB that the process holds more than before.
    pub(crate) fn grown_kib(&self, bed: &Bed) -> u64 {
        process(bed.pid).map_or(0, |now| now.rss_kib.saturating_sub(self.process.rss_kib))
    }

    /// Threads that the process has more than before.
    pub(crate) fn more_threads(&self, bed: &Bed) -> u64 {
        process(bed.pid).map_or(0, |now| now.threads.saturating_sub(self.process.threads))
    }

    /// Descriptors that the process has more than before.
    pub(crate) fn more_files(&self, bed: &Bed) -> u64 {
        process(bed.pid).map_or(0, |now| now.files.saturating_sub(self.process.files))
    }
}

/// U4 and U8: what is written and what is answered.
async fn scan(bed: &Bed, allowed: &Allowed, wrong: &mut Vec<String>) {
    let mut panics = Vec::new();
    let mut leak = |place: &str, found: Option<String>| {
        wrong.extend(found.map(|how| format!("U4: a sentinel in {place}: {how}")));
    };
    for path in files(&bed.dir.join("data")) {
        leak(&path.display().to_string(), bed.search.whole(&path));
    }
    for path in ["metrics", "healthz", "readyz"] {
        leak(path, sentinel::find(bed.page(&format!("/{path}")).await.as_bytes()));
    }
    for list in ["connectors", "connections", "flows", "dead-letters", "status"] {
        let body = bed.client.get(&[list], &[]).await.unwrap().to_string();
        leak(list, sentinel::find(body.as_bytes()));
    }
    for body in &allowed.bodies {
        leak("an answer of the API", sentinel::find(body.to_string().as_bytes()));
    }
    for name in ["stdout.log", "stderr.log"] {
        let (new, found) = bed.search.appended(&bed.dir.join(name));
        leak(name, found);
        let text = String::from_utf8_lossy(&new);
        if let Some(line) =
            text.lines().find(|line| line.contains("panicked at") || line.contains("stack overflow"))
        {
            panics.push(format!("U8: {line}"));
        }
    }
    wrong.extend(panics);
    if let Some(core) = fs::read_dir(&bed.dir)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .find(|path| path.file_name().is_some_and(|name| name.to_string_lossy().starts_with("core")))
    {
        wrong.push(format!("U8: {}", core.display()));
    }
}

fn files(dir: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    let mut folders = vec![dir.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
            let path = entry.path();
            if path.is_dir() {
                folders.push(path);
            } else if path.is_file() {
                found.push(path);
            }
        }
    }
    found
}

/// The database for reading, while the server has it.
pub(crate) fn open(bed: &Bed) -> Connection {
    let connection =
        Connection::open_with_flags(database_file(&bed.dir), OpenFlags::SQLITE_OPEN_READ_ONLY).unwrap();
    connection.busy_timeout(Duration::from_secs(5)).unwrap();
    connection
}

/// The database below a server's directory.
pub(crate) fn database_file(dir: &Path) -> PathBuf {
    let found = files(&dir.join("data"));
    found.into_iter().find(|path| path.extension().is_some_and(|end| end == "db")).expect("a database")
}

/// U5.
fn database(bed: &Bed, wrong: &mut Vec<String>) {
    let connection = open(bed);
    let integrity: String = connection.query_row("PRAGMA integrity_check", [], |row| row.get(0)).unwrap();
    if integrity != "ok" {
        wrong.push(format!("U5: {integrity}"));
    }
    for (what, query) in INVARIANTS {
        let count: i64 = connection.query_row(query, [], |row| row.get(0)).unwrap();
        if count != 0 {
            wrong.push(format!("U5: {count} {what}"));
        }
    }
}

fn newest(bed: &Bed) -> u64 {
    open(bed)
        .query_row("SELECT coalesce(max(n), 0) FROM audit", [], |row| row.get::<_, i64>(0))
        .unwrap()
        .unsigned_abs()
}

/// Denials in the audit log since row `after`, by reason.
fn audited(bed: &Bed, after: u64) -> BTreeMap<String, u64> {
    let connection = open(bed);
    let mut select = connection
        .prepare("SELECT detail FROM audit WHERE n > ?1 AND act IN ('egress.denied', 'secret.denied')")
        .unwrap();
    let rows = select.query_map([i64::try_from(after).unwrap()], |row| row.get::<_, String>(0)).unwrap();
    let mut denials = BTreeMap::new();
    for detail in rows {
        let detail: Value = serde_json::from_str(&detail.unwrap()).unwrap();
        let count = detail["count"].as_u64().unwrap_or(1);
        *denials.entry(detail["reason"].as_str().unwrap_or("?").to_owned()).or_default() += count;
    }
    denials
}

/// `wharf_denials_total`, by reason.
async fn denials(bed: &Bed) -> BTreeMap<String, u64> {
    let metrics = bed.page("/metrics").await;
    let mut counts = BTreeMap::new();
    for line in metrics.lines().filter(|line| line.starts_with("wharf_denials_total{")) {
        let reason = line.split("reason=\"").nth(1).and_then(|rest| rest.split('"').next()).unwrap_or("?");
        let count: u64 = line.rsplit(' ').next().unwrap().parse().unwrap();
        *counts.entry(reason.to_owned()).or_default() += count;
    }
    counts
}

/// U7.
fn dialled(bed: &Bed, allowed: &Allowed, wrong: &mut Vec<String>) {
    let dials = bed.network.dials();
    if let Some(dial) = dials.iter().find(|dial| !allowed.dials.contains(&dial.as_str())) {
        wrong.push(format!("U7: {dial} was dialled"));
    }
    let hits = bed.network.hits();
    if hits != allowed.hits {
        wrong.push(format!("U7: A, A2, S, M got {hits:?} requests, not {:?}", allowed.hits));
    }
}

fn process(pid: u32) -> Option<Process> {
    let read = |name: &str| fs::read_to_string(format!("/proc/{pid}/{name}")).ok();
    let status = read("status")?;
    let field = |name: &str| {
        let line = status.lines().find(|line| line.starts_with(name))?;
        line.split_whitespace().nth(1)?.parse().ok()
    };
    let stat = read("stat")?;
    let started = stat.rsplit(')').next()?.split_whitespace().nth(19)?.parse().ok()?;
    let files = fs::read_dir(format!("/proc/{pid}/fd")).ok()?.count() as u64;
    Some(Process { rss_kib: field("VmRSS:")?, threads: field("Threads:")?, files, started })
}
