//! Whether rules allow all that another rule allows: the question at every upgrade.
//!
//! The answer errs towards *no*. A union of two path prefixes or ports never covers a wider rule;
//! then an operator is asked once more, and nothing is widened in silence.

use super::{
    path::under,
    rule::{HostRule, Place, Rule, Shape},
};
use crate::manifest::EgressRequest;

/// Whether `rules` allow everything that `wanted` allows.
#[must_use]
pub fn covers(rules: &[Rule], wanted: &Rule) -> bool {
    missing_methods(rules, wanted).is_empty()
}

/// What `wanted` allows and `rules` do not, each with only the methods that are missing.
#[must_use]
pub fn uncovered(rules: &[Rule], wanted: &[Rule]) -> Vec<EgressRequest> {
    wanted
        .iter()
        .map(|rule| EgressRequest { url: rule.written.clone(), methods: missing_methods(rules, rule) })
        .filter(|request| !request.methods.is_empty())
        .collect()
}

fn missing_methods(rules: &[Rule], wanted: &Rule) -> Vec<String> {
    let holders: Vec<&Rule> = rules.iter().filter(|rule| shape_covers(&rule.shape, &wanted.shape)).collect();
    let held = |method: &String| holders.iter().any(|rule| rule.methods.contains(method));
    wanted.methods.iter().filter(|method| !held(method)).cloned().collect()
}

fn shape_covers(wide: &Shape, narrow: &Shape) -> bool {
    match (wide, narrow) {
        (Shape::Anywhere, _) => true,
        (Shape::Place(_) | Shape::Open { .. }, Shape::Anywhere) => false,
        (Shape::Place(wide), Shape::Place(narrow)) => place_covers(wide, narrow),
        // `*.example.com` holds whatever a setting may put before `.example.com`.
        (Shape::Place(wide), Shape::Open { outline: Some(narrow), .. }) => {
            !matches!(wide.host, HostRule::Exact(_)) && place_covers(wide, narrow)
        }
        (Shape::Place(_), Shape::Open { outline: None, .. }) => false,
        (Shape::Open { head, path, .. }, Shape::Open { head: other, path: narrow, .. }) => {
            head == other && under(path, narrow)
        }
        // A setting may hold anything: it covers nothing that is written out.
        (Shape::Open { .. }, Shape::Place(_)) => false,
    }
}

fn place_covers(wide: &Place, narrow: &Place) -> bool {
    let host = match (&wide.host, &narrow.host) {
        (HostRule::Any, _) => true,
        (HostRule::Exact(_), HostRule::Any | HostRule::Below(_)) | (HostRule::Below(_), HostRule::Any) => {
            false
        }
        (HostRule::Exact(wide), HostRule::Exact(narrow)) => wide == narrow,
        (HostRule::Below(_), HostRule::Exact(narrow)) => wide.host.has(narrow),
        (HostRule::Below(domain), HostRule::Below(narrow)) => domain == narrow || wide.host.has(narrow),
    };
    host && wide.scheme == narrow.scheme && wide.port == narrow.port && under(&wide.path, &narrow.path)
}
