//! What the fuzz targets assert. Each module is one target: `run` takes an input and panics when the
//! product is wrong about it. The oracles are written from the standards and from the security rules,
//! never from the code under test.
//!
//! What surprises: nothing here needs a fuzzer. `cargo test` replays the committed seeds, so a
//! finding that became a seed stays a regression test on machines without cargo-fuzz.

pub mod flow;
pub mod header_rules;
pub mod ip_class;
pub mod manifest;
pub mod package;
pub mod path_prefix;
pub mod redactor;
pub mod template;
pub mod url_policy;
pub mod webhook;

#[cfg(feature = "engine")]
pub mod component_load;
#[cfg(feature = "engine")]
pub mod lift_values;

#[cfg(feature = "engine")]
pub mod guest;
#[cfg(feature = "engine")]
mod host;
pub mod urls;

/// Every interface of the contract that a connector may export.
pub const INTERFACES: [&str; 15] = [
    "manifest",
    "connections",
    "options",
    "fields",
    "actions",
    "resumption",
    "confirmation",
    "batches",
    "polling",
    "deliveries",
    "handshakes",
    "subscriptions",
    "routing",
    "samples",
    "entities",
];

/// Runs a target over the files, and the files of the folders, that the command line names.
///
/// # Errors
/// A file that cannot be read.
pub fn replay(run: fn(&[u8])) -> std::io::Result<()> {
    for argument in std::env::args().skip(1) {
        replay_path(argument.as_ref(), run)?;
    }
    Ok(())
}

/// Runs a target over a file, or over all files of a folder in the order of their names.
///
/// # Errors
/// A file that cannot be read.
pub fn replay_path(path: &std::path::Path, run: fn(&[u8])) -> std::io::Result<usize> {
    if path.is_file() {
        run(&std::fs::read(path)?);
        return Ok(1);
    }
    let mut files: Vec<_> = std::fs::read_dir(path)?.collect::<Result<_, _>>()?;
    files.sort_by_key(std::fs::DirEntry::path);
    for file in &files {
        run(&std::fs::read(file.path())?);
    }
    Ok(files.len())
}

/// What a person is shown has no character that moves a cursor or turns the direction of what follows.
fn inert(shown: impl std::fmt::Display) {
    let shown = shown.to_string();
    let acts = |c: char| {
        (c.is_control() && c != '\n')
            || matches!(c, '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
    };
    assert!(!shown.contains(acts), "{shown:?}");
}

/// The text before the first line break, and what comes after it.
fn first_line(data: &[u8]) -> Option<(&str, &[u8])> {
    let at = data.iter().position(|byte| *byte == b'\n')?;
    let (line, rest) = data.split_at_checked(at)?;
    Some((std::str::from_utf8(line).ok()?, rest.get(1..)?))
}
