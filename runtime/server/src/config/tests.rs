//! Broken files and what is said about them; the table of settings against the code.

use std::time::Duration;

use wharf_model::grant::Limits;
use wharf_sandbox::SandboxConfig;

use super::{Config, Override, Source, Unsigned, fields::FIELDS, from_env, reference};

fn load(text: &str, overrides: &[Override]) -> Result<Config, String> {
    let source = Source { name: "wharf.toml", text };
    Config::load(Some(source), overrides).map_err(|error| error.to_string())
}

fn from(key: &str, value: &str, origin: &str) -> Override {
    Override { key: key.to_owned(), value: value.to_owned(), origin: origin.to_owned() }
}

/// The error's text holds every one of `expected`.
#[track_caller]
fn refused(text: &str, overrides: &[Override], expected: &[&str]) {
    let error = load(text, overrides).expect_err(text);
    for part in expected {
        assert!(error.contains(part), "`{part}` is not in: {error}");
    }
}

#[test]
fn broken_files_name_the_line_and_the_fix() {
    let cases: &[(&str, &[&str])] = &[
        ("listen = ", &["wharf.toml", "line 1"]),
        ("\n\nlisten = 7", &["wharf.toml", "line 3", "string"]),
        ("lisen = \"127.0.0.1:1\"", &["line 1", "unknown field `lisen`", "`listen`"]),
        ("[webhooks]\nmax-body-byte = 1", &["line 2", "max-body-byte", "max-body-bytes"]),
        ("[limits]\nfuel = -1", &["line 2"]),
        ("[limits]\nfuel = 1\nfuel = 2", &["line 3", "duplicate key"]),
        ("# x\nport = 8080", &["wharf.toml:2", "`port` is called `listen`"]),
        ("data_dir = \"x\"", &["wharf.toml:1", "`data_dir` is called `data-dir`"]),
        ("[webhooks]\n\nmax_body_bytes = 9", &["wharf.toml:3", "`webhooks.max-body-bytes`"]),
        ("[log]\nformat = \"json\"", &["wharf.toml:1", "`report.log`"]),
        ("listen = \"localhost\"", &["wharf.toml:1", "`listen` is `localhost`", "127.0.0.1:8484"]),
        ("data-dir = \"\"", &["wharf.toml:1", "is no path"]),
        ("drain-seconds = 31", &["wharf.toml:1", "0 to 30"]),
        ("audit-days = 29", &["wharf.toml:1", "`audit-days` is 29", "30 to 36500"]),
        ("max-connections = 0", &["1 to 65536"]),
        ("[limits]\nfuel = 0", &["wharf.toml:2", "`limits.fuel` is 0", "cannot be switched off"]),
        (
            "[limits]\nmemory-bytes = 536870913",
            &["wharf.toml:2", "above the ceiling of 536870912", "ceiling.memory-bytes"],
        ),
        ("[ceiling]\nfuel = 5", &["default: `limits.fuel`", "above the ceiling of 5"]),
        ("[sandbox]\nslots-each = 0", &["wharf.toml:2", "`sandbox.slots-each` is 0", "1 to 512"]),
        ("[sandbox]\nslots-each = 513", &["1 to 512"]),
        ("[sandbox]\nheavy-calls = 0", &["wharf.toml:2", "1 to 1024"]),
        ("[sandbox]\ncompile-queue = 257", &["1 to 256"]),
        ("[sandbox]\ncache-bytes = 268435455", &["268435456 to 1099511627776"]),
        ("[sandbox]\nslots_each = 1", &["wharf.toml:2", "is called `sandbox.slots-each`"]),
        ("[connectors]\ncache-bytes = 1", &["wharf.toml:2", "is called `sandbox.cache-bytes`"]),
        (
            "[egress]\ncarve-outs = [{ cidr = \"10.0.0.0/33\" }]",
            &["wharf.toml:2", "carve-outs[0]", "10.1.0.0/16"],
        ),
        ("[egress]\ncarve-outs = [{ cidr = \"10.0.0.1/8\" }]", &["bits outside its prefix", "10.0.0.0/8"]),
        ("[egress]\ncarve-outs = [{ cidr = \"10.0.0.0/8\", ports = [] }]", &["empty list of ports"]),
        ("[egress]\ncarve-outs = [{ ports = [1] }]", &["line 2", "missing field `cidr`"]),
        ("[egress]\ncarve-outs = [{ cidr = \"10.0.0.0/8\", port = 1 }]", &["line 2", "unknown field `port`"]),
        ("[egress]\nproxy = \"https://p.test\"", &["wharf.toml:2", "`https://p.test`", "http://host:port"]),
        ("[egress]\nproxy = \"http://u:pw@p.test\"", &["wharf.toml:2", "holds credentials"]),
        ("[egress]\nproxy-credentials = \"u:pw\"", &["wharf.toml:2", "names no place", "@file"]),
        ("[gate]\negress-proxy = \"http://p\"", &["`egress`"]),
        ("[webhooks]\nmax-body-bytes = 16777217", &["1 to 16777216"]),
        ("[report]\nlog = \"xml\"", &["wharf.toml:2", "`report.log` is `xml`", "\"json\""]),
        ("[report]\notlp-endpoint = \"collector:4318\"", &["wharf.toml:2", "no http or https URL"]),
    ];
    for (text, expected) in cases {
        refused(text, &[], expected);
    }
}

#[test]
fn overrides_win_and_are_named() {
    let file = "listen = \"127.0.0.1:1\"\n[webhooks]\nmax-body-bytes = 10";
    let config = load(
        file,
        &[
            from("listen", "127.0.0.1:2", "WHARF_LISTEN"),
            from("listen", "127.0.0.1:3", "--listen"),
            from("webhooks.allow-unsigned", "true", "WHARF_WEBHOOKS_ALLOW_UNSIGNED"),
            from("egress.carve-outs", "[{ cidr = \"127.0.0.1/32\", ports = [80] }]", "--carve-out"),
        ],
    )
    .unwrap();
    assert_eq!(config.listen.port(), 3);
    assert_eq!(config.webhooks.unsigned, Unsigned::Allowed);
    assert_eq!(config.webhooks.max_body_bytes, 10);
    assert_eq!(config.carve_outs[0].ports, Some(vec![80]));

    refused(file, &[from("listen", "x", "--listen")], &["--listen: `listen` is `x`"]);
    refused(file, &[from("lisen", "x", "--set")], &["--set: there is no setting `lisen`"]);
    refused(
        file,
        &[from("drain-seconds", "soon", "WHARF_DRAIN_SECONDS")],
        &["WHARF_DRAIN_SECONDS", "no integer"],
    );
    refused(
        file,
        &[from("egress.extra-roots", "[1]", "WHARF_EGRESS_EXTRA_ROOTS")],
        &["WHARF_EGRESS_EXTRA_ROOTS", "string"],
    );
}

#[test]
fn the_environment_is_read_by_name() {
    let variables =
        [("WHARF_LIMITS_HTTP_REQUESTS", "7"), ("WHARF_SERVER", "http://127.0.0.1"), ("PATH", "/bin")];
    let found = from_env(variables.map(|(name, value)| (name.to_owned(), value.to_owned())));
    assert_eq!(found, [from("limits.http-requests", "7", "WHARF_LIMITS_HTTP_REQUESTS")]);
}

/// Each setting's example is taken, and the documented defaults are the real ones.
#[test]
fn the_table_of_settings_is_true() {
    let plain = Config::load(None, &[]).unwrap();
    for field in FIELDS {
        let (section, name) = field.key.rsplit_once('.').unwrap_or(("", field.key));
        let line = |value| match section {
            "" => format!("{name} = {value}"),
            section => format!("[{section}]\n{name} = {value}"),
        };
        load(&line(field.example), &[]).unwrap();
        if let Some(default) = field.default {
            assert_eq!(load(&line(default), &[]).unwrap(), plain, "{}", field.key);
        }
    }
    assert_eq!(plain.limits, Limits::default());
    assert_eq!(plain.ceiling, Limits::ceiling());
    assert_eq!(plain.drain, Duration::from_secs(30));
    let sandbox = SandboxConfig::default();
    assert_eq!(
        (plain.sandbox.slots_each, plain.sandbox.compile_queue, plain.sandbox.cache_bytes),
        (sandbox.slots_each, sandbox.compile_queue, sandbox.cache_bytes)
    );
}

#[test]
fn the_reference_page_names_every_setting() {
    let page = reference();
    for field in FIELDS {
        assert!(page.contains(&field.variable()), "{}", field.key);
        assert!(page.contains(field.doc), "{}", field.key);
    }
}
