//! The certificate authorities of a grant, as a person names them: a file to trust, a fingerprint to
//! trust no more. Only certificates leave the file; a private key beside them stays where it is.

use wharf_gate::CertificateAuthority;

use crate::{
    exit::{Exit, Fault},
    input,
};

/// Digits of a fingerprint that are enough to name one.
const DIGITS: usize = 12;

/// Takes `gone` out of `roots` and puts `new` in; what is there already stays once.
pub(crate) fn change(roots: &mut Vec<String>, new: &[String], gone: &[String]) -> Result<(), Fault> {
    for fingerprint in gone {
        let wanted = digits(fingerprint)?;
        let before = roots.len();
        roots.retain(|pem| !held(pem).iter().any(|known| known.starts_with(&wanted)));
        if roots.len() == before {
            let known: Vec<String> = roots.iter().flat_map(|pem| held(pem)).collect();
            let known = if known.is_empty() { "none".to_owned() } else { known.join(", ") };
            let message = format!("no certificate authority {fingerprint} is trusted; trusted: {known}");
            return Err(Fault::new(Exit::NotFound, "not-granted", message));
        }
    }
    for given in new {
        if !given.starts_with('@') && given != "-" {
            return Err(Fault::usage("--root takes a file: @ca.pem, or - for stdin"));
        }
        let read = CertificateAuthority::read(&input::text(given)?);
        let read = read
            .map_err(|error| Fault::new(Exit::Invalid, "invalid-root", format!("--root {given}: {error}")))?;
        for root in read {
            if !roots.contains(&root.pem) {
                roots.push(root.pem);
            }
        }
    }
    Ok(())
}

/// Hexadecimal digits of the authorities in a text of a grant.
fn held(pem: &str) -> Vec<String> {
    let read = CertificateAuthority::read(pem).unwrap_or_default();
    read.iter().map(|root| root.fingerprint.to_hex()).collect()
}

/// `sha256:9F2C…` and `9F:2C:…` as digits.
fn digits(fingerprint: &str) -> Result<String, Fault> {
    let bare = fingerprint.strip_prefix("sha256:").unwrap_or(fingerprint);
    let digits = bare.trim_end_matches('…').replace(':', "").to_ascii_lowercase();
    if digits.len() < DIGITS || !digits.bytes().all(|byte| byte.is_ascii_hexdigit()) {
        return Err(Fault::usage(format!(
            "--no-root takes a fingerprint, at least {DIGITS} digits of it, such as sha256:9f2c41d7a0b3; \
             `wharf connector permissions NAME` shows them"
        )));
    }
    Ok(digits)
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::change;

    /// A fixture of the gate: a CA by itself, and a server's certificate with its private key.
    fn fixture(name: &str) -> String {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../gate/src/tests/fixtures").join(name);
        format!("@{}", path.display())
    }

    #[track_caller]
    fn check(before: &[String], new: &[String], gone: &[&str], expected: Result<usize, &str>) -> Vec<String> {
        let mut roots = before.to_vec();
        let gone: Vec<String> = gone.iter().map(|&gone| gone.to_owned()).collect();
        match (change(&mut roots, new, &gone), expected) {
            (Ok(()), Ok(count)) => assert_eq!(roots.len(), count, "{roots:?}"),
            (Err(fault), Err(part)) => assert!(fault.message.contains(part), "{}", fault.message),
            (found, expected) => panic!("{:?} is not {expected:?}", found.map_err(|fault| fault.message)),
        }
        roots
    }

    #[test]
    fn authorities_come_by_file_and_go_by_fingerprint() {
        let (ca, pair) = (fixture("other-ca.pem"), fixture("other.pem"));
        let roots = check(&[], &[ca.clone(), ca.clone()], &[], Ok(1));
        let fingerprint = super::held(&roots[0]).remove(0);
        let colons: Vec<&str> =
            fingerprint.as_bytes().chunks(2).map(|two| str::from_utf8(two).unwrap()).collect();
        let (whole, colons) = (format!("sha256:{fingerprint}"), colons.join(":").to_uppercase());
        for name in [&whole, &colons, &fingerprint[..12]] {
            check(&roots, &[], &[name], Ok(0));
        }
        for (name, says) in [
            ("sha256:000000000000", "is trusted; trusted: "),
            (&fingerprint[..11], "at least 12 digits"),
            ("", "at least 12 digits"),
            ("sha256:zzzzzzzzzzzzzz", "at least 12 digits"),
        ] {
            check(&roots, &[], &[name], Err(says));
        }
        let text = check(&[], &[pair], &[], Ok(1)).concat();
        assert!(!text.contains("PRIVATE"), "a key beside the certificate was taken along");
        for (given, says) in [
            ("ca.pem".to_owned(), "@ca.pem"),
            ("@/nonexistent.pem".to_owned(), "cannot read"),
            (fixture("../transport.rs"), "no certificate in it"),
        ] {
            check(&[], &[given], &[], Err(says));
        }
    }
}
