//! What must hold after every commit, and at the end.

use std::collections::{BTreeMap, BTreeSet};

use wharf_cli::demo::provider::Provider;
use wharf_engine::RunRecord;

/// Every step that says it posted has its one message; one that does not know may have one; others have none.
pub(super) fn counted<'a>(record: &RunRecord, texts: impl Iterator<Item = &'a str>) -> Result<(), String> {
    let mut found: BTreeMap<&str, u64> = BTreeMap::new();
    for text in texts.filter_map(|text| text.strip_prefix(record.id.as_str())) {
        *found.entry(text.trim()).or_default() += 1;
    }
    let mut expected: BTreeMap<&str, (u64, u64)> = BTreeMap::new();
    for step in record.steps.iter().filter(|step| step.title == "slack/post-message") {
        let id = step.path.rsplit('/').next().unwrap_or_default();
        let (least, most) = expected.entry(id).or_default();
        let done = step.status == "done";
        // What a rescue that failed leaves as the step's failure is the rescue's own.
        let mut failures = step.attempts.iter().rev().filter_map(|attempt| attempt.failure.as_ref());
        let unknown = failures.next().is_some_and(|failure| failure.outcome_unknown);
        *least += u64::from(done);
        *most += u64::from(done || unknown);
    }
    for (id, count) in &found {
        let (least, most) = expected.get(id).copied().unwrap_or_default();
        if *count < least || *count > most {
            let steps: Vec<_> = record
                .steps
                .iter()
                .map(|step| (&step.path, step.status, &step.failure, &step.attempts))
                .collect();
            return Err(format!(
                "{id} of run {}: {count} messages, {least} to {most} are right: {steps:?}",
                record.id
            ));
        }
    }
    match expected.iter().find(|(id, (least, _))| *least > 0 && !found.contains_key(*id)) {
        Some((id, _)) => Err(format!("{id} of run {} is done, and there is no message", record.id)),
        None => Ok(()),
    }
}

/// What holds after every commit.
pub(super) fn sound(connection: &rusqlite::Connection, provider: &Provider) -> Result<(), String> {
    let wrong: Vec<String> = connection
        .prepare_cached(
            "SELECT 'the tally of ' || status FROM (SELECT status, count(*) AS n FROM run GROUP BY status) AS found
             WHERE n <> (SELECT sum(n) FROM tally WHERE tally.status = found.status)
             UNION ALL SELECT 'a due time of ' || status FROM run WHERE (due_at IS NOT NULL) <> (status = 'waiting')
             UNION ALL SELECT 'an end of ' || status FROM run
             WHERE (finished_at IS NOT NULL) <> (status IN ('done', 'ignored', 'failed', 'discarded'))
             UNION ALL SELECT 'a dead letter of ' || run FROM dead_letter JOIN run ON run.id = dead_letter.run
             WHERE (dead_letter.state = 'open') <> (run.status = 'failed')
             UNION ALL SELECT 'the length of the journal of ' || id FROM run
             WHERE seq <> (SELECT count(*) FROM journal WHERE journal.run = run.id)",
        )
        .and_then(|mut select| select.query_map([], |row| row.get(0))?.collect())
        .map_err(|error| error.to_string())?;
    if let Some(wrong) = wrong.first() {
        return Err(format!("after a commit {wrong} is wrong"));
    }
    let mut keys = BTreeSet::new();
    match provider.messages().into_iter().find(|message| !keys.insert(message.key.clone())) {
        Some(message) => Err(format!("posted twice: {message:?}")),
        None => Ok(()),
    }
}
