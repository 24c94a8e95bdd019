//! What is too long and too random for the test suite: `tests/chaos.sh kill` and its siblings.
//!
//! Each is a program against the real server, with real connectors and the loopback provider, and ends with
//! figures and an exit code. The seed decides when it strikes; what must hold does not depend on it.

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::print_stdout,
    reason = "it fails where it meets what it does not expect; figures are what it is for"
)]

use std::{collections::BTreeMap, env, process::ExitCode};

#[expect(dead_code, reason = "the test suite uses all of it")]
#[path = "bed.rs"]
mod bed;

/// The process is killed again and again under load.
#[path = "chaos/kill.rs"]
mod kill;

const USAGE: &str = "chaos kill [--kills 500] [--rate 50] [--seed 1]
  kills the server at random instants under a steady load of signed deliveries, with a provider that fails too";

#[tokio::main]
async fn main() -> ExitCode {
    // Cargo adds `--bench`.
    let words: Vec<String> = env::args().skip(1).filter(|word| word != "--bench").collect();
    match words.split_first().map(|(what, options)| (what.as_str(), numbers(options))) {
        Some(("kill", Ok(options))) => {
            let of = |name: &str, usual: u64| options.get(name).copied().unwrap_or(usual);
            kill::run(kill::Plan { kills: of("kills", 500), rate: of("rate", 50), seed: of("seed", 1) }).await
        }
        Some((_, Err(wrong))) => usage(&wrong),
        Some((what, Ok(_))) => usage(&format!("there is no `{what}`")),
        None => usage("what shall it do?"),
    }
}

fn usage(wrong: &str) -> ExitCode {
    println!("{wrong}\n\n{USAGE}");
    ExitCode::from(2)
}

/// `--name number` pairs.
fn numbers(words: &[String]) -> Result<BTreeMap<&str, u64>, String> {
    words
        .chunks(2)
        .map(|pair| match pair {
            [name, number] => {
                let name = name.strip_prefix("--").ok_or_else(|| format!("`{name}` is no option"))?;
                Ok((name, number.parse().map_err(|_| format!("`{number}` is no number"))?))
            }
            _ => Err(format!("`{}` wants a number", pair.join(" "))),
        })
        .collect()
}
