//! Broken files and, word for word, what is said about them.

use super::shown;

#[track_caller]
fn check(source: &str, expected: &str) {
    assert_eq!(shown(source), expected.trim_start(), "\n{}", shown(source));
}

#[test]
fn a_misspelt_input() {
    check(
        r#"flow: a
on: manual
steps:
  - id: x
    action: slack/post-message
    connection: acme-slack
    with:
      chanel: C024BE91L
      text: hi
"#,
        r#"
error: input `channel` of slack/post-message is missing
  --> f.yaml:5:13
   |
 5 |     action: slack/post-message
   |             ^^^^^^^^^^^^^^^^^^ add `channel:` under `with`
   = inputs of slack/post-message 1.4.0: channel (required), text (required), thread_ts, unfurl, blocks

error: unknown input `chanel` for slack/post-message
  --> f.yaml:8:7
   |
 8 |       chanel: C024BE91L
   |       ^^^^^^ did you mean `channel`?
   = inputs of slack/post-message 1.4.0: channel (required), text (required), thread_ts, unfurl, blocks
"#,
    );
}

#[test]
fn unknown_connectors_actions_and_connections() {
    check(
        r#"flow: a
on: manual
steps:
  - id: x
    action: slac/post-message
  - id: y
    action: slack/post-mesage
    connection: acme-slak
"#,
        r#"
error: no connector `slac` is installed
  --> f.yaml:5:13
   |
 5 |     action: slac/post-message
   |             ^^^^ did you mean `slack`?
   = connectors: github, slack

error: slack has no action `post-mesage`
  --> f.yaml:7:19
   |
 7 |     action: slack/post-mesage
   |                   ^^^^^^^^^^^ did you mean `post-message`?
   = actions of slack 1.4.0: post-message, list-channels
"#,
    );
}

#[test]
fn literals_of_the_wrong_type() {
    check(
        r#"flow: a
on: manual
steps:
  - id: x
    action: slack/post-message
    with: { channel: 5, text: [a], unfurl: yes, blocks: [{}] }
"#,
        r#"
error: slack/post-message needs a connection
  --> f.yaml:5:13
   |
 5 |     action: slack/post-message
   |             ^^^^^^^^^^^^^^^^^^ add `connection: NAME`
   = connections of slack: acme-hook, acme-slack

error: input `channel` does not fit: it is not of type "string"
  --> f.yaml:6:22
   |
 6 |     with: { channel: 5, text: [a], unfurl: yes, blocks: [{}] }
   |                      ^ put it in quotes

error: input `text` does not fit: it is not of type "string"
  --> f.yaml:6:31
   |
 6 |     with: { channel: 5, text: [a], unfurl: yes, blocks: [{}] }
   |                               ^

error: input `unfurl` does not fit: it is not of type "boolean"
  --> f.yaml:6:44
   |
 6 |     with: { channel: 5, text: [a], unfurl: yes, blocks: [{}] }
   |                                            ^^^

error: input `blocks` does not fit at /0: "kind" is a required property
  --> f.yaml:6:57
   |
 6 |     with: { channel: 5, text: [a], unfurl: yes, blocks: [{}] }
   |                                                         ^
"#,
    );
}

#[test]
fn another_connectors_connection() {
    check(
        r#"flow: a
on: manual
steps:
  - id: x
    action: slack/post-message
    connection: acme-github
    with: { channel: c, text: t, unfurl: "x${event.a}" }
"#,
        r#"
error: connection `acme-github` is one of github, not of slack
  --> f.yaml:6:17
   |
 6 |     connection: acme-github
   |                 ^^^^^^^^^^^
   = connections of slack: acme-hook, acme-slack

error: input `unfurl` is boolean, and this is text
  --> f.yaml:7:42
   |
 7 |     with: { channel: c, text: t, unfurl: "x${event.a}" }
   |                                          ^^^^^^^^^^^^^ write nothing around the one `${ … }`
"#,
    );
}

#[test]
fn an_auth_method_that_does_not_serve() {
    check(
        r#"flow: a
on: manual
steps:
  - id: x
    action: slack/post-message
    connection: acme-hook
    with: { channel: c, text: t }
"#,
        r#"
error: connection `acme-hook` is connected by hook, which does not serve slack/post-message
  --> f.yaml:6:17
   |
 6 |     connection: acme-hook
   |                 ^^^^^^^^^
   = slack/post-message takes: bot
"#,
    );
}

#[test]
fn steps_that_have_not_run() {
    check(
        r#"flow: a
on: manual
steps:
  - id: x
    map: ${steps.y}
  - id: y
    map: ${steps.y.z}
  - id: z
    map: "a ${steps.yy} ${run.ip}"
"#,
        r#"
error: step `y` has not run here
  --> f.yaml:5:12
   |
 5 |     map: ${steps.y}
   |            ^^^^^^^ it is on line 6
   = steps before `x`: none

error: step `y` refers to itself
  --> f.yaml:7:12
   |
 7 |     map: ${steps.y.z}
   |            ^^^^^^^^^
   = steps before `y`: x

error: no step `yy`
  --> f.yaml:9:15
   |
 9 |     map: "a ${steps.yy} ${run.ip}"
   |               ^^^^^^^^ did you mean `y`?
   = steps before `z`: x, y

error: `run` has no `ip`
  --> f.yaml:9:27
   |
 9 |     map: "a ${steps.yy} ${run.ip}"
   |                           ^^^^^^ there is `run.id`
"#,
    );
}

#[test]
fn expressions_that_are_none() {
    check(
        r#"flow: a
on: manual
steps:
  - id: x
    map: ${evnt.a +}
  - id: y
    if: true
    map: 'é ${ event.a.foo() }'
  - id: z
    if: ${ event.a
    map: 1
"#,
        r#"
error: not an expression: it ends too early
  --> f.yaml:5:19
   |
 5 |     map: ${evnt.a +}
   |                   ^

error: `if` is an expression, not a boolean
  --> f.yaml:7:9
   |
 7 |     if: true
   |         ^^^^ write ${ … }

error: unknown function `foo`
  --> f.yaml:8:16
   |
 8 |     map: 'é ${ event.a.foo() }'
   |                ^^^^^^^^^^^^^

error: this `${` has no closing `}`
   --> f.yaml:10:9
    |
 10 |     if: ${ event.a
    |         ^^ write `$${` for the characters themselves
"#,
    );
}

#[test]
fn keys_and_names() {
    check(
        r#"flow: a
on: manual
steps:
  - id: x
    id: y
    map: &a [*a]
    retries: 5
  - id: X-1
    map: 0123
    retry: none
"#,
        r#"
error: `id` stands here twice
  --> f.yaml:5:5
   |
 5 |     id: y
   |     ^^ it is already on line 4

error: an anchor
  --> f.yaml:6:10
   |
 6 |     map: &a [*a]
   |          ^^^^ write values out; `&name` is not read

error: an alias
  --> f.yaml:6:14
   |
 6 |     map: &a [*a]
   |              ^^ write the value out; `*name` is not read

error: unknown key `retries` in a step
  --> f.yaml:7:5
   |
 7 |     retries: 5
   |     ^^^^^^^
   = keys of a step: id, if, action, connection, with, switch, otherwise, map, for-each, steps, concurrency, max-items, on-item-error, parallel, delay, until, wait, stop, fail, retry, timeout, on-error

error: `X-1` is no name for a step
  --> f.yaml:8:9
   |
 8 |   - id: X-1
   |         ^^^
   = a name has up to 63 of a-z, 0-9 and `_`, and starts with a letter

error: `0123` means two things
  --> f.yaml:9:10
   |
 9 |     map: 0123
   |          ^^^^ quote it if it is text: "0123"

error: `retry` means nothing with `map`
   --> f.yaml:10:5
    |
 10 |     retry: none
    |     ^^^^^
"#,
    );
}

#[test]
fn retry_and_timeouts() {
    check(
        r#"flow: a
on: manual
steps:
  - id: x
    action: slack/list-channels
    connection: acme-slack
    retry: { attempts: 0, backoff: 5, max: 1y }
    timeout: 1w
    on-error: continu
    otherwise: []
"#,
        r#"
error: `attempts` is a number from 1 to 100, the first attempt included
  --> f.yaml:7:24
   |
 7 |     retry: { attempts: 0, backoff: 5, max: 1y }
   |                        ^

error: `5` is not a duration
  --> f.yaml:7:36
   |
 7 |     retry: { attempts: 0, backoff: 5, max: 1y }
   |                                    ^ write a whole number and a unit: `250ms`, `30s`, `5m`, `1h`, `7d`

error: `1y` is not a duration
  --> f.yaml:7:44
   |
 7 |     retry: { attempts: 0, backoff: 5, max: 1y }
   |                                            ^^ write a whole number and a unit: `250ms`, `30s`, `5m`, `1h`, `7d`

error: `1w` is not a duration
  --> f.yaml:8:14
   |
 8 |     timeout: 1w
   |              ^^ write a whole number and a unit: `250ms`, `30s`, `5m`, `1h`, `7d`

error: unknown on-error `continu`
  --> f.yaml:9:15
   |
 9 |     on-error: continu
   |               ^^^^^^^ did you mean `continue`?
   = there is: fail, continue, { steps: [ … ] }

error: `otherwise` means nothing with `action`
   --> f.yaml:10:5
    |
 10 |     otherwise: []
    |     ^^^^^^^^^
"#,
    );
}

#[test]
fn steps_that_do_nothing_or_two_things() {
    check(
        r#"flow: a
on: manual
steps:
  - id: x
  - map: 1
  - id: z
    map: 1
    switch: []
  - 5
"#,
        r#"
error: the step does nothing
  --> f.yaml:4:5
   |
 4 |   - id: x
   |     ^
   = a step has one of: action, switch, map, for-each, parallel, delay, until, wait, stop, fail

error: the step has no `id`
  --> f.yaml:5:5
   |
 5 |   - map: 1
   |     ^

error: the step does two things
  --> f.yaml:6:5
   |
 6 |   - id: z
   |     ^
   = a step has one of: action, switch, map, for-each, parallel, delay, until, wait, stop, fail

error: a step is an object with keys, not a number
  --> f.yaml:9:5
   |
 9 |   - 5
   |     ^
   = keys of a step: id, if, action, connection, with, switch, otherwise, map, for-each, steps, concurrency, max-items, on-item-error, parallel, delay, until, wait, stop, fail, retry, timeout, on-error
"#,
    );
}

#[test]
fn cases() {
    check(
        r#"flow: a
on: manual
steps:
  - id: r
    switch:
      - case: a
        if: ${true}
        steps: [{ id: p, map: 1 }]
      - case: a
        if: ${steps.p == 1}
        steps: [{ id: p, map: 1 }]
      - case: otherwise
        steps: []
"#,
        r#"
error: the case has no `if`
   --> f.yaml:12:9
    |
 12 |       - case: otherwise
    |         ^

error: `otherwise` is no name for a case
   --> f.yaml:12:15
    |
 12 |       - case: otherwise
    |               ^^^^^^^^^ put its steps under the switch's `otherwise`
"#,
    );
}

#[test]
fn an_object_in_a_plain_scalar() {
    check(
        r#"flow: a
on: manual
steps:
  - id: x
    map: ${ {"a": 1} }
"#,
        r#"
error: not YAML: mapping values are not allowed in this context
  --> f.yaml:5:17
   |
 5 |     map: ${ {"a": 1} }
   |                 ^ quote the whole value: "${ … }"
"#,
    );
}

#[test]
fn tabs() {
    check(
        "flow: a\non: manual\nsteps:\n  - id: x\n\tmap: 1\n",
        r#"
error: not YAML: while scanning a plain scalar, found a tab
  --> f.yaml:4:9
   |
 4 |   - id: x
   |         ^ indent with spaces, not tabs
"#,
    );
}

#[test]
fn tags_and_merge_keys() {
    check(
        r#"flow: a
on: manual
steps:
  - id: x
    map: !!str 5
    <<: {}
"#,
        r#"
error: a tag
  --> f.yaml:5:10
   |
 5 |     map: !!str 5
   |          ^^^^^^^ leave it out; quotes make text, plain numbers are numbers

error: a merge key
  --> f.yaml:6:5
   |
 6 |     <<: {}
   |     ^^ write the keys out; `<<` is not read

error: unknown key `<<` in a step
  --> f.yaml:6:5
   |
 6 |     <<: {}
   |     ^^
   = keys of a step: id, if, action, connection, with, switch, otherwise, map, for-each, steps, concurrency, max-items, on-item-error, parallel, delay, until, wait, stop, fail, retry, timeout, on-error
"#,
    );
}

#[test]
fn invisible_characters() {
    check(
        "flow: a\non: manual\nsteps:\n  - id: x\n    map: \"a\u{202e}b\"\n",
        r#"
error: an invisible character, U+202E
  --> f.yaml:5:12
   |
 5 |     map: "a�b"
   |            ^ write it as "\u202e" in double quotes
"#,
    );
}

#[test]
fn an_empty_file() {
    check(
        "",
        r#"
error: the file is empty
  --> f.yaml:1:1
   |
 1 | 
   | ^ a flow starts with `flow: NAME`
"#,
    );
}

#[test]
fn names_and_documents() {
    check(
        r#"flow: Bad Name
onn: manual
steps: []
---
a: b
"#,
        r#"
error: a second document
  --> f.yaml:4:1
   |
 4 | ---
   | ^^^ one file holds one flow
"#,
    );
}

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
   = triggers of github 2.0.1: issue-opened
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
