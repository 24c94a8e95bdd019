//! JSON, read strictly.

use crate::parse_manifest;

#[track_caller]
fn refuses(text: &str, pointer: &str, message: &str) {
    let error = parse_manifest(text).expect_err("it is refused");
    assert_eq!(error.pointer, pointer, "{error}");
    assert!(error.message.contains(message), "expected `{message}` in `{error}`");
}

const HEAD: &str = r#""name":"a","version":"1.0.0","title":"A""#;

#[test]
fn names_the_place() {
    refuses(r#"{"name":"a","name":"b"}"#, "/name", "more than once");
    refuses(
        &format!(r#"{{{HEAD},"settings":{{"a/b":{{"x":1,"x":2}}}}}}"#),
        "/settings/a~1b/x",
        "more than once",
    );
    refuses(
        &format!(r#"{{{HEAD},"egress":[{{"url":"*","methods":[],"hosts":1}}]}}"#),
        "/egress/0/hosts",
        "unknown field `hosts`",
    );
    refuses(&format!(r#"{{{HEAD},"egress":[{{"url":"*"}}]}}"#), "/egress/0", "missing field `methods`");
    refuses(
        &format!(
            r#"{{{HEAD},"actions":{{"post":{{"title":"P","effect":"write","input":{{}},"output":{{}}}}}}}}"#
        ),
        "/actions/post/effect",
        "unknown variant `write`",
    );
    refuses(r#"{"name":"a","version":"1","title":"A"}"#, "/version", "unexpected end of input");
    refuses(r#"{"name":7}"#, "/name", "expected a string");
    refuses("[]", "", "");
    refuses("", "", "EOF");
    refuses("{} {}", "", "trailing");
    refuses(r#"{"name":"a" "b"}"#, "", "line 1 column");
    refuses(r#"{"name":1e999}"#, "/name", "number out of range");
    refuses("{\"\u{1b}[31m\":1}", "", "control character");
    // Text of a stranger's in the place itself.
    refuses(r#"{"\u001b[31m":1}"#, "/\u{fffd}[31m", "unknown field `\u{fffd}[31m`");
    refuses(r#"{"a":{"x\u202e":{"y":1,"y":2}}}"#, "/a/x\u{fffd}/y", "more than once");
    refuses(
        &format!(r#"{{{HEAD},"settings":{}{}}}"#, "[".repeat(100), "]".repeat(100)),
        &format!("/settings{}", "/0".repeat(63)),
        "nested more than 64 deep",
    );
    refuses(&format!("\"{}\"", "x".repeat(1 << 20)), "", "more than the 1048576");
}

#[test]
fn shows_no_control_characters_of_a_stranger() {
    let error = parse_manifest("{\"\\u001b[31m\":1,\"\\u001b[31m\":2}").expect_err("twice");
    assert!(!error.message.contains('\u{1b}'), "{error}");
}
