//! What to say when no toolchain can be had: all that was looked at, and the commands that help.

use super::{
    error::Looked,
    ground::{Active, Apt, Debian, Ground, Rights, Target},
    plan::{OLDEST, Origin, Packages, Step, Wanted},
};

/// Everything that was looked at, for the error.
pub(super) fn looked(ground: &Ground, wanted: Wanted) -> Vec<Looked> {
    let mut looked = Vec::new();
    let mut note =
        |candidate: &str, found: String| looked.push(Looked { candidate: candidate.to_owned(), found });
    if wanted.allows(Origin::Active) {
        note("cargo and rustc", active_words(&ground.active));
        note(
            "rustup",
            match &ground.rustup {
                Some(_) => attempts(
                    ground,
                    |step| matches!(step, Step::AddTarget(_)),
                    "it does not keep this toolchain",
                ),
                None => "not found".to_owned(),
            },
        );
    }
    if wanted.allows(Origin::Debian) {
        note("the distribution's toolchain", debian_words(&ground.debian));
        note(
            "apt-get",
            match ground.apt {
                Apt::Absent => "not found".to_owned(),
                Apt::Locked => "it needs root, and sudo would ask for a password".to_owned(),
                Apt::Ready(_) => attempts(
                    ground,
                    |step| matches!(step, Step::InstallPackages(..)),
                    "it has nothing for this target",
                ),
            },
        );
    }
    looked
}

fn active_words(active: &Result<Active, String>) -> String {
    match active {
        Err(why) => why.clone(),
        Ok(active) if active.version < OLDEST => {
            format!("{} is older than {}.{}", active.name, OLDEST.0, OLDEST.1)
        }
        Ok(active) => format!("{} in {} has no {}", active.name, active.sysroot.display(), both()),
    }
}

fn both() -> String {
    Target::ALL.map(Target::triple).join(" and no ")
}

fn debian_words(debian: &Debian) -> String {
    let Some((version, name)) = &debian.version else {
        return "no /usr/bin/rustc".to_owned();
    };
    if *version < OLDEST {
        return format!("{name} is older than {}.{}", OLDEST.0, OLDEST.1);
    }
    let parts = [
        (debian.cargo.is_some(), "no /usr/bin/cargo"),
        (
            debian.source.is_some() || !debian.targets.is_empty(),
            "no library for the target and no source of it",
        ),
        (debian.linker.is_some(), "no linker for WebAssembly (rust-lld, wasm-ld, lld)"),
    ];
    let missing: Vec<&str> = parts.iter().filter(|(there, _)| !there).map(|(_, words)| *words).collect();
    if missing.is_empty() {
        format!("{name} builds for wasm32-unknown-unknown only")
    } else {
        format!("{name}, but {}", missing.join(", "))
    }
}

fn attempts(ground: &Ground, of: impl Fn(Step) -> bool, otherwise: &str) -> String {
    let mut endings: Vec<&str> = ground
        .tried
        .iter()
        .filter(|attempt| of(attempt.step))
        .map(|attempt| attempt.ending.as_str())
        .collect();
    endings.dedup();
    if endings.is_empty() { otherwise.to_owned() } else { endings.join("; ") }
}

/// Commands of which one is enough, those that fit the machine first.
pub(super) fn commands(ground: &Ground, wanted: Wanted) -> Vec<String> {
    let target = wanted.target.unwrap_or(Target::UnknownUnknown);
    let mut commands = Vec::new();
    if wanted.allows(Origin::Active) {
        commands.push(match (&ground.rustup, &ground.active) {
            (Some(_), Ok(active)) if active.version < OLDEST => {
                format!("rustup update && rustup target add {target}")
            }
            (Some(_), _) => format!("rustup target add {target}"),
            (None, _) => {
                format!("install rustup (https://rustup.rs), then: rustup target add {target}")
            }
        });
    }
    if wanted.allows(Origin::Debian) && ground.apt != Apt::Absent && target == Target::UnknownUnknown {
        let sudo = if ground.apt == Apt::Ready(Rights::Root) { "" } else { "sudo " };
        for packages in Packages::ALL {
            commands.push(format!("{sudo}apt-get install {}", packages.names().join(" ")));
        }
    }
    commands
}
