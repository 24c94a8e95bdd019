//! Files in a scratch directory: the group FS, through WASI 0.2 and, where streams differ, 0.3.

use std::sync::{
    LazyLock,
    atomic::{AtomicBool, Ordering},
};

use rustix::fs::{CWD, RenameFlags};
use tempfile::TempDir;
use wharf_model::{call::Outcome, digest::Digest, grant::Limits};

use crate::{
    Finished, Sandbox, SandboxConfig,
    tests::{
        block_on, context,
        guest::Guest,
        host::{Gate, SCRATCH_BYTES, call},
        load,
    },
};

struct Place {
    dir: TempDir,
    sandbox: Sandbox,
}

impl Place {
    fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let scratch = Some(dir.path().to_owned());
        let sandbox = Sandbox::new(SandboxConfig { slots: 4, scratch, ..SandboxConfig::default() }).unwrap();
        Self { dir, sandbox }
    }
}

static PLACE: LazyLock<Place> = LazyLock::new(Place::new);

const FILES: (&str, &str) = (
    "import wasi:filesystem/types@0.2.0; import wasi:filesystem/preopens@0.2.0;",
    "package wasi:filesystem@0.2.0 {
        interface preopens {
            use types.{descriptor};
            get-directories: func() -> list<tuple<descriptor, string>>;
        }
        interface types {
            enum error-code { access, would-block, already, bad-descriptor, busy, deadlock, quota, exist,
                file-too-large, illegal-byte-sequence, in-progress, interrupted, invalid, io, is-directory,
                loop, too-many-links, message-size, name-too-long, no-device, no-entry, no-lock,
                insufficient-memory, insufficient-space, not-directory, not-empty, not-recoverable,
                unsupported, no-tty, no-such-device, overflow, not-permitted, pipe, read-only,
                invalid-seek, text-file-busy, cross-device }
            flags path-flags { symlink-follow }
            flags open-flags { create, directory, exclusive, truncate }
            flags descriptor-flags { read, write, file-integrity-sync, data-integrity-sync,
                requested-write-sync, mutate-directory }
            resource descriptor {
                open-at: func(path-flags: path-flags, path: string, open-flags: open-flags,
                    %flags: descriptor-flags) -> result<descriptor, error-code>;
                write: func(buffer: list<u8>, offset: u64) -> result<u64, error-code>;
                set-size: func(size: u64) -> result<_, error-code>;
                create-directory-at: func(path: string) -> result<_, error-code>;
                symlink-at: func(old-path: string, new-path: string) -> result<_, error-code>;
                link-at: func(old-path-flags: path-flags, old-path: string,
                    new-descriptor: borrow<descriptor>, new-path: string) -> result<_, error-code>;
            }
        }
     }",
);

const IMPORTS: &str = r#"
    (import "wasi:filesystem/preopens@0.2.0" "get-directories" (func $roots (param i32)))
    (import "wasi:filesystem/types@0.2.0" "[method]descriptor.open-at"
        (func $open (param i32 i32 i32 i32 i32 i32 i32)))
    (import "wasi:filesystem/types@0.2.0" "[method]descriptor.write"
        (func $write (param i32 i32 i32 i64 i32)))
    (import "wasi:filesystem/types@0.2.0" "[method]descriptor.set-size" (func $resize (param i32 i64 i32)))
    (import "wasi:filesystem/types@0.2.0" "[method]descriptor.create-directory-at"
        (func $mkdir (param i32 i32 i32 i32)))
    (import "wasi:filesystem/types@0.2.0" "[method]descriptor.symlink-at"
        (func $symlink (param i32 i32 i32 i32 i32 i32)))
    (import "wasi:filesystem/types@0.2.0" "[method]descriptor.link-at"
        (func $link (param i32 i32 i32 i32 i32 i32 i32 i32)))"#;

/// `$root` is the scratch directory; `$say` returns a number below 1,000 as three digits.
const MORE: &str = r#"
    (func $root (result i32) (call $roots (i32.const 512)) (i32.load (i32.load (i32.const 512))))
    (func $say (param $n i32) (result i32)
        (i32.store8 (i32.const 16) (i32.const 34)) (i32.store8 (i32.const 20) (i32.const 34))
        (i32.store8 (i32.const 17) (i32.add (i32.const 48) (i32.div_u (local.get $n) (i32.const 100))))
        (i32.store8 (i32.const 18)
            (i32.add (i32.const 48) (i32.rem_u (i32.div_u (local.get $n) (i32.const 10)) (i32.const 10))))
        (i32.store8 (i32.const 19) (i32.add (i32.const 48) (i32.rem_u (local.get $n) (i32.const 10))))
        (i32.store (i32.const 84) (i32.const 5))
        i32.const 64)
    (func $path (param $length i32) (param $flags i32)
        (call $open (call $root) (i32.const 1) (i32.const 640) (local.get $length) (local.get $flags)
            (i32.const 3) (i32.const 528)))
    ;; 0 for a success, else the number of the error's case and one.
    (func $came (param $at i32) (param $code i32) (result i32)
        (if (result i32) (i32.load8_u (local.get $at))
            (then (i32.add (i32.const 1) (i32.load8_u (local.get $code)))) (else (i32.const 0))))"#;

const OK: &str = "000";
const EXIST: &str = "008";
const INSUFFICIENT_SPACE: &str = "024";
const NO_ENTRY: &str = "021";
const NOT_PERMITTED: &str = "032";

/// Runs this body; what it says.
#[track_caller]
fn check(id: &str, path: &str, body: &str, expected: &str) {
    let finished = said(&PLACE, path, body);
    assert_eq!(finished.result, Ok(Outcome::Done(expected.into())), "{id} {path}: {finished:?}");
}

fn said(place: &Place, path: &str, body: &str) -> Finished<Outcome> {
    let more: &'static str = format!("{MORE} (data (i32.const 640) \"{path}\")").leak();
    let run: &'static str = format!("(local.set $m (i32.const {})) {body}", path.len()).leak();
    let guest = Guest { imports: IMPORTS, run, more, foreign: FILES, ..Guest::default() };
    let wasm = guest.build();
    block_on(async {
        let connector = place.sandbox.load(&wasm, Digest::of(&wasm)).await.unwrap();
        connector.run(call(Limits::default(), Gate::Hangs), "act", "{}", None, &context()).await
    })
}

/// Opens the path with these flags; 1 creates.
fn opens(flags: u32) -> String {
    format!(
        "(call $path (local.get $m) (i32.const {flags})) (call $say (call $came (i32.const 528) (i32.const 532)))"
    )
}

#[test]
fn fs_01_paths_that_leave() {
    for path in ["../x", "/etc/passwd", "./././../x", "..", "/"] {
        check("FS-01", path, &opens(0), NOT_PERMITTED);
        check("FS-01 create", path, &opens(1), NOT_PERMITTED);
    }
    for path in ["a/../../x", "a/../../../etc/passwd"] {
        // What it leaves from has to be there first.
        check("FS-01", path, &opens(0), NO_ENTRY);
        let within =
            format!("(call $mkdir (call $root) (i32.const 640) (i32.const 1) (i32.const 528)) {}", opens(1));
        check("FS-01", path, &within, NOT_PERMITTED);
    }
    check("FS-01 inside", "./x", &opens(1), OK);
    check("FS-01 inside", "x", &opens(0), NO_ENTRY);
}

#[test]
fn fs_02_links_are_not_made() {
    let symbolic = "(call $symlink (call $root) (i32.const 640) (local.get $m) (i32.const 16) (i32.const 2) (i32.const 528))
        (call $say (call $came (i32.const 528) (i32.const 529)))";
    for path in ["/", "..", "/etc", "x"] {
        check("FS-02", path, symbolic, NOT_PERMITTED);
    }
    let hard = "(call $path (local.get $m) (i32.const 1)) (local.set $n (call $root))
        (call $link (local.get $n) (i32.const 0) (i32.const 640) (local.get $m)
            (local.get $n) (i32.const 16) (i32.const 2) (i32.const 528))
        (call $say (call $came (i32.const 528) (i32.const 529)))";
    check("FS-02 hard", "x", hard, NOT_PERMITTED);
}

/// A guest that opens `d/f` without end, while somebody outside of it swaps `d` for a link to a directory
/// that has an `f`. The guest ends once it has met both often enough: 999 if it ever opened anything.
const RACE: &str = "(local.set $n (call $root))
    (loop $l
        (call $open (local.get $n) (i32.const 1) (i32.const 640) (local.get $m) (i32.const 0) (i32.const 3) (i32.const 528))
        (if (i32.eqz (i32.load8_u (i32.const 528))) (then (return (call $say (i32.const 999)))))
        (if (i32.eq (i32.load8_u (i32.const 532)) (i32.const 20))
            (then (i32.store (i32.const 700) (i32.add (i32.const 1) (i32.load (i32.const 700)))))
            (else (i32.store (i32.const 704) (i32.add (i32.const 1) (i32.load (i32.const 704))))))
        (br_if $l (i32.or (i32.lt_u (i32.load (i32.const 700)) (i32.const 200))
                          (i32.lt_u (i32.load (i32.const 704)) (i32.const 200)))))
    (call $say (i32.const 0))";

/// Ends the race however the guest ends.
struct Over<'a>(&'a AtomicBool);

impl Drop for Over<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

#[test]
fn fs_03_a_directory_that_is_swapped_for_a_link() {
    let outside = tempfile::tempdir().unwrap();
    std::fs::write(outside.path().join("f"), "not for guests").unwrap();
    let place = Place::new();
    let over = AtomicBool::new(false);
    let ended = std::thread::scope(|scope| {
        scope.spawn(|| {
            let scratch = loop {
                if let Some(scratch) = std::fs::read_dir(place.dir.path()).unwrap().next() {
                    break scratch.unwrap().path();
                }
                if over.load(Ordering::Relaxed) {
                    return;
                }
                std::thread::yield_now();
            };
            let (directory, link) = (scratch.join("d"), scratch.join("l"));
            std::fs::create_dir(&directory).unwrap();
            std::os::unix::fs::symlink(outside.path(), &link).unwrap();
            // It ends with the call, which takes the directory away.
            while !over.load(Ordering::Relaxed)
                && rustix::fs::renameat_with(CWD, &directory, CWD, &link, RenameFlags::EXCHANGE).is_ok()
            {
                std::hint::spin_loop();
            }
        });
        let _over = Over(&over);
        said(&place, "d/f", RACE)
    });
    assert_eq!(ended.result, Ok(Outcome::Done(OK.into())), "{ended:?}");
}

#[test]
fn fs_04_files_grow_to_the_quota_and_no_further() {
    // Writes so many times 64 KiB one after the other; says how the last went.
    let filled = |writes: u64| {
        format!(
            "(call $path (local.get $m) (i32.const 1))
             (loop $l
                (call $write (i32.load (i32.const 532)) (i32.const 0) (i32.const 65536)
                    (i64.mul (i64.extend_i32_u (local.get $n)) (i64.const 65536)) (i32.const 544))
                (local.set $n (i32.add (local.get $n) (i32.const 1)))
                (br_if $l (i32.and (i32.eqz (i32.load8_u (i32.const 544)))
                    (i32.lt_u (local.get $n) (i32.const {writes})))))
             (call $say (call $came (i32.const 544) (i32.const 552)))"
        )
    };
    let whole = SCRATCH_BYTES / 65_536;
    check("FS-04", "x", &filled(whole), OK);
    check("FS-04", "x", &filled(whole + 1), INSUFFICIENT_SPACE);
    check("FS-04 10 GiB", "x", &filled(163_840), INSUFFICIENT_SPACE);
    // Far behind the end: a hole counts as if it were full.
    let far = |offset: u64| {
        format!(
            "(call $path (local.get $m) (i32.const 1))
             (call $write (i32.load (i32.const 532)) (i32.const 0) (i32.const 1) (i64.const {offset}) (i32.const 544))
             (call $say (call $came (i32.const 544) (i32.const 552)))"
        )
    };
    check("FS-04 hole", "x", &far(SCRATCH_BYTES - 1), OK);
    check("FS-04 hole", "x", &far(SCRATCH_BYTES), INSUFFICIENT_SPACE);
    check("FS-04 overflow", "x", &far(u64::MAX >> 1), INSUFFICIENT_SPACE);
    let sized = |size: u64| {
        format!(
            "(call $path (local.get $m) (i32.const 1))
             (call $resize (i32.load (i32.const 532)) (i64.const {size}) (i32.const 544))
             (call $say (call $came (i32.const 544) (i32.const 545)))"
        )
    };
    check("FS-04 set-size", "x", &sized(SCRATCH_BYTES), OK);
    check("FS-04 set-size", "x", &sized(SCRATCH_BYTES + 1), INSUFFICIENT_SPACE);
}

#[test]
fn fs_05_entries_are_counted() {
    // A directory of a name that is taken counts too: the quota is asked first.
    let many = |count: u32| {
        format!(
            "(local.set $n (call $root))
             (loop $l
                (call $mkdir (local.get $n) (i32.const 640) (i32.const 1) (i32.const 528))
                (br_if $l (i32.lt_u (local.tee $m (i32.add (local.get $m) (i32.const 1))) (i32.const {count}))))
             (call $say (call $came (i32.const 528) (i32.const 529)))"
        )
    };
    check("FS-05", "x", &many(1_000), EXIST);
    check("FS-05", "x", &many(1_002), INSUFFICIENT_SPACE);
}

#[test]
fn fs_06_without_a_grant_there_is_no_directory() {
    let run = "(call $roots (i32.const 512)) (call $say (i32.load (i32.const 516)))";
    let guest = Guest { imports: IMPORTS, run, more: MORE, foreign: FILES, ..Guest::default() };
    block_on(async {
        let connector = load(&guest.build()).await.unwrap();
        let finished =
            connector.run(call(Limits::default(), Gate::Hangs), "act", "{}", None, &context()).await;
        assert_eq!(finished.result, Ok(Outcome::Done("000".into())));
    });
}

#[test]
fn fs_07_each_call_finds_it_empty_and_leaves_nothing() {
    // Exclusively: a file that is there already would be an error.
    for _ in 0..3 {
        check("FS-07", "x", &opens(5), OK);
    }
    for entry in std::fs::read_dir(PLACE.dir.path()).unwrap() {
        // Those of the tests that run beside this one may still be there.
        let files = std::fs::read_dir(entry.unwrap().path()).map_or(0, |entries| entries.count());
        assert!(files <= 1, "a directory that nobody removes");
    }
}
