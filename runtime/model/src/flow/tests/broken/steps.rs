//! Steps: what they call, with which inputs and connection, and what else a step may say.

use super::check;

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
