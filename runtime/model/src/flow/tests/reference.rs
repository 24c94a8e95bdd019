//! The reference in `docs/` says what the code says. Set `WHARF_BLESS` to write it anew.

use std::{fs, path::PathBuf};

use crate::flow::{json_schema, reference};

const START: &str = "<!-- generated: keys -->\n\n";
const END: &str = "\n<!-- end -->";

#[track_caller]
fn check(name: &str, expected: impl FnOnce(&str) -> String) {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../docs/reference").join(name);
    let found = fs::read_to_string(&path).unwrap();
    let expected = expected(&found);
    if std::env::var_os("WHARF_BLESS").is_some() {
        fs::write(&path, &expected).unwrap();
    } else {
        assert!(found == expected, "docs/reference/{name} is out of date; run the test with WHARF_BLESS=1");
    }
}

#[test]
fn the_page_has_the_generated_tables() {
    check("flow.md", |page| {
        let (before, rest) = page.split_once(START).expect("the page marks its tables");
        let (_, after) = rest.split_once(END).expect("the page marks their end");
        format!("{before}{START}{}{END}{after}", reference())
    });
}

#[test]
fn the_published_schema_is_the_one_of_the_code() {
    check("flow.schema.json", |_| format!("{:#}\n", json_schema()));
}

#[test]
fn the_flows_of_the_page_are_flows() {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../docs/reference/flow.md");
    let page = fs::read_to_string(path).unwrap();
    let validator = jsonschema::validator_for(&json_schema()).unwrap();
    let flows: Vec<&str> =
        page.split("```yaml\n").skip(1).filter_map(|rest| rest.split("```").next()).collect();
    assert!(!flows.is_empty());
    for source in flows {
        assert_eq!(super::shown(source), "", "{source}");
        let mut problems = Vec::new();
        let value = crate::flow::yaml::read(source, &mut problems).unwrap().to_value();
        validator.validate(&value).unwrap();
    }
}
