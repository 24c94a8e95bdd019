//! What operators granted to connectors, by name: every version of it, who gave it and when.
//!
//! One history holds both what is in force and what is only tried out, so that "what could it do on
//! Tuesday" and "what did we try" have the same answer: the versions. None is ever changed, but for
//! the mode of a proposal that has come to its end.

use rusqlite::{Connection, OptionalExtension as _, Row, params};
use serde::Serialize;
use serde_json::json;
use wharf_model::{grant::Grant, time::Timestamp};

use crate::{
    audit::{self, By},
    denial,
    error::StoreError,
    row::{self, Millis, signed, unsigned},
    store::Store,
};

/// What a version of a grant is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum GrantMode {
    /// The newest of these is in force.
    Enforce,
    /// Tried out: what it would deny is counted and passes if the one in force allows it.
    ReportOnly,
    /// A proposal that was enforced, replaced or withdrawn; the audit log says which.
    Ended,
}

/// A grant as it was given.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GrantVersion {
    /// The connector's name.
    pub connector: String,
    /// Counts from 1.
    pub version: u64,
    /// What it is for.
    pub mode: GrantMode,
    /// The version in force that a proposal was made from.
    pub base: Option<u64>,
    /// What is granted.
    pub grant: Grant,
    /// Since when.
    pub at: Timestamp,
    /// By whom.
    pub actor: String,
}

/// A grant to be given.
#[derive(Clone, Debug)]
pub struct NewGrant {
    /// The connector's name.
    pub connector: String,
    /// What is granted.
    pub grant: Grant,
    /// The version in force that the giver has seen, 0 for none: another one refuses the change.
    pub seen: Option<u64>,
}

impl GrantMode {
    /// The stable kebab-case name.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Enforce => "enforce",
            Self::ReportOnly => "report-only",
            Self::Ended => "ended",
        }
    }

    fn parse(name: &str) -> Result<Self, StoreError> {
        [Self::Enforce, Self::ReportOnly, Self::Ended]
            .into_iter()
            .find(|mode| mode.name() == name)
            .ok_or_else(|| StoreError::corrupt("the mode of a grant", format!("`{name}` is none")))
    }
}

impl Store {
    /// Replaces the grant in force and returns its version. An empty grant takes everything away.
    ///
    /// # Errors
    /// [`StoreError::Exists`] when another version is in force than was seen; or the write fails.
    pub async fn set_grant(&self, new: NewGrant, by: By) -> Result<u64, StoreError> {
        self.write(move |connection| {
            let current = seen(connection, &new)?;
            enforce(connection, &new.connector, &new.grant, current, &by)
        })
        .await
    }

    /// Tries a grant out, in place of one that is being tried out, and returns its version.
    ///
    /// # Errors
    /// As [`set_grant`](Self::set_grant).
    pub async fn propose_grant(&self, new: NewGrant, by: By) -> Result<u64, StoreError> {
        self.write(move |connection| {
            let current = seen(connection, &new)?;
            end(connection, &new.connector)?;
            let version =
                append(connection, &new.connector, (&new.grant, GrantMode::ReportOnly, Some(current)), &by)?;
            let detail = json!({ "version": version, "base": current, "grant": new.grant });
            audit::append(connection, &by, "grant.propose", &new.connector, &detail)?;
            Ok(version)
        })
        .await
    }

    /// Puts the proposal `version` in force, as a version of its own, and returns that.
    ///
    /// # Errors
    /// [`StoreError::NotFound`] when it is not being tried out; [`StoreError::Exists`] when the grant
    /// in force is no longer the one that it was made from; or the write fails.
    pub async fn enforce_grant(&self, connector: String, version: u64, by: By) -> Result<u64, StoreError> {
        self.write(move |connection| {
            let proposal = newest(connection, &connector, GrantMode::ReportOnly)?
                .filter(|proposal| proposal.version == version)
                .ok_or_else(|| {
                    StoreError::not_found("proposed grant", format!("{connector} version {version}"))
                })?;
            let current = in_force(connection, &connector)?;
            if proposal.base != Some(current) {
                return Err(changed(&connector, proposal.base.unwrap_or(0), current));
            }
            end(connection, &connector)?;
            enforce(connection, &connector, &proposal.grant, current, &by)
        })
        .await
    }

    /// Ends the trial of a proposal.
    ///
    /// # Errors
    /// [`StoreError::NotFound`] when there is none; or the write fails.
    pub async fn withdraw_grant(&self, connector: String, by: By) -> Result<(), StoreError> {
        self.write(move |connection| {
            let proposal = newest(connection, &connector, GrantMode::ReportOnly)?
                .ok_or_else(|| StoreError::not_found("proposed grant", &connector))?;
            end(connection, &connector)?;
            let detail = json!({ "version": proposal.version });
            audit::append(connection, &by, "grant.withdraw", &connector, &detail)
        })
        .await
    }

    /// The grant in force; none when nothing was ever granted.
    ///
    /// # Errors
    /// When the read fails.
    pub async fn grant(&self, connector: String) -> Result<Option<GrantVersion>, StoreError> {
        self.read(move |connection| newest(connection, &connector, GrantMode::Enforce)).await
    }

    /// The grant that is being tried out, if one is.
    ///
    /// # Errors
    /// When the read fails.
    pub async fn proposed_grant(&self, connector: String) -> Result<Option<GrantVersion>, StoreError> {
        self.read(move |connection| newest(connection, &connector, GrantMode::ReportOnly)).await
    }

    /// The newest versions of a connector's grant, in force or not, the newest first.
    ///
    /// # Errors
    /// When the read fails.
    pub async fn grant_history(
        &self,
        connector: String,
        limit: usize,
    ) -> Result<Vec<GrantVersion>, StoreError> {
        self.read(move |connection| {
            let mut select = connection.prepare_cached(
                "SELECT * FROM connector_grant WHERE connector = ?1 ORDER BY version DESC LIMIT ?2",
            )?;
            let mut rows = select.query(params![connector, row::length(limit)])?;
            let mut grants = Vec::new();
            while let Some(row) = rows.next()? {
                grants.push(from_row(row)?);
            }
            Ok(grants)
        })
        .await
    }

    /// The grants in force, by connector.
    ///
    /// # Errors
    /// When the read fails.
    pub async fn grants(&self) -> Result<Vec<GrantVersion>, StoreError> {
        self.read(|connection| {
            let mut select = connection.prepare_cached(
                "SELECT connector, max(version) AS version, mode, base, granted, at, actor FROM connector_grant
                 WHERE mode = 'enforce' GROUP BY connector ORDER BY connector",
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

/// Puts a grant in force in the caller's transaction, after version `before`.
pub(crate) fn enforce(
    connection: &Connection,
    connector: &str,
    grant: &Grant,
    before: u64,
    by: &By,
) -> Result<u64, StoreError> {
    let version = append(connection, connector, (grant, GrantMode::Enforce, None), by)?;
    let detail = json!({ "version": version, "before": before, "grant": grant });
    audit::append(connection, by, "grant.set", connector, &detail)?;
    Ok(version)
}

/// The number of the version in force, 0 for none.
pub(crate) fn in_force(connection: &Connection, connector: &str) -> Result<u64, StoreError> {
    Ok(newest(connection, connector, GrantMode::Enforce)?.map_or(0, |grant| grant.version))
}

/// Refuses a change that was made from another version than the one in force, which it returns.
fn seen(connection: &Connection, new: &NewGrant) -> Result<u64, StoreError> {
    let current = in_force(connection, &new.connector)?;
    match new.seen {
        Some(seen) if seen != current => Err(changed(&new.connector, seen, current)),
        Some(_) | None => Ok(current),
    }
}

pub(crate) fn changed(connector: &str, seen: u64, current: u64) -> StoreError {
    StoreError::Exists {
        what: "grant",
        name: format!("{connector} version {current}"),
        reason: format!("the change was made from version {seen}; look at the grant again, then change it"),
    }
}

/// Ends a trial, and forgets what was counted in it.
fn end(connection: &Connection, connector: &str) -> Result<(), StoreError> {
    connection
        .prepare_cached(
            "UPDATE connector_grant SET mode = 'ended' WHERE connector = ?1 AND mode = 'report-only'",
        )?
        .execute([connector])?;
    denial::forget(connection, connector, denial::DenialKind::WouldDeny)
}

fn append(
    connection: &Connection,
    connector: &str,
    (grant, mode, base): (&Grant, GrantMode, Option<u64>),
    by: &By,
) -> Result<u64, StoreError> {
    let last: Option<i64> = connection
        .prepare_cached("SELECT max(version) FROM connector_grant WHERE connector = ?1")?
        .query_row([connector], |row| row.get(0))?;
    let version = last.map_or(1, |last| unsigned(last).saturating_add(1));
    connection
        .prepare_cached(
            "INSERT INTO connector_grant (connector, version, mode, base, granted, at, actor)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)",
        )?
        .execute(params![
            connector,
            signed(version),
            mode.name(),
            base.map(signed),
            row::json("grant", grant)?,
            Millis(by.now),
            by.actor
        ])?;
    Ok(version)
}

fn newest(
    connection: &Connection,
    connector: &str,
    mode: GrantMode,
) -> Result<Option<GrantVersion>, StoreError> {
    connection
        .prepare_cached(
            "SELECT * FROM connector_grant WHERE connector = ?1 AND mode = ?2 ORDER BY version DESC LIMIT 1",
        )?
        .query_row([connector, mode.name()], |row| Ok(from_row(row)))
        .optional()?
        .transpose()
}

fn from_row(row: &Row<'_>) -> Result<GrantVersion, StoreError> {
    let connector: String = row.get("connector")?;
    let granted: String = row.get("granted")?;
    let mode: String = row.get("mode")?;
    let base: Option<i64> = row.get("base")?;
    Ok(GrantVersion {
        version: row::count(row, "version")?,
        mode: GrantMode::parse(&mode)?,
        base: base.map(unsigned),
        grant: row::parse(format!("grant of {connector}"), &granted)?,
        at: row::time(row, "at")?,
        actor: row.get("actor")?,
        connector,
    })
}
