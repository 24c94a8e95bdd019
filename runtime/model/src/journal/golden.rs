//! Journals that earlier versions wrote still fold to what they folded to then.
//!
//! The files in `tests/golden/journals` are what a real server journaled, each with its flow. They are
//! never made anew; only `folded.txt`, which says what they fold to, may be (`WHARF_BLESS=1`), and its
//! diff must be empty unless a journal means something else on purpose.

use std::{collections::BTreeSet, fmt::Write as _, fs, path::PathBuf};

use serde::Deserialize;

use super::{Entry, Progress, State};
use crate::{
    decide::{Ask, Hands, Turn, decide},
    flow::Flow,
    time::Timestamp,
};

/// After the last entry of every file, and before the time that one of them waits for.
const NOW: Timestamp = Timestamp(1_795_315_000_000);

#[derive(Deserialize)]
struct Golden {
    flow: String,
    run: String,
    entries: Vec<Entry>,
}

#[test]
fn every_journal_ever_written_folds() {
    let dir = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../tests/golden/journals");
    let mut files: Vec<PathBuf> = fs::read_dir(&dir).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.sort();
    let mut told = String::new();
    for file in files.iter().filter(|file| file.extension().is_some_and(|kind| kind == "json")) {
        let golden: Golden = serde_json::from_str(&fs::read_to_string(file).unwrap())
            .unwrap_or_else(|error| panic!("{}: {error}", file.display()));
        let _ = writeln!(told, "{}", file.file_stem().unwrap().to_str().unwrap());
        tell(&golden, &mut told);
    }
    let expected = dir.join("folded.txt");
    if std::env::var_os("WHARF_BLESS").is_some() {
        fs::write(&expected, &told).unwrap();
    }
    assert_eq!(told, fs::read_to_string(expected).unwrap());
}

fn tell(golden: &Golden, told: &mut String) {
    let flow = Flow::parse(&golden.flow).unwrap();
    let mut state = State::fold(&golden.entries);
    let _ = writeln!(
        told,
        "  seq {} event {} ended {:?} died {:?}",
        state.next_seq,
        state.event.is_some(),
        state.ended,
        state.died_at
    );
    for (path, step) in &state.steps {
        let progress = match &step.progress {
            Progress::Pending => "pending".to_owned(),
            Progress::Waiting(at) => format!("waiting {}", at.0),
            Progress::Unconfirmed(failure, at) => format!("unconfirmed {} {}", failure.class.name(), at.0),
            Progress::Suspended(wake, state) => format!("suspended {wake:?} {state}"),
            Progress::Skipped => "skipped".to_owned(),
            Progress::Branched(case) => format!("branched {case:?}"),
            Progress::Looping(progress) => format!("looping {} of {}", progress.from, progress.items.len()),
            Progress::Forked => "forked".to_owned(),
            Progress::Listening(until, answer) => format!("listening {} {}", until.0, answer.is_some()),
            Progress::Delayed(until) => format!("delayed {}", until.0),
            Progress::Done(output) => format!("done {output}"),
            Progress::Failed(failure, why) => format!("failed {} {}", failure.class.name(), why.name()),
        };
        let writes: Vec<_> =
            step.writes.iter().map(|(ordinal, write)| (ordinal, write.answer.is_some())).collect();
        let _ = writeln!(
            told,
            "  {path}: {progress}; {} attempts, {} questions, writes {writes:?}",
            step.attempts, step.confirms
        );
    }
    let hands = Hands { busy: &BTreeSet::new(), room: 16 };
    let decision = decide(&flow, &golden.run, &mut state, hands, NOW);
    let next = match decision.turn {
        Turn::Receive { attempt } => vec![format!("receive {attempt}")],
        Turn::End(ended) => vec![format!("end {ended:?}")],
        Turn::Work { tasks, wake } => tasks
            .into_iter()
            .map(|task| match task.ask {
                Ask::Call { attempt, input } => format!("call {} {attempt} {input}", task.path),
                Ask::Resume { .. } => format!("resume {}", task.path),
                Ask::Confirm { attempt, .. } => format!("confirm {} {attempt}", task.path),
            })
            .chain(wake.map(|at| format!("wait {}", at.0)))
            .collect(),
    };
    let _ = writeln!(told, "  next: {}", next.join(", "));
}
