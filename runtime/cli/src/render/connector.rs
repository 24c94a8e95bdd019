//! A connector as an operator judges it: what it is, what it asks for, what it can never do.

use super::{
    style::{faint, good, strong, typed, warn},
    table::Table,
    units::{bytes, fuel, millis, plural},
};
use crate::{
    inert::{inert, inert_short},
    view::{Change, Connector, Held, Installed},
};
use wharf_gate::CertificateAuthority;
use wharf_model::grant::{Grant, Limits};

/// A connector file, or an installed connector, in the words of the prompt.
#[derive(Clone, Debug, Default)]
pub struct Facts<'a> {
    /// Its name.
    pub name: &'a str,
    /// Its version.
    pub version: &'a str,
    /// The file's size in bytes.
    pub size: u64,
    /// `sha256:` and 64 digits.
    pub digest: &'a str,
    /// `It asks to` lines, in plain words.
    pub asks: &'a [String],
    /// What it imports from the host.
    pub imports: &'a [String],
    /// What it exports to the host.
    pub exports: &'a [String],
}

/// `slack 0.1.0 · 148 KB · sha256:9f2c…`.
#[must_use]
pub fn headline(facts: &Facts<'_>) -> String {
    format!(
        "{} {} · {} · {}",
        strong(inert(facts.name)),
        inert(facts.version),
        bytes(facts.size),
        faint(short_digest(facts.digest)),
    )
}

/// What an operator is asked to grant.
#[must_use]
pub fn asks(facts: &Facts<'_>, limits: &Limits) -> String {
    let mut text = format!("{}\n", headline(facts));
    if facts.asks.is_empty() {
        text.push_str("It asks for nothing: it computes.\n");
    } else {
        text.push_str("It asks to\n");
        for line in facts.asks {
            let line = inert(line);
            text.push_str(&format!("  {}\n", if is_grave(&line) { warn(&line) } else { line }));
        }
    }
    let reads = facts.asks.iter().any(|line| line.starts_with(READS));
    text.push_str(&faint(format!(
        "It cannot read {}, reach any other address, touch files, or run longer than {} / {} fuel / {} a call.",
        if reads { "any other of your credentials" } else { "your credentials" },
        millis(limits.deadline_ms),
        fuel(limits.fuel),
        bytes(limits.memory_bytes),
    )));
    text.push('\n');
    text
}

/// How the line of a secret begins that a connector asks to read.
const READS: &str = "READ the secret";

/// What a person must not pass over.
fn is_grave(line: &str) -> bool {
    line.contains("any public address") || line.starts_with(READS)
}

/// What a version changes against the one that was in use.
#[must_use]
pub fn changes(installed: &Installed) -> String {
    format!(
        "Against {}\n{}",
        inert(installed.previous.as_deref().unwrap_or_default()),
        change_lines(&installed.changes)
    )
}

/// What a held version would change.
#[must_use]
pub fn held_changes(held: &Held) -> String {
    if held.version.is_empty() {
        return String::new();
    }
    format!(
        "{} {}\n{}",
        strong(inert(&held.version)),
        faint(short_digest(&held.digest)),
        change_lines(&held.changes)
    )
}

/// `+` may do more, `-` may do less, `~` is good to know.
fn change_lines(changes: &[Change]) -> String {
    if changes.is_empty() {
        return format!("  {}\n", faint("nothing changes in what it may do"));
    }
    let line = |change: &Change| {
        let text = inert(&change.line);
        match change.direction.as_str() {
            "widens" => format!("  {}\n", warn(format!("+ {text}"))),
            "narrows" => format!("  {}\n", good(format!("- {text}"))),
            _ => format!("  {}\n", faint(format!("~ {text}"))),
        }
    };
    changes.iter().map(line).collect()
}

/// A connector is in use.
#[must_use]
pub fn installed(installed: &Installed) -> String {
    let name = format!("{} {}", strong(inert(&installed.name)), inert(&installed.version));
    match &installed.previous {
        Some(previous) if *previous != installed.version => {
            format!(
                "{} {name} replaces {} for new runs; runs in flight keep theirs\n",
                good("ok"),
                inert(previous)
            )
        }
        Some(_) | None => format!("{} {name} installed\n", good("ok")),
    }
}

/// The installed connectors.
#[must_use]
pub fn list(connectors: &[Connector]) -> String {
    let mut table = Table::new(&["NAME", "VERSION", "STATE", "FLOWS", "DIGEST"]);
    for connector in connectors {
        let state = match (&connector.version, connector.held.as_slice()) {
            (Some(_), []) => good("active"),
            (Some(_), [_, ..]) => format!("{}, {}", good("active"), warn("upgrade held")),
            (None, [_, ..]) => warn("held"),
            (None, []) => faint("removed"),
        };
        let digest = connector
            .digest
            .as_ref()
            .or(connector.held.last().map(|held| &held.digest))
            .map(|digest| faint(short_digest(digest)))
            .unwrap_or_default();
        table.row([
            strong(inert(&connector.name)),
            inert(connector.version.as_deref().unwrap_or("-")),
            state,
            connector.flows.len().to_string(),
            digest,
        ]);
    }
    if table.is_empty() {
        super::list::none("connectors", "install one with `wharf connector install FILE.wasm`")
    } else {
        table.render("")
    }
}

/// One connector: offered, asked, granted.
#[must_use]
pub fn show(connector: &Connector) -> String {
    let version = inert(connector.version.as_deref().unwrap_or("not in use"));
    let digest = connector
        .digest
        .as_deref()
        .map(|digest| format!(" · {}", faint(short_digest(digest))))
        .unwrap_or_default();
    let mut text = format!("{} {version}{digest}\n", strong(inert(&connector.name)));
    let mut table = Table::default();
    for (label, lines) in [
        ("actions", vec![connector.actions.join(", ")]),
        ("triggers", vec![connector.triggers.join(", ")]),
        ("asks to", connector.asks.clone()),
        ("may", granted(&connector.grant)),
        ("flows", vec![connector.flows.join(", ")]),
    ] {
        for (position, line) in lines.iter().filter(|line| !line.is_empty()).enumerate() {
            table.row([if position == 0 { faint(label) } else { String::new() }, inert(line)]);
        }
    }
    text.push_str(&table.render("  "));
    if let Some(proposed) = &connector.proposed {
        text.push_str(&format!(
            "{} grant version {} is tried out; see   {}\n",
            warn("report-only:"),
            proposed.version,
            typed(format!("wharf connector permissions {}", inert(&connector.name)))
        ));
    }
    for version in &connector.held {
        text.push_str(&held(&connector.name, version));
    }
    text
}

/// A grant, a line a permission.
pub(super) fn granted(grant: &Grant) -> Vec<String> {
    let mut lines: Vec<String> = grant
        .egress
        .iter()
        .map(|request| format!("call {} {}", request.methods.join(", "), request.url))
        .collect();
    lines.extend(grant.reveal.iter().map(|secret| format!("READ the secret {secret} itself")));
    lines.extend(grant.roots.iter().flat_map(|pem| authorities(pem)));
    lines.extend(
        grant.store_max_bytes.map(|max| format!("keep up to {} of its own state per connection", bytes(max))),
    );
    lines.extend(
        grant.scratch_max_bytes.map(|max| format!("use up to {} of scratch files during a call", bytes(max))),
    );
    let limits = &grant.limits;
    lines.extend(limits.fuel.map(|units| format!("use {} fuel a call", fuel(units))));
    lines.extend(limits.deadline_ms.map(|limit| format!("run {} a call", millis(limit))));
    lines.extend(limits.memory_bytes.map(|limit| format!("use {} of memory a call", bytes(limit))));
    lines.extend(
        limits.http_requests.map(|limit| format!("send {} a call", plural(u64::from(limit), "request"))),
    );
    lines.extend(
        limits
            .http_in_flight
            .map(|limit| format!("have {} open at once", plural(u64::from(limit), "request"))),
    );
    lines.extend(limits.http_response_bytes.map(|limit| format!("read responses of {}", bytes(limit))));
    lines.extend(limits.host_bytes.map(|limit| format!("exchange {} with the host a call", bytes(limit))));
    lines.extend(limits.output_bytes.map(|limit| format!("return {}", bytes(limit))));
    if lines.is_empty() {
        lines.push("nothing".to_owned());
    }
    lines
}

/// Said before a connector may read a secret.
#[must_use]
pub fn reveals(connector: &str, secret: &str) -> String {
    format!(
        "{} {} may READ the secret {} itself in this call, and tell its provider what it likes of it",
        warn("warning:"),
        inert(connector),
        strong(inert(secret))
    )
}

/// What a grant trusts besides the server's authorities.
fn authorities(pem: &str) -> Vec<String> {
    match CertificateAuthority::read(pem) {
        Ok(read) => {
            read.iter().map(|root| format!("trust the certificate authority {}", root.fingerprint)).collect()
        }
        Err(error) => vec![format!("trust a certificate authority that cannot be read: {error}")],
    }
}

/// Held for a person, and how that person lets it in.
#[must_use]
pub fn held(name: &str, held: &Held) -> String {
    let mut command = format!("wharf connector approve {} --digest {}", inert(name), inert(&held.digest));
    if held.downgrade {
        command.push_str(" --downgrade");
    }
    if held.any_host {
        command.push_str(" --any-host");
    }
    format!(
        "{} {} {} waits for approval; nothing of it runs\n  let it in   {}\n",
        warn("held:"),
        strong(inert(name)),
        inert(&held.version),
        typed(command),
    )
}

/// Interfaces in and out, for authors.
#[must_use]
pub fn interfaces(facts: &Facts<'_>) -> String {
    let mut table = Table::default();
    for (label, names) in [("imports", facts.imports), ("exports", facts.exports)] {
        if names.is_empty() {
            table.row([faint(label), "none".to_owned()]);
        }
        for (position, name) in names.iter().enumerate() {
            table.row([if position == 0 { faint(label) } else { String::new() }, inert(name)]);
        }
    }
    table.render("  ")
}

/// `sha256:9f2c41d7a0b3…`.
#[must_use]
pub fn short_digest(digest: &str) -> String {
    inert_short(digest, "sha256:".len() + 12)
}

/// What came of a test of a connection.
#[must_use]
pub fn identity(connection: &str, label: &str, scopes: &[String]) -> String {
    let scopes =
        if scopes.is_empty() { String::new() } else { format!("  {}", faint(inert(&scopes.join(", ")))) };
    format!("{} {} is {}{scopes}", good("ok"), strong(inert(connection)), inert(label))
}

#[cfg(test)]
mod tests {
    use super::{super::testing::check, *};

    #[test]
    fn the_prompt() {
        let wants = [
            "call   POST, GET  https://slack.com/api/…   as the connected account".to_owned(),
            "keep   up to 1 MB of its own state per connection".to_owned(),
        ];
        let facts = Facts {
            name: "slack",
            version: "0.1.0",
            size: 148_213,
            digest: "sha256:9f2c41d7a0b39f2c41d7a0b39f2c41d7a0b39f2c41d7a0b39f2c41d7a0b3aaaa",
            asks: &wants,
            ..Facts::default()
        };
        check(&asks(&facts, &Limits::default()), "
slack 0.1.0 · 148 KB · sha256:9f2c41d7a0b3…
It asks to
  call   POST, GET  https://slack.com/api/…   as the connected account
  keep   up to 1 MB of its own state per connection
It cannot read your credentials, reach any other address, touch files, or run longer than 30 s / 1 G fuel / 67 MB a call.");
    }

    #[test]
    fn held_and_changed() {
        let version = Held { version: "0.2.0".to_owned(), digest: "sha256:00".to_owned(), ..Held::default() };
        check(
            &held("slack", &version),
            "
held: slack 0.2.0 waits for approval; nothing of it runs
  let it in   wharf connector approve slack --digest sha256:00",
        );
        let version = Held { any_host: true, downgrade: true, ..version };
        let plain = anstream::adapter::strip_str(&held("slack", &version)).to_string();
        assert!(plain.trim_end().ends_with("--downgrade --any-host"), "{plain}");
        let change =
            |direction: &str, line: &str| Change { direction: direction.to_owned(), line: line.to_owned() };
        let upgrade = Installed {
            name: "slack".to_owned(),
            version: "0.2.0".to_owned(),
            previous: Some("0.1.0".to_owned()),
            changes: vec![
                change("widens", "call DELETE https://slack.com/api/\u{202e}"),
                change("narrows", "keep up to 1 MB of its own state per connection"),
                change("note", "read with the new action `list`"),
            ],
            ..Installed::default()
        };
        check(
            &changes(&upgrade),
            "
Against 0.1.0
  + call DELETE https://slack.com/api/\\u{202e}
  - keep up to 1 MB of its own state per connection
  ~ read with the new action `list`",
        );
        check(&installed(&upgrade), "ok slack 0.2.0 replaces 0.1.0 for new runs; runs in flight keep theirs");
    }
}
