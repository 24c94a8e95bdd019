//! What YAML allows and a flow file does not, and how keys and names are spelt.

use super::check;

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
