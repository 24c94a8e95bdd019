//! The choice of a toolchain, over machines as data; and what a guest's build inherits.

use std::path::PathBuf;

use super::{
    environment::Environment,
    ground::{Active, Apt, Attempt, Debian, Ground, Rights, Target},
    plan::{Library, Origin, Packages, Plan, Step, Wanted, choose},
    probe::version,
};

const WEB: Packages = Packages::Web;
const WASM32: Packages = Packages::Wasm32;

/// A machine in words: `rustup`, `1.84` for an old compiler, `unknown`, `wasip2` (targets of the
/// active toolchain), `foreign` (an active toolchain that rustup does not keep), `debian`, `source`,
/// `std` (its target as a package), `lld`, `root`, `sudo`, `locked`, `tried-…`.
fn machine(words: &str) -> Ground {
    let has = |word: &str| words.split_whitespace().any(|own| own == word);
    let there = |word: &str, path: &str| has(word).then(|| PathBuf::from(path));
    let minor = if has("1.84") { 84 } else { 95 };
    let named = ((1, minor), format!("rustc 1.{minor}.0"));
    let targets = [("unknown", Target::UnknownUnknown), ("wasip2", Target::Wasip2)];
    let active = Active {
        version: named.0,
        name: named.1.clone(),
        sysroot: PathBuf::from("/toolchain"),
        targets: targets.into_iter().filter(|(word, _)| has(word)).map(|(_, target)| target).collect(),
        managed: has("rustup"),
    };
    let tried = [
        ("tried-unknown", Step::AddTarget(Target::UnknownUnknown)),
        ("tried-wasip2", Step::AddTarget(Target::Wasip2)),
        ("tried-web", Step::InstallPackages(WEB, Rights::Root)),
        ("tried-wasm32", Step::InstallPackages(WASM32, Rights::Root)),
    ];
    let tried = tried.into_iter().filter(|(word, _)| has(word));
    Ground {
        active: if has("rustup") || has("foreign") {
            Ok(active)
        } else {
            Err("no `cargo` on the PATH".to_owned())
        },
        rustup: there("rustup", "/home/me/.cargo/bin/rustup"),
        debian: Debian {
            rustc: there("debian", "/usr/bin/rustc"),
            cargo: there("debian", "/usr/bin/cargo"),
            version: has("debian").then_some(named),
            targets: if has("std") { vec![Target::UnknownUnknown] } else { Vec::new() },
            source: there("source", "/usr/lib/rustlib/src/rust/library"),
            linker: there("lld", "/usr/bin/rust-lld"),
        },
        apt: match (has("root"), has("sudo"), has("locked")) {
            (true, _, _) => Apt::Ready(Rights::Root),
            (_, true, _) => Apt::Ready(Rights::Sudo),
            (_, _, true) => Apt::Locked,
            (false, false, false) => Apt::Absent,
        },
        tried: tried.map(|(_, step)| Attempt { step, ending: "no network".to_owned() }).collect(),
    }
}

fn brief(plan: &Plan) -> String {
    match plan {
        Plan::Use(toolchain) => {
            let origin = match toolchain.origin {
                Origin::Active => "active",
                Origin::Debian => "debian",
            };
            let std = match toolchain.std {
                Library::Installed => "",
                Library::FromSource => " from source",
            };
            format!("use {origin} {}{std}", toolchain.target)
        }
        Plan::Obtain(Step::AddTarget(target)) => format!("rustup target add {target}"),
        Plan::Obtain(Step::InstallPackages(packages, rights)) => {
            format!("{rights:?} install {}", packages.names().join(" "))
        }
        Plan::Stuck { commands, .. } => format!("stuck: {}", commands.join(" | ")),
    }
}

#[track_caller]
fn check(words: &str, wanted: Wanted, expected: &str) {
    assert_eq!(brief(&choose(&machine(words), wanted)), expected, "{words}");
}

#[test]
fn chooses_what_is_there_before_what_can_be_had() {
    for (words, expected) in [
        ("rustup unknown", "use active wasm32-unknown-unknown"),
        ("rustup unknown wasip2 debian source lld root", "use active wasm32-unknown-unknown"),
        ("rustup wasip2 debian source lld", "use active wasm32-wasip2"),
        ("foreign unknown", "use active wasm32-unknown-unknown"),
        ("rustup", "rustup target add wasm32-unknown-unknown"),
        ("rustup debian source lld", "rustup target add wasm32-unknown-unknown"),
        ("rustup tried-unknown", "rustup target add wasm32-wasip2"),
        (
            "rustup tried-unknown tried-wasip2 debian source lld",
            "use debian wasm32-unknown-unknown from source",
        ),
        ("foreign debian source lld", "use debian wasm32-unknown-unknown from source"),
        ("debian source lld", "use debian wasm32-unknown-unknown from source"),
        ("debian std lld", "use debian wasm32-unknown-unknown"),
        ("debian std source lld", "use debian wasm32-unknown-unknown"),
        ("debian source root", "Root install rustc-web cargo-web rust-web-src lld"),
        ("debian lld sudo", "Sudo install rustc-web cargo-web rust-web-src lld"),
        ("rustup tried-unknown tried-wasip2 root", "Root install rustc-web cargo-web rust-web-src lld"),
        ("root tried-web", "Root install rustc cargo libstd-rust-dev-wasm32 lld"),
        ("rustup 1.84 unknown root", "Root install rustc-web cargo-web rust-web-src lld"),
    ] {
        check(words, Wanted::default(), expected);
    }
}

#[test]
fn says_what_would_help_when_nothing_does() {
    let web = "apt-get install rustc-web cargo-web rust-web-src lld";
    let wasm32 = "apt-get install rustc cargo libstd-rust-dev-wasm32 lld";
    let rustup = "install rustup (https://rustup.rs), then: rustup target add wasm32-unknown-unknown";
    for (words, expected) in [
        ("", format!("stuck: {rustup}")),
        ("locked", format!("stuck: {rustup} | sudo {web} | sudo {wasm32}")),
        ("root tried-web tried-wasm32", format!("stuck: {rustup} | {web} | {wasm32}")),
        ("rustup tried-unknown tried-wasip2", "stuck: rustup target add wasm32-unknown-unknown".to_owned()),
        ("rustup 1.84", "stuck: rustup update && rustup target add wasm32-unknown-unknown".to_owned()),
        ("debian 1.84 source lld", format!("stuck: {rustup}")),
    ] {
        check(words, Wanted::default(), &expected);
    }
}

#[test]
fn a_person_can_narrow_the_choice() {
    let only = |target, origin| Wanted { target, origin };
    let wasip2 = Some(Target::Wasip2);
    check("rustup unknown wasip2", only(wasip2, None), "use active wasm32-wasip2");
    check("rustup unknown", only(wasip2, None), "rustup target add wasm32-wasip2");
    check(
        "rustup unknown debian source lld",
        only(None, Some(Origin::Debian)),
        "use debian wasm32-unknown-unknown from source",
    );
    check(
        "rustup tried-wasip2 debian source lld root",
        only(wasip2, None),
        "stuck: rustup target add wasm32-wasip2",
    );
    check(
        "debian source lld",
        only(None, Some(Origin::Active)),
        "stuck: install rustup (https://rustup.rs), then: rustup target add wasm32-unknown-unknown",
    );
}

#[test]
fn lists_all_that_was_looked_at() {
    let Plan::Stuck { looked, .. } =
        choose(&machine("rustup tried-unknown tried-wasip2 debian source locked"), Wanted::default())
    else {
        panic!("there is no linker");
    };
    let lines: Vec<String> =
        looked.iter().map(|looked| format!("{}: {}", looked.candidate, looked.found)).collect();
    assert_eq!(
        lines,
        [
            "cargo and rustc: rustc 1.95.0 in /toolchain has no wasm32-unknown-unknown and no wasm32-wasip2",
            "rustup: no network",
            "the distribution's toolchain: rustc 1.95.0, but no linker for WebAssembly (rust-lld, wasm-ld, lld)",
            "apt-get: it needs root, and sudo would ask for a password",
        ]
    );
}

#[test]
fn reads_versions() {
    for (text, expected) in [
        ("rustc 1.95.0 (59807616e 2026-04-14)", Some(((1, 95), "rustc 1.95.0".to_owned()))),
        ("rustc 1.97.0-nightly (abc 2026-06-01)", Some(((1, 97), "rustc 1.97.0-nightly".to_owned()))),
        ("clang 14.0", None),
        ("rustc", None),
        ("", None),
    ] {
        assert_eq!(version(text), expected, "{text}");
    }
}

#[track_caller]
fn inherits(given: &[&str], expected: &[&str]) {
    let variables = given.iter().map(|name| ((*name).into(), "x".into()));
    let environment = Environment::clean(variables);
    let kept: Vec<_> = environment.variables().iter().map(|(name, _)| name.to_string_lossy()).collect();
    assert_eq!(kept, expected);
}

#[test]
fn a_guests_build_inherits_nothing_of_ours() {
    inherits(
        &[
            "PATH",
            "HOME",
            "CARGO_HOME",
            "RUSTUP_HOME",
            "CARGO_NET_OFFLINE",
            "CARGO_REGISTRIES_MINE_INDEX",
            "HTTPS_PROXY",
        ],
        &[
            "PATH",
            "HOME",
            "CARGO_HOME",
            "RUSTUP_HOME",
            "CARGO_NET_OFFLINE",
            "CARGO_REGISTRIES_MINE_INDEX",
            "HTTPS_PROXY",
        ],
    );
    inherits(
        &[
            "CARGO",
            "CARGO_MANIFEST_DIR",
            "CARGO_PKG_NAME",
            "CARGO_TARGET_DIR",
            "CARGO_BUILD_TARGET",
            "CARGO_ENCODED_RUSTFLAGS",
        ],
        &[],
    );
    inherits(
        &["RUSTFLAGS", "RUSTC", "RUSTC_WRAPPER", "RUST_BACKTRACE", "CARGO_PROFILE_RELEASE_LTO", "CFLAGS"],
        &[],
    );
    inherits(&["CARGO", "RUSTUP_TOOLCHAIN", "LD_LIBRARY_PATH"], &[]);
    inherits(&["RUSTUP_TOOLCHAIN", "LD_LIBRARY_PATH"], &["RUSTUP_TOOLCHAIN", "LD_LIBRARY_PATH"]);
}
