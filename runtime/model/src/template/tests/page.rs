//! `docs/mapping.md` and the reference of functions say what the code does. `WHARF_BLESS` writes them anew.

use std::{collections::BTreeSet, fs, path::PathBuf};

use serde_json::Value;

use crate::{
    template::{Scope, Template, functions, reference},
    time::Timestamp,
};

const HEAD: &str = "# Functions of expressions

What the expressions of [a flow](flow.md) can call. [Mapping](../mapping.md) shows each by example. Arguments in brackets
may be left out. An argument that is written out, such as a zone or a pattern, is checked when the flow is applied.

";

fn path(page: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../docs").join(page)
}

#[track_caller]
fn same(page: &str, expected: &str) {
    let found = fs::read_to_string(path(page)).unwrap_or_default();
    if std::env::var_os("WHARF_BLESS").is_some() {
        fs::write(path(page), expected).unwrap();
    } else {
        assert!(found == expected, "docs/{page} is out of date; run the test with WHARF_BLESS=1");
    }
}

#[test]
fn the_reference_has_every_function() {
    same("reference/functions.md", &(HEAD.to_owned() + &reference()));
}

/// What an expression gives, as the page writes it.
fn given(expression: &str, event: &Value) -> String {
    let template = match Template::parse(&format!("${{{expression}}}").into()) {
        Ok(template) => template,
        Err(invalid) => return format!("refused: {}", invalid[0].message),
    };
    let scope = Scope::new(event, [], "01J9", "orders").started_at(Timestamp(1_795_288_392_345));
    match template.render(&scope) {
        Ok(value) => value.to_string(),
        Err(error) => format!("error: {}", error.message),
    }
}

/// Every example of the page gives what stands below it, and every function is among them.
#[test]
fn the_page_about_mapping_is_true() {
    let page = fs::read_to_string(path("mapping.md")).unwrap();
    let event = page.split("```json\n").nth(1).unwrap().split("```").next().unwrap();
    let event: Value = serde_json::from_str(event).unwrap();
    let flow = page.split("```yaml\n").nth(1).unwrap().split("```").next().unwrap();
    crate::flow::Flow::parse(flow).unwrap();
    let (mut written, mut expression, mut examples) = (String::new(), String::new(), String::new());
    let mut inside = false;
    for line in page.lines() {
        match line {
            "```cel" => inside = true,
            "```" => inside = false,
            _ if inside && line.starts_with("//") => {
                written += &format!("// {}\n", given(&expression, &event));
                examples += &std::mem::take(&mut expression);
                continue;
            }
            _ if inside && !line.is_empty() => {
                expression += &if expression.is_empty() { line.to_owned() } else { format!("\n{line}") };
            }
            _ => {}
        }
        assert!(inside || expression.is_empty(), "no result below {expression}");
        written += &format!("{line}\n");
    }
    let unshown: BTreeSet<_> = functions::all()
        .map(|entry| entry.name)
        .filter(|name| !examples.contains(&format!("{name}(")))
        .collect();
    assert!(unshown.is_empty(), "docs/mapping.md has no example of {unshown:?}");
    same("mapping.md", &written);
}

/// The reference is a table, and a bar would end its cell.
#[test]
fn lines_of_the_reference_are_cells() {
    let mut names = BTreeSet::new();
    for entry in functions::all() {
        assert!(!entry.doc.contains('|') && entry.doc.ends_with('.'), "{}", entry.name);
        assert!(names.insert(entry.name), "{} is there twice", entry.name);
    }
}
