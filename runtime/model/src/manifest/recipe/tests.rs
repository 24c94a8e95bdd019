//! Templates of recipes, good and bad.

use super::{Context, Template};

#[track_caller]
fn check(text: &str, context: Context, expected: &str) {
    let found = match Template::parse(text, context) {
        Ok(template) => format!("{:?}", template.pieces),
        Err(error) => error.to_string(),
    };
    assert!(found.contains(expected), "expected {expected} in {found}");
}

#[test]
fn what_a_template_may_hold() {
    use Context::{Claim, Field, Name, SignatureField, Signed};
    for (text, context, expected) in [
        ("", Field, "[]"),
        ("Token {slot.api-key}!", Field, r#"[Text("Token "), Value(Slot("api-key")), Text("!")]"#),
        ("{{slot.x}}", Field, r#"[Text("{slot.x}")]"#),
        ("{{{slot.x}}}", Field, r#"[Text("{"), Value(Slot("x")), Text("}")]"#),
        ("{connection.region}", Name, r#"Setting("region")"#),
        ("{signature}", SignatureField, "Signature"),
        ("{body.sha512.base64url}", Signed, "BodyDigest(Sha512, Base64url)"),
        ("{header.X-Date}", Signed, r#"Header("x-date")"#),
        ("{time.unix-ms}", Claim, "Time(UnixMs)"),
        ("{signature}", Signed, "cannot stand here"),
        ("{signature}", Field, "cannot stand here"),
        ("{path}", Field, "cannot stand here"),
        ("{body}", Claim, "cannot stand here"),
        ("{time.unix}", Name, "cannot stand here"),
        ("{slot.}", Field, "no value"),
        ("{slot.a b}", Field, "no value"),
        ("{slot}", Field, "no value"),
        ("{body.md5.hex}", Signed, "no value"),
        ("{secrets.x}", Field, "no value"),
        ("{slot.x", Field, "without its partner"),
        ("a}b", Field, "without its partner"),
    ] {
        check(text, context, expected);
    }
    check(&"x".repeat(4097), Field, "4,096");
}
