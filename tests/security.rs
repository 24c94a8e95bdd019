//! The public cases of the security contract, each against a real server process.
//!
//! A case is data: what is granted, what the network answers, what the guest asks for, and the verdict.
//! After each, whatever its verdict, the universal postconditions are looked at (`after.rs`). The cases
//! of one group share a server and take turns; the groups run side by side.

// What holds after every case.
mod after;
// A server for each group, and what is around it.
mod bed;
// A connector of somebody else, called all the time.
mod canary;
// The cases, one file a group.
mod cases;
// Every public id, and what proves it.
mod catalogue;
// Hostile servers.
mod mock;
// Names, addresses, and who answers there.
mod network;
// How a case is played, and judged.
mod play;
// Requests of the probe, as data.
mod probe;
// What came of the cases, as a table.
mod report;
// The search for secrets in everything that is written.
mod sentinel;
