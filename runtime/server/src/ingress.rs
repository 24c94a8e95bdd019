//! What comes in from outside without an API key: webhooks, and from a later issue polls and schedules.

pub(crate) mod json;
pub mod verify;
pub(crate) mod webhook;
