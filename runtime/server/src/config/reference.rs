//! The reference page of the configuration file, printed from the table of settings.

use std::fmt::Write as _;

use super::fields::{FIELDS, Field, SECTIONS};

const INTRODUCTION: &str = "\
# `wharf.toml`

<!-- Printed by the code; a test compares. Change runtime/server/src/config/fields.rs instead. -->

`wharf serve --config wharf.toml` reads this file; without one, every setting has its default. An
environment variable wins over the file, a flag over both. A key that does not exist is an error
that names the line, so a typing mistake never becomes a default.

A relative path is relative to the directory that the server is started in. An array in a variable
is written as TOML: `WHARF_EGRESS_CARVE_OUTS='[{ cidr = \"127.0.0.1/32\" }]'`.
";

/// The page `docs/reference/config.md`, whole.
#[must_use]
pub fn reference() -> String {
    let mut page = INTRODUCTION.to_owned();
    for (section, introduction) in SECTIONS {
        let heading = if section.is_empty() { "Top level".to_owned() } else { format!("`[{section}]`") };
        // Writing to a string cannot fail.
        let _ = write!(page, "\n## {heading}\n\n{introduction}\n");
        let fields = FIELDS.iter().filter(|field| home(field) == *section);
        for field in fields {
            entry(&mut page, field);
        }
    }
    page
}

fn home(field: &Field) -> &'static str {
    field.key.split_once('.').map_or("", |(section, _)| section)
}

fn entry(page: &mut String, field: &Field) {
    let name = field.key.rsplit_once('.').map_or(field.key, |(_, name)| name);
    let default = field.default.unwrap_or("unset");
    let _ = write!(
        page,
        "\n### `{name}`\n\n{} · default `{default}` · `{}`\n\n{}\n",
        field.kind.name(),
        field.variable(),
        field.doc,
    );
    if field.default != Some(field.example) {
        let _ = write!(page, "\n```toml\n{name} = {}\n```\n", field.example);
    }
}
