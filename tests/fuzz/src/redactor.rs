//! The leak scan: a secret in any of the promised spellings is found wherever it stands, nothing of it
//! is left, and text without it is left alone.
//!
//! Input: the number of bytes of the secret, the spelling, how much of the noise stands before the
//! secret; then the secret; then the noise.

use std::{
    fmt::Write as _,
    pin::pin,
    task::{Context, Poll, Waker},
};

use base64::{
    Engine as _,
    engine::general_purpose::{STANDARD, STANDARD_NO_PAD, URL_SAFE, URL_SAFE_NO_PAD},
};
use bytes::Bytes;
use futures_util::stream::iter;
use wharf_gate::Redactor;
use wharf_model::http::Body;

use crate::urls::percent_decode;

/// What is put in the place of a secret.
const MARK: &[u8] = b"[redacted]";

/// Secrets of fewer bytes are not looked for.
const SHORTEST: usize = 8;

/// One input.
///
/// # Panics
/// When the product is wrong about it.
pub fn run(data: &[u8]) {
    let [length, spelling, split, rest @ ..] = data else { return };
    let length = SHORTEST + usize::from(*length) % 57;
    let Some((secret, noise)) = rest.split_at_checked(length) else { return };
    let (before, after) = noise.split_at(usize::from(*split).min(noise.len()));
    let redactor = Redactor::new([secret]);

    if let Some(spelled) = spell(secret, *spelling, before) {
        let hidden = [before, &spelled, after].concat();
        in_pieces(&redactor, &hidden, usize::from(*split) % 40 + 1);
        // A `\` or `%` right before takes the first character into an escape of its own.
        let swallowed = !stands_in(&hidden, secret);
        assert!(!swallowed || before.contains(&b'\\') || before.contains(&b'%'), "the oracle is blind");
        assert!(swallowed || redactor.finds(&hidden), "{spelled:?} of {secret:?} is not found");
        let clean = redactor.bytes(&hidden);
        assert!(!is_left(&clean, secret), "{secret:?} is left in {clean:?}");
        if let Ok(text) = std::str::from_utf8(&hidden) {
            let clean = redactor.text(text);
            assert!(!is_left(clean.as_bytes(), secret), "{secret:?} is left in {clean:?}");
        }
    }
    in_pieces(&redactor, noise, usize::from(*split) % 40 + 1);
    if !stands_in(noise, secret) {
        assert!(!redactor.finds(noise), "{secret:?} is said to stand in {noise:?}");
        assert_eq!(redactor.bytes(noise), noise);
    }
}

/// Wherever a stream is cut, what comes out of it is what comes out of the whole.
fn in_pieces(redactor: &Redactor, bytes: &[u8], size: usize) {
    let pieces: Vec<_> = bytes.chunks(size).map(|piece| Ok(Bytes::copy_from_slice(piece))).collect();
    let clean = Body::Pieces(redactor.pieces(Box::pin(iter(pieces))));
    let mut whole = pin!(clean.whole());
    // Every piece is there: the first poll is the last.
    let Poll::Ready(clean) = whole.as_mut().poll(&mut Context::from_waker(Waker::noop())) else {
        panic!("the stream waits for nothing");
    };
    assert_eq!(clean.ok().as_deref(), Some(&*redactor.bytes(bytes)), "in pieces of {size}: {bytes:?}");
}

/// The secret as it may come back; `before` decides about its alignment in base64.
fn spell(secret: &[u8], spelling: u8, before: &[u8]) -> Option<Vec<u8>> {
    let text = std::str::from_utf8(secret).ok();
    let hex = hex::encode(secret);
    Some(match spelling % 17 {
        0 => secret.to_vec(),
        1 => secret.iter().rev().copied().collect(),
        2 => hex.into_bytes(),
        3 => hex.to_ascii_uppercase().into_bytes(),
        4 => STANDARD.encode(secret).into_bytes(),
        5 => URL_SAFE.encode(secret).into_bytes(),
        6 => STANDARD_NO_PAD.encode(secret).into_bytes(),
        7 => URL_SAFE_NO_PAD.encode(secret).into_bytes(),
        // In the middle of something longer, at each alignment.
        8 | 9 => {
            let lead = &before[..before.len().min(usize::from(spelling / 16 % 3))];
            let whole = [lead, secret, b"}"].concat();
            if spelling % 2 == 0 { STANDARD.encode(whole) } else { URL_SAFE.encode(whole) }.into_bytes()
        }
        10 => secret
            .iter()
            .fold(String::new(), |mut all, byte| {
                let _ = write!(all, "%{byte:02X}");
                all
            })
            .into_bytes(),
        11 => secret
            .iter()
            .fold(String::new(), |mut all, byte| {
                let _ = write!(all, "%{byte:02x}");
                all
            })
            .into_bytes(),
        // RFC 3986, section 2.3: what is unreserved is left.
        12 => secret
            .iter()
            .fold(String::new(), |mut all, byte| {
                if byte.is_ascii_alphanumeric() || b"-._~".contains(byte) {
                    all.push(char::from(*byte));
                } else {
                    let _ = write!(all, "%{byte:02X}");
                }
                all
            })
            .into_bytes(),
        13 => {
            let quoted = serde_json::to_string(text?).ok()?;
            quoted.strip_prefix('"')?.strip_suffix('"')?.as_bytes().to_vec()
        }
        14 => text?.encode_utf16().map(|unit| format!("\\u{unit:04x}")).collect::<String>().into_bytes(),
        15 => text?.encode_utf16().map(|unit| format!("\\u{unit:04X}")).collect::<String>().into_bytes(),
        // As forms have it.
        _ => secret
            .iter()
            .fold(String::new(), |mut all, byte| {
                match byte {
                    b' ' => all.push('+'),
                    byte if byte.is_ascii_alphanumeric() || b"*-._".contains(byte) => {
                        all.push(char::from(*byte));
                    }
                    byte => {
                        let _ = write!(all, "%{byte:02X}");
                    }
                }
                all
            })
            .into_bytes(),
    })
}

/// Whether the secret stands beside the marks; with a mark in it, it is not what was there before.
fn is_left(clean: &[u8], secret: &[u8]) -> bool {
    let mut rest = clean;
    while let Some(at) = rest.windows(MARK.len()).position(|window| window == MARK) {
        if stands_in(&rest[..at], secret) {
            return true;
        }
        rest = &rest[at + MARK.len()..];
    }
    stands_in(rest, secret)
}

/// Whether the secret stands in the bytes, in any spelling, by decoding them.
fn stands_in(bytes: &[u8], secret: &[u8]) -> bool {
    let reversed: Vec<u8> = secret.iter().rev().copied().collect();
    let form: Vec<u8> = secret.iter().map(|byte| if *byte == b' ' { b'+' } else { *byte }).collect();
    let holds = |bytes: &[u8], wanted: &[u8]| bytes.windows(wanted.len()).any(|window| window == wanted);
    let hex = hex::encode(secret);
    let upper = hex.to_ascii_uppercase();
    let spelled = [secret, &form, &reversed, hex.as_bytes(), upper.as_bytes()];
    [bytes, &percent_decode(bytes), &json_decode(bytes)]
        .iter()
        .any(|read| spelled.iter().any(|spelled| holds(read, spelled)) || in_base64(read, secret))
}

/// Backslash escapes of RFC 8259 made characters again, wherever they stand.
fn json_decode(bytes: &[u8]) -> Vec<u8> {
    let mut out = Vec::new();
    let mut at = 0;
    let unit = |at: usize| {
        let digits = std::str::from_utf8(bytes.get(at..at + 6)?.strip_prefix(b"\\u")?).ok()?;
        // The standard library would take a sign.
        u16::from_str_radix(digits, 16).ok().filter(|_| !digits.starts_with('+'))
    };
    while let Some(byte) = bytes.get(at) {
        // Half a pair is no character (RFC 8259, section 8.2): what a reader makes of it is its own affair.
        let character = unit(at).and_then(|first| {
            let pair = [first, unit(at + 6).unwrap_or_default()];
            char::decode_utf16(pair).next().and_then(Result::ok)
        });
        if let Some(character) = character {
            out.extend_from_slice(character.encode_utf8(&mut [0; 4]).as_bytes());
            at += if character.len_utf16() == 2 { 12 } else { 6 };
            continue;
        }
        let escape = if *byte == b'\\' { bytes.get(at + 1) } else { None };
        let (decoded, length) = match escape {
            Some(b'n') => (b'\n', 2),
            Some(b't') => (b'\t', 2),
            Some(b'r') => (b'\r', 2),
            Some(b'b') => (8, 2),
            Some(b'f') => (12, 2),
            Some(other @ (b'"' | b'\\' | b'/')) => (*other, 2),
            _ => (*byte, 1),
        };
        out.push(decoded);
        at += length;
    }
    out
}

/// All but the first and last sextet of the secret's base64, at each of the three alignments, in
/// either alphabet: those two mix with what stands beside it. A mixture of the alphabets is none.
fn in_base64(bytes: &[u8], secret: &[u8]) -> bool {
    (0..3).any(|lead| {
        let whole = [&vec![0; lead], secret].concat();
        let first = [0, 2, 3][lead];
        [STANDARD_NO_PAD.encode(&whole), URL_SAFE_NO_PAD.encode(&whole)].iter().any(|text| {
            let last = text.len() - usize::from(whole.len() % 3 != 0);
            bytes.windows(last - first).any(|window| window == &text.as_bytes()[first..last])
        })
    })
}
