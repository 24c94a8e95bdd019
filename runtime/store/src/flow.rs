//! Published flows: immutable versions of their source; new runs take the latest.

use std::{fmt, str::FromStr};

use rusqlite::{Connection, OptionalExtension as _, Row, params};
use serde_json::json;
use wharf_model::{digest::Digest, time::Timestamp};

use crate::{
    audit::{self, By},
    error::StoreError,
    row::{self, Millis},
    store::Store,
};

/// One published version of a flow.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FlowVersion {
    /// The flow's name.
    pub name: String,
    /// Counts from 1.
    pub version: u32,
    /// The text as published.
    pub source: String,
    /// Over the text.
    pub digest: Digest,
    /// When it was published.
    pub published_at: Timestamp,
    /// By whom.
    pub actor: String,
    /// Whether the flow takes events.
    pub state: FlowState,
}

/// Whether a flow takes events.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FlowState {
    /// It does.
    Active,
    /// It does not; its runs end as they would.
    Retired,
}

impl FlowState {
    /// The stable name, as in SQL and the API.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Active => "active",
            Self::Retired => "retired",
        }
    }
}

impl fmt::Display for FlowState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for FlowState {
    type Err = StoreError;

    fn from_str(text: &str) -> Result<Self, StoreError> {
        [Self::Active, Self::Retired].into_iter().find(|state| state.name() == text).ok_or_else(|| {
            StoreError::Invalid { what: "state", reason: format!("`{text}` is neither active nor retired") }
        })
    }
}

const SELECT: &str = "SELECT v.*, f.state FROM flow_version AS v JOIN flow AS f ON f.name = v.name";

impl Store {
    /// Publishes `source` as the flow's next version and makes the flow active. The text of the latest
    /// version again publishes nothing and returns that version.
    ///
    /// # Errors
    /// When the write fails.
    pub async fn publish_flow(
        &self,
        name: String,
        source: String,
        by: By,
    ) -> Result<FlowVersion, StoreError> {
        self.write(move |connection| publish(connection, &name, &source, &by)).await
    }

    /// Lets the flow take no more events.
    ///
    /// # Errors
    /// [`StoreError::NotFound`] without the flow; or the write fails.
    pub async fn retire_flow(&self, name: String, by: By) -> Result<(), StoreError> {
        self.write(move |connection| {
            let changed = connection
                .prepare_cached("UPDATE flow SET state = ?2 WHERE name = ?1")?
                .execute([name.as_str(), FlowState::Retired.name()])?;
            if changed == 0 {
                return Err(StoreError::not_found("flow", &name));
            }
            audit::append(connection, &by, "flow.retire", &name, &json!({}))
        })
        .await
    }

    /// The latest version of every flow, by name, retired ones included.
    ///
    /// # Errors
    /// When the read fails.
    pub async fn flows(&self) -> Result<Vec<FlowVersion>, StoreError> {
        self.read(|connection| {
            let sql = format!("{SELECT} AND v.version = f.latest ORDER BY f.name");
            let mut select = connection.prepare_cached(&sql)?;
            let mut rows = select.query([])?;
            let mut flows = Vec::new();
            while let Some(row) = rows.next()? {
                flows.push(from_row(row)?);
            }
            Ok(flows)
        })
        .await
    }

    /// The latest version of a flow.
    ///
    /// # Errors
    /// When the read fails.
    pub async fn flow(&self, name: String) -> Result<Option<FlowVersion>, StoreError> {
        self.read(move |connection| latest(connection, &name)).await
    }

    /// One version of a flow.
    ///
    /// # Errors
    /// When the read fails.
    pub async fn flow_version(&self, name: String, version: u32) -> Result<Option<FlowVersion>, StoreError> {
        self.read(move |connection| {
            connection
                .prepare_cached(&format!("{SELECT} WHERE v.name = ?1 AND v.version = ?2"))?
                .query_row(params![name, version], |row| Ok(from_row(row)))
                .optional()?
                .transpose()
        })
        .await
    }
}

fn publish(connection: &Connection, name: &str, source: &str, by: &By) -> Result<FlowVersion, StoreError> {
    let digest = Digest::of(source.as_bytes());
    let last = latest(connection, name)?;
    if let Some(last) = &last
        && last.digest == digest
        && last.state == FlowState::Active
    {
        return Ok(last.clone());
    }
    let version = match &last {
        None => 1,
        // The same text again brings a retired flow back, as the version it was.
        Some(last) if last.digest == digest => last.version,
        Some(last) => last.version.saturating_add(1),
    };
    connection
        .prepare_cached("INSERT OR REPLACE INTO flow (name, latest, state) VALUES (?1, ?2, ?3)")?
        .execute(params![name, version, FlowState::Active.name()])?;
    connection
        .prepare_cached(
            "INSERT OR IGNORE INTO flow_version (name, version, source, digest, published_at, actor)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
        )?
        .execute(params![name, version, source, digest.to_string(), Millis(by.now), by.actor])?;
    audit::append(connection, by, "flow.publish", name, &json!({ "version": version, "digest": digest }))?;
    latest(connection, name)?.ok_or_else(|| StoreError::not_found("flow", name))
}

fn latest(connection: &Connection, name: &str) -> Result<Option<FlowVersion>, StoreError> {
    connection
        .prepare_cached(&format!("{SELECT} WHERE f.name = ?1 AND v.version = f.latest"))?
        .query_row([name], |row| Ok(from_row(row)))
        .optional()?
        .transpose()
}

fn from_row(row: &Row<'_>) -> Result<FlowVersion, StoreError> {
    let digest: String = row.get("digest")?;
    let state: String = row.get("state")?;
    Ok(FlowVersion {
        name: row.get("name")?,
        version: row::small(row, "version")?,
        source: row.get("source")?,
        digest: row::digest(&digest)?,
        published_at: row::time(row, "published_at")?,
        actor: row.get("actor")?,
        state: state.parse::<FlowState>().map_err(|error| StoreError::corrupt("flow", error.to_string()))?,
    })
}
