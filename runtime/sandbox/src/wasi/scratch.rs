//! `wasi:filesystem` over a scratch directory: `wasmtime-wasi` opens, reads and lists, each path
//! held inside the directory; what makes something grow goes through the quota first, and links,
//! symbolic or hard, are not made.

mod v02;
mod v03;

use wasmtime_wasi::filesystem::Descriptor;

use crate::{
    scratch::{Full, Quota},
    state::State,
};

pub(super) use v02::link as link_02;
pub(super) use v03::link as link_03;

/// What a call without a scratch directory may grow: nothing. It has no descriptor to begin with.
fn quota(state: &State) -> Quota {
    match &state.scratch {
        Some(scratch) => scratch.quota().clone(),
        None => Quota::new(0, 0),
    }
}

/// No file system has larger files (POSIX `off_t`).
const LARGEST: u64 = i64::MAX as u64;

/// How large a file is; a directory has no size, and writing to it fails further on.
fn size(descriptor: &Descriptor) -> u64 {
    match descriptor {
        Descriptor::File(file) => file.file.metadata().map_or(0, |about| about.len()),
        Descriptor::Dir(_) => 0,
    }
}

/// Writing `length` bytes at `offset` of something this large.
fn write(quota: &Quota, size: u64, offset: u64, length: u64) -> Result<(), Full> {
    quota.grow(offset.saturating_add(length).saturating_sub(size))
}
