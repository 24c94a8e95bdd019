//! WH-01 to WH-05 and WH-08 of the security cases, with published vectors.

use http::{HeaderMap, HeaderName, HeaderValue};
use wharf_model::{manifest::Verification, time::Timestamp};

use super::{BASE64, Evidence, Forgery, Verified, is_delivery_id, mac, verify};
use base64::Engine as _;
use hmac::Mac as _;

const OK_HMAC: Result<Verified, Forgery> = Ok(Verified { scheme: "hmac-sha256", signed_id: None });

fn headers(pairs: &[(&str, &str)]) -> HeaderMap {
    pairs
        .iter()
        .map(|(name, value)| {
            let name: HeaderName = name.parse().unwrap();
            (name, HeaderValue::from_bytes(value.as_bytes()).unwrap())
        })
        .collect()
}

/// GitHub's own example, from its page on validating deliveries.
mod github {
    use super::*;

    const SECRET: &str = "It's a Secret to Everybody";
    const BODY: &str = "Hello, World!";
    const SIGNATURE: &str = "sha256=757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17";

    #[track_caller]
    fn check(pairs: &[(&str, &str)], secret: &str, body: &str, expected: &Result<Verified, Forgery>) {
        let scheme = Verification::HmacSha256 {
            header: "x-hub-signature-256".to_owned(),
            prefix: "sha256=".to_owned(),
            slot: "webhook-secret".to_owned(),
        };
        let headers = headers(pairs);
        let evidence = Evidence { headers: &headers, body: body.as_bytes(), now: Timestamp(0) };
        assert_eq!(&verify(&scheme, Some(secret.as_bytes()), evidence), expected, "{pairs:?} {body}");
    }

    #[test]
    fn the_documented_example_holds() {
        check(&[("x-hub-signature-256", SIGNATURE)], SECRET, BODY, &OK_HMAC);
        // Hexadecimal digits have two cases.
        let upper = format!("sha256={}", SIGNATURE[7..].to_uppercase());
        check(&[("X-Hub-Signature-256", &upper)], SECRET, BODY, &OK_HMAC);
    }

    #[test]
    fn nothing_else_does() {
        let one = [("x-hub-signature-256", SIGNATURE)];
        check(&one, SECRET, "Hello, World! ", &Err(Forgery::Mismatch));
        check(&one, SECRET, "hello, World!", &Err(Forgery::Mismatch));
        check(&one, "another", BODY, &Err(Forgery::Mismatch));
        check(&one, "", BODY, &Err(Forgery::NoSecret));
        check(&[], SECRET, BODY, &Err(Forgery::Missing));
        check(&[one[0], one[0]], SECRET, BODY, &Err(Forgery::Repeated));
        for value in [
            "",
            "sha256=",
            &SIGNATURE[7..],
            &SIGNATURE[..70],
            &format!("{SIGNATURE}0"),
            &format!("{SIGNATURE}00"),
            &format!(" {SIGNATURE}"),
            &format!("{SIGNATURE},{SIGNATURE}"),
            &SIGNATURE.replace("sha256", "sha1"),
            "sha256=é",
        ] {
            check(&[("x-hub-signature-256", value)], SECRET, BODY, &Err(Forgery::Malformed));
        }
    }

    #[test]
    fn one_flipped_bit_is_enough() {
        for index in 0..64 {
            let mut bytes = SIGNATURE.as_bytes().to_vec();
            let digit = &mut bytes[7 + index];
            *digit = if *digit == b'0' { b'1' } else { b'0' };
            let forged = String::from_utf8(bytes).unwrap();
            check(&[("x-hub-signature-256", &forged)], SECRET, BODY, &Err(Forgery::Mismatch));
        }
    }
}

/// The reference vector of the Standard Webhooks specification and its libraries.
mod standard {
    use super::*;

    const SECRET: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
    const ID: &str = "msg_p5jXN8AQM9LWM0D4loKWxJek";
    const TIME: u64 = 1_614_265_330;
    const BODY: &str = r#"{"test": 2432232314}"#;
    const SIGNATURE: &str = "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=";

    struct Case {
        id: String,
        time: String,
        signature: String,
        body: String,
        secret: String,
        now: u64,
    }

    fn vector() -> Case {
        Case {
            id: ID.to_owned(),
            time: TIME.to_string(),
            signature: SIGNATURE.to_owned(),
            body: BODY.to_owned(),
            secret: SECRET.to_owned(),
            now: TIME,
        }
    }

    fn run(case: &Case) -> Result<(), Forgery> {
        let headers = headers(&[
            ("webhook-id", &case.id),
            ("webhook-timestamp", &case.time),
            ("webhook-signature", &case.signature),
        ]);
        judge(&headers, case)
    }

    fn judge(headers: &HeaderMap, case: &Case) -> Result<(), Forgery> {
        let scheme = Verification::StandardWebhooks { slot: "secret".to_owned() };
        let evidence = Evidence { headers, body: case.body.as_bytes(), now: Timestamp(case.now * 1000) };
        verify(&scheme, Some(case.secret.as_bytes()), evidence).map(|verified| {
            assert_eq!(verified.signed_id.as_deref(), Some(case.id.as_str()));
        })
    }

    fn sign(secret: &str, time: u64) -> String {
        let key = BASE64.decode(secret.trim_start_matches("whsec_")).unwrap();
        let mut mac = mac(&key).unwrap();
        mac.update(format!("{ID}.{time}.{BODY}").as_bytes());
        format!("v1,{}", BASE64.encode(mac.finalize().into_bytes()))
    }

    #[test]
    fn the_vector_holds() {
        assert_eq!(run(&vector()), Ok(()));
        assert_eq!(run(&Case { secret: SECRET.replace("whsec_", ""), ..vector() }), Ok(()));
    }

    #[test]
    fn forgeries_do_not() {
        let cases = [
            (Case { id: "msg_p5jXN8AQM9LWM0D4loKWxJel".to_owned(), ..vector() }, Forgery::Mismatch),
            (Case { id: "a.b".to_owned(), ..vector() }, Forgery::Malformed),
            (Case { id: String::new(), ..vector() }, Forgery::Malformed),
            (Case { id: "x".repeat(129), ..vector() }, Forgery::Malformed),
            (Case { time: (TIME + 1).to_string(), ..vector() }, Forgery::Mismatch),
            (Case { time: format!("+{TIME}"), ..vector() }, Forgery::Malformed),
            (Case { time: format!("0{TIME}"), ..vector() }, Forgery::Mismatch),
            (Case { time: "soon".to_owned(), ..vector() }, Forgery::Malformed),
            (Case { time: "9".repeat(40), ..vector() }, Forgery::Malformed),
            (Case { time: u64::MAX.to_string(), ..vector() }, Forgery::Stale),
            // WH-04: the same JSON, written differently.
            (Case { body: BODY.replace(' ', ""), ..vector() }, Forgery::Mismatch),
            (Case { body: format!("{BODY}\n"), ..vector() }, Forgery::Mismatch),
            (Case { signature: SIGNATURE.replace("v1,g", "v1,h"), ..vector() }, Forgery::Mismatch),
            (Case { signature: SIGNATURE.replace("v1,", "v1a,"), ..vector() }, Forgery::Mismatch),
            (Case { signature: String::new(), ..vector() }, Forgery::Malformed),
            (Case { signature: "v1,".to_owned(), ..vector() }, Forgery::Mismatch),
            (Case { signature: format!("{SIGNATURE} ").repeat(17), ..vector() }, Forgery::Malformed),
            (Case { secret: "whsec_".to_owned(), ..vector() }, Forgery::NoSecret),
            (Case { secret: "not base64!".to_owned(), ..vector() }, Forgery::NoSecret),
        ];
        for (case, expected) in cases {
            assert_eq!(run(&case), Err(expected), "{} {} {}", case.id, case.time, case.signature);
        }
    }

    #[test]
    fn five_minutes_either_way() {
        for (shift, expected) in
            [(-301, Err(Forgery::Stale)), (-299, Ok(())), (299, Ok(())), (301, Err(Forgery::Stale))]
        {
            let now = TIME.checked_add_signed(shift).unwrap();
            assert_eq!(run(&Case { now, ..vector() }), expected, "{shift}");
        }
    }

    #[test]
    fn a_rotation_carries_both_signatures() {
        let (old, new) = ("whsec_b2xkIG9sZCBvbGQgb2xkIG9sZA==", SECRET);
        let both = format!("v9,xxx {} {}", sign(old, TIME), sign(new, TIME));
        assert_eq!(run(&Case { signature: both, ..vector() }), Ok(()));
        assert_eq!(run(&Case { signature: sign(old, TIME), ..vector() }), Err(Forgery::Mismatch));
    }

    #[test]
    fn each_header_exactly_once() {
        let whole =
            [("webhook-id", ID), ("webhook-timestamp", "1614265330"), ("webhook-signature", SIGNATURE)];
        for index in 0..whole.len() {
            let mut missing = whole.to_vec();
            missing.remove(index);
            assert_eq!(judge(&headers(&missing), &vector()), Err(Forgery::Missing));
            let mut twice = whole.to_vec();
            twice.push(whole[index]);
            assert_eq!(judge(&headers(&twice), &vector()), Err(Forgery::Repeated));
        }
    }
}

#[test]
fn ids_of_deliveries() {
    for (text, expected) in [
        ("72d3162e-cc78-11e3-81ab-4c9367dc0958", true),
        ("a", true),
        ("", false),
        ("a b", false),
        ("a/b", false),
        ("é", false),
    ] {
        assert_eq!(is_delivery_id(text), expected, "{text}");
    }
}
