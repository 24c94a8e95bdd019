//! What a guest may return.

use wharf_model::{call::StopReason, failure::FailureClass, grant::Limits};

use super::{
    guest::Guest,
    host::Gate,
    limits::{Ends, check},
};

#[test]
fn outputs() {
    let text = |json: String| {
        let length = json.len();
        let data = json.replace('"', "\\22");
        let more: &'static str = format!(r#"(data (i32.const 65536) "{data}")"#).leak();
        let run: &'static str =
            format!("(i32.store (i32.const 80) (i32.const 65536)) (i32.store (i32.const 84) (i32.const {length})) i32.const 64")
                .leak();
        Guest { more, run, pages: 40, ..Guest::default() }
    };
    let small = Limits { output_bytes: 1_000, ..Limits::default() };
    for (id, json, limits, expected) in [
        ("fits", "[1]".to_owned(), small, Ends::Done("[1]")),
        ("large", format!("[{}]", "0,".repeat(600)), small, Ends::Stopped(StopReason::Output, "1000")),
        (
            "deep",
            format!("{}{}", "[".repeat(200), "]".repeat(200)),
            small,
            Ends::Stopped(StopReason::Output, "127"),
        ),
        (
            "brackets in text",
            format!("[\"{}\"]", "[".repeat(200)),
            Limits::default(),
            Ends::Done(format!("[\"{}\"]", "[".repeat(200)).leak()),
        ),
        ("not json", "{".to_owned(), small, Ends::Failed(FailureClass::ConnectorDefect)),
    ] {
        check(&format!("output: {id}"), text(json), limits, Gate::Hangs, expected);
    }
}
