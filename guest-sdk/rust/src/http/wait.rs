//! How long a provider asks to wait: `Retry-After`, `RateLimit-Reset` and `X-RateLimit-Reset`.
//!
//! A time of the provider's clock is compared with the provider's own `Date` header where there is
//! one: the host's clock stands still within a step.

use super::{Field, header};
use crate::clock::days_since_1970;

/// No provider means more than this many milliseconds (31 days): a larger number is a mistake.
const LONGEST: u64 = 31 * 86_400_000;

/// Milliseconds to wait, if the headers say. `now` is the time in milliseconds since 1970, for when
/// the response has no `Date`.
#[must_use]
pub fn retry_after_ms(headers: &[Field], now: impl FnOnce() -> u64) -> Option<u64> {
    let clock = || header(headers, "date").and_then(parse_http_date).unwrap_or_else(now);
    if let Some(value) = header(headers, "retry-after") {
        return match value.trim().parse::<u64>() {
            Ok(seconds) => Some(clamp(seconds.saturating_mul(1000))),
            Err(_) => fractional(value)
                .or_else(|| parse_http_date(value).map(|at| clamp(at.saturating_sub(clock())))),
        };
    }
    let spent = header(headers, "x-ratelimit-remaining")
        .or_else(|| header(headers, "ratelimit-remaining"))
        .is_none_or(|left| left.trim() == "0");
    let reset = header(headers, "x-ratelimit-reset")
        .or_else(|| header(headers, "ratelimit-reset"))
        .filter(|_| spent)?
        .trim()
        .parse::<u64>()
        .ok()?;
    // Some providers send seconds to wait, others a Unix time; 2001 lies between.
    Some(clamp(match reset {
        0..1_000_000_000 => reset.saturating_mul(1000),
        _ => reset.saturating_mul(1000).saturating_sub(clock()),
    }))
}

fn clamp(wait: u64) -> u64 {
    wait.min(LONGEST)
}

/// `1.5`, which RFC 9110 does not know and some providers send.
fn fractional(value: &str) -> Option<u64> {
    let (whole, part) = value.trim().split_once('.')?;
    let whole: u64 = whole.parse().ok()?;
    let _: u64 = part.parse().ok()?;
    Some(clamp(whole.saturating_add(1).saturating_mul(1000)))
}

/// Milliseconds since 1970 of an HTTP-date in any of its three forms (RFC 9110, section 5.6.7).
#[must_use]
pub fn parse_http_date(text: &str) -> Option<u64> {
    let text = text.trim();
    let (day, month, year, time) = if let Some((_, rest)) = text.split_once(", ") {
        let mut words = rest.split_ascii_whitespace();
        let date = words.next()?;
        if let Some((day, month_year)) = date.split_once('-') {
            // `Sunday, 06-Nov-94 08:49:37 GMT`
            let (month, year) = month_year.split_once('-')?;
            (day, month, year, words.next()?)
        } else {
            // `Sun, 06 Nov 1994 08:49:37 GMT`
            (date, words.next()?, words.next()?, words.next()?)
        }
    } else {
        // `Sun Nov  6 08:49:37 1994`
        let mut words = text.split_ascii_whitespace().skip(1);
        let (month, day, time) = (words.next()?, words.next()?, words.next()?);
        (day, month, words.next()?, time)
    };
    let year: u64 = match (year.len(), year.parse::<u64>().ok()?) {
        (2, short @ 0..70) => 2000 + short,
        (2, short) => 1900 + short,
        (_, year) => year,
    };
    let mut clock = time.split(':').map(|part| part.parse::<u64>().ok());
    let (hour, minute, second) = (clock.next()??, clock.next()??, clock.next()??);
    let days = days_since_1970(year, month_number(month)?, day.parse().ok()?)?;
    if hour > 23 || minute > 59 || second > 60 {
        return None;
    }
    Some((days * 86_400 + hour * 3600 + minute * 60 + second) * 1000)
}

fn month_number(name: &str) -> Option<u64> {
    const NAMES: [&str; 12] =
        ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];
    let index = NAMES.iter().position(|known| known.eq_ignore_ascii_case(name))?;
    u64::try_from(index).ok().map(|index| index + 1)
}

#[cfg(test)]
mod tests {
    use super::{Field, parse_http_date, retry_after_ms};

    const NOW: u64 = 784_111_777_000;

    #[test]
    fn three_forms_of_a_date() {
        for text in
            ["Sun, 06 Nov 1994 08:49:37 GMT", "Sunday, 06-Nov-94 08:49:37 GMT", "Sun Nov  6 08:49:37 1994"]
        {
            assert_eq!(parse_http_date(text), Some(NOW), "{text}");
        }
        assert_eq!(parse_http_date("Thu, 01 Jan 1970 00:00:00 GMT"), Some(0));
        assert_eq!(parse_http_date("Thu, 29 Feb 2024 12:00:00 GMT"), Some(1_709_208_000_000));
        for text in ["", "soon", "Sun, 06 Foo 1994 08:49:37 GMT", "Sun, 06 Nov 1994 25:49:37 GMT"] {
            assert_eq!(parse_http_date(text), None, "{text}");
        }
    }

    #[track_caller]
    fn check(headers: &[(&str, &str)], expected: Option<u64>) {
        let fields: Vec<Field> = headers
            .iter()
            .map(|(name, value)| Field { name: (*name).into(), value: value.as_bytes().to_vec() })
            .collect();
        assert_eq!(retry_after_ms(&fields, || NOW), expected, "{headers:?}");
    }

    #[test]
    fn waits() {
        check(&[], None);
        check(&[("Retry-After", "30")], Some(30_000));
        check(&[("retry-after", " 0 ")], Some(0));
        check(&[("retry-after", "1.5")], Some(2_000));
        check(&[("retry-after", "Sun, 06 Nov 1994 08:49:47 GMT")], Some(10_000));
        check(&[("retry-after", "Sun, 06 Nov 1994 08:00:00 GMT")], Some(0));
        check(
            &[("retry-after", "Sun, 06 Nov 1994 08:49:47 GMT"), ("date", "Sun, 06 Nov 1994 08:49:45 GMT")],
            Some(2_000),
        );
        check(&[("retry-after", "99999999999999")], Some(super::LONGEST));
        check(&[("retry-after", "-1")], None);
        let date = ("date", "Sun, 09 Sep 2001 01:46:40 GMT");
        let reset = ("x-ratelimit-reset", "1000000010");
        check(&[date, reset, ("x-ratelimit-remaining", "0")], Some(10_000));
        check(&[date, reset, ("x-ratelimit-remaining", "7")], None);
        check(&[("ratelimit-reset", "12")], Some(12_000));
    }
}
