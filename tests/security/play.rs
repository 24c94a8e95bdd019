//! How a case is played: set up, run, judge, and then the postconditions. What is wrong is collected,
//! so that a failure says all of it at once: the id, what was expected, and what came.

use std::{collections::BTreeMap, future::Future, pin::Pin, sync::Arc};

use serde_json::{Value, json};

use super::{
    after::{Allowed, Before},
    bed::{Bed, Group, RUNTIME, Ran},
    mock::{Script, always, ok},
    network,
    probe::{Step, word},
    report,
};
use crate::wat::{self, Core};

/// A case.
pub(crate) enum Case {
    /// The probe does as its program says.
    Http(Http),
    /// A guest made by hand runs once.
    Guest(Guest),
    /// A file is installed.
    Load(Vec<Load>),
    /// Steps of its own.
    Own(Own),
}

/// What a case found: figures for the report, or everything that is wrong.
pub(crate) struct Findings {
    pub(crate) allowed: Allowed,
    pub(crate) wrong: Vec<String>,
    pub(crate) figures: String,
}

/// Steps of a case's own.
pub(crate) type Own = for<'a> fn(&'a Bed, &'a Before) -> Pin<Box<dyn Future<Output = Findings> + 'a>>;

/// A program of the probe against the scripted network.
pub(crate) struct Http {
    /// What is granted: `GET,POST https://api.allowed.test/v1/`.
    pub(crate) grant: &'static [&'static str],
    /// Limits of the grant.
    pub(crate) limits: Value,
    /// Slots that the probe may read.
    pub(crate) reveal: &'static [&'static str],
    /// Which flow: connector and action.
    pub(crate) flow: &'static str,
    /// What A answers.
    pub(crate) a: Script,
    /// What A2 answers.
    pub(crate) a2: Script,
    /// What the probe does, and the word for what it must see of each.
    pub(crate) program: Vec<(Step, String)>,
    /// Addresses that may be dialled besides A.
    pub(crate) dials: &'static [&'static str],
    /// Requests that A, A2, S and M get; none for one to A a success.
    pub(crate) hits: Option<[usize; 4]>,
    /// Why the call is stopped, if it must be; then the probe sees nothing.
    pub(crate) stopped: Option<&'static str>,
    /// What else must hold.
    pub(crate) also: fn(&Bed, &Ran) -> Vec<String>,
}

impl Default for Http {
    fn default() -> Self {
        Self {
            grant: &[],
            limits: json!({}),
            reveal: &[],
            flow: "probe-write",
            a: always(ok("a")),
            a2: always(ok("a2")),
            program: Vec::new(),
            dials: &[],
            hits: None,
            stopped: None,
            also: |_, _| Vec::new(),
        }
    }
}

/// A guest made by hand.
pub(crate) struct Guest {
    pub(crate) core: Core,
    /// Limits of the grant.
    pub(crate) limits: Value,
    pub(crate) ends: Ends,
    /// What else must hold, and a figure worth keeping.
    pub(crate) also: fn(&Bed, &Before, &Ran) -> Result<String, String>,
}

impl Default for Guest {
    fn default() -> Self {
        Self {
            core: Core::default(),
            limits: json!({}),
            ends: Ends::Done(json!({})),
            also: |_, _, _| Ok(String::new()),
        }
    }
}

/// How the call of a guest ends.
#[derive(Clone, Debug)]
pub(crate) enum Ends {
    /// With this output.
    Done(Value),
    /// Stopped for one of these reasons.
    Stopped(&'static [&'static str]),
    /// It does not come so far: the file is refused, with this code, and words with this in them.
    Refused(&'static str, &'static str),
}

/// A file that is installed, and what comes of that.
pub(crate) struct Load {
    pub(crate) what: String,
    pub(crate) file: Vec<u8>,
    /// Codes that the API may refuse with; none when it is installed.
    pub(crate) codes: &'static [&'static str],
    /// What the message says.
    pub(crate) says: &'static str,
}

/// Plays the case of the test `name`, such as `hc_13_private_literals`.
#[track_caller]
pub(crate) fn play(name: &str, case: Case) {
    let id = catalogue_id(name);
    report::begin(&id, name);
    let (wrong, figures) = RUNTIME.block_on(async {
        let bed = Group::of(&id).bed().await;
        let _turn = bed.turn.lock().await;
        bed.network.play(always(ok("a")));
        let (before, found) = perform(bed, &id, case).await;
        let (mut wrong, settled) = before.compare(bed, &found.allowed).await;
        wrong.splice(0..0, found.wrong);
        (
            wrong,
            [found.figures, settled]
                .into_iter()
                .filter(|text| !text.is_empty())
                .collect::<Vec<_>>()
                .join("; "),
        )
    });
    report::note(&id, name, &wrong, &figures);
    assert!(wrong.is_empty(), "{id}: {name}\n  {}", wrong.join("\n  "));
}

/// `hc_13_…` as `HC-13`.
pub(crate) fn catalogue_id(name: &str) -> String {
    let mut parts = name.split('_');
    let (group, number) = (parts.next().unwrap(), parts.next().unwrap());
    format!("{}-{number}", group.to_uppercase())
}

async fn perform(bed: &Bed, id: &str, case: Case) -> (Before, Findings) {
    match case {
        Case::Http(http) => play_http(bed, http).await,
        Case::Guest(guest) => play_guest(bed, id, guest).await,
        Case::Load(loads) => play_loads(bed, loads).await,
        Case::Own(own) => {
            let before = Before::of(bed).await;
            let findings = own(bed, &before).await;
            (before, findings)
        }
    }
}

impl Findings {
    /// Nothing wrong so far, and nothing allowed.
    pub(crate) fn none() -> Self {
        Self { allowed: Allowed::default(), wrong: Vec::new(), figures: String::new() }
    }
}

async fn play_http(bed: &Bed, http: Http) -> (Before, Findings) {
    let connector = http.flow.split('-').next().unwrap();
    bed.grant_revealing(connector, http.grant, &http.limits, http.reveal).await;
    bed.network.play(Arc::clone(&http.a));
    bed.network.a2.play(Arc::clone(&http.a2));
    let before = Before::of(bed).await;
    let port = bed.network.m.address.port().to_string();
    let steps: Vec<Value> = http.program.iter().map(|(step, _)| step.json(&port)).collect();
    let ran = bed.run(http.flow, json!({ "steps": steps })).await;
    let words: Vec<String> = ran.seen().iter().map(word).collect();
    let mut findings = Findings::none();
    if ran.stopped() != http.stopped || (words.is_empty() && http.stopped.is_none()) {
        findings.wrong.push(format!("expected {:?}, came {:#}", http.stopped, ran.attempt()));
    }
    let judged = http.stopped.is_none().then_some(&http.program);
    for (at, (step, expected)) in judged.into_iter().flatten().enumerate() {
        let came = words.get(at).map_or("nothing", String::as_str);
        if !expected.split('|').any(|one| matches(one, came)) {
            let seen = ran.seen().get(at).map(ToString::to_string).unwrap_or_default();
            findings.wrong.push(format!("{}: expected {expected}, came {came}: {seen}", step.json(&port)));
        }
    }
    findings.wrong.extend((http.also)(bed, &ran));
    let successes = words.iter().filter(|word| word.starts_with("200")).count();
    let hits = http.hits.unwrap_or([successes, 0, 0, 0]);
    let asked = [(hits[0], network::A), (hits[1], network::A2)].into_iter().filter(|(hits, _)| *hits > 0);
    findings.allowed = Allowed {
        denied: denied(ran.seen()),
        dials: asked.map(|(_, address)| address).chain(http.dials.iter().copied()).collect(),
        hits,
        bodies: vec![ran.0],
    };
    findings.figures = tally(&words);
    (before, findings)
}

/// `bad-response/too-large` is a bad response that says `too-large`.
fn matches(expected: &str, came: &str) -> bool {
    match expected.split_once('/') {
        None => came.split('/').next() == Some(expected),
        Some((case, says)) => {
            came.split_once('/').is_some_and(|(came, text)| came == case && text.contains(says))
        }
    }
}

/// The denials that a program saw, by reason.
fn denied(seen: &[Value]) -> BTreeMap<String, u64> {
    let mut denials = BTreeMap::new();
    for one in seen {
        for (reason, count) in
            one["counts"].as_array().into_iter().flatten().map(|pair| (&pair[0][2], &pair[1]))
        {
            if let Some(reason) = reason.as_str() {
                *denials.entry(reason.to_owned()).or_default() += count.as_u64().unwrap();
            }
        }
        // What is no request at all and what names no credential is refused by the gate, too.
        let refused = ["invalid-request", "credential-unavailable"];
        let reason =
            one["reason"].as_str().or_else(|| one["error"].as_str().filter(|error| refused.contains(error)));
        if let Some(reason) = reason {
            *denials.entry(reason.to_owned()).or_default() += 1;
        }
    }
    denials
}

/// `3 ip, 1 200`.
fn tally(words: &[String]) -> String {
    let mut counts: BTreeMap<&str, usize> = BTreeMap::new();
    for word in words {
        *counts.entry(word.split('/').next().unwrap()).or_default() += 1;
    }
    counts.iter().map(|(word, count)| format!("{count} {word}")).collect::<Vec<_>>().join(", ")
}

async fn play_guest(bed: &Bed, id: &str, guest: Guest) -> (Before, Findings) {
    let before = Before::of(bed).await;
    let mut findings = Findings::none();
    // One name for each guest: a version is one content for ever.
    let name = format!("{}-{}", id.to_lowercase(), bed.canary.mark().0);
    let file = wat::connector(&name, "1.0.0", |_| {}, &guest.core);
    let installed = bed.install(file).await;
    if let Ends::Refused(code, says) = guest.ends {
        findings.wrong.extend(refused(installed, &[code], says));
        return (before, findings);
    }
    if let Err(fault) = installed {
        findings
            .wrong
            .push(format!("expected {:?}, was refused: {}: {}", guest.ends, fault.code, fault.message));
        return (before, findings);
    }
    bed.grant(&name, &[], &guest.limits).await;
    bed.flow_of(&name).await;
    let ran = bed.run(&name, json!({})).await;
    let output = ran.step()["output"].clone();
    match &guest.ends {
        Ends::Done(expected) if ran.stopped().is_none() && output == *expected => {}
        Ends::Stopped(reasons) if ran.stopped().is_some_and(|reason| reasons.contains(&reason)) => {}
        expected => findings.wrong.push(format!("expected {expected:?}, came {:#}", ran.attempt())),
    }
    match (guest.also)(bed, &before, &ran) {
        Ok(figures) => findings.figures = figures,
        Err(why) => findings.wrong.push(why),
    }
    findings.allowed.bodies.push(ran.0);
    (before, findings)
}

async fn play_loads(bed: &Bed, loads: Vec<Load>) -> (Before, Findings) {
    let before = Before::of(bed).await;
    let mut findings = Findings::none();
    findings.figures = format!("{} files", loads.len());
    for load in loads {
        let installed = bed.install(load.file).await;
        let wrong = match (load.codes, installed) {
            ([], Ok(_)) => None,
            ([], Err(fault)) => Some(format!("refused: {}: {}", fault.code, fault.message)),
            (codes, installed) => refused(installed, codes, load.says),
        };
        findings.wrong.extend(wrong.map(|why| format!("{}: {why}", load.what)));
    }
    (before, findings)
}

/// What is wrong with a refusal that should have been one with a code of `codes`.
pub(crate) fn refused(
    installed: Result<Value, wharf_cli::exit::Fault>,
    codes: &[&str],
    says: &str,
) -> Option<String> {
    match installed {
        Ok(installed) => Some(format!("expected a refusal ({codes:?}), was installed: {installed}")),
        Err(fault) if codes.contains(&fault.code.as_str()) && fault.message.contains(says) => None,
        Err(fault) => {
            Some(format!("expected {codes:?} with `{says}`, came {}: {}", fault.code, fault.message))
        }
    }
}

/// Tests of cases: the id is in the name, the case is an expression.
macro_rules! cases {
    ($($(#[$doc:meta])* $name:ident => $case:expr;)+) => {$(
        $(#[$doc])*
        #[test]
        fn $name() {
            $crate::security::play::play(stringify!($name), $case);
        }
    )+};
}
pub(crate) use cases;
