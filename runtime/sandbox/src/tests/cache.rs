//! Compiled artifacts on disk. A hit does not look at the component's bytes, so a load of garbage
//! under a known digest succeeds exactly when the cache is used.

use std::{
    fs,
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
};

use wharf_model::digest::Digest;

use super::{block_on, guest::Guest};
use crate::{Sandbox, SandboxConfig, SandboxError};

fn sandbox(dir: &Path) -> Sandbox {
    Sandbox::new(SandboxConfig { slots: 1, cache: Some(dir.to_owned()), ..SandboxConfig::default() }).unwrap()
}

fn hits(sandbox: &Sandbox, digest: Digest) -> bool {
    block_on(sandbox.load(b"garbage", digest)).is_ok()
}

fn artifact(dir: &Path, digest: Digest) -> PathBuf {
    let mut files = fs::read_dir(dir).unwrap().map(|entry| entry.unwrap().path());
    files.find(|path| path.file_name().unwrap().to_str().unwrap().starts_with(&digest.to_hex())).unwrap()
}

#[test]
fn a_damaged_or_foreign_artifact_is_compiled_again() {
    let home = tempfile::tempdir().unwrap();
    let dir = home.path().join("compiled");
    let wasm = Guest::default().build();
    let digest = Digest::of(&wasm);
    let first = sandbox(&dir);
    assert!(!hits(&first, digest), "nothing is there yet");
    block_on(first.load(&wasm, digest)).unwrap();
    assert!(hits(&first, digest));
    assert!(hits(&sandbox(&dir), digest), "another process finds it too");

    let path = artifact(&dir, digest);
    let whole = fs::read(&path).unwrap();
    let flipped = |at: usize| {
        let mut bytes = whole.clone();
        bytes[at] ^= 1;
        bytes
    };
    for (what, bytes) in [
        ("code", flipped(whole.len() / 2)),
        ("mac", flipped(whole.len() - 1)),
        ("cut", whole[..whole.len() - 1].to_vec()),
        ("empty", Vec::new()),
    ] {
        fs::write(&path, bytes).unwrap();
        assert!(!hits(&first, digest), "{what} is taken");
        block_on(first.load(&wasm, digest)).unwrap();
        assert!(hits(&first, digest), "{what} is not replaced");
    }

    let other = Digest::of(b"other");
    let name = path.file_name().unwrap().to_str().unwrap().replace(&digest.to_hex(), &other.to_hex());
    fs::copy(&path, dir.join(name)).unwrap();
    assert!(!hits(&first, other), "an artifact is taken under another name");
}

#[test]
fn what_does_not_start_is_not_kept() {
    let home = tempfile::tempdir().unwrap();
    let dir = home.path().join("compiled");
    let wasm = Guest { more: "(func $start unreachable) (start $start)", ..Guest::default() }.build();
    let sandbox = sandbox(&dir);
    let error = block_on(sandbox.load(&wasm, Digest::of(&wasm))).unwrap_err();
    assert_eq!(error.reason(), "start", "{error}");
    assert!(!hits(&sandbox, Digest::of(&wasm)));
    assert_eq!(fs::read_dir(&dir).unwrap().count(), 1, "only the key is left");
}

#[test]
fn a_directory_that_is_open_to_others_is_refused() {
    let dir = tempfile::tempdir().unwrap();
    fs::set_permissions(dir.path(), fs::Permissions::from_mode(0o755)).unwrap();
    let config = SandboxConfig { slots: 1, cache: Some(dir.path().to_owned()), ..SandboxConfig::default() };
    let Err(SandboxError::Cache { message, .. }) = Sandbox::new(config) else { panic!() };
    assert!(message.contains("chmod 700"), "{message}");
}

#[test]
fn too_many_slots_are_refused_with_the_fix() {
    let Err(error) = Sandbox::new(SandboxConfig { slots: 1 << 24, ..SandboxConfig::default() }) else {
        panic!()
    };
    assert!(error.to_string().contains("vm.max_map_count"), "{error}");
}

#[test]
fn the_engines_version_is_that_of_the_lock_file() {
    let lock = include_str!("../../../../Cargo.lock");
    let entry = format!("name = \"wasmtime\"\nversion = \"{}\"", crate::engine::ENGINE_VERSION);
    assert!(lock.contains(&entry), "ENGINE_VERSION is not the version of wasmtime in Cargo.lock");
}
