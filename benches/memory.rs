//! Resident memory of this process, as the kernel counts it.

/// `VmRSS` now and `VmHWM`, the highest since the start, in MB; zeros where there is no `/proc`.
#[must_use]
pub fn resident() -> (u64, u64) {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let field = |name: &str| {
        let line = status.lines().find_map(|line| line.strip_prefix(name))?;
        line.split_whitespace().next()?.parse::<u64>().ok()
    };
    (field("VmRSS:").unwrap_or(0) / 1000, field("VmHWM:").unwrap_or(0) / 1000)
}

/// Load average over the last minute, as text.
#[must_use]
pub fn load_average() -> String {
    let text = std::fs::read_to_string("/proc/loadavg").unwrap_or_default();
    text.split_whitespace().next().unwrap_or("?").to_owned()
}
