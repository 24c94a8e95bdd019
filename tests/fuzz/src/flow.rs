//! Flow files: reading ends, every problem has a place in the file, what is shown moves no cursor, and
//! what is read once is read again the same.
//!
//! Input: a flow file.

use wharf_model::flow::{Catalog, Flow, check, render};

/// One input.
///
/// # Panics
/// When the product is wrong about it.
pub fn run(data: &[u8]) {
    let Ok(source) = std::str::from_utf8(data) else { return };
    let problems = match Flow::parse(source) {
        Ok(flow) => {
            let again = Flow::parse(source).expect("it was read before");
            assert_eq!(format!("{flow:?}"), format!("{again:?}"));
            let steps = flow.all_steps();
            for step in &steps {
                assert_eq!(flow.step(&step.path).map(|found| &found.path), Some(&step.path));
            }
            let mut paths: Vec<&str> = steps.iter().map(|step| step.path.as_str()).collect();
            paths.sort_unstable();
            paths.dedup();
            assert_eq!(paths.len(), steps.len(), "two steps have one path");
            check(&flow, &Catalog::default())
        }
        Err(problems) => {
            assert!(!problems.is_empty());
            problems
        }
    };
    let lines = u32::try_from(source.lines().count()).unwrap_or(u32::MAX);
    for problem in &problems {
        assert!((1..=lines.max(1) + 1).contains(&problem.line), "{problem:?} of {lines} lines");
    }
    crate::inert(render(&problems, "flow.yaml", source));
}
