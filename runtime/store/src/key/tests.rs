//! Master keys: which are refused, and the file they lie in.

use std::os::unix::fs::PermissionsExt;

use super::{MasterKey, MasterKeyError};

const GOOD: &str = "00112233445566778899aabbccddeeff0f1e2d3c4b5a69788796a5b4c3d2e1f0";

#[track_caller]
fn check(text: &str, expected: &Result<(), MasterKeyError>) {
    assert_eq!(&MasterKey::from_hex(text).map(drop), expected, "{text:?}");
}

#[test]
fn se_13_refuses_what_is_no_key() {
    check(GOOD, &Ok(()));
    check(&format!("  {GOOD}\n"), &Ok(()));
    check(&GOOD.to_uppercase(), &Ok(()));
    check("", &Err(MasterKeyError::Form(0)));
    check("0011223344556677", &Err(MasterKeyError::Form(16)));
    check(&GOOD.replace('f', "g"), &Err(MasterKeyError::Form(64)));
    check(&format!("{GOOD}00"), &Err(MasterKeyError::Form(66)));
    check(&"é".repeat(64), &Err(MasterKeyError::Form(64)));
    // All zero, one byte repeated, 8 bytes repeated, words.
    check(&"0".repeat(64), &Err(MasterKeyError::Weak));
    check(&"ab".repeat(32), &Err(MasterKeyError::Weak));
    check(&"00112233445566ff".repeat(4), &Err(MasterKeyError::Weak));
    check(&hex::encode("passwordpasswordpasswordpassword"), &Err(MasterKeyError::Weak));
    check(&hex::encode("Correct-Horse-Battery-Staple-123"), &Err(MasterKeyError::Weak));
    check(&hex::encode((0..32).collect::<Vec<u8>>()), &Err(MasterKeyError::Weak));
    check(&"0123456789abcdef".repeat(4), &Err(MasterKeyError::Weak));
}

#[test]
fn makes_its_file_once_and_reads_it_again() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("keys/master.key");
    let first = MasterKey::load_or_create(&path).unwrap();
    let again = MasterKey::load_or_create(&path).unwrap();
    assert_eq!(first.derive("a"), again.derive("a"));
    assert_ne!(first.derive("a"), first.derive("b"));
    assert_eq!(path.metadata().unwrap().permissions().mode() & 0o777, 0o600);
    assert_eq!(std::fs::read_dir(path.parent().unwrap()).unwrap().count(), 1, "nothing is left beside it");
}

#[test]
fn refuses_a_file_that_others_can_read() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("master.key");
    std::fs::write(&path, GOOD).unwrap();
    std::fs::set_permissions(&path, PermissionsExt::from_mode(0o640)).unwrap();
    let expected = MasterKeyError::Permissions { path: path.clone(), mode: 0o640 };
    assert_eq!(MasterKey::load_or_create(&path).map(drop), Err(expected));
}

#[test]
fn never_replaces_a_file_that_holds_no_key() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("master.key");
    std::fs::write(&path, "").unwrap();
    std::fs::set_permissions(&path, PermissionsExt::from_mode(0o600)).unwrap();
    assert_eq!(MasterKey::load_or_create(&path).map(drop), Err(MasterKeyError::Form(0)));
    assert_eq!(std::fs::read(&path).unwrap(), b"");
}

#[test]
fn says_nothing_of_itself() {
    assert_eq!(format!("{:?}", MasterKey::from_hex(GOOD).unwrap()), "MasterKey(..)");
}
