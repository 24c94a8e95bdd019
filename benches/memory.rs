//! Resident memory of this process, as the kernel counts it.

/// `VmRSS` now and `VmHWM`, the highest since the start, in MB; zeros where there is no `/proc`.
#[must_use]
pub fn resident() -> (u64, u64) {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    // The kernel counts in units of 1,024 bytes.
    let megabytes = |name: &str| {
        let line = status.lines().find_map(|line| line.strip_prefix(name)).unwrap_or_default();
        let count = line.split_whitespace().next().and_then(|count| count.parse::<u64>().ok());
        count.unwrap_or(0) * 1024 / 1_000_000
    };
    (megabytes("VmRSS:"), megabytes("VmHWM:"))
}

/// Load average over the last minute, as text.
#[must_use]
pub fn load_average() -> String {
    let text = std::fs::read_to_string("/proc/loadavg").unwrap_or_default();
    text.split_whitespace().next().unwrap_or("?").to_owned()
}
