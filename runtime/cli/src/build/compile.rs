//! Runs cargo and finds the module that it wrote.

use std::{
    path::{Path, PathBuf},
    time::Duration,
};

use serde::Deserialize;

use super::{
    BuildError, Progress,
    environment::Environment,
    ground::Target,
    krate::Krate,
    plan::{Library, Toolchain},
    process::{program, run},
    profile,
};

/// A first build fetches and compiles all dependencies, and the standard library on some toolchains.
const BUILD_LIMIT: Duration = Duration::from_secs(30 * 60);

/// What cargo says about a file that it made.
#[derive(Deserialize)]
struct Message {
    reason: String,
    #[serde(default)]
    package_id: String,
    #[serde(default)]
    filenames: Vec<PathBuf>,
}

/// Compiles the crate; the bytes of its module.
pub(super) async fn compile(
    krate: &Krate,
    environment: &Environment,
    toolchain: &Toolchain,
    target_dir: Option<&Path>,
    progress: &mut (dyn FnMut(Progress) + Send),
) -> Result<Vec<u8>, BuildError> {
    let command = cargo(krate, environment, toolchain, target_dir);
    let ended = run(command, BUILD_LIMIT, &mut |line| progress(told(line))).await?;
    if !ended.success {
        return Err(BuildError::Cargo { status: ended.status, stderr: ended.stderr });
    }
    let module = String::from_utf8_lossy(&ended.stdout).lines().find_map(|line| module(line, &krate.id));
    let path = module.ok_or_else(|| BuildError::Program {
        program: "cargo build".to_owned(),
        message: format!("it named no .wasm file for {}", krate.manifest.display()),
    })?;
    std::fs::read(&path).map_err(|source| BuildError::File { path, source })
}

fn cargo(
    krate: &Krate,
    environment: &Environment,
    toolchain: &Toolchain,
    target_dir: Option<&Path>,
) -> tokio::process::Command {
    let dir = krate.manifest.parent().unwrap_or(Path::new("."));
    let mut command = program(&toolchain.cargo, dir, environment);
    command.args(["build", "--release", "--lib", "--message-format", "json-render-diagnostics"]);
    command.args(["--target", toolchain.target.triple(), "--manifest-path"]).arg(&krate.manifest);
    if let Some(target_dir) = target_dir {
        command
            .arg("--target-dir")
            .arg(std::path::absolute(target_dir).unwrap_or_else(|_| target_dir.to_owned()));
    }
    if toolchain.std == Library::FromSource {
        // The distribution's stable compiler, with the one unstable feature that builds a library.
        command.args(["-Z", "build-std=std,panic_abort"]).env("RUSTC_BOOTSTRAP", "1");
    }
    command.envs(toolchain.rustc.iter().map(|rustc| ("RUSTC", rustc)));
    command.envs(toolchain.linker.iter().map(|linker| (linker_variable(toolchain.target), linker)));
    command.envs(profile::variables(&krate.workspace));
    command
}

fn linker_variable(target: Target) -> &'static str {
    match target {
        Target::UnknownUnknown => "CARGO_TARGET_WASM32_UNKNOWN_UNKNOWN_LINKER",
        Target::Wasip2 => "CARGO_TARGET_WASM32_WASIP2_LINKER",
    }
}

/// A line of cargo's for a terminal.
fn told(line: String) -> Progress {
    match line.trim_start().strip_prefix("Compiling ") {
        Some(krate) => Progress::Compiling(krate.split_whitespace().next().unwrap_or(krate).to_owned()),
        None => Progress::Line(line),
    }
}

/// The module in one line of cargo's JSON, if it is this package's.
fn module(line: &str, id: &str) -> Option<PathBuf> {
    let message: Message = serde_json::from_str(line).ok()?;
    let ours = message.reason == "compiler-artifact" && message.package_id == id;
    let mut files = message.filenames.into_iter();
    files.find(|file| ours && file.extension().is_some_and(|kind| kind == "wasm"))
}

#[cfg(test)]
mod tests {
    use super::{module, told};
    use crate::build::Progress;

    #[test]
    fn finds_the_module_among_what_cargo_made() {
        let artifact = |id: &str, files: &str| {
            format!(r#"{{"reason":"compiler-artifact","package_id":"{id}","filenames":[{files}]}}"#)
        };
        let ours = artifact("a", r#""/t/liba.rlib","/t/a.wasm""#);
        assert_eq!(module(&ours, "a").expect("it is there").to_str(), Some("/t/a.wasm"));
        for line in [
            artifact("b", r#""/t/b.wasm""#),
            artifact("a", r#""/t/a.rlib""#),
            r#"{"reason":"build-finished"}"#.to_owned(),
            "text".to_owned(),
        ] {
            assert_eq!(module(&line, "a"), None, "{line}");
        }
    }

    #[test]
    fn tells_the_crate_that_is_compiled() {
        assert_eq!(told("   Compiling serde v1.0.0".to_owned()), Progress::Compiling("serde".to_owned()));
        assert_eq!(told("warning: unused".to_owned()), Progress::Line("warning: unused".to_owned()));
    }
}
