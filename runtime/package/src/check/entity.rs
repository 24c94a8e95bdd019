//! Entities for sync: that their fields and operations are there.

use super::{Findings, Ground, Pointer, schema};

pub(super) fn check(findings: &mut Findings, ground: &Ground<'_>, at: &Pointer) {
    if !ground.manifest.entities.is_empty() {
        ground.needs_export(findings, at, "it lists entities", "entities");
    }
    for (name, entity) in &ground.manifest.entities {
        let at = at.at(name);
        findings.name(&at, name);
        findings.title(&at.at("title"), &entity.title);
        schema::object(findings, &at.at("schema"), &entity.schema);
        if entity.operations.is_empty() {
            findings.report(&at.at("operations"), "no operations", "list what it can do, such as `list`");
        }
        for (index, key) in entity.match_keys.iter().enumerate() {
            let at = at.at("match-keys").index(index);
            if key.is_empty() {
                findings.report(&at, "a key of no fields", "name the fields that identify a record");
            }
            for field in key {
                if entity.schema.get("properties").and_then(|all| all.get(field)).is_none() {
                    findings.report(&at, format!("no field `{field}`"), "name properties of the schema");
                }
            }
        }
    }
}
