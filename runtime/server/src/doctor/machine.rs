//! What the machine gives: engine, mappings, a compile worker that is really killed, a clock.

use wharf_model::time::Timestamp;
use wharf_sandbox::{SandboxConfig, Tried, WorkerCommand, facts, try_worker};

use super::{Check, Finding};

const ENGINE: Check = Check::new("engine", "R-01", "connectors are held by an engine whose holes get fixed");
const CPU: Check = Check::new("cpu", "R-02", "compiled connectors use what this processor has");
const SLOTS: Check = Check::new("slots", "R-02", "every call gets memory of its own, wiped before and after");
const OVERCOMMIT: Check = Check::new("overcommit", "R-02", "reserving address space for calls does not fail");
const WORKER: Check =
    Check::new("compile-worker", "R-03", "a file that takes for ever to compile harms nobody else");
const CLOCK: Check =
    Check::new("clock", "R-20", "signatures, certificates and schedules are judged by the right time");
const NAMESPACES: Check =
    Check::new("namespaces", "R-06", "the address check can be tried with the real resolver");

/// The start of the year in which this was written: an earlier clock is wrong.
const WRITTEN: Timestamp = Timestamp(1_767_225_600_000);

/// Looks at the machine; starts the compile worker three times.
pub async fn machine(worker: &WorkerCommand, now: Timestamp) -> Vec<Finding> {
    let facts = facts(SandboxConfig::default().slots);
    let mut found = vec![
        engine(facts.engine, facts.supported_until, now),
        cpu(),
        slots(facts.mappings, facts.mappings_needed, facts.pagemap_scan),
        overcommit(),
    ];
    let trial = try_worker(worker).await;
    found.extend([
        tried(&trial.compiles, "compiles in a process of its own"),
        tried(&trial.cpu, "was killed when its CPU time was used up"),
        tried(&trial.memory, "was refused more memory than it may have"),
    ]);
    found.extend([clock(now), namespaces()]);
    found
}

fn engine(version: &str, until: &str, now: Timestamp) -> Finding {
    let today: String = now.to_string().chars().take(10).collect();
    if today.as_str() <= until {
        ENGINE.ok(format!("wasmtime {version}, supported until {until}"))
    } else {
        ENGINE.fail(format!("wasmtime {version}, supported until {until} only"), "upgrade wharf")
    }
}

fn cpu() -> Finding {
    #[cfg(target_arch = "x86_64")]
    {
        let features = [
            ("sse4.2", std::arch::is_x86_feature_detected!("sse4.2")),
            ("avx", std::arch::is_x86_feature_detected!("avx")),
            ("avx2", std::arch::is_x86_feature_detected!("avx2")),
            ("bmi2", std::arch::is_x86_feature_detected!("bmi2")),
            ("lzcnt", std::arch::is_x86_feature_detected!("lzcnt")),
        ];
        let there: Vec<&str> = features.iter().filter(|(_, there)| *there).map(|(name, _)| *name).collect();
        CPU.ok(format!("x86_64 with {}", there.join(", ")))
    }
    #[cfg(not(target_arch = "x86_64"))]
    CPU.warn(
        format!("{}, which is not what the tests run on", std::env::consts::ARCH),
        "run on x86_64 where isolation matters most",
    )
}

fn slots(have: Option<u64>, need: u64, pagemap_scan: bool) -> Finding {
    match have {
        Some(have) if have < need => SLOTS.fail(
            format!("vm.max_map_count is {have}, and {need} are needed"),
            format!("sysctl -w vm.max_map_count={need}"),
        ),
        None => SLOTS.warn("the kernel does not say how many mappings there may be", "run on Linux"),
        Some(have) if !pagemap_scan => SLOTS.warn(
            format!("{have} mappings, {need} needed; no PAGEMAP_SCAN, so a call costs about twice as much"),
            "run Linux 6.7 or newer",
        ),
        Some(have) => SLOTS.ok(format!("{have} mappings, {need} needed; reset by PAGEMAP_SCAN")),
    }
}

fn overcommit() -> Finding {
    let read = std::fs::read_to_string("/proc/sys/vm/overcommit_memory").unwrap_or_default();
    match read.trim() {
        "2" => OVERCOMMIT.warn(
            "vm.overcommit_memory is 2: reserved address space counts as used",
            "sysctl -w vm.overcommit_memory=0, or lower the number of slots",
        ),
        mode => OVERCOMMIT.ok(format!("vm.overcommit_memory is {mode}")),
    }
}

fn tried(tried: &Tried, held: &str) -> Finding {
    match tried {
        Tried::Held => WORKER.ok(format!("tried: it {held}")),
        Tried::Not(why) => WORKER.fail(
            format!("tried whether it {held}: {why}"),
            "check that this program may start itself and set its own limits (`ulimit -a`, seccomp)",
        ),
    }
}

fn clock(now: Timestamp) -> Finding {
    if now < WRITTEN {
        CLOCK.fail(format!("it is {now} by this machine's clock"), "set the clock, and keep it with NTP")
    } else {
        CLOCK.ok(format!("it is {now}"))
    }
}

fn namespaces() -> Finding {
    let user = std::fs::read_to_string("/proc/sys/user/max_net_namespaces").unwrap_or_default();
    match user.trim().parse::<u64>() {
        Ok(most) if most > 0 => NAMESPACES.ok(format!("network namespaces can be made ({most} at most)")),
        Ok(_) | Err(_) => NAMESPACES.warn(
            "no network namespaces: some of the security tests are skipped here",
            "nothing, unless you run the tests of wharf itself",
        ),
    }
}

#[cfg(test)]
mod tests {
    use wharf_model::time::Timestamp;

    use super::super::{Finding, Level};

    #[track_caller]
    fn check(finding: &Finding, level: Level) {
        assert_eq!(finding.level, level, "{finding:?}");
        assert_eq!(finding.fix.is_none(), level == Level::Ok, "what is not in order has a fix: {finding:?}");
    }

    #[test]
    fn each_line_can_fail() {
        let now = Timestamp(1_795_288_392_345);
        // 2026-11-21
        check(&super::engine("48.0.8", "2026-11-21", now), Level::Ok);
        check(&super::engine("48.0.8", "2026-11-20", now), Level::Fail);
        check(&super::slots(Some(65_530), 7_396, true), Level::Ok);
        check(&super::slots(Some(65_530), 7_396, false), Level::Warn);
        check(&super::slots(Some(1_000), 7_396, true), Level::Fail);
        check(&super::clock(now), Level::Ok);
        check(&super::clock(Timestamp(0)), Level::Fail);
        check(&super::tried(&wharf_sandbox::Tried::Held, "x"), Level::Ok);
        check(&super::tried(&wharf_sandbox::Tried::Not("y".to_owned()), "x"), Level::Fail);
    }
}
