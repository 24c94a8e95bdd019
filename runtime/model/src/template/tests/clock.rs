//! Times and durations: what they are read from, how operators take them, and the days when clocks change.

use serde_json::json;

use super::{check, refused};

#[test]
fn times_are_read_and_cut_to_milliseconds() {
    for (written, read) in [
        ("2026-11-21T19:13:12Z", "2026-11-21T19:13:12.000Z"),
        ("2026-11-21t19:13:12.3456789z", "2026-11-21T19:13:12.345Z"),
        ("2026-11-21T19:13:12.999999999-00:00", "2026-11-21T19:13:12.999Z"),
        ("2026-11-21T19:13:12+05:45", "2026-11-21T13:28:12.000Z"),
        ("1969-12-31T23:59:59.9999Z", "1969-12-31T23:59:59.999Z"),
        ("2016-12-31T23:59:60Z", "2016-12-31T23:59:59.000Z"),
        ("0001-01-01T00:00:00Z", "0001-01-01T00:00:00.000Z"),
    ] {
        check(format!("${{timestamp('{written}')}}"), read);
        check(format!("${{timestamp(timestamp('{written}'))}}"), read);
    }
    for none in
        ["", "2026-11-21", "2026-11-21T19:13:12", "now", "0000-12-31T23:59:59Z", "2026-13-01T00:00:00Z"]
    {
        let message = format!(
            "`timestamp(x)`: \"{none}\" is no time; it is written with an offset: 2026-11-21T19:13:12Z; read others with time.parse(s, format, zone)"
        );
        refused(format!("${{timestamp('{none}')}}"), &message);
    }
    check("${timestamp(0)} ${time.fromMillis(-1)}", "1970-01-01T00:00:00.000Z 1969-12-31T23:59:59.999Z");
    refused(
        "${timestamp(1774740600123)}",
        "`timestamp(x)`: 1774740600123 seconds are outside of the years 1 to 9999; for milliseconds write time.fromMillis(n)",
    );
    refused(
        "${time.fromMillis(9223372036854775807)}",
        "`time.fromMillis(n)`: the time is outside of the years 1 to 9999",
    );
}

/// A text that sorts as its time does, whatever the times.
#[test]
fn text_sorts_as_time() {
    let mut last = String::new();
    for millis in [-62_135_596_800_000_i64, -1, 0, 1, 999, 1000, 1_774_740_600_123, 253_402_207_200_000] {
        let template = format!("${{time.fromMillis({millis})}}").into();
        let text = super::rendered(&template).unwrap().as_str().unwrap().to_owned();
        assert!(last < text, "{last} {text}");
        check(format!("${{'{text}'.epochMillis()}}"), millis);
        last = text;
    }
}

#[test]
fn operators_mean_time_where_one_side_is_known_to_be() {
    check("${timestamp('2026-01-01T00:00:00Z') + '36h'}", "2026-01-02T12:00:00.000Z");
    check("${'90s' + timestamp('2026-01-01T00:00:00Z')}", "2026-01-01T00:01:30.000Z");
    check("${timestamp('2026-01-01T00:00:00Z') - duration('1ms')}", "2025-12-31T23:59:59.999Z");
    check("${timestamp('2026-01-01T00:00:00Z') - '2025-12-31T23:00:00Z'}", "3600s");
    check("${timestamp('2026-01-01T00:00:00Z') - timestamp('2026-01-01T00:00:00.250Z')}", "-0.25s");
    check("${duration('1h') + duration('30m') - duration('2h')}", "-1800s");
    check("${(true ? timestamp(0) : timestamp(1)) + duration('1s')}", "1970-01-01T00:00:01.000Z");
    // Text would say otherwise of each.
    check("${timestamp('2026-01-01T00:00:00Z') == '2026-01-01T01:00:00+01:00'}", true);
    check("${'2026-01-01T01:00:00+02:00' < timestamp('2026-01-01T00:00:00Z')}", true);
    check("${duration('90s') < duration('1h')} ${duration('PT1H') >= '3600s'}", "true true");
    check("${timestamp(0) == null} ${timestamp(0) != null}", "false true");
    refused("${timestamp(0) + timestamp(1)}", "two times cannot be added; add a duration");
    refused("${duration('1h') - timestamp(1)}", "a time cannot be taken from a duration");
    refused("${timestamp(0) * 2}", "an integer is no time and no duration");
    refused("${timestamp(0) < duration('1s')}", "a time and a duration have no order");
    refused("${timestamp(0) < null}", "a string and null have no order in time");
    refused(
        "${timestamp(0) + event.title}",
        "\"Crash on start\" is no duration; it is written with units of at most an hour: 1h30m, 250ms, PT90M",
    );
    // Plain text is still joined.
    check("${'a' + '1h'}", "a1h");
}

#[test]
fn durations() {
    for (written, read) in [
        ("0s", "0s"),
        ("1h30m", "5400s"),
        ("250ms", "0.25s"),
        ("1.5h", "5400s"),
        ("-1m", "-60s"),
        ("PT90M", "5400s"),
        ("3600s", "3600s"),
        ("100us", "0.0001s"),
    ] {
        check(format!("${{duration('{written}')}}"), read);
        check(format!("${{duration(duration('{written}'))}}"), read);
    }
    for none in ["", "1", "1d", "P1M", "h", "1h 30"] {
        refused(
            format!("${{duration('{none}')}}"),
            &format!(
                "`duration(s)`: \"{none}\" is no duration; it is written with units of at most an hour: 1h30m, 250ms, PT90M"
            ),
        );
    }
    check("${duration('90m').getHours()} ${duration('90m').getMinutes()}", "1 90");
    check("${duration('1.5s').getSeconds()} ${duration('1.5s').getMilliseconds()}", "1 1500");
}

/// Berlin: 2026-03-29 02:00 to 03:00 does not exist, 2026-10-25 02:00 to 03:00 is there twice.
#[test]
fn days_when_the_clocks_change() {
    let local = |text: &str| {
        format!("${{time.parse('{text}', '%Y-%m-%d %H:%M', 'Europe/Berlin').inZone('Europe/Berlin')}}")
    };
    check(local("2026-03-29 01:59"), "2026-03-29T01:59:00.000+01:00");
    check(local("2026-03-29 02:30"), "2026-03-29T03:30:00.000+02:00");
    check(local("2026-10-25 02:30"), "2026-10-25T02:30:00.000+02:00");
    check(local("2026-10-25 03:00"), "2026-10-25T03:00:00.000+01:00");
    let day = |at: &str, zone: &str| {
        format!(
            "${{[timestamp('{at}').startOf('day', '{zone}'), timestamp('{at}').endOf('day', '{zone}')].map(t, timestamp(t).inZone('{zone}'))}}"
        )
    };
    check(
        day("2026-03-29T12:00:00Z", "Europe/Berlin"),
        json!(["2026-03-29T00:00:00.000+01:00", "2026-03-29T23:59:59.999+02:00"]),
    );
    // Clocks that change at midnight: the day starts at one.
    check(
        day("2018-11-04T12:00:00Z", "America/Sao_Paulo"),
        json!(["2018-11-04T01:00:00.000-02:00", "2018-11-04T23:59:59.999-02:00"]),
    );
    check(
        "${timestamp('2026-03-28T23:00:00Z').until('2026-03-29T22:00:00Z', 'day', 'Europe/Berlin')} ${timestamp('2026-03-28T23:00:00Z').until('2026-03-29T22:00:00Z', 'hour', 'Europe/Berlin')}",
        "1 23",
    );
    check(
        "${timestamp('2026-10-25T00:30:00Z').startOf('hour', 'Europe/Berlin')} ${timestamp('2026-10-25T01:30:00Z').startOf('hour', 'Europe/Berlin')}",
        "2026-10-25T00:00:00.000Z 2026-10-25T01:00:00.000Z",
    );
    check(
        "${timestamp('2026-01-01T00:10:00Z').startOf('hour', 'Asia/Kathmandu')}",
        "2025-12-31T23:15:00.000Z",
    );
}

#[test]
fn units_of_the_calendar() {
    let units = ["second", "minute", "hour", "day", "week", "month", "quarter", "year"];
    let starts = [
        "2026-11-21T19:13:12.000Z",
        "2026-11-21T19:13:00.000Z",
        "2026-11-21T19:00:00.000Z",
        "2026-11-21T00:00:00.000Z",
        "2026-11-16T00:00:00.000Z",
        "2026-11-01T00:00:00.000Z",
        "2026-10-01T00:00:00.000Z",
        "2026-01-01T00:00:00.000Z",
    ];
    for (unit, start) in units.into_iter().zip(starts) {
        let at = "timestamp('2026-11-21T19:13:12.345Z')";
        check(format!("${{{at}.startOf('{unit}')}}"), start);
        // The millisecond after the end is the start of the next, which is one unit away.
        let next = format!("({at}.endOf('{unit}') + duration('1ms'))");
        check(format!("${{{next}.startOf('{unit}') == {next}}}"), true);
        check(format!("${{{at}.startOf('{unit}').until({next}, '{unit}')}}"), 1);
        check(format!("${{{next}.until({at}.startOf('{unit}'), '{unit}')}}"), -1);
    }
    check(
        "${timestamp('2021-01-03T00:00:00Z').isoWeek()} ${timestamp('2024-12-30T00:00:00Z').isoWeek()}",
        "2020-W53 2025-W01",
    );
    check(
        "${timestamp('2026-11-22T00:00:00Z').isoWeekday()} ${timestamp('2026-11-22T00:00:00Z').getDayOfWeek()}",
        "7 0",
    );
    check("${timestamp('2024-02-29T00:00:00Z').plus('P1Y')}", "2025-02-28T00:00:00.000Z");
    check("${timestamp('2026-01-31T00:00:00Z').until('2026-02-28T00:00:00Z', 'month')}", 0);
    refused(
        "${timestamp('9999-12-01T00:00:00Z').plus('P1Y')}",
        "`t.plus(span[, zone])`: the time is outside of the years 1 to 9999",
    );
    refused(
        "${timestamp(0).plus('1 fortnight')}",
        "`t.plus(span[, zone])`: \"1 fortnight\" is no length of time; it is written: P1M, 2h, 1mo 2d",
    );
}

#[test]
fn formats_and_zones() {
    check("${time.parse('1774740600', '%s')}", "2026-03-28T23:30:00.000Z");
    check(
        "${time.parse('21/Nov/2026:19:13:12 +0100', '%d/%b/%Y:%H:%M:%S %z', 'Asia/Tokyo')}",
        "2026-11-21T18:13:12.000Z",
    );
    check(
        "${timestamp(0).inZone('+05:30')} ${timestamp(0).inZone('UTC')}",
        "1970-01-01T05:30:00.000+05:30 1970-01-01T00:00:00.000+00:00",
    );
    check(
        "${time.fromRfc2822('Thu, 1 Jan 1970 00:00:00 GMT')} ${timestamp(0).rfc2822()}",
        "1970-01-01T00:00:00.000Z Thu, 01 Jan 1970 00:00:00 +0000",
    );
    for format in ["%Y-%m-%dT%H:%M:%S%:z", "%d.%m.%Y %H:%M:%S %z", "%s"] {
        let round = format!("time.parse(timestamp(1774740600).format('{format}', 'Asia/Tokyo'), '{format}')");
        check(format!("${{{round}.epochSeconds()}}"), 1_774_740_600);
    }
    refused(
        "${time.parse(event.title, '%Y')}",
        "`time.parse(s, format[, zone])`: \"Crash on start\" is not written as %Y",
    );
    refused(
        "${time.parse('Mon 2026-11-21', '%a %Y-%m-%d')}",
        "`time.parse(s, format[, zone])`: \"Mon 2026-11-21\" is not written as %a %Y-%m-%d",
    );
    refused(
        "${timestamp(0).inZone(event.title)}",
        "`t.inZone(zone)`: there is no time zone \"Crash on start\"; it is written as in the IANA database: Europe/Berlin",
    );
    refused("${timestamp(0).inZone('+99:99')}", "`t.inZone(zone)`: \"+99:99\" is no offset");
}
