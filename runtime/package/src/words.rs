//! Amounts and lists as people write them.

/// Bytes for people, in powers of ten: `148 kB`, `1 MB`, `3.1 MB`.
#[must_use]
pub fn in_bytes(bytes: u64) -> String {
    match bytes {
        0..1_000 => format!("{bytes} bytes"),
        1_000..1_000_000 => scaled(bytes, 1_000, "kB"),
        1_000_000..1_000_000_000 => scaled(bytes, 1_000_000, "MB"),
        _ => scaled(bytes, 1_000_000_000, "GB"),
    }
}

/// One decimal below ten, and none that is zero.
fn scaled(bytes: u64, unit: u64, name: &str) -> String {
    let tenths = bytes / (unit / 10);
    match (tenths / 10, tenths % 10) {
        (whole @ 0..10, tenth @ 1..) => format!("{whole}.{tenth} {name}"),
        (whole, _) => format!("{whole} {name}"),
    }
}

/// Milliseconds for people: `250 ms`, `30 s`, `5 min`.
pub(crate) fn in_time(millis: u64) -> String {
    match millis {
        0 => "0 s".to_owned(),
        _ if millis.is_multiple_of(60_000) => format!("{} min", millis / 60_000),
        _ if millis.is_multiple_of(1_000) => format!("{} s", millis / 1_000),
        _ => format!("{millis} ms"),
    }
}
