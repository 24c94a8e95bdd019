//! What starts a flow: triggers with their settings and events, and webhooks.

use super::check;

#[test]
fn an_unknown_trigger() {
    check(
        r#"flow: a
on: { trigger: github/issue-opend, connection: acme-github }
steps: [{ id: x, map: 1 }]
"#,
        r#"
error: github has no trigger `issue-opend`
  --> f.yaml:2:23
   |
 2 | on: { trigger: github/issue-opend, connection: acme-github }
   |                       ^^^^^^^^^^^ did you mean `issue-opened`?
   = triggers of github 2.0.1: issue-opened, issue-changed
"#,
    );
}

#[test]
fn expressions_in_settings() {
    check(
        r#"flow: a
on: { trigger: github/issue-opened, with: { repository: "${event.x}", repo: 1 } }
steps: [{ id: x, map: 1 }]
"#,
        r#"
error: an expression in a trigger's settings
  --> f.yaml:2:60
   |
 2 | on: { trigger: github/issue-opened, with: { repository: "${event.x}", repo: 1 } }
   |                                                            ^^^^^^^ write the value out; there is no event yet
"#,
    );
}

#[test]
fn settings_and_event_fields() {
    check(
        r#"flow: a
on: { trigger: github/issue-opened, with: { repository: nope, repo: 1 } }
steps: [{ id: x, map: "${event.titel} ${event.author.logn} ${has(event.x)}" }]
"#,
        r#"
error: github/issue-opened needs a connection
  --> f.yaml:2:16
   |
 2 | on: { trigger: github/issue-opened, with: { repository: nope, repo: 1 } }
   |                ^^^^^^^^^^^^^^^^^^^ add `connection: NAME`
   = connections of github: acme-github

error: setting `repository` does not fit: it does not match "^[^/]+/[^/]+$"
  --> f.yaml:2:57
   |
 2 | on: { trigger: github/issue-opened, with: { repository: nope, repo: 1 } }
   |                                                         ^^^^

error: unknown setting `repo` for github/issue-opened
  --> f.yaml:2:63
   |
 2 | on: { trigger: github/issue-opened, with: { repository: nope, repo: 1 } }
   |                                                               ^^^^
   = settings of github/issue-opened 2.0.1: repository (required)

error: `event` has no `titel`
  --> f.yaml:3:26
   |
 3 | steps: [{ id: x, map: "${event.titel} ${event.author.logn} ${has(event.x)}" }]
   |                          ^^^^^^^^^^^ did you mean `title`?
   = fields of `event` in an event of github/issue-opened: number, title, author, labels

warning: `event.author` has no `logn` in its schema
  --> f.yaml:3:41
   |
 3 | steps: [{ id: x, map: "${event.titel} ${event.author.logn} ${has(event.x)}" }]
   |                                         ^^^^^^^^^^^^^^^^^ did you mean `login`?
   = fields of `event.author` in an event of github/issue-opened: login
"#,
    );
}

#[test]
fn an_unknown_verification() {
    check(
        r#"flow: a
on: { webhook: hmac }
steps: [{ id: x, map: 1 }]
"#,
        r#"
error: unknown verification `hmac`
  --> f.yaml:2:16
   |
 2 | on: { webhook: hmac }
   |                ^^^^
   = there is: hmac-sha256, standard-webhooks, unsigned
"#,
    );
}

#[test]
fn a_secret_that_is_not_there() {
    check(
        r#"flow: a
on: { webhook: hmac-sha256, connection: acme-github, header: x-sig }
steps: [{ id: x, map: 1 }]
"#,
        r#"
error: connection `acme-github` has no secret `secret`
  --> f.yaml:2:41
   |
 2 | on: { webhook: hmac-sha256, connection: acme-github, header: x-sig }
   |                                         ^^^^^^^^^^^
   = its secrets: token, webhook-secret
"#,
    );
}

#[test]
fn keys_that_mean_nothing() {
    check(
        r#"flow: a
on: { webhook: unsigned, slot: x }
steps: [{ id: x, map: 1 }]
"#,
        r#"
error: `slot` means nothing with webhook: unsigned
  --> f.yaml:2:26
   |
 2 | on: { webhook: unsigned, slot: x }
   |                          ^^^^
"#,
    );
}

#[test]
fn an_unsigned_webhook() {
    check(
        r#"flow: a
on: { webhook: unsigned }
steps: [{ id: x, map: 1 }]
"#,
        r#"
warning: an unsigned webhook: anybody may start a run
  --> f.yaml:2:16
   |
 2 | on: { webhook: unsigned }
   |                ^^^^^^^^
"#,
    );
}
