//! The acts, in the order in which they are played.

pub(super) mod build;
pub(super) mod close;
pub(super) mod connect;
pub(super) mod crash;
pub(super) mod deliver;
pub(super) mod hostile;
pub(super) mod install;
pub(super) mod refuse;
pub(super) mod start;
