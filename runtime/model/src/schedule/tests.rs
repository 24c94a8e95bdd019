//! Schedules at the changes of clocks, and what is made up for.

use std::time::Duration;

use super::{Cron, Fold, Gap, InvalidCron, MAX_CATCH_UP, Missed, Schedule};
use crate::time::Timestamp;

fn at(text: &str) -> Timestamp {
    Timestamp::parse(text).unwrap_or_else(|| panic!("{text}"))
}

fn cron(pattern: &str, zone: &str, gap: Gap, fold: Fold) -> Schedule {
    Schedule::Cron(Box::new(Cron::new(pattern, zone, gap, fold).unwrap()))
}

/// The fires after a time, in the zone's own time, from the day on: `29T03:00+02`.
#[track_caller]
fn check(schedule: &Schedule, after: &str, expected: &[&str]) {
    let fires = schedule.upcoming(at(after), expected.len());
    let shown: Vec<String> = fires.iter().map(|at| schedule.local(*at).replace(":00+", "+")).collect();
    assert_eq!(shown, expected, "{schedule} after {after}");
    for pair in fires.windows(2) {
        assert!(pair[0] < pair[1], "{schedule}: {pair:?}");
    }
}

/// Spring in Berlin: 2026-03-29, 02:00 is 03:00.
#[test]
fn fe_12_times_that_do_not_exist() {
    let spring = "2026-03-28T12:00:00Z";
    let daily = |gap| cron("30 2 * * *", "Europe/Berlin", gap, Fold::Once);
    check(
        &daily(Gap::Forward),
        spring,
        &["2026-03-29T03:00+02:00", "2026-03-30T02:30+02:00", "2026-03-31T02:30+02:00"],
    );
    check(&daily(Gap::Skip), spring, &["2026-03-30T02:30+02:00", "2026-03-31T02:30+02:00"]);
    let quarters = |gap| cron("*/30 1-3 * * *", "Europe/Berlin", gap, Fold::Once);
    for gap in [Gap::Forward, Gap::Skip] {
        // Several times of the gap are one instant, and one that there is anyway.
        check(
            &quarters(gap),
            "2026-03-29T00:10:00Z",
            &[
                "2026-03-29T01:30+01:00",
                "2026-03-29T03:00+02:00",
                "2026-03-29T03:30+02:00",
                "2026-03-30T01:00+02:00",
            ],
        );
    }
    // Lord Howe's clocks go forward by half an hour, Samoa's once went by a day.
    check(
        &cron("15 2 * * *", "Australia/Lord_Howe", Gap::Forward, Fold::Once),
        "2026-10-03T00:00:00Z",
        &["2026-10-04T02:30+11:00", "2026-10-05T02:15+11:00"],
    );
    check(
        &cron("0 9 * * *", "Pacific/Apia", Gap::Skip, Fold::Once),
        "2011-12-28T20:00:00Z",
        &["2011-12-29T09:00:00-10:00", "2011-12-31T09:00+14:00"],
    );
}

/// Autumn in Berlin: 2026-10-25, 03:00 is 02:00 again.
#[test]
fn fe_12_times_that_come_twice() {
    let daily = |fold| cron("30 2 * * *", "Europe/Berlin", Gap::Forward, fold);
    check(&daily(Fold::Once), "2026-10-24T12:00:00Z", &["2026-10-25T02:30+02:00", "2026-10-26T02:30+01:00"]);
    check(
        &daily(Fold::Twice),
        "2026-10-24T12:00:00Z",
        &["2026-10-25T02:30+02:00", "2026-10-25T02:30+01:00", "2026-10-26T02:30+01:00"],
    );
    // From within either pass.
    check(&daily(Fold::Once), "2026-10-25T01:10:00Z", &["2026-10-26T02:30+01:00"]);
    check(&daily(Fold::Twice), "2026-10-25T01:10:00Z", &["2026-10-25T02:30+01:00", "2026-10-26T02:30+01:00"]);
    check(
        &cron("*/30 * * * *", "Europe/Berlin", Gap::Forward, Fold::Twice),
        "2026-10-25T00:00:00Z",
        &[
            "2026-10-25T02:30+02:00",
            "2026-10-25T02:00+01:00",
            "2026-10-25T02:30+01:00",
            "2026-10-25T03:00+01:00",
        ],
    );
    check(
        &cron("*/30 * * * *", "Europe/Berlin", Gap::Forward, Fold::Once),
        "2026-10-25T00:00:00Z",
        &["2026-10-25T02:30+02:00", "2026-10-25T03:00+01:00", "2026-10-25T03:30+01:00"],
    );
}

/// Two years of every hour: whatever the zone and policy, a search from any fire finds the next, none is
/// found twice, and `once` is a part of `twice`.
#[test]
fn every_fire_is_found_from_every_other() {
    for zone in ["Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "Africa/Casablanca", "UTC"] {
        let all = |fold| {
            let schedule = cron("*/20 0-4 * * *", zone, Gap::Forward, fold);
            schedule.upcoming(at("2026-01-01T00:00:00Z"), 10_000)
        };
        let (once, twice) = (all(Fold::Once), all(Fold::Twice));
        for fires in [&once, &twice] {
            assert!(fires.windows(2).all(|pair| pair[0] < pair[1]), "{zone}");
        }
        let last = once[once.len() - 1].min(twice[twice.len() - 1]);
        assert!(
            once.iter().filter(|fire| **fire <= last).all(|fire| twice.binary_search(fire).is_ok()),
            "{zone}"
        );
        let schedule = cron("*/20 0-4 * * *", zone, Gap::Forward, Fold::Twice);
        for pair in twice.windows(2).step_by(7) {
            for from in [pair[0].0, pair[0].0 + 1, pair[1].0 - 1] {
                assert_eq!(schedule.next_after(Timestamp(from)), Some(pair[1]), "{zone} {pair:?}");
            }
        }
    }
}

#[test]
fn patterns_that_are_none() {
    let long = "1,".repeat(200);
    for (pattern, zone, expected) in [
        (
            "* * * *",
            "UTC",
            "not a cron pattern: it has 4 fields, and there are five: minute, hour, day of the month, month, day of the week",
        ),
        (
            "* * * * * *",
            "UTC",
            "not a cron pattern: it has 6 fields, and there are five: minute, hour, day of the month, month, day of the week",
        ),
        ("60 * * * *", "UTC", "not a cron pattern: number out of bounds"),
        ("*/0 * * * *", "UTC", "not a cron pattern: step cannot be zero"),
        ("0 22-2 * * *", "UTC", "not a cron pattern: range out of bounds"),
        (
            "@reboot",
            "UTC",
            "not a cron pattern: `@reboot` is none of @hourly, @daily, @weekly, @monthly, @yearly",
        ),
        (long.as_str(), "UTC", "not a cron pattern: it is longer than 200 bytes"),
        ("0 0 30 2 *", "UTC", "this cron pattern never fires: there is no such day"),
        (
            "0 0 * * *",
            "Europe/Berln",
            "there is no time zone `Europe/Berln`; it is written as in the IANA database: Europe/Berlin",
        ),
    ] {
        let error = Cron::new(pattern, zone, Gap::Forward, Fold::Once).unwrap_err();
        assert_eq!(error.to_string().replace('"', "`"), expected, "{pattern}");
    }
    assert!(matches!(Cron::new("", "UTC", Gap::Skip, Fold::Once), Err(InvalidCron::Pattern(_))));
    // Leap days that are Mondays come every 28 years.
    check(
        &cron("0 0 29 2 +MON", "UTC", Gap::Forward, Fold::Once),
        "2026-01-01T00:00:00Z",
        &["2044-02-29T00:00+00:00"],
    );
}

/// A next fire, a clock, and what is made under each policy.
#[track_caller]
fn due(schedule: &Schedule, next: &str, now: &str, expected: [(Missed, usize, u64); 3]) {
    for (policy, made, missed) in expected {
        let due = schedule.due(at(next), at(now), policy);
        assert_eq!((due.fires.len(), due.missed), (made, missed), "{schedule} {policy:?} at {now}: {due:?}");
        assert!(due.fires.iter().all(|fire| *fire >= at(next) && *fire <= at(now)), "{due:?}");
        assert!(due.next.unwrap() > at(now));
    }
}

#[test]
fn fe_12_what_was_missed_is_made_up_for_as_declared() {
    use Missed::{All, Once, Skip};
    let minutes = cron("* * * * *", "Europe/Berlin", Gap::Forward, Fold::Once);
    let every = Schedule::Every(Duration::from_secs(60));
    for schedule in [&minutes, &every] {
        // On time.
        due(
            schedule,
            "2026-11-22T10:00:00Z",
            "2026-11-22T10:00:00.020Z",
            [(Skip, 1, 0), (Once, 1, 0), (All, 1, 0)],
        );
        // Ten minutes away.
        due(
            schedule,
            "2026-11-22T10:00:00Z",
            "2026-11-22T10:09:30Z",
            [(Skip, 1, 9), (Once, 1, 9), (All, 10, 0)],
        );
        // The clock is a day ahead: no burst.
        due(
            schedule,
            "2026-11-22T10:00:00Z",
            "2026-11-23T10:00:30Z",
            [(Skip, 1, 999), (Once, 1, 999), (All, MAX_CATCH_UP, 900)],
        );
        // The clock was put back: what was made is not made again.
        let back = schedule.due(at("2026-11-22T10:00:00Z"), at("2026-11-22T09:00:00Z"), All);
        assert_eq!((back.fires.len(), back.next), (0, Some(at("2026-11-22T10:00:00Z"))));
    }
    let daily = cron("0 9 * * *", "Europe/Berlin", Gap::Forward, Fold::Once);
    due(&daily, "2026-11-10T08:00:00Z", "2026-11-22T10:00:00Z", [(Skip, 0, 13), (Once, 1, 12), (All, 13, 0)]);
    let due_now = daily.due(at("2025-11-10T08:00:00Z"), at("2026-11-22T10:00:00Z"), Once);
    assert_eq!(due_now.fires, [at("2026-11-22T08:00:00Z")]);
}

/// The parser is not ours: whatever it is given, it answers, and what it takes fires or is refused.
#[test]
fn no_pattern_makes_the_parser_panic() {
    let pieces = [
        "*",
        "*/7",
        "1-5",
        "3,11",
        "5",
        "59",
        "L",
        "W",
        "1W",
        "#",
        "MON#2",
        "+",
        "?",
        "-",
        "/",
        "MON",
        "FEB",
        "é",
        "\u{0}",
        "99999999999",
    ];
    let mut seed = 1_u64;
    let mut draw = |most: usize| {
        seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        usize::try_from(seed >> 33).unwrap() % most
    };
    let mut fired = 0;
    for _ in 0..2_000 {
        let fields: Vec<String> = (0..5)
            .map(|_| match draw(8) {
                0 => (0..=draw(3)).map(|_| pieces[draw(pieces.len())]).collect(),
                1..4 => pieces[draw(pieces.len())].to_owned(),
                _ => "*".to_owned(),
            })
            .collect();
        let Ok(cron) = Cron::new(&fields.join(" "), "Europe/Berlin", Gap::Forward, Fold::Twice) else {
            continue;
        };
        let next = cron.next_after(at("2026-10-25T00:00:00Z"));
        assert!(next.is_some_and(|next| next > at("2026-10-25T00:00:00Z")), "{fields:?}");
        fired += 1;
    }
    assert!(fired > 200, "{fired} of them are patterns");
}
