//! The spellings of a secret that can be written down.

use std::collections::BTreeSet;

use base64::{
    Engine as _,
    engine::general_purpose::{STANDARD_NO_PAD, URL_SAFE_NO_PAD},
};

/// Raw, reversed, hexadecimal and base64; and with `+` for a space, as forms have it.
pub(super) fn spellings(secret: &[u8], out: &mut BTreeSet<Vec<u8>>) {
    out.insert(secret.to_vec());
    out.insert(secret.iter().rev().copied().collect());
    let hex = hex::encode(secret);
    out.insert(hex.to_ascii_uppercase().into_bytes());
    out.insert(hex.into_bytes());
    base64_spellings(secret, out);
    if secret.contains(&b' ') {
        out.insert(secret.iter().map(|byte| if *byte == b' ' { b'+' } else { *byte }).collect());
    }
}

/// A secret inside longer base64 starts at one of three alignments; the characters that also carry
/// bits of a neighbour are left out of the pattern.
fn base64_spellings(secret: &[u8], out: &mut BTreeSet<Vec<u8>>) {
    for (offset, touched) in [(0, 0), (1, 2), (2, 3)] {
        let mut padded = vec![0; offset];
        padded.extend_from_slice(secret);
        for engine in [&STANDARD_NO_PAD, &URL_SAFE_NO_PAD] {
            let text = engine.encode(&padded);
            let end = text.len() - usize::from(padded.len() % 3 != 0);
            out.extend(text.as_bytes().get(touched..end).map(<[u8]>::to_vec));
        }
    }
}
