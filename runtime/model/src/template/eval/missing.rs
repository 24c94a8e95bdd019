//! What is said when a field is not there: what there is instead.

use serde_json::{Map, Value};

use crate::template::{
    node::Node,
    purse::{Fault, Purse},
};

pub(super) fn missing(purse: &Purse, of: &Node, field: &str, entries: &Map<String, Value>) -> Fault {
    let keys = || entries.keys().map(String::as_str);
    let hint =
        purse.suggest(field, keys()).map_or_else(String::new, |near| format!("; did you mean `{near}`?"));
    format!("{} has no `{field}`; there is: {}{hint}", of.label(), listed(keys())).into()
}

/// At most a dozen names. They come from outside: control characters are written out.
pub(super) fn listed<'n>(names: impl Iterator<Item = &'n str>) -> String {
    let names: Vec<_> = names.collect();
    let shown: Vec<_> = names
        .iter()
        .take(12)
        .map(|name| name.chars().take(40).collect::<String>().escape_debug().to_string())
        .collect();
    match (shown.is_empty(), names.len() > shown.len()) {
        (true, _) => "nothing".to_owned(),
        (false, false) => shown.join(", "),
        (false, true) => format!("{}, and {} more", shown.join(", "), names.len() - shown.len()),
    }
}
