//! The file as written: only types and names are judged here.

use std::collections::HashMap;

use serde::Deserialize;
use toml::{
    Table, Value,
    de::{DeTable, DeValue},
};

use super::{
    ConfigError, Override, Source,
    fields::{FIELDS, Field, Kind, RENAMED},
};

/// The whole file.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields, default)]
pub(super) struct Raw {
    pub(super) listen: Option<String>,
    pub(super) data_dir: Option<String>,
    pub(super) master_key_file: Option<String>,
    pub(super) drain_seconds: Option<u64>,
    pub(super) retention_days: Option<u64>,
    pub(super) audit_days: Option<u64>,
    pub(super) max_connections: Option<u64>,
    pub(super) max_concurrent_runs: Option<u64>,
    pub(super) connectors: Connectors,
    pub(super) sandbox: Sandbox,
    pub(super) limits: Limits,
    pub(super) ceiling: Limits,
    pub(super) egress: Egress,
    pub(super) webhooks: Webhooks,
    pub(super) report: Report,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields, default)]
pub(super) struct Connectors {
    pub(super) watch: Option<String>,
    pub(super) max_component_bytes: Option<u64>,
    pub(super) compile_seconds: Option<u64>,
    pub(super) compile_memory_bytes: Option<u64>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields, default)]
pub(super) struct Sandbox {
    pub(super) slots_each: Option<u64>,
    pub(super) heavy_calls: Option<u64>,
    pub(super) compile_queue: Option<u64>,
    pub(super) cache_bytes: Option<u64>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields, default)]
pub(super) struct Limits {
    pub(super) fuel: Option<u64>,
    pub(super) deadline_ms: Option<u64>,
    pub(super) memory_bytes: Option<u64>,
    pub(super) table_elements: Option<u32>,
    pub(super) instances: Option<u32>,
    pub(super) host_bytes_per_call: Option<u64>,
    pub(super) host_bytes: Option<u64>,
    pub(super) handles: Option<u32>,
    pub(super) http_requests: Option<u32>,
    pub(super) http_in_flight: Option<u32>,
    pub(super) http_request_bytes: Option<u64>,
    pub(super) http_response_bytes: Option<u64>,
    pub(super) log_bytes: Option<u64>,
    pub(super) output_bytes: Option<u64>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields, default)]
pub(super) struct Egress {
    pub(super) carve_outs: Vec<CarveOut>,
    pub(super) extra_roots: Vec<String>,
    pub(super) proxy: Option<String>,
    pub(super) proxy_credentials: Option<String>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub(super) struct CarveOut {
    pub(super) cidr: String,
    #[serde(default)]
    pub(super) ports: Option<Vec<u16>>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields, default)]
pub(super) struct Webhooks {
    pub(super) allow_unsigned: Option<bool>,
    pub(super) max_body_bytes: Option<u64>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields, default)]
pub(super) struct Report {
    pub(super) log: Option<String>,
    pub(super) filter: Option<String>,
    pub(super) otlp_endpoint: Option<String>,
}

/// Where each value came from, by dotted key.
#[derive(Debug, Default)]
pub(super) struct Origins(HashMap<String, String>);

impl Origins {
    /// The file and line, variable or flag of `key`.
    pub(super) fn of(&self, key: &str) -> String {
        let owner = key.split('[').next().unwrap_or(key);
        self.0.get(owner).cloned().unwrap_or_else(|| "default".to_owned())
    }
}

/// The file with the overrides laid over it.
pub(super) fn read(
    source: Option<Source<'_>>,
    overrides: &[Override],
) -> Result<(Raw, Origins), ConfigError> {
    let mut origins = Origins::default();
    let mut table = Table::new();
    if let Some(source) = source {
        let syntax = |error: toml::de::Error| ConfigError::Syntax {
            origin: source.name.to_owned(),
            message: error.to_string().trim_end().to_owned(),
        };
        let spanned = DeTable::parse(source.text).map_err(syntax)?;
        locate(source, "", spanned.get_ref(), &mut origins)?;
        // The file alone must hold, so that its errors carry its lines.
        toml::from_str::<Raw>(source.text).map_err(syntax)?;
        table = toml::from_str(source.text).map_err(syntax)?;
    }
    for item in overrides {
        lay(item, &mut table)?;
        origins.0.insert(item.key.clone(), item.origin.clone());
    }
    let raw = table.try_into().map_err(|error: toml::de::Error| ConfigError::Syntax {
        origin: overrides.iter().map(|item| item.origin.as_str()).collect::<Vec<_>>().join(", "),
        message: error.to_string().trim_end().to_owned(),
    })?;
    Ok((raw, origins))
}

/// Notes the line of every key under `prefix` and refuses those that go by another name.
fn locate(
    source: Source<'_>,
    prefix: &str,
    table: &DeTable<'_>,
    origins: &mut Origins,
) -> Result<(), ConfigError> {
    for (name, value) in table {
        let key = if prefix.is_empty() {
            name.get_ref().to_string()
        } else {
            format!("{prefix}.{}", name.get_ref())
        };
        let before = source.text.get(..name.span().start).unwrap_or_default();
        let line = before.matches('\n').count() + 1;
        let origin = format!("{}:{line}", source.name);
        if let Some(now) = renamed(&key) {
            return Err(ConfigError::Renamed { origin, key, now });
        }
        if let DeValue::Table(inner) = value.get_ref() {
            locate(source, &key, inner, origins)?;
        }
        origins.0.insert(key, origin);
    }
    Ok(())
}

/// The name that `key` goes by, if it is not its own.
fn renamed(key: &str) -> Option<String> {
    if field(key).is_some() {
        return None;
    }
    if let Some((_, now)) = RENAMED.iter().find(|(old, _)| *old == key) {
        return Some((*now).to_owned());
    }
    let dashed = key.replace('_', "-");
    (dashed != key && field(&dashed).is_some()).then_some(dashed)
}

fn field(key: &str) -> Option<&'static Field> {
    FIELDS.iter().find(|field| field.key == key)
}

/// Puts one override into the table.
fn lay(item: &Override, table: &mut Table) -> Result<(), ConfigError> {
    let field = field(&item.key)
        .ok_or_else(|| ConfigError::UnknownKey { origin: item.origin.clone(), key: item.key.clone() })?;
    let value = parse(field.kind, &item.value).ok_or_else(|| ConfigError::Value {
        origin: item.origin.clone(),
        key: item.key.clone(),
        problem: format!("is no {}", field.kind.name()),
        fix: format!("write something like {}", field.example),
    })?;
    match item.key.split_once('.') {
        None => {
            table.insert(item.key.clone(), value);
        }
        Some((section, name)) => {
            let inner = table.entry(section).or_insert_with(|| Value::Table(Table::new()));
            if let Value::Table(inner) = inner {
                inner.insert(name.to_owned(), value);
            }
        }
    }
    Ok(())
}

fn parse(kind: Kind, text: &str) -> Option<Value> {
    match kind {
        Kind::Text => Some(Value::String(text.to_owned())),
        Kind::Integer => text.trim().parse().ok().map(Value::Integer),
        Kind::Switch => text.trim().parse().ok().map(Value::Boolean),
        Kind::List => {
            let table: Table = toml::from_str(&format!("value = {text}")).ok()?;
            table.get("value").filter(|value| value.is_array()).cloned()
        }
    }
}
