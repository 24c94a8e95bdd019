//! Numbers as people read them.

/// Milliseconds since 1970 as `2026-11-21 19:13:12`, in UTC.
#[must_use]
pub fn moment(millis: u64) -> String {
    wharf_model::time::Timestamp(millis).to_string().chars().take(19).collect::<String>().replace('T', " ")
}

/// A count of bytes: `148 KB`, `3.1 MB`. Decimal, as disks and transfer plans count.
#[must_use]
pub fn bytes(count: u64) -> String {
    scaled(count, &[" B", " KB", " MB", " GB"])
}

/// Fuel: `0.9 M`, `2 G`.
#[must_use]
pub fn fuel(units: u64) -> String {
    match units {
        0..1_000 => units.to_string(),
        // Under half a million the figure in millions would be mostly rounding.
        1_000..500_000 => tenths(units, 1_000, " k"),
        500_000..1_000_000_000 => tenths(units, 1_000_000, " M"),
        _ => tenths(units, 1_000_000_000, " G"),
    }
}

/// A time: `850 µs`, `31 ms`, `1.3 s`, `2 min 5 s`.
#[must_use]
pub fn micros(micros: u64) -> String {
    match micros {
        0..1_000 => format!("{micros} µs"),
        1_000..10_000 => tenths(micros, 1_000, " ms"),
        10_000..1_000_000 => format!("{} ms", (micros + 500) / 1_000),
        1_000_000..60_000_000 => tenths(micros, 1_000_000, " s"),
        _ => format!("{} min {} s", micros / 60_000_000, micros / 1_000_000 % 60),
    }
}

/// A time in milliseconds, as [`micros`].
#[must_use]
pub fn millis(millis: u64) -> String {
    micros(millis.saturating_mul(1_000))
}

/// A number with its noun: `1 write`, `2 writes`.
#[must_use]
pub fn plural(count: u64, noun: &str) -> String {
    if count == 1 { format!("1 {noun}") } else { format!("{count} {noun}s") }
}

fn scaled(count: u64, units: &[&str]) -> String {
    let mut size = 1;
    for (position, unit) in units.iter().enumerate() {
        if count < size * 1_000 || position + 1 == units.len() {
            return tenths(count, size, unit);
        }
        size *= 1_000;
    }
    count.to_string()
}

/// `count / size` with one decimal below 10, none from there on.
fn tenths(count: u64, size: u64, unit: &str) -> String {
    let (whole, tenth) = (count / size, count % size * 10 / size);
    if whole >= 10 || tenth == 0 { format!("{whole}{unit}") } else { format!("{whole}.{tenth}{unit}") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_well() {
        for (count, text) in [
            (0, "0 B"),
            (999, "999 B"),
            (1_000, "1 KB"),
            (148_213, "148 KB"),
            (3_145_728, "3.1 MB"),
            (5_000_000_000_000, "5000 GB"),
        ] {
            assert_eq!(bytes(count), text);
        }
        for (units, text) in [
            (0, "0"),
            (999, "999"),
            (12_345, "12 k"),
            (87_000, "87 k"),
            (900_000, "0.9 M"),
            (2_000_000_000, "2 G"),
        ] {
            assert_eq!(fuel(units), text, "{units}");
        }
        for (time, text) in [
            (0, "0 µs"),
            (850, "850 µs"),
            (1_000, "1 ms"),
            (4_250, "4.2 ms"),
            (31_400, "31 ms"),
            (1_300_000, "1.3 s"),
            (125_000_000, "2 min 5 s"),
        ] {
            assert_eq!(micros(time), text);
        }
        assert_eq!(plural(1, "write"), "1 write");
        assert_eq!(plural(0, "write"), "0 writes");
    }
}
