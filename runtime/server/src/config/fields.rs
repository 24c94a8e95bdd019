//! Every setting, once: what the reference page prints and what a variable or flag may name.
//!
//! A test holds this table, the raw struct and the defaults together, so a new setting that is
//! missing here fails the build's tests and not a user.

/// One setting.
pub(super) struct Field {
    /// The dotted key.
    pub(super) key: &'static str,
    /// How an override is read.
    pub(super) kind: Kind,
    /// The default as TOML; none where the setting is unset by default.
    pub(super) default: Option<&'static str>,
    /// A valid value as TOML.
    pub(super) example: &'static str,
    /// What it is for.
    pub(super) doc: &'static str,
}

/// The type of a setting.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// A string; an override is taken as it is.
    Text,
    /// A whole number.
    Integer,
    /// `true` or `false`.
    Switch,
    /// An array; an override is a TOML array.
    List,
}

impl Kind {
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Text => "string",
            Self::Integer => "integer",
            Self::Switch => "boolean",
            Self::List => "array",
        }
    }
}

impl Field {
    /// The environment variable of this setting.
    pub(super) fn variable(&self) -> String {
        let mut name = String::from("WHARF_");
        name.extend(self.key.chars().map(|c| match c {
            '.' | '-' => '_',
            c => c.to_ascii_uppercase(),
        }));
        name
    }
}

const fn text(
    key: &'static str,
    default: Option<&'static str>,
    example: &'static str,
    doc: &'static str,
) -> Field {
    Field { key, kind: Kind::Text, default, example, doc }
}

const fn integer(key: &'static str, default: &'static str, doc: &'static str) -> Field {
    Field { key, kind: Kind::Integer, default: Some(default), example: default, doc }
}

const fn list(key: &'static str, example: &'static str, doc: &'static str) -> Field {
    Field { key, kind: Kind::List, default: Some("[]"), example, doc }
}

/// Tables of the file in their order, with an introduction each.
pub(super) const SECTIONS: &[(&str, &str)] = &[
    ("", "Where the server listens and keeps its data."),
    ("connectors", "Where connectors come from, besides `wharf connector install`."),
    (
        "sandbox",
        "What connectors share, and how much of it one of them may take. At most 512 calls are inside a guest at once.",
    ),
    (
        "limits",
        "The limits of one connector call, where no grant says otherwise. Crossing one ends that call only, with a reason that names it.",
    ),
    ("ceiling", "The most that any grant may ask for. A default above its ceiling is refused at start."),
    ("egress", "How connectors get out. They reach public addresses only, unless it says otherwise here."),
    ("webhooks", "What `POST /webhooks/{flow}` takes."),
    ("report", "Logs on standard error, and traces. Metrics are always at `GET /metrics`."),
];

/// Every setting, in the order of the page.
pub(super) const FIELDS: &[Field] = &[
    text(
        "listen",
        Some("\"127.0.0.1:8484\""),
        "\"0.0.0.0:8484\"",
        "Address and port for webhooks, the admin API and metrics. Loopback by default: put a proxy with TLS in front before anybody else can reach it.",
    ),
    text(
        "data-dir",
        Some("\"wharf-data\""),
        "\"/var/lib/wharf\"",
        "The database, the keys and the cache of compiled connectors. Created with mode 0700; one server at a time.",
    ),
    text(
        "master-key-file",
        None,
        "\"/etc/wharf/master.key\"",
        "The file of the master key that wraps every secret: 64 hexadecimal digits, mode 0600. Unset, it is `master.key` in the data directory, where a backup takes it along; made at the first start, and never again for a database that exists.",
    ),
    integer(
        "drain-seconds",
        "30",
        "How long a server that was told to stop (SIGTERM, Ctrl-C) lets calls and requests finish, 0 to 30. What is not finished resumes at the next start. A second signal stops at once.",
    ),
    integer(
        "retention-days",
        "30",
        "How long runs that ended well, and the deliveries that redeliveries are recognised by, are kept; at least 7. Failed runs stay until somebody decides about them.",
    ),
    integer(
        "audit-days",
        "400",
        "How long rows of the audit log are kept, 30 to 36500. Older ones go two hundred at a time; a row `audit.prune` with the hash of the last of them lets the rest be checked as before.",
    ),
    integer("max-connections", "4096", "Connections at once; further ones wait."),
    integer("max-concurrent-runs", "256", "Runs that are driven at once; the others wait in the database."),
    text(
        "connectors.watch",
        None,
        "\"connectors\"",
        "A folder whose `.wasm` files are kept installed: a new or changed file is installed as by `wharf connector install`, a removed one is unloaded. What asks for more than was granted is held until `wharf connector approve`.",
    ),
    integer(
        "connectors.max-component-bytes",
        "8388608",
        "Bytes of a component, at most 64 MiB. A JavaScript engine with `fetch` has 12 MB.",
    ),
    integer(
        "connectors.compile-seconds",
        "20",
        "Seconds of CPU for compiling one component, at most 600. A JavaScript engine with `fetch` took 21 to 25 (debug build).",
    ),
    integer(
        "connectors.compile-memory-bytes",
        "1073741824",
        "Address space for compiling one component, at most 16 GiB.",
    ),
    integer(
        "sandbox.slots-each",
        "256",
        "Calls of one connector that may be inside a guest at once, calls that wait for a provider included, 1 to 512. Less leaves more to the others when a provider hangs.",
    ),
    Field {
        key: "sandbox.heavy-calls",
        kind: Kind::Integer,
        default: None,
        example: "4",
        doc: "Calls that may compute at once after they have computed for longer than most ever do; they take turns, by connector. Unset, one fewer than there are processors. At most 1024.",
    },
    integer(
        "sandbox.compile-queue",
        "16",
        "Components that may wait to be compiled, 1 to 256; a further install is refused as busy.",
    ),
    integer(
        "sandbox.cache-bytes",
        "4294967296",
        "Bytes of compiled connectors on the disk, from 256 MiB to 1 TiB. Past it those go that were not loaded for longest, and none that is in use.",
    ),
    integer("limits.fuel", "1000000000", "Units of work, about one a WebAssembly instruction."),
    integer("limits.deadline-ms", "30000", "Wall time in milliseconds, HTTP included."),
    integer("limits.memory-bytes", "67108864", "Linear memory, all memories together."),
    integer("limits.table-elements", "10000", "Elements of all tables together."),
    integer("limits.instances", "32", "Core instances in the component."),
    integer("limits.host-bytes-per-call", "8388608", "Bytes that cross the border in one host call."),
    integer("limits.host-bytes", "67108864", "Bytes that cross the border in all host calls together."),
    integer("limits.handles", "1024", "Resource handles alive at once."),
    integer("limits.http-requests", "100", "HTTP requests."),
    integer("limits.http-in-flight", "8", "HTTP exchanges open at once; more wait."),
    integer("limits.http-request-bytes", "10485760", "Bytes of one request body."),
    integer("limits.http-response-bytes", "10485760", "Bytes of one response body, after decoding."),
    integer("limits.log-bytes", "262144", "Bytes of log that are kept."),
    integer("limits.output-bytes", "1048576", "Bytes of the JSON that is returned."),
    integer("ceiling.fuel", "100000000000", "As in `limits`."),
    integer("ceiling.deadline-ms", "900000", "As in `limits`."),
    integer("ceiling.memory-bytes", "536870912", "As in `limits`."),
    integer("ceiling.table-elements", "100000", "As in `limits`."),
    integer("ceiling.instances", "64", "As in `limits`."),
    integer("ceiling.host-bytes-per-call", "268435456", "As in `limits`."),
    integer("ceiling.host-bytes", "1073741824", "As in `limits`."),
    integer("ceiling.handles", "65536", "As in `limits`."),
    integer("ceiling.http-requests", "10000", "As in `limits`."),
    integer("ceiling.http-in-flight", "64", "As in `limits`."),
    integer("ceiling.http-request-bytes", "268435456", "As in `limits`."),
    integer("ceiling.http-response-bytes", "268435456", "As in `limits`."),
    integer("ceiling.log-bytes", "16777216", "As in `limits`."),
    integer("ceiling.output-bytes", "16777216", "As in `limits`."),
    list(
        "egress.carve-outs",
        "[{ cidr = \"127.0.0.1/32\", ports = [9000] }]",
        "Blocks of private or special addresses that connectors may reach, if their grant allows the URL too. `cidr` is required; without `ports` every port of the block is open.",
    ),
    list(
        "egress.extra-roots",
        "[\"corporate-ca.pem\"]",
        "PEM files of certificate authorities to trust besides the public ones. Certificates are always verified.",
    ),
    text(
        "egress.proxy",
        None,
        "\"http://proxy.internal:3128\"",
        "The proxy through which everything is sent, by `CONNECT` to the checked address and port, plain `http` too; TLS is with the provider. Names are still resolved here. Proxy variables of the environment are never read.",
    ),
    text(
        "egress.proxy-credentials",
        None,
        "\"@/etc/wharf/proxy-login\"",
        "Where `user:password` for the proxy is: `@file`, or `env:NAME` for a variable.",
    ),
    Field {
        key: "webhooks.allow-unsigned",
        kind: Kind::Switch,
        default: Some("false"),
        example: "true",
        doc: "Whether a flow may take deliveries that nobody signed. Both this and the flow must say so: anybody who finds the address can start a run.",
    },
    integer(
        "webhooks.max-body-bytes",
        "1048576",
        "Bytes of a delivery's body; a longer one is answered 413 and not read further. At most 16777216.",
    ),
    text("report.log", Some("\"text\""), "\"json\"", "`text` for people, `json` for one object a line."),
    text(
        "report.filter",
        Some("\"info\""),
        "\"info,wharf_engine=debug\"",
        "Which log lines and spans, as `level` or `target=level`, separated by commas.",
    ),
    text(
        "report.otlp-endpoint",
        None,
        "\"http://127.0.0.1:4318/v1/traces\"",
        "Where traces go, by OTLP over HTTP. Unset: nowhere.",
    ),
];

/// Keys that people write and what they mean: names of earlier drafts and of habit.
pub(super) const RENAMED: &[(&str, &str)] = &[
    ("port", "listen"),
    ("bind", "listen"),
    ("address", "listen"),
    ("data", "data-dir"),
    ("drain", "drain-seconds"),
    ("audit-retention-days", "audit-days"),
    ("watch", "connectors.watch"),
    ("connectors.dir", "connectors.watch"),
    ("connectors.folder", "connectors.watch"),
    ("max-concurrent-calls", "max-concurrent-runs"),
    ("connectors.cache-bytes", "sandbox.cache-bytes"),
    ("connectors.compile-queue", "sandbox.compile-queue"),
    ("limits.timeout-ms", "limits.deadline-ms"),
    ("limits.memory", "limits.memory-bytes"),
    ("ceiling.timeout-ms", "ceiling.deadline-ms"),
    ("gate", "egress"),
    ("gate.carve-outs", "egress.carve-outs"),
    ("gate.egress-proxy", "egress.proxy"),
    ("webhooks.unsigned", "webhooks.allow-unsigned"),
    ("webhooks.max-body", "webhooks.max-body-bytes"),
    ("log", "report.log"),
    ("log.format", "report.log"),
    ("log-format", "report.log"),
    ("otlp-endpoint", "report.otlp-endpoint"),
];
