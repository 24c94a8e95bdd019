//! Time as the step sees it: it stands still within a step, so that a retry asks the same thing.
//!
//! And times as providers write them (RFC 3339), which are milliseconds since 1970 everywhere else.

/// Milliseconds since 1970. Outside of wasm, where there is no host, it is 0.
#[must_use]
pub fn now_ms() -> u64 {
    if cfg!(target_family = "wasm") { crate::bindings::wharf::connector::clock::now() } else { 0 }
}

/// Milliseconds since 1970 of `2019-05-15T15:20:18.5+02:00`; none for another form or before 1970.
#[must_use]
pub fn parse_rfc3339(text: &str) -> Option<u64> {
    let (date, time) = text.trim().split_once(['T', 't', ' '])?;
    let mut date = date.splitn(3, '-').map(digits);
    let (year, month, day) = (date.next()??, date.next()??, date.next()??);
    let (time, offset) = split_offset(time)?;
    let (time, fraction) = time.split_once('.').unwrap_or((time, "0"));
    let mut time = time.splitn(3, ':').map(digits);
    let (hour, minute, second) = (time.next()??, time.next()??, time.next()??);
    if !(1..=12).contains(&month) || hour > 23 || minute > 59 || second > 60 {
        return None;
    }
    digits(fraction)?;
    let millis =
        fraction.bytes().chain([b'0'; 3]).take(3).fold(0, |sum, digit| sum * 10 + u64::from(digit - b'0'));
    let seconds = days_since_1970(year, month, day)? * 86_400 + hour * 3600 + minute * 60 + second;
    Some(seconds.checked_add_signed(-offset)? * 1000 + millis)
}

/// `2019-05-15T13:20:18Z`, in whole seconds.
#[must_use]
pub fn to_rfc3339(ms: u64) -> String {
    let seconds = ms / 1000;
    let (hour, minute, second) = (seconds / 3600 % 24, seconds / 60 % 60, seconds % 60);
    // Civil date from days; years start in March, which puts the leap day last.
    let days = seconds / 86_400 + 719_468;
    let era = days / 146_097;
    let of_era = days % 146_097;
    let year_of_era = (of_era - of_era / 1460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let shifted = (5 * of_year + 2) / 153;
    let day = of_year - (153 * shifted + 2) / 5 + 1;
    let month = if shifted < 10 { shifted + 3 } else { shifted - 9 };
    let year = year_of_era + era * 400 + u64::from(month <= 2);
    format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}Z")
}

/// The time without its offset, and the offset in seconds east of UTC.
fn split_offset(time: &str) -> Option<(&str, i64)> {
    if let Some(time) = time.strip_suffix(['Z', 'z']) {
        return Some((time, 0));
    }
    let (time, sign, offset) = match (time.split_once('+'), time.split_once('-')) {
        (Some((time, offset)), None) => (time, 1, offset),
        (None, Some((time, offset))) => (time, -1, offset),
        _ => return None,
    };
    let (hours, minutes) = offset.split_once(':')?;
    let offset = digits(hours)? * 3600 + digits(minutes)? * 60;
    Some((time, sign * i64::try_from(offset).ok().filter(|offset| *offset < 86_400)?))
}

fn digits(text: &str) -> Option<u64> {
    let fine = (1..=9).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_digit());
    fine.then(|| text.parse().ok()).flatten()
}

/// Days of the proleptic Gregorian calendar; `month` counts from 1. None before 1970 or after 9999.
pub(crate) fn days_since_1970(year: u64, month: u64, day: u64) -> Option<u64> {
    if !(1970..=9999).contains(&year) || !(1..=31).contains(&day) {
        return None;
    }
    // Years that start in March put the leap day last.
    let (shifted_year, shifted_month) = if month > 2 { (year, month - 3) } else { (year - 1, month + 9) };
    let days = shifted_year * 365 + shifted_year / 4 - shifted_year / 100
        + shifted_year / 400
        + (153 * shifted_month + 2) / 5
        + day
        - 1;
    days.checked_sub(719_468)
}

#[cfg(test)]
mod tests {
    use super::{parse_rfc3339, to_rfc3339};

    #[track_caller]
    fn check(text: &str, expected: Option<u64>) {
        assert_eq!(parse_rfc3339(text), expected, "{text}");
    }

    #[test]
    fn times_are_read() {
        check("1970-01-01T00:00:00Z", Some(0));
        check("2019-05-15T15:20:18Z", Some(1_557_933_618_000));
        check("2019-05-15T17:20:18.5+02:00", Some(1_557_933_618_500));
        check("2019-05-15 10:20:18.123456-05:00", Some(1_557_933_618_123));
        check("2024-02-29T12:00:00Z", Some(1_709_208_000_000));
        for text in [
            "",
            "2019-05-15",
            "2019-13-15T00:00:00Z",
            "2019-05-15T00:00:00",
            "soonTnow",
            "1969-12-31T23:59:59Z",
        ] {
            check(text, None);
        }
    }

    #[test]
    fn times_are_written() {
        for ms in [0, 1_557_933_618_000, 1_709_208_000_000, 951_782_400_000, 253_402_300_799_000] {
            assert_eq!(parse_rfc3339(&to_rfc3339(ms)), Some(ms));
        }
        assert_eq!(to_rfc3339(1_557_933_618_999), "2019-05-15T15:20:18Z");
    }
}
