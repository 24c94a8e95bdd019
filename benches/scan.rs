//! What it costs to search for secrets: bytes a second, for text of several kinds.
//!
//! Clean text is what counts: every request and response is searched. Text full of escapes is decoded
//! around each of them, and is the worst there is without a secret in it.

use divan::{Bencher, counter::BytesCount};
use wharf_gate::Redactor;

fn main() {
    divan::main();
}

const MIB: usize = 1 << 20;

/// A bearer token and a webhook secret: what most connections hold.
fn redactor() -> Redactor {
    Redactor::new([
        b"sk_live_S3NT1NEL_7f3a9c2e41d0b688".as_slice(),
        b"whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw",
    ])
}

/// A MiB of `piece`.
fn text(piece: &str) -> String {
    let mut text = piece.repeat(MIB / piece.len() + 1);
    text.truncate(MIB);
    text
}

/// As an API answers.
const JSON: &str = r#"{"id":"ch_3MmlLrLkdIwHu7ix0snN0B15","object":"charge","amount":1099,"captured":true,"description":"a line of text about it","created":1679090539},"#;

#[divan::bench(args = ["json", "prose", "base64", "hex", "escapes"])]
fn clean_mib(bencher: Bencher<'_, '_>, kind: &str) {
    let text = text(match kind {
        "json" => JSON,
        "prose" => "It was the best of times, it was the worst of times, it was the age of wisdom. ",
        "base64" => "TG9yZW0gaXBzdW0gZG9sb3Igc2l0IGFtZXQsIGNvbnNlY3RldHVyIGFkaXBpc2NpbmcgZWxpdCwg",
        "hex" => "736b5f6c6976655f0a1b2c3d4e5f60718293a4b5c6d7e8f901",
        _ => r"line\n\u00e9t\u00e9 100%25 \/path\/ ",
    });
    let redactor = redactor();
    bencher.counter(BytesCount::new(MIB)).bench_local(|| redactor.finds(divan::black_box(text.as_bytes())));
}

/// An API's answer of one KiB, which is what most calls carry.
#[divan::bench]
fn clean_kib(bencher: Bencher<'_, '_>) {
    let text = &text(JSON)[..1024];
    let redactor = redactor();
    bencher
        .counter(BytesCount::new(1024_usize))
        .bench_local(|| redactor.finds(divan::black_box(text.as_bytes())));
}

/// One secret in the middle, taken out.
#[divan::bench]
fn one_secret_mib(bencher: Bencher<'_, '_>) {
    let mut text = text(JSON);
    text.insert_str(MIB / 2, "sk_live_S3NT1NEL_7f3a9c2e41d0b688");
    let redactor = redactor();
    bencher.counter(BytesCount::new(MIB)).bench_local(|| redactor.text(divan::black_box(&text)).len());
}
