//! Expressions: what they may refer to, and what is none.

use super::check;

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
   |                           ^^^^^^ there is `run.id`, `run.started_at`
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
