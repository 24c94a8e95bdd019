//! What a connector may do, as the operator who decides about it reads it.

use super::{
    connector::{granted, held, held_changes},
    style::{bad, faint, good, strong, typed, warn},
    table::Table,
    units::{moment, plural},
};
use crate::{
    inert::inert,
    view::{Denial, GrantVersion, Permissions},
};

/// Asked, granted, tried out, held, denied.
#[must_use]
pub fn show(found: &Permissions) -> String {
    let version = inert(found.version.as_deref().unwrap_or("not in use"));
    let mut text = format!("{} {version}\n", strong(inert(&found.name)));
    text.push_str(&section("asks to", found.asks.iter().map(|line| inert(line)).collect()));
    match &found.grant {
        Some(grant) => text.push_str(&section(&format!("may ({})", given(grant)), lines(grant))),
        None => text.push_str(&section("may", vec!["nothing: nothing was ever granted".to_owned()])),
    }
    if let Some(proposed) = &found.proposed {
        text.push_str(&trial(found, proposed));
    }
    for version in &found.held {
        text.push_str(&held(&found.name, version));
        text.push_str(&held_changes(version));
    }
    text.push_str(&denials("denied", found.denials.iter().filter(|denial| denial.kind == "denied")));
    text
}

/// Every version of the grant.
#[must_use]
pub fn history(found: &Permissions) -> String {
    let mut text = format!("{}\n", faint("history"));
    for grant in &found.history {
        let mode = match grant.mode.as_str() {
            "enforce" => String::new(),
            mode => format!(" · {}", warn(inert(mode))),
        };
        text.push_str(&format!("  {}{mode}\n", given(grant)));
        for line in lines(grant) {
            text.push_str(&format!("    {line}\n"));
        }
    }
    text
}

fn trial(found: &Permissions, proposed: &GrantVersion) -> String {
    let mut text = section(&format!("tried out ({})", given(proposed)), lines(proposed));
    let would: Vec<&Denial> = found.denials.iter().filter(|denial| denial.kind == "would-deny").collect();
    if would.is_empty() {
        text.push_str(&format!("  {} it has denied nothing so far\n", good("ok")));
    }
    text.push_str(&denials("would deny", would.into_iter()));
    text.push_str(&format!(
        "  put it in force   {}\n  end the trial     {}\n",
        typed(format!("wharf connector grant {} --enforce", inert(&found.name))),
        typed(format!("wharf connector grant {} --withdraw", inert(&found.name))),
    ));
    text
}

fn section(title: &str, lines: Vec<String>) -> String {
    let mut text = format!("{}\n", faint(title));
    if lines.is_empty() {
        text.push_str("  nothing\n");
    }
    for line in lines {
        text.push_str(&format!("  {line}\n"));
    }
    text
}

fn lines(grant: &GrantVersion) -> Vec<String> {
    granted(&grant.grant).iter().map(|line| inert(line)).collect()
}

/// `version 3 since 2026-11-21 19:13:12 by api-key/5f…`.
fn given(grant: &GrantVersion) -> String {
    format!("version {} since {} by {}", grant.version, moment(grant.at), inert(&grant.by))
}

fn denials<'a>(title: &str, denials: impl Iterator<Item = &'a Denial>) -> String {
    let mut table = Table::new(&["TIMES", "REASON", "GATE", "WHAT", "FIRST", "LAST"]);
    let mut fixes = Vec::new();
    let mut total = 0;
    for denial in denials {
        total += denial.count;
        let what = match denial.url.as_str() {
            "" => "further addresses".to_owned(),
            url => format!("{} {}", inert(&denial.method), inert(url)),
        };
        table.row([
            denial.count.to_string(),
            bad(inert(&denial.reason)),
            inert(&denial.gate),
            what,
            moment(denial.first_at),
            moment(denial.last_at),
        ]);
        // The last line of a denial is the one that would allow it.
        if let Some(fix) = denial.message.lines().last().map(str::trim).filter(|line| line.contains("   "))
            && !fixes.contains(&fix.to_owned())
        {
            fixes.push(fix.to_owned());
        }
    }
    if table.is_empty() {
        return String::new();
    }
    let mut text =
        format!("{}\n{}", faint(format!("{title} ({})", plural(total, "call"))), table.render("  "));
    for fix in fixes {
        text.push_str(&format!("  {}\n", typed(inert(&fix))));
    }
    text
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::{super::testing::check, history, show};

    #[test]
    fn a_trial_is_read_top_to_bottom() {
        let grant =
            |methods: &[&str]| json!({ "egress": [{ "url": "https://slack.com/api/", "methods": methods }] });
        let at = 1_795_288_392_000_u64;
        let version = |version: u64, mode: &str, methods: &[&str]| json!({ "version": version, "mode": mode, "grant": grant(methods), "at": at, "by": "api-key/1" });
        let found = json!({
            "name": "slack", "version": "1.0.0", "asks": ["call GET, POST https://slack.com/api/…"],
            "grant": version(1, "enforce", &["GET", "POST"]),
            "proposed": version(2, "report-only", &["GET"]),
            "denials": [
                { "kind": "would-deny", "reason": "method", "gate": "grant", "method": "POST", "url": "https://slack.com/api/x",
                  "message": "slack tried POST\n  to allow it   wharf connector grant slack --egress 'POST https://slack.com/api/' --report-only",
                  "count": 12, "first_at": at, "last_at": at },
                { "kind": "denied", "reason": "host", "gate": "manifest", "method": "GET", "url": "https://evil.example/\u{202e}",
                  "message": "slack tried", "count": 1, "first_at": at, "last_at": at },
            ],
            "history": [version(2, "report-only", &["GET"]), version(1, "enforce", &["GET", "POST"])],
        });
        let found = serde_json::from_value(found).unwrap();
        check(
            &show(&found),
            "
slack 1.0.0
asks to
  call GET, POST https://slack.com/api/…
may (version 1 since 2026-11-21 19:13:12 by api-key/1)
  call GET, POST https://slack.com/api/
tried out (version 2 since 2026-11-21 19:13:12 by api-key/1)
  call GET https://slack.com/api/
would deny (12 calls)
  TIMES  REASON  GATE   WHAT                          FIRST                LAST
  12     method  grant  POST https://slack.com/api/x  2026-11-21 19:13:12  2026-11-21 19:13:12
  to allow it   wharf connector grant slack --egress 'POST https://slack.com/api/' --report-only
  put it in force   wharf connector grant slack --enforce
  end the trial     wharf connector grant slack --withdraw
denied (1 call)
  TIMES  REASON  GATE      WHAT                               FIRST                LAST
  1      host    manifest  GET https://evil.example/\\u{202e}  2026-11-21 19:13:12  2026-11-21 19:13:12",
        );
        check(
            &history(&found),
            "
history
  version 2 since 2026-11-21 19:13:12 by api-key/1 · report-only
    call GET https://slack.com/api/
  version 1 since 2026-11-21 19:13:12 by api-key/1
    call GET, POST https://slack.com/api/",
        );
    }
}
