//! Failures, denials and the sandbox's reports.

use super::{
    style::{bad, faint, strong, typed, warn},
    units::{bytes, fuel, micros, millis},
};
use crate::{
    inert::{inert, inert_lines, inert_short},
    view::{Effect, EffectResult, Failure, LogLine, Trap},
};

/// `429 rate limited`: the answer in a few words.
#[must_use]
pub fn headline(failure: &Failure) -> String {
    let class = inert(&failure.class).replace('-', " ");
    match (failure.http_status, &failure.provider_code) {
        // A status of success says nothing about a failure that came in the body.
        (Some(status), Some(code)) if status < 400 => {
            format!("{class} ({})", inert_short(code, 60))
        }
        (Some(status), _) => format!("{status} {class}"),
        (None, Some(code)) => format!("{class} ({})", inert_short(code, 60)),
        (None, None) => class,
    }
}

/// The wait after a failed attempt, in words; the verb is `waits` or `waited`.
#[must_use]
pub fn wait(failure: &Failure, verb: &str, wait_ms: u64) -> String {
    match failure.retry_after_ms {
        Some(_) => format!("{verb} {} as asked", millis(wait_ms)),
        None => format!("{verb} {}", millis(wait_ms)),
    }
}

/// Every detail of a failure, indented by two.
#[must_use]
pub fn detail(failure: &Failure) -> String {
    let mut text = format!("  {}\n", inert_lines(&failure.message).replace('\n', "\n  "));
    for field in &failure.fields {
        text.push_str(&format!("  {}  {}\n", strong(inert(&field.path)), inert(&field.message)));
    }
    if failure.outcome_unknown {
        text.push_str(&format!("  {}\n", warn("the provider may have applied the write")));
    }
    text
}

/// A denied effect, with the line that would allow it.
#[must_use]
pub fn denial(connector: &str, effect: &Effect, reason: &str, message: &str) -> String {
    format!(
        "{} {} tried {} {}  {}\n{}",
        bad("denied:"),
        strong(inert(connector)),
        inert(&effect.method),
        inert(&effect.url),
        faint(format!("({})", inert(reason))),
        reasons(message),
    )
}

/// The gate's words, without a first line that says again what was tried.
fn reasons(message: &str) -> String {
    let lines: Vec<&str> = message.trim_end().lines().collect();
    let told = match lines.split_first() {
        Some((first, rest)) if !rest.is_empty() && first.contains(" tried ") => rest,
        _ => &lines,
    };
    told.iter().map(|line| format!("  {}\n", inert(line.trim()))).collect()
}

/// `POST slack.com/api/chat.postMessage → 200 in 212 ms`.
#[must_use]
pub fn effect(effect: &Effect) -> String {
    let call = format!("{} {}", inert(&effect.method), inert(effect.url.trim_start_matches("https://")));
    match &effect.result {
        EffectResult::Status(status) => {
            let told = if *status < 400 { status.to_string() } else { warn(status) };
            format!(
                "{call} → {told} in {} · {} sent · {} received",
                micros(effect.micros),
                bytes(effect.sent_bytes),
                bytes(effect.received_bytes)
            )
        }
        EffectResult::Journaled(status) => {
            format!("{call} → {status} {}", faint("from the journal: an earlier attempt made this write"))
        }
        EffectResult::Denied { reason, .. } => {
            format!("{call} → {} {}", bad("denied"), faint(format!("({})", inert(reason))))
        }
        EffectResult::Failed(why) => {
            format!("{call} → {} {}", bad("no answer"), inert_short(why, 200))
        }
    }
}

/// The sandbox's report after it stopped a call.
#[must_use]
pub fn trap(what: &str, connector: &str, report: &Trap) -> String {
    let mut text = format!("{} {} {}\n", strong(inert(what)), bad("stopped:"), inert(&report.message));
    if !report.backtrace.is_empty() {
        let frames: Vec<String> =
            report.backtrace.iter().take(6).map(|frame| inert_short(frame, 160)).collect();
        text.push_str(&format!("  in   {}\n", frames.join(&format!("\n  {}    ", faint("←")))));
    }
    if let Some(effect) = &report.last_effect {
        text.push_str(&format!("  last effect   {}\n", inert(effect)));
    }
    if report.fuel > 0 {
        let used = format!("{} fuel · {} of memory", fuel(report.fuel), bytes(report.peak_memory_bytes));
        text.push_str(&format!("  used   {used}\n"));
    }
    if let Some(flag) = raise(&report.reason) {
        text.push_str(&format!(
            "  raise it with   {}\n",
            typed(format!("wharf connector grant {} {flag}", inert(connector)))
        ));
    }
    text
}

/// The flag of `connector grant` that raises the limit which stopped a call.
fn raise(reason: &str) -> Option<&'static str> {
    match reason {
        "fuel" => Some("--fuel 2G"),
        "deadline" => Some("--deadline 60s"),
        "memory" => Some("--memory 128MiB"),
        "host-bytes" => Some("--host-bytes 128MiB"),
        "output" => Some("--output 2MiB"),
        "handles" => Some("--handles 2048"),
        _ => None,
    }
}

/// A line of a connector's log.
#[must_use]
pub fn log_line(line: &LogLine) -> String {
    let level = match line.level.as_str() {
        "error" => bad("error"),
        "warn" => warn("warn "),
        level => faint(format!("{:5}", inert(level))),
    };
    let fields = if line.fields.is_empty() {
        String::new()
    } else {
        format!("  {}", faint(inert_short(&line.fields, 300)))
    };
    format!("{level} {}{fields}", inert_short(&line.message, 500))
}

#[cfg(test)]
mod tests {
    use super::{super::testing::check, *};

    #[test]
    fn a_failure_in_a_few_words() {
        for (status, code, expected) in [
            (Some(429), None, "429 rate limited"),
            (Some(200), Some("channel_not_found"), "rate limited (channel_not_found)"),
            (None, Some("\u{1b}[2J"), "rate limited (\\u{1b}[2J)"),
            (None, None, "rate limited"),
        ] {
            let failure = Failure {
                class: "rate-limited".to_owned(),
                http_status: status,
                provider_code: code.map(str::to_owned),
                ..Failure::default()
            };
            assert_eq!(headline(&failure), expected);
        }
    }

    #[test]
    fn a_denial_names_the_line() {
        let tried = Effect {
            method: "POST".to_owned(),
            url: "https://evil.example/collect".to_owned(),
            ..Effect::default()
        };
        check(
            &denial(
                "slack",
                &tried,
                "host",
                "slack tried POST https://evil.example/collect\n  not in its manifest (it declares https://slack.com/api/)\n  the author adds   https://evil.example/collect",
            ),
            "
denied: slack tried POST https://evil.example/collect  (host)
  not in its manifest (it declares https://slack.com/api/)
  the author adds   https://evil.example/collect",
        );
    }

    #[test]
    fn a_report_says_how_to_raise_the_limit() {
        let report = Trap {
            reason: "fuel".to_owned(),
            message: "out of fuel (500,000,000) after 1.3 s".to_owned(),
            backtrace: vec![
                "serde_json::de::Deserializer::parse_any".to_owned(),
                "slack::post_message".to_owned(),
            ],
            last_effect: Some("#1 POST slack.com/api/chat.postMessage → 200 in 212 ms".to_owned()),
            fuel: 500_000_000,
            peak_memory_bytes: 3_145_728,
        };
        check(
            &trap("slack/post-message", "slack", &report),
            "
slack/post-message stopped: out of fuel (500,000,000) after 1.3 s
  in   serde_json::de::Deserializer::parse_any
  ←    slack::post_message
  last effect   #1 POST slack.com/api/chat.postMessage → 200 in 212 ms
  used   500 M fuel · 3.1 MB of memory
  raise it with   wharf connector grant slack --fuel 2G",
        );
    }

    #[test]
    fn effects_on_a_line() {
        let mut done = Effect {
            method: "POST".to_owned(),
            url: "https://slack.com/api/chat.postMessage".to_owned(),
            result: EffectResult::Status(200),
            micros: 212_000,
            sent_bytes: 310,
            received_bytes: 4_100,
            ..Effect::default()
        };
        assert_eq!(
            effect(&done),
            "POST slack.com/api/chat.postMessage → 200 in 212 ms · 310 B sent · 4.1 KB received"
        );
        done.result = EffectResult::Denied { reason: "ip".to_owned(), message: String::new() };
        check(&effect(&done), "POST slack.com/api/chat.postMessage → denied (ip)");
    }
}
