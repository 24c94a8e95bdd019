//! The manifest's reader: what is read means the same when it is written and read again, what is
//! accepted the gate can use, an upgrade that asks for more says so, and nothing of it can move a
//! cursor on a person's terminal.
//!
//! Input: the text of a manifest.

use wharf_gate::Authority;
use wharf_model::{
    egress::{Rule, Target},
    grant::Grant,
    manifest::{Manifest, Slot},
};
use wharf_package::{CONTRACT, check_manifest, diff, parse_manifest, permissions};

use crate::inert;

/// One input.
///
/// # Panics
/// When the product is wrong about it.
pub fn run(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    let manifest = match parse_manifest(text) {
        Ok(manifest) => manifest,
        Err(error) => return inert(error),
    };
    let written = serde_json::to_string(&manifest).expect("a manifest is JSON");
    let again = parse_manifest(&written).unwrap_or_else(|error| panic!("{error}: {written}"));
    assert_eq!(again, manifest, "{written}");
    assert_eq!(serde_json::to_string(&again).expect("a manifest is JSON"), written);

    permissions(&manifest).iter().for_each(inert);
    assert!(diff(&manifest, &again).changes.is_empty(), "{written}");
    check_upgrades(&manifest);
    let (package, version) = CONTRACT.split_once('@').expect("the contract has a version");
    let exports: Vec<String> =
        crate::INTERFACES.iter().map(|name| format!("{package}/{name}@{version}")).collect();
    match check_manifest(&manifest, &exports) {
        Ok(()) => {
            let grant = Grant { egress: manifest.egress.clone(), ..Grant::default() };
            if let Err(error) = Authority::new(&manifest.name, &manifest, &grant, None, None) {
                panic!("it passes the checks, and the gate cannot use it: {error}: {written}");
            }
        }
        Err(problems) => {
            assert!((1..=50).contains(&problems.len()), "{problems:?}");
            problems.iter().for_each(inert);
        }
    }
}

/// From a version that asks for less, this one widens; back again, nothing does.
fn check_upgrades(manifest: &Manifest) {
    let store = manifest.store.as_ref().is_some_and(|store| store.max_bytes > 0);
    let scratch = manifest.scratch.as_ref().is_some_and(|scratch| scratch.max_bytes > 0);
    let without: [(bool, fn(&mut Manifest)); 6] = [
        (!manifest.egress.is_empty(), |less| less.egress.clear()),
        (!manifest.auth.is_empty(), |less| less.auth.clear()),
        (store, |less| less.store = None),
        (scratch, |less| less.scratch = None),
        (manifest.auth.values().any(|method| method.slots.values().any(|slot| slot.hmac)), |less| {
            each_slot(less, |slot| slot.hmac = false);
        }),
        (
            manifest.auth.values().any(|method| method.slots.values().any(|slot| slot.reveal.is_some())),
            |less| {
                each_slot(less, |slot| slot.reveal = None);
            },
        ),
    ];
    for (asks, take) in without.iter().filter(|(asks, _)| *asks) {
        let mut less = manifest.clone();
        take(&mut less);
        assert_eq!(diff(&less, manifest).widens(), *asks, "{less:?} to {manifest:?}");
        assert!(!diff(manifest, &less).widens(), "{manifest:?} to {less:?}");
    }
    // One address or method less; it widens unless what is left allows the call all the same.
    for at in 0..manifest.egress.len().min(8) {
        let mut less = manifest.clone();
        let gone = less.egress.remove(at);
        if Rule::parse(&gone).is_err() {
            continue;
        }
        let left: Vec<Rule> = less.egress.iter().filter_map(|request| Rule::parse(request).ok()).collect();
        let Ok(target) = Target::parse(&gone.url.replace('*', "any")) else { continue };
        let lost = gone.methods.iter().any(|method| !left.iter().any(|rule| rule.allows(method, &target)));
        assert!(!lost || diff(&less, manifest).widens(), "{gone:?} is asked for in silence");
    }
}

fn each_slot(manifest: &mut Manifest, change: fn(&mut Slot)) {
    manifest.auth.values_mut().flat_map(|method| method.slots.values_mut()).for_each(change);
}
