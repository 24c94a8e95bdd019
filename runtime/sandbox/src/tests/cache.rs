//! Compiled artifacts on disk. A hit does not look at the component's bytes, so a load of garbage
//! under a known digest succeeds exactly when the cache is used.

use std::{
    fs,
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
    sync::atomic::{AtomicBool, Ordering},
    time::Duration,
};

use wharf_model::{digest::Digest, grant::Limits};

use super::{
    block_on,
    guest::{Guest, LOG},
};
use crate::{Sandbox, SandboxConfig, SandboxError, ScanLimits};

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

/// As a process that writes a file anew: what is mapped stays what it was.
fn replace(path: &Path, bytes: &[u8]) {
    let aside = path.with_extension("aside");
    fs::write(&aside, bytes).unwrap();
    fs::rename(aside, path).unwrap();
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
    let regions =
        (0..64).map(|part| (format!("byte in part {part} flipped"), flipped(whole.len() * part / 64)));
    let others = [
        ("mac".to_owned(), flipped(whole.len() - 1)),
        ("start of the mac".to_owned(), flipped(whole.len() - 32)),
        ("one byte short".to_owned(), whole[..whole.len() - 1].to_vec()),
        ("one byte long".to_owned(), [whole.as_slice(), b"x"].concat()),
        ("half".to_owned(), whole[..whole.len() / 2].to_vec()),
        ("mac only".to_owned(), whole[whole.len() - 32..].to_vec()),
        ("less than a mac".to_owned(), whole[..31].to_vec()),
        ("empty".to_owned(), Vec::new()),
    ];
    for (what, bytes) in regions.chain(others) {
        replace(&path, &bytes);
        assert!(!hits(&first, digest), "{what} is taken");
    }
    block_on(first.load(&wasm, digest)).unwrap();
    assert!(hits(&first, digest), "a damaged artifact is not replaced");

    let other = Digest::of(b"other");
    let name = path.file_name().unwrap().to_str().unwrap().replace(&digest.to_hex(), &other.to_hex());
    fs::copy(&path, dir.join(name)).unwrap();
    assert!(!hits(&first, other), "an artifact is taken under another name");
}

#[test]
fn artifacts_that_are_swapped_are_not_taken() {
    let home = tempfile::tempdir().unwrap();
    let dir = home.path().join("compiled");
    let sandbox = sandbox(&dir);
    let guests =
        [Guest::default(), Guest { run: "unreachable", ..Guest::default() }].map(|guest| guest.build());
    let digests = guests.each_ref().map(|wasm| Digest::of(wasm));
    for (wasm, digest) in guests.iter().zip(digests) {
        block_on(sandbox.load(wasm, digest)).unwrap();
    }
    let [one, other] = digests.map(|digest| artifact(&dir, digest));
    let aside = dir.join("aside");
    fs::rename(&one, &aside).unwrap();
    fs::rename(&other, &one).unwrap();
    fs::rename(&aside, &other).unwrap();
    for digest in digests {
        assert!(!hits(&sandbox, digest), "an artifact is taken under another's name");
    }
}

/// Two artifacts, both ours, change places under one name as fast as they can, while it is loaded again and
/// again: what is loaded is what was checked, or it is compiled again.
#[test]
fn sc_08_what_is_swapped_between_the_check_and_the_load() {
    const LOADS: usize = 1_000;
    let home = tempfile::tempdir().unwrap();
    let dir = home.path().join("compiled");
    let sandbox = sandbox(&dir);
    let plain = Guest::default().build();
    let logging = Guest { imports: LOG, ..Guest::default() }.build();
    let [plain, logging] = [plain, logging].map(|wasm| {
        let digest = Digest::of(&wasm);
        block_on(sandbox.load(&wasm, digest)).unwrap();
        digest
    });
    let (path, other) = (artifact(&dir, plain), artifact(&dir, logging));
    let logs = block_on(sandbox.load(b"garbage", logging)).unwrap();
    assert!(logs.imports().iter().any(|name| name.contains("/log@")), "{:?}", logs.imports());
    let (mine, theirs) = (home.path().join("mine"), home.path().join("theirs"));
    fs::copy(&path, &mine).unwrap();
    fs::copy(&other, &theirs).unwrap();
    let over = AtomicBool::new(false);
    let (loaded, foreign) = std::thread::scope(|scope| {
        scope.spawn(|| {
            let aside = home.path().join("aside");
            for from in [&theirs, &mine].into_iter().cycle() {
                fs::hard_link(from, &aside).unwrap();
                fs::rename(&aside, &path).unwrap();
                if over.load(Ordering::Relaxed) && from == &mine {
                    return;
                }
            }
        });
        // Counted and judged afterwards: a panic in here would wait for the other thread for ever.
        let (mut loaded, mut foreign) = (0, 0);
        for _ in 0..LOADS {
            match block_on(sandbox.load(b"garbage", plain)) {
                Ok(connector) if connector.imports().iter().any(|name| name.contains("/log@")) => {
                    foreign += 1
                }
                Ok(_) => loaded += 1,
                Err(_) => {}
            }
        }
        over.store(true, Ordering::Relaxed);
        (loaded, foreign)
    });
    println!("{loaded} of {LOADS} loads found the artifact that was asked for; the others refused another");
    assert_eq!(foreign, 0, "the other artifact was loaded under this digest");
    assert!(hits(&sandbox, plain));
}

#[test]
fn another_key_or_configuration_takes_nothing() {
    let home = tempfile::tempdir().unwrap();
    let dir = home.path().join("compiled");
    let wasm = Guest::default().build();
    let digest = Digest::of(&wasm);
    block_on(sandbox(&dir).load(&wasm, digest)).unwrap();
    let ceiling = Limits { memory_bytes: 32 << 20, ..Limits::ceiling() };
    let config = SandboxConfig { slots: 1, cache: Some(dir.clone()), ..SandboxConfig::default() };
    let stricter = Sandbox::new(SandboxConfig { ceiling, ..config.clone() }).unwrap();
    assert!(!hits(&stricter, digest), "what passed another ceiling is taken");
    let scan = ScanLimits { functions: 3, ..ScanLimits::default() };
    let stricter = Sandbox::new(SandboxConfig { scan, ..config }).unwrap();
    assert!(!hits(&stricter, digest), "what passed another scan is taken");
    drop(stricter);
    fs::remove_file(dir.join("key")).unwrap();
    assert!(!hits(&sandbox(&dir), digest), "what was written under another key is taken");
}

#[test]
fn what_was_not_loaded_for_longest_goes_first_and_nothing_in_use() {
    let home = tempfile::tempdir().unwrap();
    let dir = home.path().join("compiled");
    let guests: Vec<Vec<u8>> = ["i32.const 64", "i32.const 65", "i32.const 66", "i32.const 67"]
        .map(|run| Guest { run, ..Guest::default() }.build())
        .into();
    let digests: Vec<Digest> = guests.iter().map(|wasm| Digest::of(wasm)).collect();
    let load =
        |sandbox: &Sandbox, number: usize| block_on(sandbox.load(&guests[number], digests[number])).unwrap();
    let first = sandbox(&dir);
    let in_use = load(&first, 0);
    drop(load(&first, 1));
    drop(load(&first, 2));
    let size = fs::metadata(artifact(&dir, digests[0])).unwrap().len();
    // Oldest to newest: 0, 2, 1. Times are set, not waited for.
    for (number, age) in [(0, 300), (2, 200), (1, 100)] {
        let file = fs::File::options().append(true).open(artifact(&dir, digests[number])).unwrap();
        let old = file.metadata().unwrap().modified().unwrap() - Duration::from_secs(age);
        file.set_modified(old).unwrap();
    }
    fs::write(dir.join(".tmpCrash"), b"half").unwrap();
    let crashed = fs::File::options().append(true).open(dir.join(".tmpCrash")).unwrap();
    crashed
        .set_modified(crashed.metadata().unwrap().modified().unwrap() - Duration::from_secs(7200))
        .unwrap();
    let config = SandboxConfig {
        slots: 1,
        cache: Some(dir.clone()),
        cache_bytes: size * 3 + size / 2,
        ..SandboxConfig::default()
    };
    let tight = Sandbox::new(config).unwrap();
    // Loaded from the cache, so used by this sandbox too, though it is the oldest.
    let also = load(&tight, 0);
    drop(load(&tight, 3));
    let there = |number: usize| {
        let name = digests[number].to_hex();
        fs::read_dir(&dir)
            .unwrap()
            .any(|entry| entry.unwrap().file_name().to_str().unwrap().starts_with(&name))
    };
    assert_eq!([0, 1, 2, 3].map(there), [true, true, false, true]);
    assert!(!dir.join(".tmpCrash").exists(), "what a crash left is not removed");
    drop((in_use, also));
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
