//! Telephone numbers, mail addresses and identifiers.

use super::{check, refused};

#[test]
fn telephone_numbers() {
    for (written, country, normal) in [
        ("030 1234567", "DE", "+49301234567"),
        ("0049 30 1234567", "DE", "+49301234567"),
        ("tel:+49-30-1234567", "US", "+49301234567"),
        ("06 1234 5678", "IT", "+390612345678"),
        ("+39 06 1234 5678", "DE", "+390612345678"),
        ("1 415 555 2671", "US", "+14155552671"),
        ("011 44 20 7946 0958", "US", "+442079460958"),
        ("020 7946 0958", "GB", "+442079460958"),
        ("8 (495) 123-45-67", "RU", "+74951234567"),
        ("06 1 234 5678", "HU", "+3612345678"),
        ("0412 345 678", "AU", "+61412345678"),
        ("+49 (0)30 1234567", "US", "+49301234567"),
        ("+39 (0)6 1234 5678", "US", "+390612345678"),
        ("55 1234 5678", "MX", "+525512345678"),
        ("+1 (868) 555\u{2013}0100", "GB", "+18685550100"),
    ] {
        check(format!("${{phone.normalize('{written}', '{country}')}}"), normal);
        check(format!("${{phone.normalize('{normal}')}}"), normal);
    }
    for (written, why) in [
        ("+999 123456", "it starts with no calling code"),
        ("+49 30", "it has 4 digits with its calling code, not 7 to 15"),
        ("+49 1234567890123456", "it has 18 digits with its calling code, not 7 to 15"),
        ("030-CALL", "it has other characters than digits and + - . / ( )"),
        ("+49 30 1234567 ext 2", "it has other characters than digits and + - . / ( )"),
        ("+1 115 555 2671", "after +1 there are 10 digits, the first not 0 or 1"),
        ("", "it has 2 digits with its calling code, not 7 to 15"),
    ] {
        refused(
            format!("${{phone.normalize('{written}', 'DE')}}"),
            &format!("`phone.normalize(s[, country])`: \"{written}\" is no telephone number: {why}"),
        );
    }
}

#[test]
fn mail_addresses() {
    for (written, normal) in [
        ("ADA@Example.COM", "ADA@example.com"),
        ("a.b+c@x.org ", "a.b+c@x.org"),
        ("\"a b\"@x.org", "\"a b\"@x.org"),
        ("\"a@b\"@x.org", "\"a@b\"@x.org"),
        ("jörg@straße.example", "jörg@xn--strae-oqa.example"),
        ("a@localhost", "a@localhost"),
    ] {
        check(format!("${{email.normalize('{written}')}}"), normal);
        check(format!("${{email.normalize(email.normalize('{written}'))}}"), normal);
    }
    for none in [
        "",
        "a",
        "@x.org",
        "a@",
        "a..b@x.org",
        ".a@x.org",
        "a.@x.org",
        "a b@x.org",
        "a@x y.org",
        "a@-x.org",
        "a@x..org",
        "a@[127.0.0.1]",
        "a,b@x.org",
        "\"a\"b@x.org",
        "a@x_y.org",
    ] {
        check(format!("${{email.isValid('{none}')}}"), false);
    }
    check(format!("${{email.isValid('{}@x.org')}}", "a".repeat(64)), true);
    check(format!("${{email.isValid('{}@x.org')}}", "a".repeat(65)), false);
    check("${email.withoutTag('a+b+c@x.org')} ${email.withoutTag('+a@x.org')}", "a@x.org +a@x.org");
}

#[test]
fn identifiers_are_the_known_ones() {
    // RFC 9562, A.4; FIPS 180 test vectors.
    check("${uuid.v5('dns', 'www.example.com')}", "2ed6657d-e927-568b-95e1-2665a8aea6a2");
    check(
        "${uuid.v5('6ba7b810-9dad-11d1-80b4-00c04fd430c8', 'www.example.com')}",
        "2ed6657d-e927-568b-95e1-2665a8aea6a2",
    );
    check("${hash.sha256('abc')}", "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
    check("${hash.sha1('abc')}", "a9993e364706816aba3e25717850c26c9cd0d89d");
    check("${stableId({'a': 1, 'b': [true, null]}) == stableId({'b': [true, null], 'a': 1})}", true);
    check(
        "${stableId('a') == stableId(['a'])} ${stableId(['a', 'b']) == stableId(['ab'])} ${stableId(['1']) == stableId([1])}",
        "false false false",
    );
}
