//! Looks at the machine, once: what `choose` decides over. Nothing is changed and nothing fetched.

use std::{
    os::unix::fs::MetadataExt,
    path::{Path, PathBuf},
    time::Duration,
};

use super::{
    environment::Environment,
    ground::{Active, Apt, Attempt, Debian, Ground, Rights, Target, Version},
    process::{ask, program},
};

/// For programs that only print something.
const BRIEF: Duration = Duration::from_secs(20);

/// What this machine has for a crate in `dir`; a toolchain file there is honoured. `tried` is what
/// was done before.
pub async fn probe(dir: &Path, tried: Vec<Attempt>) -> Ground {
    probe_with(dir, &Environment::clean(std::env::vars_os()), tried).await
}

pub(super) async fn probe_with(dir: &Path, environment: &Environment, tried: Vec<Attempt>) -> Ground {
    let active = active(dir, environment).await;
    let rustup = on_path(environment, "rustup");
    let debian = debian(dir, environment, active.as_ref().ok()).await;
    Ground { active, rustup, debian, apt: apt(dir, environment).await, tried }
}

async fn active(dir: &Path, environment: &Environment) -> Result<Active, String> {
    for name in ["cargo", "rustc"] {
        on_path(environment, name).ok_or_else(|| format!("no `{name}` on the PATH"))?;
    }
    // Asking a question must not download a toolchain.
    let asked = |arguments: &[&str]| {
        let mut command = program("rustc", dir, environment);
        command.args(arguments).env("RUSTUP_AUTO_INSTALL", "0");
        ask(command, BRIEF)
    };
    let name = asked(&["--version"]).await?;
    let sysroot = PathBuf::from(asked(&["--print", "sysroot"]).await?);
    let (version, name) = version(&name).ok_or_else(|| format!("`rustc --version` says `{name}`"))?;
    let toolchains = rustup_home(environment).map(|home| home.join("toolchains"));
    Ok(Active {
        version,
        name,
        targets: targets(&sysroot),
        managed: toolchains.is_some_and(|toolchains| sysroot.starts_with(toolchains)),
        sysroot,
    })
}

fn rustup_home(environment: &Environment) -> Option<PathBuf> {
    let set = environment.get("RUSTUP_HOME").map(PathBuf::from);
    set.or_else(|| environment.get("HOME").map(|home| Path::new(home).join(".rustup")))
}

/// `rustc 1.95.0 (59807616e 2026-04-14)` as 1.95 and `rustc 1.95.0`.
pub(super) fn version(text: &str) -> Option<(Version, String)> {
    let mut words = text.split_whitespace();
    let (program, number) = (words.next()?, words.next()?);
    let mut parts = number.split('.');
    let version = (parts.next()?.parse().ok()?, parts.next()?.parse().ok()?);
    (program == "rustc").then(|| (version, format!("rustc {number}")))
}

/// Targets whose standard library lies in a toolchain's directory.
fn targets(sysroot: &Path) -> Vec<Target> {
    let has = |target: &Target| {
        let library = sysroot.join("lib/rustlib").join(target.triple()).join("lib");
        let Ok(files) = std::fs::read_dir(library) else {
            return false;
        };
        files.flatten().any(|file| file.file_name().to_string_lossy().starts_with("libstd-"))
    };
    Target::ALL.into_iter().filter(has).collect()
}

/// The first program of this name on the PATH.
fn on_path(environment: &Environment, name: &str) -> Option<PathBuf> {
    let path = environment.get("PATH")?;
    std::env::split_paths(path).map(|dir| dir.join(name)).find(|file| file.is_file())
}

async fn debian(dir: &Path, environment: &Environment, active: Option<&Active>) -> Debian {
    let there = |path: &str| Some(PathBuf::from(path)).filter(|path| path.is_file());
    let rustc = there("/usr/bin/rustc");
    let version = match &rustc {
        Some(rustc) => {
            let mut command = program(rustc, dir, environment);
            command.arg("--version");
            ask(command, BRIEF).await.ok().and_then(|text| version(&text))
        }
        None => None,
    };
    let source = PathBuf::from("/usr/lib/rustlib/src/rust/library");
    Debian {
        rustc,
        cargo: there("/usr/bin/cargo"),
        version,
        targets: targets(Path::new("/usr")),
        source: Some(source).filter(|source| source.join("std/Cargo.toml").is_file()),
        linker: linker(active),
    }
}

/// A linker for WebAssembly. Rust's own comes first, because it is as new as the compiler's LLVM;
/// the distribution's may be some versions behind, which has linked so far. A package may leave a
/// link that leads nowhere: `is_file` follows it.
fn linker(active: Option<&Active>) -> Option<PathBuf> {
    let rust_lld = |sysroot: &Path| {
        let hosts = std::fs::read_dir(sysroot.join("lib/rustlib")).ok()?;
        hosts.flatten().map(|host| host.path().join("bin/rust-lld")).find(|file| file.is_file())
    };
    let fixed = |path: &str| Some(PathBuf::from(path)).filter(|path| path.is_file());
    rust_lld(Path::new("/usr"))
        .or_else(|| fixed("/usr/bin/rust-lld"))
        .or_else(|| active.and_then(|active| rust_lld(&active.sysroot)))
        .or_else(|| fixed("/usr/bin/wasm-ld"))
        .or_else(newest_wasm_ld)
        .or_else(|| fixed("/usr/bin/lld"))
}

/// `/usr/bin/wasm-ld-19` and its like.
fn newest_wasm_ld() -> Option<PathBuf> {
    let files = std::fs::read_dir("/usr/bin").ok()?.flatten();
    let numbered = files.filter_map(|file| {
        let number: u32 = file.file_name().to_str()?.strip_prefix("wasm-ld-")?.parse().ok()?;
        Some((number, file.path()))
    });
    numbered.filter(|(_, path)| path.is_file()).max().map(|(_, path)| path)
}

async fn apt(dir: &Path, environment: &Environment) -> Apt {
    if !Path::new("/usr/bin/apt-get").is_file() {
        return Apt::Absent;
    }
    if std::fs::metadata("/proc/self").is_ok_and(|about| about.uid() == 0) {
        return Apt::Ready(Rights::Root);
    }
    let mut sudo = program("sudo", dir, environment);
    sudo.args(["-n", "true"]);
    match ask(sudo, BRIEF).await {
        Ok(_) => Apt::Ready(Rights::Sudo),
        Err(_) => Apt::Locked,
    }
}
