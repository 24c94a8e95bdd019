//! The integration tests, one binary: modules in the order of the data flow.

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::print_stdout,
    reason = "a test that meets what it does not expect fails; helpers of tests are tests too"
)]

// What the tests stand on: real connectors, a real server process, a real provider.
mod bed;
// A connector made by hand, in any version.
mod wat;

// The shape of the tree: crate edges, file headers.
mod tidy;
// Published shapes have golden files: OpenAPI, references, the manifest's schema.
mod golden;
// An author's crate becomes one file.
mod build;
// Components that a compiler chokes on.
mod compile;
// A delivery is verified, deduplicated and durable before it is acknowledged.
mod arrive;
// From an issue to a message, with a provider that says 429 and 503.
mod flow;
// What each kind of step does: loops, branches, waits, ends on purpose.
mod steps;
// What starts by itself: the clock, polls, other flows.
mod triggers;
// A connector that tries to get out.
mod hostile;
// A connector that another toolchain has made, in JavaScript.
mod foreign;
// The public cases of the security contract.
mod security;
// Connectors come, change and go without dropping a run.
mod lifecycle;
// What an operator sees and decides.
mod operate;
// What fails for good lies in a dead letter, and goes on from there.
mod dead_letter;
// The process dies at every boundary of the journal.
mod crash;
// The whole engine in the hands of a seed.
mod simulation;
