//! Data and pure rules: what a connector declares, what an operator grants, what a flow is, and
//! what happens next in a run. No IO, no async, no clock, no wasm: whatever depends on time takes `now`.

pub mod call;
pub mod decide;
pub mod digest;
pub mod effect;
pub mod egress;
pub mod event;
pub mod failure;
pub mod flow;
pub mod grant;
pub mod http;
pub mod journal;
pub mod manifest;
pub mod poll;
pub mod retry;
pub mod schedule;
pub mod template;
pub mod time;
