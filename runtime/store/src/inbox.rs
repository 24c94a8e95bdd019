//! Arrival: what came in, the key it is recognised by, and the runs it starts, in one transaction.
//!
//! A redelivery finds its key and changes nothing, however many arrive at the same instant: there is one writer.

use rusqlite::{Connection, OptionalExtension as _, Row, params};
use serde_json::{Value, json};
use wharf_model::{event::Delivery, http::Field, time::Timestamp};

use crate::{
    blob::{self, Placed},
    error::StoreError,
    row::{self, Millis, Raw},
    run::{self, NewRun, RunId},
    store::Store,
};

/// Headers that carry somebody's credentials; they served the verification and are not kept.
const NOT_KEPT: [&str; 4] = ["authorization", "proxy-authorization", "cookie", "x-api-key"];

/// Something that arrived.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Accept {
    /// A flow's or endpoint's name; keys are unique within it.
    pub source: String,
    /// What a redelivery is recognised by.
    pub dedupe_key: String,
    /// The time.
    pub now: Timestamp,
    /// The request, if it came as one. Kept without `authorization`, `proxy-authorization`, `cookie` and `x-api-key`.
    pub delivery: Option<Delivery>,
    /// The runs it starts; none is fine.
    pub runs: Vec<NewRun>,
}

/// What became of an arrival. Either way it is durable.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Accepted {
    /// The first with its key; its runs exist now.
    Fresh,
    /// A redelivery; nothing was changed.
    Duplicate {
        /// The runs that the first one started.
        run_ids: Vec<RunId>,
        /// When that was.
        first_at: Timestamp,
    },
}

impl Store {
    /// Takes in one arrival; durable when it returns, and only then may the sender hear of it.
    ///
    /// # Errors
    /// When the write fails; nothing was kept then.
    pub async fn accept(&self, accept: Accept) -> Result<Accepted, StoreError> {
        self.write(move |connection| take_in(connection, &accept)).await
    }
}

/// Keeps one arrival and the runs that it starts, unless its key is known.
pub(crate) fn take_in(connection: &Connection, accept: &Accept) -> Result<Accepted, StoreError> {
    let known = connection
        .prepare_cached("SELECT runs, at FROM inbox WHERE source = ?1 AND dedupe_key = ?2")?
        .query_row([&accept.source, &accept.dedupe_key], |row| {
            Ok((row.get::<_, String>("runs")?, row::time(row, "at")?))
        })
        .optional()?;
    if let Some((runs, first_at)) = known {
        return Ok(Accepted::Duplicate { run_ids: row::parse("inbox row", &runs)?, first_at });
    }
    let n = keep(connection, accept)?;
    for run in &accept.runs {
        run::insert(connection, run, Some(n), accept.now)?;
    }
    Ok(Accepted::Fresh)
}

fn keep(connection: &Connection, accept: &Accept) -> Result<i64, StoreError> {
    let runs: Vec<&RunId> = accept.runs.iter().map(|run| &run.id).collect();
    let delivery = accept.delivery.as_ref();
    let (inline, apart) =
        match delivery.map(|delivery| blob::place(connection, &delivery.body)).transpose()? {
            None => (None, None),
            Some(Placed::Inline(body)) => (Some(body), None),
            Some(Placed::Apart(digest)) => (None, Some(Raw(digest))),
        };
    connection
        .prepare_cached(
            "INSERT INTO inbox (source, dedupe_key, at, runs, method, target, headers, body, body_blob)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)",
        )?
        .execute(params![
            accept.source,
            accept.dedupe_key,
            Millis(accept.now),
            row::json("run ids", &runs)?,
            delivery.map(|delivery| &delivery.method),
            delivery.map(|delivery| &delivery.target),
            delivery.map(|delivery| headers_to_json(&delivery.headers)),
            inline,
            apart,
        ])?;
    Ok(connection.last_insert_rowid())
}

/// A list of `[name, value]`; a value that is not UTF-8 is `{"hex": …}`, so that none changes.
fn headers_to_json(headers: &[Field]) -> String {
    let kept =
        headers.iter().filter(|field| !NOT_KEPT.iter().any(|name| field.name.eq_ignore_ascii_case(name)));
    let pairs = kept.map(|field| match std::str::from_utf8(&field.value) {
        Ok(text) => json!([field.name, text]),
        Err(_) => json!([field.name, { "hex": hex::encode(&field.value) }]),
    });
    Value::Array(pairs.collect()).to_string()
}

fn headers_from_json(text: &str) -> Result<Vec<Field>, StoreError> {
    let damaged = || StoreError::corrupt("inbox row", "its headers are not what was written");
    let pairs: Vec<(String, Value)> = row::parse("inbox row", text)?;
    pairs
        .into_iter()
        .map(|(name, value)| match value {
            Value::String(text) => Ok(Field::new(name, text)),
            other => {
                let digits = other.get("hex").and_then(Value::as_str).ok_or_else(damaged)?;
                Ok(Field::new(name, hex::decode(digits).map_err(|_| damaged())?))
            }
        })
        .collect()
}

/// The request of inbox row `n`; none when it came another way or was pruned.
pub(crate) fn delivery(connection: &Connection, n: i64) -> Result<Option<Delivery>, StoreError> {
    let mut select = connection
        .prepare_cached("SELECT at, method, target, headers, body, body_blob FROM inbox WHERE n = ?1")?;
    let mut rows = select.query([n])?;
    rows.next()?.map_or(Ok(None), |row| request(connection, row))
}

fn request(connection: &Connection, row: &Row<'_>) -> Result<Option<Delivery>, StoreError> {
    let Some(method) = row.get::<_, Option<String>>("method")? else {
        return Ok(None);
    };
    let headers: String = row.get("headers")?;
    let body = match row.get::<_, Option<Raw>>("body_blob")? {
        Some(Raw(digest)) => blob::fetch(connection, digest)?,
        None => row.get::<_, Option<Vec<u8>>>("body")?.unwrap_or_default(),
    };
    Ok(Some(Delivery {
        method,
        target: row.get("target")?,
        headers: headers_from_json(&headers)?,
        body,
        received_at: row::time(row, "at")?,
    }))
}
