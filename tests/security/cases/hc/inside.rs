//! Addresses inside, by literal, by name and by redirect.

use std::sync::Arc;

use super::{A, ANY, BELOW, BOTH, URL, under};
use crate::security::mock::{After, Reply, always, in_turn, redirect, reply};
use crate::security::play::cases;
use crate::security::play::{Case, Http};
use crate::security::probe::{all, each, get, signed};

cases! {
    // M really listens on loopback at `{m}`, so that what gets through gets there.
    hc_13_private_literals_in_every_spelling => under(ANY, all(
        [
            "http://2130706433:{m}/", "http://0x7f.1:{m}/", "http://0177.0.0.1:{m}/", "http://127.1:{m}/",
            "http://0:{m}/", "http://0x7f000001:{m}/", "http://017700000001:{m}/", "http://127.0.0.1:{m}/",
            "http://127.0.0.1.:{m}/", "http://127%2e0%2e0%2e1:{m}/", "http://\u{2460}27.0.0.1:{m}/",
            "http://\u{ff11}27.0.0.1:{m}/", "http://127.000.000.001:{m}/", "http://0x7f.0x0.0x0.0x1:{m}/",
            "http://10.0.0.5/", "http://169.254.169.254/", "http://2852039166/", "http://0.0.0.0:{m}/",
            "http://100.64.0.1/", "http://255.255.255.255/", "http://224.0.0.1/", "http://240.0.0.1/",
        ],
        "ip",
    ));

    hc_14_private_literals_in_ipv6 => under(ANY, all(
        [
            "http://[::1]:{m}/", "http://[::]:{m}/", "http://[::ffff:127.0.0.1]:{m}/", "http://[::ffff:7f00:1]:{m}/",
            "http://[::127.0.0.1]:{m}/", "http://[fe80::1]/", "http://[fd00:ec2::254]/", "http://[ff02::1]/",
            "http://[fec0::1]/", "http://[::ffff:0:127.0.0.1]:{m}/", "http://[3fff::1]/", "http://[5f00::1]/",
            "http://[0:0:0:0:0:0:0:1]:{m}/", "http://[2001:db8::1]/",
        ],
        "ip",
    ));

    hc_15_literals_that_carry_another_address => under(ANY, all(
        [
            "http://[64:ff9b::a9fe:a9fe]/", "http://[2002:a9fe:a9fe::]/", "http://[2002:7f00:1::]:{m}/",
            "http://[64:ff9b:1::7f00:1]:{m}/", "http://[2001::1]/", "http://[64:ff9b::7f00:1]:{m}/",
        ],
        "ip",
    ));

    hc_16_names_that_lead_inside => under(BELOW, (0..12).map(|n| {
        (get(format!("https://in-{n}.allowed.test/v1/")), "ip".to_owned())
    }).collect());

    hc_17_one_address_inside_among_public_ones => under(BELOW, all(
        ["https://mixed.allowed.test/v1/", "https://mixed-2.allowed.test/v1/"],
        "ip",
    ));

    // The first answer is public and A answers there and closes; the second is this machine.
    hc_18_a_name_that_rebinds => Case::Http(Http {
        grant: BELOW,
        a: always(Reply { after: After::Close, ..reply(200, "connection: close\r\n", b"a") }),
        program: each([
            (get("https://rebinding.allowed.test/1"), "200"),
            (get("https://rebinding.allowed.test/2"), "ip"),
            (get("https://rebinding.allowed.test/3"), "ip"),
        ]),
        ..Http::default()
    });

    hc_19_a_redirect_to_a_host_that_is_not_granted => Case::Http(Http {
        grant: A,
        a: always(redirect(302, "https://sink.denied.test/")),
        program: each([(signed(URL), "302"), (signed(URL).following(), "host")]),
        hits: Some([2, 0, 0, 0]),
        ..Http::default()
    });

    hc_20_redirects_inside => Case::Http(Http {
        grant: ANY,
        a: in_turn(
            INSIDE.iter().map(|location| redirect(302, location)).collect(),
        ),
        program: INSIDE
            .iter()
            .map(|location| {
                // From https to http is refused before the address is looked at.
                let word = if location.starts_with("http:") { "downgrade" } else { "ip" };
                (get(URL).following(), word.to_owned())
            })
            .collect(),
        hits: Some([INSIDE.len(), 0, 0, 0]),
        ..Http::default()
    });

    hc_21_a_redirect_to_plain_text => Case::Http(Http {
        grant: ANY,
        a: always(redirect(301, "http://api.allowed.test/v1/")),
        program: each([(get(URL).following(), "downgrade")]),
        hits: Some([1, 0, 0, 0]),
        ..Http::default()
    });

    hc_22_nothing_crosses_to_another_origin => Case::Http(Http {
        grant: BOTH,
        a: always(redirect(302, "https://api2.allowed.test/")),
        program: each([
            (signed(URL).following().header("X-Custom", "c1").header("Cookie", "c2").header("X-Token", "c3"), "200"),
            (signed(URL).following().header("Authorization", "mine"), "forbidden-header"),
        ]),
        hits: Some([1, 1, 0, 0]),
        also: |bed, _| {
            let got = bed.network.a2.requests().concat().to_lowercase();
            let crossed = ["authorization", "cookie", "x-custom", "x-token", "c1", "c2", "c3", "s3nt1nel"];
            crossed.iter().filter(|part| got.contains(**part)).map(|part| format!("A2 got {part}: {got}")).collect()
        },
        ..Http::default()
    });

    hc_23_redirects_without_end => Case::Http(Http {
        grant: A,
        a: Arc::new(|number, _| redirect(302, &format!("https://api.allowed.test/v1/{number}"))),
        program: each([(get(URL).following(), "too-many-redirects")]),
        hits: Some([6, 0, 0, 0]),
        ..Http::default()
    });
}

const INSIDE: &[&str] = &[
    "http://169.254.169.254/latest/meta-data/",
    "http://2852039166/",
    "https://169.254.169.254/latest/meta-data/",
    "https://2852039166/",
    "https://[::ffff:169.254.169.254]/",
    "//127.0.0.1/",
];
