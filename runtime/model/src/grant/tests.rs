//! Manifest ∩ grant ∩ ceiling, in numbers.

use serde_json::{Value, json};

use super::{Grant, LimitOverrides, Limits, SCRATCH_CEILING};
use crate::manifest::Manifest;

#[test]
fn scratch_is_the_least_of_what_is_asked_granted_and_possible() {
    for (asked, granted, expected) in [
        (None, None, 0),
        (None, Some(10), 0),
        (Some(10), None, 0),
        (Some(10), Some(7), 7),
        (Some(7), Some(10), 7),
        (Some(u64::MAX), Some(u64::MAX), 1_073_741_824),
    ] {
        let mut manifest = json!({ "name": "p", "version": "1.0.0", "title": "P" });
        if let Some(asked) = asked {
            manifest["scratch"] = json!({ "max-bytes": asked });
        }
        let manifest: Manifest = serde_json::from_value(manifest).unwrap();
        let grant = Grant { scratch_max_bytes: granted, ..Grant::default() };
        assert_eq!(grant.scratch(&manifest), expected, "asked {asked:?}, granted {granted:?}");
    }
    assert_eq!(SCRATCH_CEILING, 1_073_741_824);
}

#[test]
fn a_secret_is_revealed_by_method_and_slot() {
    let grant = Grant { reveal: vec!["other/x".to_owned(), "bot/token".to_owned()], ..Grant::default() };
    for (method, slot, expected) in [
        ("bot", "token", true),
        ("other", "x", true),
        ("bot", "x", false),
        ("other", "token", false),
        ("bot", "", false),
        ("bot/token", "", false),
        ("", "bot/token", false),
    ] {
        assert_eq!(grant.reveals(method, slot), expected, "{method} {slot}");
        assert!(!Grant::default().reveals(method, slot));
    }
}

/// Each limit apart: below the ceiling the override counts, above it the ceiling, and the others stay.
#[test]
fn an_override_moves_one_limit_and_never_above_the_ceiling() {
    let ceiling = Limits::ceiling();
    let shown = |limits: &Limits| serde_json::to_value(limits).unwrap();
    let (defaults, most) = (shown(&Limits::default()), shown(&ceiling));
    let names: Vec<&String> = defaults.as_object().unwrap().keys().collect();
    for name in names {
        let of = |value: u64| -> Value {
            let overrides: LimitOverrides = serde_json::from_value(json!({ name.as_str(): value })).unwrap();
            assert!(!overrides.is_default(), "{name}");
            assert_eq!(serde_json::to_value(overrides).unwrap(), json!({ name.as_str(): value }));
            shown(&Limits::default().with(&overrides, &ceiling))
        };
        let mut expected = defaults.clone();
        expected[name] = json!(3);
        assert_eq!(of(3), expected, "{name}");
        expected[name] = most[name].clone();
        assert_eq!(of(most[name].as_u64().unwrap() + 1), expected, "{name}");
    }
    assert!(LimitOverrides::default().is_default());
    // A ceiling below the defaults holds for what nobody overrides, too.
    let low = Limits { fuel: 5, http_requests: 0, ..ceiling };
    let limits = Limits::default().with(&LimitOverrides::default(), &low);
    assert_eq!((limits.fuel, limits.http_requests, limits.handles), (5, 0, 1024));
}

#[test]
fn the_ceilings() {
    let mib = |count: u64| count * 1_048_576;
    let expected = Limits {
        fuel: 100_000_000_000,
        deadline_ms: 900_000,
        memory_bytes: mib(512),
        table_elements: 100_000,
        instances: 64,
        host_bytes_per_call: mib(256),
        host_bytes: mib(1024),
        handles: 65_536,
        http_requests: 10_000,
        http_in_flight: 64,
        http_request_bytes: mib(256),
        http_response_bytes: mib(256),
        log_bytes: mib(16),
        output_bytes: mib(16),
    };
    assert_eq!(Limits::ceiling(), expected);
}

#[test]
fn what_is_not_overridden_is_not_written() {
    let grant = serde_json::to_value(Grant::default()).unwrap();
    assert_eq!(grant, json!({ "egress": [] }));
    let limits = LimitOverrides { handles: Some(1), ..LimitOverrides::default() };
    let grant = serde_json::to_value(Grant { limits, ..Grant::default() }).unwrap();
    assert_eq!(grant, json!({ "egress": [], "limits": { "handles": 1 } }));
}
