//! What connectors were refused, and what they would be refused under a grant that is tried out.
//!
//! Each run leaves one audit row a connector and reason, however often and in however many steps and
//! attempts it tried; so does each call outside of a run. The counts by address are for the person who
//! decides about the grant. Both are bounded: a connector chooses what it asks for, so it must not
//! choose how much is stored.

use std::collections::BTreeMap;

use rusqlite::{Connection, Row, params};
use serde::Serialize;
use serde_json::json;
use wharf_model::time::Timestamp;

use crate::{
    audit::{self, By},
    error::StoreError,
    row::{self, Millis},
    store::Store,
};

/// Addresses that are told apart for each connector and kind; further ones share a row a reason.
const MOST_ROWS: i64 = 200;
/// Bytes of a method, an address or a message that are kept.
const LONGEST: usize = 1024;

/// Whether it was refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum DenialKind {
    /// It was.
    Denied,
    /// It passed; the grant that is tried out would have refused it.
    WouldDeny,
}

/// A refusal to be counted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewDenial {
    /// Whether it was refused.
    pub kind: DenialKind,
    /// Stable, kebab-case.
    pub reason: String,
    /// Which gate: `manifest`, `grant`, `ceiling`, `address`.
    pub gate: String,
    /// The method that was tried.
    pub method: String,
    /// The address that was tried, without query and secrets.
    pub place: String,
    /// For a person: what was tried and the line that would allow it.
    pub message: String,
}

/// Where refusals came from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DeniedIn {
    /// The connector's name.
    pub connector: String,
    /// The run; none outside of one.
    pub run: Option<String>,
    /// The step, or what was called outside of a run.
    pub step: String,
}

/// Refusals of one kind, reason and address.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct Denial {
    /// Whether it was refused.
    pub kind: DenialKind,
    /// Stable, kebab-case.
    pub reason: String,
    /// Which gate.
    pub gate: String,
    /// The method; empty where further addresses are counted together.
    pub method: String,
    /// The address; empty where further addresses are counted together.
    pub place: String,
    /// For a person: the latest.
    pub message: String,
    /// How often.
    pub count: u64,
    /// The first time.
    pub first_at: Timestamp,
    /// The last time.
    pub last_at: Timestamp,
    /// The latest run.
    pub run: Option<String>,
}

impl DenialKind {
    /// The stable kebab-case name.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Denied => "denied",
            Self::WouldDeny => "would-deny",
        }
    }

    fn parse(name: &str) -> Result<Self, StoreError> {
        match name {
            "denied" => Ok(Self::Denied),
            "would-deny" => Ok(Self::WouldDeny),
            _ => Err(StoreError::corrupt("the kind of a denial", format!("`{name}` is none"))),
        }
    }
}

impl Store {
    /// Counts the refusals of one call, and audits those that were refused: one row a reason, unless an
    /// earlier call of the run left it.
    ///
    /// # Errors
    /// When the write fails.
    pub async fn record_denials(
        &self,
        within: DeniedIn,
        denials: Vec<NewDenial>,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        self.write(move |connection| {
            for denial in &denials {
                count(connection, &within, denial, now)?;
            }
            let mut reasons: BTreeMap<&str, (u64, &NewDenial)> = BTreeMap::new();
            for denial in denials.iter().filter(|denial| denial.kind == DenialKind::Denied) {
                reasons.entry(&denial.reason).or_insert((0, denial)).0 += 1;
            }
            let by = By::new(format!("connector/{}", within.connector), now);
            for (count, first) in reasons.into_values() {
                if !is_new(connection, &within, &first.reason)? {
                    continue;
                }
                let detail = json!({
                    "reason": first.reason, "gate": first.gate, "run": within.run, "step": within.step, "count": count,
                    "method": cut(&first.method), "url": cut(&first.place), "message": cut(&first.message),
                });
                audit::append(connection, &by, act(&first.reason), &within.connector, &detail)?;
            }
            Ok(())
        })
        .await
    }

    /// What a connector was or would be refused, the latest first.
    ///
    /// # Errors
    /// When the read fails.
    pub async fn denials(&self, connector: String) -> Result<Vec<Denial>, StoreError> {
        self.read(move |connection| {
            let mut select = connection.prepare_cached(
                "SELECT * FROM denial WHERE connector = ?1 ORDER BY last_at DESC, count DESC",
            )?;
            let mut rows = select.query([connector])?;
            let mut denials = Vec::new();
            while let Some(row) = rows.next()? {
                denials.push(from_row(row)?);
            }
            Ok(denials)
        })
        .await
    }
}

/// Whether the run is refused for this reason for the first time; it is noted.
fn is_new(connection: &Connection, within: &DeniedIn, reason: &str) -> Result<bool, StoreError> {
    let Some(run) = &within.run else { return Ok(true) };
    let noted = connection
        .prepare_cached("INSERT OR IGNORE INTO denied_run (run, connector, reason) VALUES (?1, ?2, ?3)")?
        .execute([run, &within.connector, cut(reason)])?;
    Ok(noted > 0)
}

/// What the audit log calls a refusal: those about credentials apart from those about addresses.
fn act(reason: &str) -> &'static str {
    match reason {
        "insecure-credential" | "credential-unavailable" => "secret.denied",
        reason if reason.starts_with("secret") => "secret.denied",
        _ => "egress.denied",
    }
}

/// Forgets what was counted.
pub(crate) fn forget(connection: &Connection, connector: &str, kind: DenialKind) -> Result<(), StoreError> {
    connection
        .prepare_cached("DELETE FROM denial WHERE connector = ?1 AND kind = ?2")?
        .execute([connector, kind.name()])?;
    Ok(())
}

/// Forgets what has not been refused since `time`.
pub(crate) fn prune(connection: &Connection, time: Timestamp) -> Result<usize, StoreError> {
    Ok(connection.prepare_cached("DELETE FROM denial WHERE last_at < ?1")?.execute([Millis(time)])?)
}

fn count(
    connection: &Connection,
    within: &DeniedIn,
    denial: &NewDenial,
    now: Timestamp,
) -> Result<(), StoreError> {
    if again(connection, within, denial, (cut(&denial.method), cut(&denial.place)), now)? {
        return Ok(());
    }
    let rows: i64 = connection
        .prepare_cached("SELECT count(*) FROM denial WHERE connector = ?1 AND kind = ?2")?
        .query_row([&within.connector, denial.kind.name()], |row| row.get(0))?;
    let (method, place) = if rows < MOST_ROWS { (cut(&denial.method), cut(&denial.place)) } else { ("", "") };
    if place.is_empty() && again(connection, within, denial, (method, place), now)? {
        return Ok(());
    }
    connection
        .prepare_cached(
            "INSERT INTO denial (connector, kind, reason, gate, method, place, message, count, first_at, last_at, run)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, 1, ?8, ?8, ?9)",
        )?
        .execute(params![
            within.connector,
            denial.kind.name(),
            cut(&denial.reason),
            denial.gate,
            method,
            place,
            cut(&denial.message),
            Millis(now),
            within.run
        ])?;
    Ok(())
}

/// Counts one more in a row that is there; whether it was.
fn again(
    connection: &Connection,
    within: &DeniedIn,
    denial: &NewDenial,
    (method, place): (&str, &str),
    now: Timestamp,
) -> Result<bool, StoreError> {
    let counted = connection
        .prepare_cached(
            "UPDATE denial SET count = count + 1, last_at = ?7, message = ?8, run = ?9
             WHERE connector = ?1 AND kind = ?2 AND reason = ?3 AND gate = ?4 AND method = ?5 AND place = ?6",
        )?
        .execute(params![
            within.connector,
            denial.kind.name(),
            cut(&denial.reason),
            denial.gate,
            method,
            place,
            Millis(now),
            cut(&denial.message),
            within.run
        ])?;
    Ok(counted > 0)
}

fn cut(text: &str) -> &str {
    let mut end = text.len().min(LONGEST);
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    text.get(..end).unwrap_or_default()
}

fn from_row(row: &Row<'_>) -> Result<Denial, StoreError> {
    let kind: String = row.get("kind")?;
    Ok(Denial {
        kind: DenialKind::parse(&kind)?,
        reason: row.get("reason")?,
        gate: row.get("gate")?,
        method: row.get("method")?,
        place: row.get("place")?,
        message: row.get("message")?,
        count: row::count(row, "count")?,
        first_at: row::time(row, "first_at")?,
        last_at: row::time(row, "last_at")?,
        run: row.get("run")?,
    })
}
