//! Every spelling of a secret, whole and in part, against innocent neighbours.

use std::borrow::Cow;

use base64::{Engine as _, engine::general_purpose::STANDARD};

use super::Redactor;

const SECRET: &str = "sk_live_S3NT1NEL_7f3a9c2e41d0b688";

fn redactor() -> Redactor {
    Redactor::new([SECRET.as_bytes(), b"p\"w/+=\n\xc3\xa9 x9", "κλειδί-🔑".as_bytes(), b"short"])
}

/// A small generator with a fixed seed (splitmix64).
struct Random(u64);

impl Random {
    fn next(&mut self, below: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        usize::try_from((z ^ (z >> 31)) % below as u64).unwrap()
    }
}

fn percent(text: &str, escaped: impl Fn(usize) -> bool, upper: bool) -> String {
    let byte = |(at, byte): (usize, u8)| match (escaped(at), upper) {
        (true, true) => format!("%{byte:02X}"),
        (true, false) => format!("%{byte:02x}"),
        (false, _) => char::from(byte).to_string(),
    };
    text.bytes().enumerate().map(byte).collect()
}

fn json(text: &str, escaped: impl Fn(usize) -> bool) -> String {
    let character = |(at, character): (usize, char)| {
        let mut units = [0; 2];
        let escape = |unit: &u16| format!("\\u{unit:04x}");
        if escaped(at) {
            character.encode_utf16(&mut units).iter().map(escape).collect()
        } else {
            character.to_string()
        }
    };
    text.chars().enumerate().map(character).collect()
}

#[test]
fn se_07_any_mixture_of_escapes() {
    let redactor = redactor();
    let mut random = Random(7);
    for round in 0..2_000 {
        let pattern: Vec<bool> = (0..64).map(|_| random.next(3) == 0).collect();
        let (before, after) = (random.next(200), random.next(200));
        let escaped = |at: usize| pattern[at % 64];
        let spelled = match round % 4 {
            0 => percent(SECRET, escaped, true),
            1 => percent(SECRET, escaped, false),
            2 => json(SECRET, escaped),
            _ => json("κλειδί-🔑", escaped),
        };
        // Marks that are no escapes, and escapes of something else, stand around it.
        let noise = ["%", "\\", "%zz", "\\q", "%20", "\\n", "\\u00e9", "x", " ", "\"", "%\\"];
        let mut around =
            |count: usize| (0..count).map(|_| noise[random.next(noise.len())]).collect::<String>();
        // A lone backslash right before would escape the secret's first character away.
        let text = format!("{} {spelled} {}", around(before), around(after));
        let clean = redactor.text(&text);
        assert!(clean.contains(" [redacted] "), "{text}");
        assert!(!redactor.finds(clean.as_bytes()), "{clean}");
        assert_eq!(clean.len(), text.len() - spelled.len() + "[redacted]".len(), "only that goes");
    }
}

#[test]
fn se_07_encodings_inside_of_escapes() {
    let redactor = redactor();
    let base64 = STANDARD.encode(format!("user:{SECRET}"));
    for text in [
        percent(&base64, |at| !base64.as_bytes()[at].is_ascii_alphanumeric(), true),
        percent(&base64, |_| true, false),
        json(&base64, |at| at % 2 == 0),
        base64.replace('/', "\\/"),
        hex::encode(SECRET).replace('6', "%36"),
        percent(&SECRET.chars().rev().collect::<String>(), |at| at == 4, true),
        "p%22w%2F%2B%3D%0A%C3%A9+x9".to_owned(),
        "p\\\"w\\/+=\\n\u{e9} x9".to_owned(),
    ] {
        assert!(redactor.finds(text.as_bytes()), "{text}");
        assert!(!redactor.finds(redactor.text(&text).as_bytes()), "{text}");
    }
}

#[test]
fn innocent_text_is_handed_on_as_it_is() {
    let redactor = redactor();
    let long = "-----BEGIN sk_live_ %20 \\u0041 \\\\ 100% \\".repeat(5_000);
    for text in [&SECRET[1..], &SECRET[..32], "short", "", "%", "\\", "\\u", "%5", "\\ud83d\\u0041", &long] {
        assert!(matches!(redactor.text(text), Cow::Borrowed(same) if same == text), "{text:.40}");
        assert!(!redactor.finds(text.as_bytes()));
    }
    assert!(!Redactor::new([b"seven77".as_slice()]).finds(b"seven77"), "the floor");
    assert!(Redactor::new([b"eight888".as_slice()]).finds(b"x eight888"), "the floor");
}

#[test]
fn a_secret_anywhere_in_long_text() {
    let redactor = redactor();
    let mut random = Random(11);
    for fill in ["lorem ipsum ", "%41", "\\u0041", "sk_live_S3NT1NEL_", "_7f3a9c2e41d0b688"] {
        let text = fill.repeat(6_000);
        for _ in 0..50 {
            // At a boundary of what fills, so that the filling's escapes stay whole.
            let at = random.next(6_000) * fill.len();
            let hidden =
                format!("{} {} {}", &text[..at], percent(SECRET, |at| at % 5 == 1, true), &text[at..]);
            let places = redactor.places(hidden.as_bytes());
            assert_eq!(places.len(), 1, "{fill}");
            assert_eq!(places[0].start, at + 1);
        }
    }
}

#[test]
fn many_secrets_and_long_ones() {
    let secrets: Vec<String> = (0..40).map(|n| format!("secret-number-{n:04}-{}", n * 7919)).collect();
    let redactor = Redactor::new(secrets.iter().map(String::as_bytes));
    for secret in &secrets {
        assert_eq!(redactor.text(&format!("a {secret} b")), "a [redacted] b");
        assert!(redactor.finds(STANDARD.encode(format!("xy{secret}")).as_bytes()));
    }
    let pem =
        format!("-----BEGIN PRIVATE KEY-----\n{}\n-----END PRIVATE KEY-----\n", "MIIEvQIBADANBg".repeat(120));
    let redactor = Redactor::new([pem.as_bytes()]);
    assert!(redactor.finds(serde_json::to_string(&pem).unwrap().as_bytes()));
    assert!(redactor.finds(percent(&pem, |_| true, true).as_bytes()));
    assert!(redactor.longest() >= 6 * pem.len());
}

#[test]
fn what_repeats_and_overlaps_goes_whole() {
    let redactor = Redactor::new([b"abababab".as_slice(), b"babababa-tail"]);
    assert_eq!(redactor.text("xabababab-y"), "x[redacted]-y");
    let long = "ab".repeat(5_000);
    let clean = redactor.text(&long).into_owned();
    assert!(!clean.contains("abababab"), "{clean:.200}");
    assert_eq!(redactor.text("abababababa-tail."), "[redacted].");
    assert_eq!(redactor.text("abababab babababa-tail"), "[redacted] [redacted]");
    // Secrets that end alike, and one inside of another.
    let alike = Redactor::new([b"one-XQZ9-end".as_slice(), b"two-XQZ9-end", b"XQZ9-end-and-on"]);
    for text in ["one-XQZ9-end", "two-XQZ9-end", "XQZ9-end-and-on", "two-XQZ9-end-and-on"] {
        assert_eq!(alike.text(text), "[redacted]");
    }
}

/// A mark for each, and nothing of it left over.
#[test]
fn se_07_a_spelling_goes_to_its_last_character() {
    let twice = redactor().text(&SECRET.repeat(2)).into_owned();
    assert_eq!(twice, "[redacted][redacted]");
    // At each alignment, whole groups of base64 and broken ones.
    for length in 8..14 {
        let secret = &SECRET[..length];
        let redactor = Redactor::new([secret.as_bytes()]);
        assert_eq!(redactor.longest(), length * 12 + 6);
        for before in ["", "x", "xy"] {
            if (before.len() + length) % 3 == 0 {
                let text = STANDARD.encode(format!("{before}{secret}"));
                let clean = redactor.text(&text).into_owned();
                assert!(clean.ends_with("[redacted]"), "{text} became {clean}");
            }
        }
    }
    // One escape, at the far end of the longest spelling.
    let hex = hex::encode(SECRET);
    let (first, last) = (hex.as_bytes()[0], hex.as_bytes()[hex.len() - 1]);
    for text in [format!("%{first:02x}{}", &hex[1..]), format!("{}%{last:02x}", &hex[..hex.len() - 1])] {
        assert_eq!(redactor().text(&format!("<{text}>")), "<[redacted]>");
    }
    // A secret need not end with a character, and what is escaped together goes together.
    let half = Redactor::new([b"secret-\xc3".as_slice()]);
    assert_eq!(half.text("a secret-\\u00e9 b"), "a [redacted] b");
    let control = "a\tb\rc\u{8}d\u{c}e\nf";
    let redactor = Redactor::new([control.as_bytes()]);
    assert!(redactor.finds(serde_json::to_string(control).unwrap().as_bytes()));
}

#[test]
fn what_is_learnt_later_is_found_by_clones() {
    let redactor = Redactor::default();
    let clone = redactor.clone();
    assert_eq!(clone.longest(), 0);
    for n in 0..6 {
        redactor.learn(format!("token-{n}-token").as_bytes());
        redactor.learn(format!("token-{n}-token").as_bytes());
    }
    assert!(clone.finds(b"token-5-token") && clone.finds(b"token-2-token"));
    assert!(!clone.finds(b"token-1-token"), "four are kept");
    redactor.learn(b"seven77");
    redactor.learn(b"eight888");
    assert!(!clone.finds(b"seven77") && clone.finds(b"eight888"), "the floor");
    // Each search tells its own places; together they are in order.
    let both = Redactor::new([b"given-given".as_slice()]);
    both.learn(b"learnt-learnt");
    assert_eq!(both.text("a learnt-learnt b given-given c"), "a [redacted] b [redacted] c");
}

#[test]
fn a_json_value_is_searched_text_by_text() {
    let redactor = Redactor::new([SECRET.as_bytes(), b"31415926".as_slice()]);
    let found = redactor.json(serde_json::json!({
        "a": ["b", null, true, 1.5, { SECRET: format!("<{SECRET}>") }],
        "n": 31_415_926,
        "harmless": { "n": 3_141_592 },
    }));
    let expected = serde_json::json!({
        "a": ["b", null, true, 1.5, { "[redacted]": "<[redacted]>" }],
        "n": "[redacted]",
        "harmless": { "n": 3_141_592 },
    });
    assert_eq!(found, expected);
}
