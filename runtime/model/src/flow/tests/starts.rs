//! What starts a run, read from files without a problem.

use std::time::Duration;

use serde_json::json;

use super::{super::First, Flow, On, shown};
use crate::{
    schedule::{Missed, Schedule},
    time::Timestamp,
};

fn on(on: &str) -> On {
    let source = format!("flow: a\non: {on}\nsteps: [{{ id: x, map: 1 }}]\n");
    assert_eq!(shown(&source), "", "{source}");
    Flow::parse(&source).unwrap().on
}

#[test]
fn schedules() {
    for (written, shown, missed, jitter) in [
        ("{ every: 5m }", "every 5m", Missed::Once, 0),
        ("{ every: 1s, missed: skip, jitter: 30s }", "every 1s", Missed::Skip, 30),
        ("{ cron: \"30  2 * * MON-FRI\" }", "cron 30 2 * * MON-FRI UTC", Missed::Once, 0),
        (
            "{ cron: \"@daily\", zone: Europe/Berlin, gap: skip, fold: twice, missed: all }",
            "cron @daily Europe/Berlin",
            Missed::All,
            0,
        ),
        ("{ cron: 0 0 1 * *, zone: +05:30 }", "cron 0 0 1 * * +05:30", Missed::Once, 0),
    ] {
        let On::Schedule(binding) = on(written) else { panic!("{written}") };
        assert_eq!(binding.schedule.to_string(), shown);
        assert_eq!((binding.missed, binding.jitter), (missed, Duration::from_secs(jitter)), "{written}");
    }
    let On::Schedule(binding) = on("{ cron: 0 9 * * *, zone: Europe/Berlin }") else { panic!() };
    assert_eq!(
        binding.event(Timestamp::parse("2026-07-01T07:00:00Z").unwrap(), 2),
        json!({ "scheduled_at": "2026-07-01T07:00:00.000Z", "local_time": "2026-07-01T09:00:00+02:00", "zone": "Europe/Berlin", "missed": 2 })
    );
    assert!(matches!(binding.schedule, Schedule::Cron(_)));
}

#[test]
fn how_a_trigger_is_polled() {
    let since = Timestamp::parse("2026-11-01T00:00:00Z").unwrap();
    for (written, every, look_back, first) in [
        ("{}", None, 0, First::Now),
        ("{ every: 2m, slowest: 1h, look-back: 10m, first: all }", Some(120), 600, First::All),
        ("{ first: \"2026-11-01T00:00:00Z\" }", None, 0, First::Since(since)),
    ] {
        let On::Trigger(binding) = on(&format!("{{ trigger: github/issue-changed, poll: {written} }}"))
        else {
            panic!("{written}")
        };
        let poll = binding.poll.unwrap();
        assert_eq!(
            (poll.every, poll.look_back),
            (every.map(Duration::from_secs), Duration::from_secs(look_back))
        );
        assert_eq!(poll.first, first);
    }
    let On::Trigger(binding) = on("{ trigger: github/issue-changed }") else { panic!() };
    assert!(binding.poll.is_none());
}

#[test]
fn flows_and_people() {
    let On::Flow(binding) = on("{ flow: orders, status: any }") else { panic!() };
    assert_eq!((binding.flow.name.as_str(), binding.status.name()), ("orders", "any"));
    let On::Manual(binding) = on("{ manual: { type: object, required: [day] } }") else { panic!() };
    let (_, check) = binding.input.unwrap();
    assert!(check.check(&json!({ "day": 1 })).is_ok());
    assert!(check.check(&json!({})).is_err());
    let On::Manual(binding) = on("manual") else { panic!() };
    assert!(binding.input.is_none());
}
