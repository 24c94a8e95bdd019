//! What a version would change, and the grant that would go with it. Pure.
//!
//! The measure is the version that was in use last, not the grant: what an operator took away stays
//! away when the next version asks for it as before, and what a grant happens to allow is not
//! thereby asked for.

use wharf_model::{
    digest::Digest,
    egress::{self, Rule},
    grant::Grant,
    manifest::{EgressRequest, Manifest},
};
use wharf_package::{Direction, PermissionChange};

/// What a version would change.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Change {
    /// In the order of the manifest, in plain words.
    pub(super) lines: Vec<PermissionChange>,
    /// The grant with what is asked for anew.
    pub(super) grant: Grant,
    /// What is asked for anew reaches every public host.
    pub(super) any_host: bool,
}

impl Change {
    /// What `new` changes against `baseline`, the version that was in use last.
    pub(super) fn of(new: &Manifest, baseline: Option<&Manifest>, granted: &Grant) -> Self {
        let nothing;
        let baseline = match baseline {
            Some(baseline) => baseline,
            None => {
                nothing = asks_nothing(new);
                &nothing
            }
        };
        let anew = egress::uncovered(&rules(&baseline.egress), &rules(&new.egress));
        let missing = egress::uncovered(&rules(&granted.egress), &rules(&anew));
        let mut grant = granted.clone();
        let any_host = missing.iter().any(is_any_host);
        grant.egress.extend(missing);
        let bytes = |manifest: &Manifest| manifest.store.as_ref().map_or(0, |store| store.max_bytes);
        if bytes(new) > bytes(baseline) {
            grant.store_max_bytes = Some(grant.store_max_bytes.unwrap_or(0).max(bytes(new)));
        }
        let scratch = |manifest: &Manifest| manifest.scratch.as_ref().map_or(0, |scratch| scratch.max_bytes);
        if scratch(new) > scratch(baseline) {
            grant.scratch_max_bytes = Some(grant.scratch_max_bytes.unwrap_or(0).max(scratch(new)));
        }
        Self { lines: wharf_package::diff(baseline, new).changes, grant, any_host }
    }

    /// Whether a person must be asked.
    pub(super) fn widens(&self) -> bool {
        self.lines.iter().any(|line| line.direction == Direction::Widens)
    }

    /// The lines that a person must be asked about.
    pub(super) fn wider(&self) -> Vec<String> {
        let wider = self.lines.iter().filter(|line| line.direction == Direction::Widens);
        wider.map(|line| line.line.clone()).collect()
    }
}

/// Names what was shown to whoever approves: the bytes, what they are measured against, and the grant
/// that they add to. Any of them changed, what was shown is not what would happen.
pub(super) fn review(digest: Digest, baseline: Option<Digest>, grant_version: u64) -> String {
    let baseline = baseline.map(|digest| digest.to_string()).unwrap_or_default();
    Digest::of(format!("{digest} {baseline} {grant_version}").as_bytes()).to_hex().chars().take(16).collect()
}

/// Checked rules; what does not parse was refused when it came in and allows nothing.
fn rules(requests: &[EgressRequest]) -> Vec<Rule> {
    requests.iter().filter_map(|request| Rule::parse(request).ok()).collect()
}

/// `*`, or any host under a scheme.
pub(super) fn is_any_host(request: &EgressRequest) -> bool {
    let rest = request.url.split_once("://").map_or(request.url.as_str(), |(_, rest)| rest);
    rest.split(['/', ':']).next() == Some("*")
}

fn asks_nothing(manifest: &Manifest) -> Manifest {
    Manifest {
        egress: Vec::new(),
        store: None,
        scratch: None,
        auth: Default::default(),
        actions: Default::default(),
        triggers: Default::default(),
        ..manifest.clone()
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;
    use wharf_model::{grant::Grant, manifest::Manifest};

    use super::{Change, is_any_host, review};

    fn manifest(urls: &[&str], bytes: u64) -> Manifest {
        let egress: Vec<_> = urls.iter().map(|url| json!({ "url": url, "methods": ["GET"] })).collect();
        let mut manifest = json!({ "name": "c", "version": "1.0.0", "title": "C", "egress": egress });
        if bytes > 0 {
            manifest["store"] = json!({ "max-bytes": bytes });
        }
        serde_json::from_value(manifest).unwrap()
    }

    fn grant(urls: &[&str], bytes: Option<u64>) -> Grant {
        Grant { egress: manifest(urls, 0).egress, store_max_bytes: bytes, ..Grant::default() }
    }

    #[track_caller]
    fn check(new: &Manifest, baseline: Option<&Manifest>, granted: &Grant, expected: (&Grant, usize)) {
        let change = Change::of(new, baseline, granted);
        assert_eq!((&change.grant, change.wider().len()), expected, "{change:?}");
        assert_eq!(change.widens(), expected.1 > 0);
    }

    #[test]
    fn only_what_is_asked_for_anew_is_granted() {
        let (x, y) = ("https://x.test/", "https://y.test/");
        check(&manifest(&[x], 9), None, &Grant::default(), (&grant(&[x], Some(9)), 2));
        // An operator took `y` away: the next version, which asks for it as before, does not bring it back.
        let both = manifest(&[x, y], 0);
        check(&both, Some(&both), &grant(&[x], None), (&grant(&[x], None), 0));
        let third = manifest(&[x, y, "https://z.test/"], 0);
        check(&third, Some(&both), &grant(&[x], None), (&grant(&[x, "https://z.test/"], None), 1));
        // A grant of everything does not ask for everything.
        check(&third, Some(&both), &grant(&["*"], None), (&grant(&["*"], None), 1));
        check(&manifest(&[x], 0), Some(&both), &grant(&[x, y], None), (&grant(&[x, y], None), 0));
        check(
            &manifest(&[x], 9),
            Some(&manifest(&[x], 9)),
            &grant(&[x], Some(1)),
            (&grant(&[x], Some(1)), 0),
        );
    }

    #[test]
    fn sc_11_any_host_is_known_in_every_spelling() {
        for (url, expected) in [
            ("*", true),
            ("https://*/", true),
            ("https://*:8443/x/", true),
            ("https://*.example.com/", false),
            ("https://x.test/*/", false),
        ] {
            let request = wharf_model::manifest::EgressRequest { url: url.to_owned(), methods: Vec::new() };
            assert_eq!(is_any_host(&request), expected, "{url}");
        }
        assert!(Change::of(&manifest(&["*"], 0), None, &Grant::default()).any_host);
        assert!(!Change::of(&manifest(&["*"], 0), None, &grant(&["*"], None)).any_host);
    }

    #[test]
    fn a_review_names_all_that_was_shown() {
        let digest = |text: &str| wharf_model::digest::Digest::of(text.as_bytes());
        let shown = review(digest("a"), Some(digest("b")), 3);
        assert_eq!(shown, review(digest("a"), Some(digest("b")), 3));
        for other in [
            review(digest("c"), Some(digest("b")), 3),
            review(digest("a"), None, 3),
            review(digest("a"), Some(digest("b")), 4),
        ] {
            assert_ne!(shown, other);
        }
    }
}
