//! Every public id of the five groups that concern a connector's call, with what it is about, and the
//! page that names the tests which prove each. A test proves what is in its name.

use std::{collections::BTreeMap, fmt::Write as _, sync::LazyLock};

use super::bed::Group;

/// One id.
pub(crate) struct Entry {
    pub(crate) id: &'static str,
    /// What is tried, and what must come of it.
    pub(crate) about: &'static str,
}

const fn e(id: &'static str, about: &'static str) -> Entry {
    Entry { id, about }
}

pub(crate) const CATALOGUE: &[Entry] = &[
    e("GR-01", "an endless loop runs out of fuel, and the fuel is reported"),
    e("GR-02", "an endless loop with endless fuel is stopped at the deadline"),
    e("GR-03", "an endless start function does not hang loading"),
    e("GR-04", "memory grows to the limit and no further"),
    e("GR-05", "a memory that starts above the ceiling is refused at load"),
    e("GR-06", "tables: growing past the limit fails, starting above it is refused"),
    e("GR-07", "recursion, direct and through a table, traps before the host's stack is touched"),
    e("GR-08", "a flood of log lines is cut, and each line is paid for"),
    e("GR-09", "a result of 200 MB is refused before the host allocates it"),
    e("GR-10", "10,000 aliases of one buffer count 10,000 times"),
    e("GR-11", "five million empty strings count at what they cost the host"),
    e("GR-12", "handles that are never dropped meet their limit"),
    e("GR-13", "10,000 requests begun at once: eight are dialled, the rest wait or are denied"),
    e("GR-14", "a gigabyte on stdout is cut, marked and inert"),
    e("GR-15", "a response byte now and then does not put the deadline off"),
    e("GR-16", "a response without end stops at the cap, and its connection is closed"),
    e("GR-17", "bulk memory instructions are stopped at the deadline"),
    e("GR-18", "waiting for an hour is stopped at the deadline, and waiting pins no thread"),
    e("GR-19", "components of many functions or bytes are refused, and nothing waits for them"),
    e("GR-20", "one function that takes minutes to compile is refused; deep nesting loads or is refused"),
    e("GR-21", "thousands of traps leave memory, descriptors and threads as they were"),
    e("GR-22", "random bytes without measure are not allocated"),
    e("GR-23", "a call that is dropped half-way leaves a host that answers the next"),
    e("GR-24", "200 busy calls do not starve somebody else's connector"),
    e("GR-25", "a pooled instance finds nothing of the one before it"),
    e("ML-01", "files that are no component, and connectors cut short, are refused at once"),
    e("ML-02", "mutants of shipped connectors are refused or run within limits"),
    e("ML-03", "an import of sockets is refused at load, by name"),
    e("ML-04", "an import of directories finds none"),
    e("ML-05", "another version of the contract is refused, with the one that is spoken"),
    e("ML-06", "a component padded past the size limit is refused"),
    e("ML-07", "names without measure, exports without number, and actions that are there twice are refused"),
    e("ML-08", "a compiled artifact is no connector"),
    e("ML-09", "WebAssembly text is no connector"),
    e("ML-10", "a component that does not export what a connector must is refused"),
    e("HC-01", "a granted host as the user of another URL"),
    e("HC-02", "a granted host and port as user and password of another URL"),
    e("HC-03", "user information before a granted host"),
    e("HC-04", "upper case is the same host, and is sent in lower case"),
    e("HC-05", "one trailing dot is the same host; two are none"),
    e("HC-06", "hosts that begin or end like a granted one"),
    e("HC-07", "a wildcard ends at a label, and does not hold the domain itself"),
    e("HC-08", "a letter of another script is another host, and is shown as what it is"),
    e("HC-09", "full-width letters and stops are made canonical before anything else"),
    e("HC-10", "a backslash ends the host"),
    e("HC-11", "control characters and spaces in a host are no URL"),
    e("HC-12", "percent-encoding in a host is decoded once, for check and dial alike"),
    e("HC-13", "private IPv4 literals in every spelling"),
    e("HC-14", "private IPv6 literals"),
    e("HC-15", "IPv6 literals that carry an IPv4 address"),
    e("HC-16", "names that resolve to an address inside"),
    e("HC-17", "one address inside among public ones refuses the name"),
    e("HC-18", "a name that resolves to something else the second time"),
    e("HC-19", "a redirect to a host that is not granted"),
    e("HC-20", "a redirect to an address inside"),
    e("HC-21", "a redirect from TLS to plain text"),
    e("HC-22", "headers and credentials do not follow a redirect to another origin"),
    e("HC-23", "redirects without end stop after five"),
    e("HC-24", "the guest does not set the virtual host"),
    e("HC-25", "headers that would break the message are no headers"),
    e("HC-26", "the guest does not frame the message"),
    e("HC-27", "headers of the connection, of proxies and of forwarding are the host's"),
    e("HC-28", "proxies that the environment names are not used"),
    e("HC-29", "another port is another origin"),
    e("HC-30", "there is no scheme besides http and https"),
    e("HC-31", "paths that leave the granted prefix in any reading"),
    e("HC-32", "methods that are not granted, and headers that stand for one"),
    e("HC-33", "a small compressed body does not become a large one"),
    e("HC-34", "response heads without measure"),
    e("HC-35", "responses that contradict themselves about their length; their connection is not used again"),
    e("HC-36", "informational responses without end"),
    e("HC-37", "certificates and versions of TLS that do not hold"),
    e("HC-38", "request bodies above the limit"),
    e("HC-39", "requests above the budget of a call"),
    e("HC-40", "a forged second answer on a connection does not reach another connector"),
    e("SE-01", "a secret, in any spelling, anywhere but in its declared place"),
    e("SE-02", "a secret for a host that is not its audience"),
    e("SE-03", "names of other secrets all get the same answer"),
    e("SE-04", "a provider that echoes the credential: it is taken out of what the guest sees"),
    e("SE-05", "errors, failures and logs that quote the credential"),
    e("SE-06", "a revealed secret is still taken out of whatever leaves the connector"),
    e("SE-07", "a revealed secret in another encoding is, too"),
    e("SE-08", "no library logs the secret, whatever the level"),
    e("SE-09", "nothing on disk holds the secret after many runs"),
    e("SE-10", "a ciphertext in another row does not open"),
    e("SE-11", "a ciphertext with a changed byte does not open, and is never an empty secret"),
    e("SE-12", "the master key is rotated through crashes; the old one then opens nothing"),
    e("SE-13", "a missing, wrong or weak master key does not start a server, and changes nothing"),
    e("SE-14", "no two encryptions share a nonce"),
    e("SE-15", "the process shows no key, and leaves no core"),
    e("FS-01", "paths that leave the scratch directory"),
    e("FS-02", "symbolic links out of the scratch directory"),
    e("FS-03", "a directory that is swapped for a link while it is used"),
    e("FS-04", "more bytes than the quota"),
    e("FS-05", "files without number and directories without end"),
    e("FS-06", "without a grant there is no directory"),
    e("FS-07", "nobody finds the files of a run before"),
];

/// The names of this suite's cases.
static SUITE: LazyLock<Vec<String>> = LazyLock::new(|| {
    let mut names = Vec::new();
    for (_, text) in crate::tidy::sources("tests/security/cases") {
        let cases = text.lines().filter_map(|line| line.strip_prefix("    ")?.split_once(" =>"));
        names.extend(cases.map(|(name, _)| name).filter(|name| is_name(name)).map(str::to_owned));
    }
    names.sort();
    names
});

fn is_name(text: &str) -> bool {
    text.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_') && !ids(text).is_empty()
}

/// The ids in a test's name: `hc_13_…` has one, `hc_13_to_15_…` three.
fn ids(name: &str) -> Vec<String> {
    let parts: Vec<&str> = name.split('_').collect();
    let number =
        |at: usize| parts.get(at).filter(|part| part.len() == 2).and_then(|part| part.parse::<u32>().ok());
    let Some(group) =
        Group::ALL.iter().map(|group| group.name()).find(|name| name.to_lowercase() == parts[0])
    else {
        return Vec::new();
    };
    let Some(first) = number(1) else { return Vec::new() };
    let last = if parts.get(2) == Some(&"to") { number(3).unwrap_or(first) } else { first };
    (first..=last).map(|number| format!("{group}-{number:02}")).collect()
}

impl Entry {
    /// Whether a case of this suite plays it.
    pub(crate) fn by_suite(&self) -> bool {
        SUITE.iter().any(|name| ids(name).iter().any(|id| id == self.id))
    }
}

/// Tests of the crates by id: file and name.
fn elsewhere() -> BTreeMap<String, Vec<String>> {
    let mut found: BTreeMap<String, Vec<String>> = BTreeMap::new();
    let root = crate::tidy::root();
    for (path, text) in crate::tidy::sources("runtime") {
        for line in text.lines() {
            let Some((_, rest)) = line.split_once("fn ") else { continue };
            let name = rest.split('(').next().unwrap_or_default();
            for id in ids(name) {
                let file = path.strip_prefix(&root).unwrap().display();
                found.entry(id).or_default().push(format!("`{file}`: `{name}`"));
            }
        }
    }
    found
}

/// `docs/security-cases.md`.
fn page() -> String {
    let elsewhere = elsewhere();
    let mut text = String::from(
        "# The public cases of the security contract\n\n\
         <!-- Printed by the code; a test compares. Change tests/security/catalogue.rs instead. -->\n\n\
         Each id is proven by the tests that bear it in their names. A case of the suite runs against a real server\n\
         process with a scripted network, and after it the server must be as it was: the same process that answers, a\n\
         canary that was called all the while, memory, descriptors and threads given back, no secret in anything written\n\
         or answered, a sound database, each denial in the metrics and the audit log, nothing dialled that was not\n\
         allowed, no panic and no core file. The other tests stand beside the code that they are about.\n\n\
         `cargo test -p wharf --test integration security` plays the suite and writes a table of verdicts and figures\n\
         (`security-cases.md` in the target directory's `tmp`).\n",
    );
    for group in Group::ALL {
        let of_group = CATALOGUE.iter().filter(|entry| Group::of(entry.id) == group);
        write!(
            text,
            "\n## {}\n\n| id | what | case of the suite | other tests |\n|---|---|---|---|\n",
            title(group)
        )
        .unwrap();
        for entry in of_group {
            let suite: Vec<String> = SUITE
                .iter()
                .filter(|name| ids(name).iter().any(|id| id == entry.id))
                .map(|name| format!("`{name}`"))
                .collect();
            let others = elsewhere.get(entry.id).map(|tests| tests.join("<br>")).unwrap_or_default();
            writeln!(text, "| {} | {} | {} | {others} |", entry.id, entry.about, suite.join("<br>")).unwrap();
        }
    }
    text
}

fn title(group: Group) -> &'static str {
    match group {
        Group::Gr => "GR: resources of a guest",
        Group::Ml => "ML: malformed components and linking",
        Group::Hc => "HC: HTTP",
        Group::Se => "SE: secrets",
        Group::Fs => "FS: files",
    }
}

#[test]
fn every_public_id_has_a_test() {
    let elsewhere = elsewhere();
    let counts = [25, 10, 40, 15, 7];
    for (group, count) in Group::ALL.into_iter().zip(counts) {
        for number in 1..=count {
            let id = format!("{}-{number:02}", group.name());
            let entry = CATALOGUE.iter().find(|entry| entry.id == id);
            let entry = entry.unwrap_or_else(|| panic!("{id} is not in the catalogue"));
            assert!(entry.by_suite() || elsewhere.contains_key(&id), "no test bears {id}: {}", entry.about);
        }
    }
    assert_eq!(CATALOGUE.len(), counts.iter().sum::<usize>());
}

#[test]
fn the_page_names_the_tests() {
    crate::golden::check("docs/security-cases.md", &page());
}
