//! From the ground to a toolchain: probe, choose, and where the plan says so, install and look
//! again. Each step is taken once, so this ends.

use std::{path::Path, time::Duration};

use super::{
    BuildError, BuildOptions, Install, Progress,
    environment::Environment,
    ground::{Apt, Attempt, Rights, Target},
    plan::{Packages, Plan, Step, Toolchain, choose},
    probe::probe_with,
    process::{program, run},
};

/// rustup fetches some 20 MB; without a network it tries for long.
const RUSTUP_LIMIT: Duration = Duration::from_secs(180);

/// apt fetches a compiler.
const APT_LIMIT: Duration = Duration::from_secs(900);

/// A toolchain for the crate in `dir`.
pub(super) async fn toolchain(
    dir: &Path,
    environment: &Environment,
    options: &BuildOptions,
    progress: &mut (dyn FnMut(Progress) + Send),
) -> Result<Toolchain, BuildError> {
    let mut ground = probe_with(dir, environment, Vec::new()).await;
    if options.install == Install::Never {
        ground.tried = forbidden(ground.apt);
    }
    loop {
        match choose(&ground, options.wanted) {
            Plan::Use(toolchain) => return Ok(toolchain),
            Plan::Stuck { looked, commands } => {
                return Err(BuildError::NoToolchain { looked, commands });
            }
            Plan::Obtain(step) => {
                let ending = take(step, dir, environment, progress).await;
                let mut tried = ground.tried;
                tried.push(Attempt { step, ending });
                ground = probe_with(dir, environment, tried).await;
            }
        }
    }
}

/// Every step, as taken in vain.
fn forbidden(apt: Apt) -> Vec<Attempt> {
    let targets = Target::ALL.into_iter().map(Step::AddTarget);
    let rights = match apt {
        Apt::Ready(rights) => Some(rights),
        Apt::Absent | Apt::Locked => None,
    };
    let packages = rights
        .into_iter()
        .flat_map(|rights| Packages::ALL.map(|packages| Step::InstallPackages(packages, rights)));
    let ending = "not used: nothing may be installed";
    targets.chain(packages).map(|step| Attempt { step, ending: ending.to_owned() }).collect()
}

/// Takes a step; says how it ended.
async fn take(
    step: Step,
    dir: &Path,
    environment: &Environment,
    progress: &mut (dyn FnMut(Progress) + Send),
) -> String {
    match step {
        Step::AddTarget(target) => {
            let line = ["rustup", "target", "add", target.triple()];
            install(&line, RUSTUP_LIMIT, dir, environment, progress).await
        }
        Step::InstallPackages(packages, rights) => {
            let line = |arguments: &[&'static str]| {
                let mut line = match rights {
                    Rights::Root => vec!["env", "DEBIAN_FRONTEND=noninteractive"],
                    Rights::Sudo => vec!["sudo", "-n", "env", "DEBIAN_FRONTEND=noninteractive"],
                };
                line.extend(["apt-get", "-y", "-o", "DPkg::Lock::Timeout=60"]);
                line.extend(arguments);
                line
            };
            let mut arguments = vec!["install", "--no-install-recommends"];
            arguments.extend(packages.names());
            let install_line = line(&arguments);
            // A fresh machine has no lists; an old one has lists of packages that are gone.
            let ending = install(&install_line, APT_LIMIT, dir, environment, progress).await;
            if ending == DONE {
                return ending;
            }
            install(&line(&["update"]), APT_LIMIT, dir, environment, progress).await;
            install(&install_line, APT_LIMIT, dir, environment, progress).await
        }
    }
}

/// What a step that went well says; shown only where it did not help.
const DONE: &str = "installed, and yet nothing here can use it";

async fn install(
    line: &[&str],
    limit: Duration,
    dir: &Path,
    environment: &Environment,
    progress: &mut (dyn FnMut(Progress) + Send),
) -> String {
    let shown = line.join(" ");
    progress(Progress::Installing(shown.clone()));
    let Some((name, arguments)) = line.split_first() else {
        return DONE.to_owned();
    };
    let mut command = program(name, dir, environment);
    command.args(arguments);
    match run(command, limit, &mut |line| progress(Progress::Line(line))).await {
        Ok(ended) if ended.success => DONE.to_owned(),
        Ok(ended) => {
            let last = ended.stderr.lines().rfind(|line| !line.trim().is_empty()).unwrap_or(&ended.status);
            format!("`{shown}` failed: {last}")
        }
        Err(error) => format!("`{shown}`: {error}"),
    }
}
