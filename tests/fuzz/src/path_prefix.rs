//! Path prefixes: under a rule's prefix, no reading of an allowed path leads out of it.
//!
//! Input: two lines, the prefix of the rule and the path that is asked for.

use wharf_model::egress::{Rule, Target};

use crate::{
    first_line,
    urls::{Parts, percent_decode, readings},
};

/// One input.
///
/// # Panics
/// When the product is wrong about it.
pub fn run(data: &[u8]) {
    let Some((prefix, path)) = first_line(data) else { return };
    let Ok(path) = std::str::from_utf8(path) else { return };
    let Ok(rule) = Rule::parse_place(&format!("https://a.test{prefix}")) else { return };
    let Ok(target) = Target::parse(&format!("https://a.test{path}")) else { return };
    // A prefix is canonical before it is compared; this is the one place that asks the product for it.
    let Ok(canonical) = Target::parse(&format!("https://a.test{prefix}")) else { return };
    if target.origin() != canonical.origin() || !rule.has_origin(&target) {
        // The prefix or the path was more of the host.
        return;
    }
    assert!(rule.has_path(&canonical), "{prefix:?} does not hold itself");
    let Some(parts) = Parts::of(target.url().as_str()) else { panic!("{path:?} is not canonical") };
    let prefix = canonical.path();
    let allowed = rule.has_path(&target);
    if prefix == "/" {
        assert!(allowed, "{path:?} is not under /");
        return;
    }
    if allowed {
        for reading in readings(parts.path) {
            let held = holders(prefix).any(|prefix| under(&prefix, &reading));
            assert!(
                held,
                "{path:?} may be read as {:?}, out of {prefix:?}",
                String::from_utf8_lossy(&reading)
            );
        }
    } else {
        let plain =
            |text: &str| text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"/-_".contains(&byte));
        let inside = plain(prefix) && plain(parts.path) && under(prefix.as_bytes(), parts.path.as_bytes());
        assert!(!inside, "{path:?} is not under {prefix:?}");
    }
}

/// A server that decodes a path decodes what it compares it with.
fn holders(prefix: &str) -> impl Iterator<Item = Vec<u8>> {
    let once = percent_decode(prefix.as_bytes());
    let twice = percent_decode(&once);
    let all = [prefix.as_bytes().to_vec(), once, twice];
    let cut: Vec<Vec<u8>> = all.iter().map(|prefix| without_parameters(prefix)).collect();
    all.into_iter().chain(cut)
}

fn without_parameters(path: &[u8]) -> Vec<u8> {
    let mut out = Vec::new();
    for (at, segment) in path.split(|byte| *byte == b'/').enumerate() {
        if at > 0 {
            out.push(b'/');
        }
        out.extend(segment.iter().take_while(|byte| **byte != b';'));
    }
    out
}

fn under(prefix: &[u8], path: &[u8]) -> bool {
    path.starts_with(prefix)
        && (prefix.ends_with(b"/") || matches!(path.get(prefix.len()), None | Some(b'/')))
}
