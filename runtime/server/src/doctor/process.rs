//! What only a process knows of itself: asked of the server, or of this command where none runs.

use std::net::SocketAddr;

use rustix::process::{DumpableBehavior, Resource, dumpable_behavior, getrlimit};

use super::{Check, Finding};
use crate::config::{Config, Unsigned};

const DUMPS: Check = Check::new("core-dumps", "R-12", "no crash and no debugger writes secrets to a disk");
const ENVIRONMENT: Check = Check::new("environment", "R-12", "no key stands in the environment of a process");
const PROXIES: Check = Check::new("proxies", "R-09", "calls go where they were judged to go");
const FILES: Check = Check::new("open-files", "R-16", "many connections at once do not exhaust the process");
const BUILD: Check = Check::new("build", "R-09", "nothing that is for tests can be switched on");
const LISTEN: Check = Check::new("listen", "R-19", "strangers reach no more than they must");
const UNSIGNED: Check = Check::new("unsigned-webhooks", "R-13", "only who knows the secret can start a run");
const CARVE_OUTS: Check = Check::new("carve-outs", "R-06", "connectors reach public addresses only");
const ROOTS: Check = Check::new("tls-roots", "R-09", "providers are who they say they are");

/// Sandbox, database and threads have some; connections need one each, and one to the provider.
const FILES_BESIDE: u64 = 512;
const PROXY_VARIABLES: [&str; 8] = [
    "HTTP_PROXY",
    "http_proxy",
    "HTTPS_PROXY",
    "https_proxy",
    "ALL_PROXY",
    "all_proxy",
    "NO_PROXY",
    "no_proxy",
];

/// Which process looks at itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Inside {
    /// The server.
    Server {
        /// Where it listens.
        listens: SocketAddr,
    },
    /// This command; a server started from here would have the same environment and limits.
    Command,
}

/// Looks at this process and its configuration.
#[must_use]
pub fn process(config: &Config, inside: Inside) -> Vec<Finding> {
    let mut found = vec![
        environment(std::env::var_os("WHARF_MASTER_KEY").is_some(), inside),
        proxies(PROXY_VARIABLES.iter().copied().find(|name| std::env::var_os(name).is_some())),
        files(getrlimit(Resource::Nofile).current, config.max_connections as u64),
        build(),
        unsigned(config.webhooks.unsigned),
        carve_outs(config),
        ROOTS.ok(format!(
            "Mozilla's roots and {} more; certificates are always verified",
            config.extra_roots.len()
        )),
    ];
    found.push(match inside {
        Inside::Server { listens } => listen(listens),
        Inside::Command => listen(config.listen),
    });
    if matches!(inside, Inside::Server { .. }) {
        found.push(dumps());
    }
    found
}

/// Keeps the memory of this process, which will hold secrets, from core files, debuggers and other
/// processes of this user.
pub(crate) fn keep_memory_private() {
    if let Err(error) = rustix::process::set_dumpable_behavior(DumpableBehavior::NotDumpable) {
        tracing::warn!(%error, "core dumps cannot be switched off");
    }
}

fn dumps() -> Finding {
    match dumpable_behavior() {
        Ok(DumpableBehavior::NotDumpable) => DUMPS.ok("off (PR_SET_DUMPABLE 0)"),
        Ok(_) => DUMPS.fail("on", "the kernel refused PR_SET_DUMPABLE; set `ulimit -c 0`"),
        Err(error) => DUMPS.fail(format!("not known: {error}"), "set `ulimit -c 0`"),
    }
}

fn environment(key: bool, inside: Inside) -> Finding {
    match (key, inside) {
        (false, _) => ENVIRONMENT.ok("holds no master key"),
        (true, Inside::Command) => ENVIRONMENT.warn(
            "WHARF_MASTER_KEY is set in this shell: every program that is started from here sees it",
            "put the key into a file with mode 0600 and name it by `master-key-file`",
        ),
        (true, Inside::Server { .. }) => ENVIRONMENT.fail(
            "WHARF_MASTER_KEY stands in the server's environment",
            "start it by `wharf serve`, which takes it out, or use `master-key-file`",
        ),
    }
}

fn proxies(set: Option<&str>) -> Finding {
    match set {
        None => PROXIES.ok("none in the environment; they would be ignored"),
        Some(name) => PROXIES.ok(format!("{name} is set, and ignored")),
    }
}

fn files(limit: Option<u64>, connections: u64) -> Finding {
    let need = connections.saturating_mul(2).saturating_add(FILES_BESIDE);
    match limit {
        Some(limit) if limit < need => FILES.warn(
            format!("{limit}, and {connections} connections at once may need {need}"),
            format!("ulimit -n {need} (LimitNOFILE= in systemd), or lower `max-connections`"),
        ),
        Some(limit) => FILES.ok(format!("{limit}, {need} needed at most")),
        None => FILES.ok("not limited"),
    }
}

fn build() -> Finding {
    if cfg!(debug_assertions) {
        let fix = "run a release build: `cargo build --release`";
        BUILD.warn("a debug build: variables such as WHARF_CRASH_AT and WHARF_TEST_NETWORK are obeyed", fix)
    } else {
        BUILD.ok("a release build: test hooks are not in it")
    }
}

fn listen(address: SocketAddr) -> Finding {
    if address.ip().is_loopback() {
        LISTEN.ok(format!("on {address}, for this machine only"))
    } else {
        LISTEN.warn(
            format!("on {address}, for other machines too, without TLS of its own"),
            "put a proxy with TLS in front that passes on /webhooks/ only, and listen on 127.0.0.1",
        )
    }
}

fn unsigned(unsigned: Unsigned) -> Finding {
    match unsigned {
        Unsigned::Refused => UNSIGNED.ok("refused"),
        Unsigned::Allowed => UNSIGNED.warn(
            "taken where a flow says so: whoever finds the address can start its runs",
            "set webhooks.allow-unsigned = false",
        ),
    }
}

fn carve_outs(config: &Config) -> Finding {
    let open: Vec<String> = config.carve_outs.iter().map(ToString::to_string).collect();
    if open.is_empty() {
        CARVE_OUTS.ok("none")
    } else {
        let fix = "leave out of egress.carve-outs what no connector needs";
        CARVE_OUTS.warn(format!("open beside the public ones: {}", open.join(", ")), fix)
    }
}

#[cfg(test)]
mod tests {
    use super::{
        super::{Finding, Level},
        Inside,
    };
    use crate::config::{Config, Unsigned};

    #[track_caller]
    fn check(finding: &Finding, level: Level) {
        assert_eq!(finding.level, level, "{finding:?}");
        assert_eq!(finding.fix.is_none(), level == Level::Ok, "{finding:?}");
    }

    #[test]
    fn each_line_can_fail() {
        let server = Inside::Server { listens: "127.0.0.1:1".parse().unwrap() };
        check(&super::environment(false, server), Level::Ok);
        check(&super::environment(true, server), Level::Fail);
        check(&super::environment(true, Inside::Command), Level::Warn);
        check(&super::files(Some(1024), 4096), Level::Warn);
        check(&super::files(Some(1 << 20), 4096), Level::Ok);
        check(&super::listen("127.0.0.1:8484".parse().unwrap()), Level::Ok);
        check(&super::listen("[::]:8484".parse().unwrap()), Level::Warn);
        check(&super::unsigned(Unsigned::Allowed), Level::Warn);
        let config = Config::load(None, &[]).unwrap();
        assert_eq!(super::process(&config, Inside::Command).len(), 8);
        assert_eq!(super::process(&config, server).len(), 9);
    }
}
