//! An error as a person reads it: what, the detail, the way out.

use super::style::{bad, typed};
use crate::{
    exit::Fault,
    inert::{inert, inert_lines},
};

/// The text on stderr for a fault.
#[must_use]
pub fn fault(fault: &Fault) -> String {
    let rendered = fault.problems.as_ref();
    let mut text = match rendered.and_then(|problems| problems.rendered.as_deref()) {
        Some(rendered) => coloured(rendered),
        None => format!("{} {}", bad("error:"), inert_lines(&fault.message)),
    };
    if let Some(detail) = &fault.detail {
        text.push('\n');
        text.push_str(detail.trim_end());
    }
    if let Some(fix) = &fault.fix {
        text.push_str(&format!("\n  fix  {}", typed(inert(fix))));
    }
    text
}

/// A rendered list of problems (rustc-like plain text), with its marks coloured.
#[must_use]
pub fn coloured(rendered: &str) -> String {
    let mut text = String::new();
    for line in inert_lines(rendered).lines() {
        let shown = if let Some(rest) = line.strip_prefix("error") {
            format!("{}{}", bad("error"), super::style::strong(rest))
        } else if let Some((bar, marks)) =
            line.split_once('|').filter(|(_, marks)| marks.trim_start().starts_with('^'))
        {
            format!("{bar}|{}", bad(marks))
        } else {
            line.to_owned()
        };
        text.push_str(&shown);
        text.push('\n');
    }
    text
}

#[cfg(test)]
mod tests {
    use super::super::testing::check;
    use crate::exit::{Exit, Fault};

    #[test]
    fn says_what_and_the_way_out() {
        let unreachable = Fault::new(
            Exit::Unreachable,
            "unreachable",
            "no server at http://127.0.0.1:8484: connection refused",
        )
        .fix("wharf serve --data-dir wharf-data");
        check(
            &super::fault(&unreachable),
            "
error: no server at http://127.0.0.1:8484: connection refused
  fix  wharf serve --data-dir wharf-data",
        );
    }

    #[test]
    fn colours_change_no_text() {
        let rendered = "error: unknown input `chanel` for slack/post-message\n  --> triage-bugs.yaml:9:7\n   |\n 9 |       chanel: C024BE91L\n   |       ^^^^^^ did you mean `channel`?\n";
        check(&super::coloured(rendered), rendered);
    }
}
