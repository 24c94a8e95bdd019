//! Protections, a line each; those that are not active say what to do.

use super::{
    style::{bad, faint, good, strong, typed, warn},
    units::plural,
};
use crate::{inert::inert, view::Finding};

/// Every finding, and a line that sums them up. `server` is whom the second half was asked, or why nobody was.
#[must_use]
pub fn show(findings: &[Finding], server: Result<&str, &String>) -> String {
    let mut text = String::new();
    let (mut warned, mut failed) = (0, 0);
    for finding in findings {
        let mark = match finding.level.as_str() {
            "ok" => good("ok  "),
            "warn" => {
                warned += 1;
                warn("warn")
            }
            _ => {
                failed += 1;
                bad("fail")
            }
        };
        text.push_str(&format!(
            "{mark}  {}  {}\n      {}\n",
            strong(inert(&finding.check)),
            inert(&finding.found),
            faint(format!("{} ({})", inert(&finding.protects), inert(&finding.rule))),
        ));
        if let Some(fix) = &finding.fix {
            text.push_str(&format!("      {}\n", typed(inert(fix))));
        }
    }
    text.push_str(&match server {
        Ok(server) => format!("the server at {} was asked about itself\n", inert(server)),
        Err(why) => format!("no server was asked about itself: {}\n", inert(why)),
    });
    let count = u64::try_from(findings.len()).unwrap_or(u64::MAX);
    text.push_str(&format!("{}: {} failed, {} warned\n", plural(count, "protection"), failed, warned));
    text
}

#[cfg(test)]
mod tests {
    use super::{super::testing::check, show};
    use crate::view::Finding;

    #[test]
    fn what_is_not_active_says_what_to_do() {
        let finding = |check: &str, level: &str, fix: Option<&str>| Finding {
            check: check.to_owned(),
            level: level.to_owned(),
            found: "this".to_owned(),
            protects: "that".to_owned(),
            rule: "R-01".to_owned(),
            fix: fix.map(str::to_owned),
        };
        let findings = [finding("engine", "ok", None), finding("slots", "fail", Some("sysctl\u{1b}[2J"))];
        check(
            &show(&findings, Ok("http://x")),
            "
ok    engine  this
      that (R-01)
fail  slots  this
      that (R-01)
      sysctl\\u{1b}[2J
the server at http://x was asked about itself
2 protections: 1 failed, 0 warned",
        );
    }
}
