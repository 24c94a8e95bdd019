//! What came of the cases: a table that is complete after every case, because nothing in a test binary
//! runs after the last one.

use std::{collections::BTreeMap, fmt::Write as _, fs, io::Write as _, path::Path, sync::Mutex};

use super::{bed::Group, catalogue::CATALOGUE};

static TABLE: Mutex<BTreeMap<&'static str, Vec<Line>>> = Mutex::new(BTreeMap::new());

struct Line {
    test: String,
    wrong: usize,
    figures: String,
}

/// Notes that a case is being played: one that does not come to its end has failed.
pub(crate) fn begin(id: &str, test: &str) {
    let entry = CATALOGUE.iter().find(|entry| entry.id == id).expect("the catalogue has the id");
    let line = Line { test: test.to_owned(), wrong: 1, figures: "did not come to its end".to_owned() };
    TABLE.lock().unwrap().entry(entry.id).or_default().push(line);
}

/// Notes a case, and writes the table anew. Once a whole group has been played its count is printed.
pub(crate) fn note(id: &str, test: &str, wrong: &[String], figures: &str) {
    let entry = CATALOGUE.iter().find(|entry| entry.id == id).expect("the catalogue has the id");
    let mut table = TABLE.lock().unwrap();
    let line = Line { test: test.to_owned(), wrong: wrong.len(), figures: figures.to_owned() };
    let lines = table.entry(entry.id).or_default();
    lines.retain(|known| known.test != test);
    lines.push(line);
    let text = render(&table);
    let path = Path::new(env!("CARGO_TARGET_TMPDIR")).join("security-cases.md");
    fs::write(&path, &text).unwrap();
    let group = Group::of(id);
    let of_group = |id: &&str| Group::of(id) == group;
    let played = table.keys().filter(|id| of_group(id)).count();
    let all = CATALOGUE.iter().filter(|entry| entry.by_suite() && of_group(&entry.id)).count();
    if played == all {
        // Around the capture of a test's output: this is the run's own word.
        let passed = passed(&table, group);
        let _ = writeln!(
            std::io::stdout(),
            "security: {} {passed} of {all} ids pass; {}",
            group.name(),
            path.display()
        );
    }
}

fn passed(table: &BTreeMap<&str, Vec<Line>>, group: Group) -> usize {
    let of_group = table.iter().filter(|(id, _)| Group::of(id) == group);
    of_group.filter(|(_, lines)| lines.iter().all(|line| line.wrong == 0)).count()
}

fn render(table: &BTreeMap<&'static str, Vec<Line>>) -> String {
    let mut text = String::from("| id | verdict | test | figures |\n|---|---|---|---|\n");
    for (id, lines) in table {
        for line in lines {
            let verdict = if line.wrong == 0 { "pass" } else { "FAIL" };
            writeln!(text, "| {id} | {verdict} | `{}` | {} |", line.test, line.figures).unwrap();
        }
    }
    text.push_str("\n| group | ids played | pass |\n|---|---|---|\n");
    for group in Group::ALL {
        let played = table.keys().filter(|id| Group::of(id) == group).count();
        writeln!(text, "| {} | {played} | {} |", group.name(), passed(table, group)).unwrap();
    }
    text
}
