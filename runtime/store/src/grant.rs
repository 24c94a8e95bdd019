//! What operators granted to connectors, by name: every version of it, the newest in force.

use rusqlite::{Connection, OptionalExtension as _, Row, params};
use wharf_model::{grant::Grant, time::Timestamp};

use crate::{
    audit::{self, By},
    error::StoreError,
    row::{self, Millis, signed},
    store::Store,
};

/// A grant as it was given.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GrantVersion {
    /// The connector's name.
    pub connector: String,
    /// Counts from 1.
    pub version: u64,
    /// What is granted.
    pub grant: Grant,
    /// Since when.
    pub at: Timestamp,
    /// By whom.
    pub actor: String,
}

impl Store {
    /// Replaces a connector's grant and returns its version. An empty grant takes everything away.
    ///
    /// # Errors
    /// When the write fails.
    pub async fn set_grant(&self, connector: String, grant: Grant, by: By) -> Result<u64, StoreError> {
        self.write(move |connection| {
            let version = current(connection, &connector)?.map_or(1, |last| last.version.saturating_add(1));
            connection
                .prepare_cached(
                    "INSERT INTO connector_grant (connector, version, granted, at, actor) VALUES (?1, ?2, ?3, ?4, ?5)",
                )?
                .execute(params![
                    connector,
                    signed(version),
                    row::json("grant", &grant)?,
                    Millis(by.now),
                    by.actor
                ])?;
            let detail = serde_json::json!({ "version": version, "grant": grant });
            audit::append(connection, &by, "grant.set", &connector, &detail)?;
            Ok(version)
        })
        .await
    }

    /// The grant in force; none when nothing was ever granted.
    ///
    /// # Errors
    /// When the read fails.
    pub async fn grant(&self, connector: String) -> Result<Option<GrantVersion>, StoreError> {
        self.read(move |connection| current(connection, &connector)).await
    }

    /// The grants in force, by connector.
    ///
    /// # Errors
    /// When the read fails.
    pub async fn grants(&self) -> Result<Vec<GrantVersion>, StoreError> {
        self.read(|connection| {
            let mut select = connection.prepare_cached(
                "SELECT connector, max(version) AS version, granted, at, actor FROM connector_grant
                 GROUP BY connector ORDER BY connector",
            )?;
            let mut rows = select.query([])?;
            let mut grants = Vec::new();
            while let Some(row) = rows.next()? {
                grants.push(from_row(row)?);
            }
            Ok(grants)
        })
        .await
    }
}

fn current(connection: &Connection, connector: &str) -> Result<Option<GrantVersion>, StoreError> {
    connection
        .prepare_cached("SELECT * FROM connector_grant WHERE connector = ?1 ORDER BY version DESC LIMIT 1")?
        .query_row([connector], |row| Ok(from_row(row)))
        .optional()?
        .transpose()
}

fn from_row(row: &Row<'_>) -> Result<GrantVersion, StoreError> {
    let connector: String = row.get("connector")?;
    let granted: String = row.get("granted")?;
    Ok(GrantVersion {
        version: row::count(row, "version")?,
        grant: row::parse(format!("grant of {connector}"), &granted)?,
        at: row::time(row, "at")?,
        actor: row.get("actor")?,
        connector,
    })
}
