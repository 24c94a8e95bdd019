//! The connector file: bytes in, bytes out. A connector is a WebAssembly component with two custom
//! sections of ours, its manifest and the version of the contract it was built against, so that a
//! host lists, compares and judges it without running a line of it. Nothing here touches a file, a
//! process or the engine, and every byte that is read may come from an enemy.

mod check;
mod component;
mod diff;
mod error;
mod header;
mod json;
mod open;
mod permission;
mod seal;
mod section;
mod words;

pub use check::{ManifestProblem, check_manifest};
pub use component::componentize;
pub use diff::{Direction, PermissionChange, PermissionDiff, diff};
pub use error::PackageError;
pub use json::{JsonError, parse_manifest};
pub use open::{Package, open};
pub use permission::permissions;
pub use seal::seal;
pub use words::in_bytes;

/// The contract that this version reads and writes.
pub const CONTRACT: &str = "wharf:connector@0.1.0";

/// A package larger than this is refused before a byte of it is read. The largest guests that were
/// measured, with a Python interpreter inside, have 18.5 MB.
pub const MAX_BYTES: usize = 64 << 20;

/// Neither section of ours may be larger than this, nor may a manifest.
pub const MAX_SECTION_BYTES: usize = 1 << 20;

/// The custom section that holds the manifest's JSON.
pub const MANIFEST_SECTION: &str = "wharf:manifest";

/// The custom section that holds [`CONTRACT`].
pub const CONTRACT_SECTION: &str = "wharf:contract";

/// The full name of an interface of the contract: `wharf:connector/actions@0.1.0` for `actions`.
pub(crate) fn interface(name: &str) -> String {
    match CONTRACT.split_once('@') {
        Some((package, version)) => format!("{package}/{name}@{version}"),
        None => format!("{CONTRACT}/{name}"),
    }
}

#[cfg(test)]
mod tests;
