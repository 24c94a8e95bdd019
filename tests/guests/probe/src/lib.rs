//! A connector that does what its input says, step by step, and returns what it saw.
//!
//! The cases of the security contract are inputs of this one connector, so that a case is data. It asks
//! for everything there is to ask for; what holds in a case is what the case grants.

mod send;
mod step;
mod text;

use wharf::prelude::*;

/// A program.
#[input]
struct Program {
    /// What to do, in order.
    steps: Vec<Value>,
}

/// What came of a program.
#[output]
struct Seen {
    /// One entry a step.
    seen: Vec<Value>,
}

/// Run a program that only reads.
#[action(effect = "read")]
fn read(_call: &Call, input: Program) -> Result<Seen> {
    step::run(&input.steps).map(|seen| Seen { seen })
}

/// Run a program that may write.
#[action(effect = "idempotent-write")]
fn write(_call: &Call, input: Program) -> Result<Seen> {
    step::run(&input.steps).map(|seen| Seen { seen })
}

/// Return one text, as large as it comes.
#[action(effect = "read")]
fn say(_call: &Call, input: Program) -> Result<String> {
    input.steps.first().map_or(Ok(String::new()), text::text)
}

struct Probe;

impl Connector for Probe {
    fn manifest() -> Manifest {
        let all = &["GET", "POST", "PUT", "PATCH", "DELETE", "HEAD"];
        Manifest::new(env!("CARGO_PKG_NAME"), env!("CARGO_PKG_VERSION"), "Probe")
            .description("Does what its input says.")
            .egress(all, "*")
            .store(64 * 1024)
            .auth(
                "key",
                Auth::new("Key")
                    .slot("token", "Token")
                    .reveal("the cases look for what comes of it")
                    .bearer("token")
                    .audience("https://api.allowed.test/v1/"),
            )
    }

    fn actions() -> Actions {
        actions![read, write, say]
    }

    /// Asks A, which may take its time.
    fn validate(_call: &Call, _method: &str) -> Result<Identity> {
        let ask = json!({ "do": "send", "url": "https://api.allowed.test/v1/whoami", "auth": "key" });
        let seen = step::run(&[ask])?;
        Ok(Identity::new(seen.first().map(Value::to_string).unwrap_or_default()))
    }
}

wharf::connector!(Probe: actions, connections);
