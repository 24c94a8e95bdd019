//! Which toolchain to use, or what to do to get one: a pure decision over the [`Ground`]. What is
//! there comes before what would have to be fetched, and the author's own toolchain before the
//! distribution's.

use std::path::PathBuf;

use super::{
    error::Looked,
    ground::{Active, Apt, Ground, Rights, Target, Version},
    stuck,
};

/// The first compiler with edition 2024, which the SDK is written in.
pub(super) const OLDEST: Version = (1, 85);

/// Where a toolchain comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Origin {
    /// What `cargo` means: rustup's, or whatever the author put there.
    Active,
    /// `/usr/bin`.
    Debian,
}

/// Narrows the choice.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Wanted {
    /// Only this target.
    pub target: Option<Target>,
    /// Only this origin.
    pub origin: Option<Origin>,
}

impl Wanted {
    fn targets(self) -> impl Iterator<Item = Target> {
        Target::ALL.into_iter().filter(move |target| self.target.is_none_or(|wanted| wanted == *target))
    }

    pub(super) fn allows(self, origin: Origin) -> bool {
        self.origin.is_none_or(|wanted| wanted == origin)
    }
}

/// A toolchain that can compile to a target.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Toolchain {
    /// For people: `rustc 1.95.0`.
    pub name: String,
    /// Where it comes from.
    pub origin: Origin,
    /// What it compiles to.
    pub target: Target,
    /// The cargo to run.
    pub cargo: PathBuf,
    /// The compiler that cargo shall use; none leaves it to cargo.
    pub rustc: Option<PathBuf>,
    /// The linker, where the compiler's default is not there.
    pub linker: Option<PathBuf>,
    /// Where the target's standard library comes from.
    pub std: Library,
}

/// Where a target's standard library comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Library {
    /// It is installed.
    Installed,
    /// Cargo builds it from source, which needs the compiler's unstable features.
    FromSource,
}

/// What to do next.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Plan {
    /// Compile with this.
    Use(Toolchain),
    /// Do this, and look again.
    Obtain(Step),
    /// There is no way.
    Stuck {
        /// What was looked at.
        looked: Vec<Looked>,
        /// Commands of which one is enough.
        commands: Vec<String>,
    },
}

/// A way to get a toolchain.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    /// `rustup target add`.
    AddTarget(Target),
    /// `apt-get install`.
    InstallPackages(Packages, Rights),
}

/// Packages that bring a toolchain.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Packages {
    /// Debian 11 and 12 carry a current compiler for their web browsers.
    Web,
    /// Debian 13 and later, and what descends from them, have the target as a package.
    Wasm32,
}

impl Packages {
    /// In the order of preference.
    pub const ALL: [Self; 2] = [Self::Web, Self::Wasm32];

    /// Their names.
    #[must_use]
    pub fn names(self) -> &'static [&'static str] {
        match self {
            Self::Web => &["rustc-web", "cargo-web", "rust-web-src", "lld"],
            Self::Wasm32 => &["rustc", "cargo", "libstd-rust-dev-wasm32", "lld"],
        }
    }
}

/// Decides over what a machine has.
#[must_use]
pub fn choose(ground: &Ground, wanted: Wanted) -> Plan {
    if let Some(toolchain) = installed(ground, wanted) {
        return Plan::Use(toolchain);
    }
    if let Some(step) = rustup_step(ground, wanted) {
        return Plan::Obtain(step);
    }
    if let Some(toolchain) = distribution(ground, wanted) {
        return Plan::Use(toolchain);
    }
    if let Some(step) = apt_step(ground, wanted) {
        return Plan::Obtain(step);
    }
    Plan::Stuck { looked: stuck::looked(ground, wanted), commands: stuck::commands(ground, wanted) }
}

/// The active toolchain, with the target that it has.
fn installed(ground: &Ground, wanted: Wanted) -> Option<Toolchain> {
    let active = recent(ground, wanted)?;
    let target = wanted.targets().find(|target| active.targets.contains(target))?;
    Some(Toolchain {
        name: active.name.clone(),
        origin: Origin::Active,
        target,
        cargo: PathBuf::from("cargo"),
        rustc: None,
        linker: None,
        std: Library::Installed,
    })
}

/// The active toolchain, unless it is unwanted or too old.
fn recent(ground: &Ground, wanted: Wanted) -> Option<&Active> {
    let active = ground.active.as_ref().ok()?;
    (wanted.allows(Origin::Active) && active.version >= OLDEST).then_some(active)
}

fn rustup_step(ground: &Ground, wanted: Wanted) -> Option<Step> {
    ground.rustup.as_ref()?;
    recent(ground, wanted)?.managed.then_some(())?;
    wanted.targets().map(Step::AddTarget).find(|step| is_new(ground, *step))
}

/// The distribution's toolchain: with the target as a package, else with the library's source.
fn distribution(ground: &Ground, wanted: Wanted) -> Option<Toolchain> {
    let debian = &ground.debian;
    let (version, name) = debian.version.as_ref()?;
    if !wanted.allows(Origin::Debian) || *version < OLDEST {
        return None;
    }
    // The source of Debian's library builds for this target; WASI's needs a C library besides.
    let target = wanted.targets().find(|target| *target == Target::UnknownUnknown)?;
    let std = match (debian.targets.contains(&target), &debian.source) {
        (true, _) => Library::Installed,
        (false, Some(_)) => Library::FromSource,
        (false, None) => return None,
    };
    Some(Toolchain {
        name: format!("{name} of the distribution"),
        origin: Origin::Debian,
        target,
        cargo: debian.cargo.clone()?,
        rustc: Some(debian.rustc.clone()?),
        linker: Some(debian.linker.clone()?),
        std,
    })
}

fn apt_step(ground: &Ground, wanted: Wanted) -> Option<Step> {
    let Apt::Ready(rights) = ground.apt else {
        return None;
    };
    let serves =
        wanted.allows(Origin::Debian) && wanted.targets().any(|target| target == Target::UnknownUnknown);
    let steps = Packages::ALL.into_iter().map(|packages| Step::InstallPackages(packages, rights));
    steps.filter(|_| serves).find(|step| is_new(ground, *step))
}

fn is_new(ground: &Ground, step: Step) -> bool {
    !ground.tried.iter().any(|attempt| attempt.step == step)
}
