//! The connector file: whatever opens can be sealed again to the same bytes, and opens to the same
//! manifest; nothing else happens to any other bytes than an error.
//!
//! Input: a connector file; or a component and a manifest, parted by eight FF bytes.

use wharf_package::{MAX_SECTION_BYTES, open, seal};

use crate::inert;

const BETWEEN: [u8; 8] = [0xff; 8];

/// One input.
///
/// # Panics
/// When the product is wrong about it.
pub fn run(data: &[u8]) {
    match open(data) {
        Ok(package) => {
            let manifest = serde_json::to_string(&package.manifest).expect("a manifest is JSON");
            sealed(data, &manifest, data);
        }
        Err(error) => inert(error),
    }
    let parted = data.windows(8).position(|window| *window == BETWEEN);
    if let Some(at) = parted
        && let Ok(manifest) = std::str::from_utf8(&data[at + 8..])
        && let Ok(file) = seal(&data[..at], manifest)
    {
        sealed(&file, manifest, &data[..at]);
    }
}

/// What was sealed opens, says what it was sealed with, and seals to itself.
fn sealed(file: &[u8], manifest: &str, component: &[u8]) {
    let package =
        open(file).unwrap_or_else(|error| panic!("what opened or was sealed does not open: {error}"));
    let expected = wharf_package::parse_manifest(manifest).expect("it was sealed");
    assert_eq!(package.manifest, expected);
    assert_eq!(package.size, file.len() as u64);
    let normal = serde_json::to_string(&expected).expect("a manifest is JSON");
    if normal.len() <= MAX_SECTION_BYTES {
        let again = seal(file, &normal).unwrap_or_else(|error| panic!("it does not seal again: {error}"));
        let once = seal(component, &normal).unwrap_or_else(|error| panic!("it does not seal again: {error}"));
        assert_eq!(again, once, "sealing twice is not sealing once");
        assert_eq!(open(&again).map(|again| again.manifest).ok(), Some(expected));
    }
}
