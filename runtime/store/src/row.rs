//! Between Rust values and columns. SQLite's integers are signed; times and counts saturate.

use rusqlite::{
    Row, ToSql,
    types::{FromSql, FromSqlError, FromSqlResult, ToSqlOutput, ValueRef},
};
use serde::{Serialize, de::DeserializeOwned};
use wharf_model::{digest::Digest, time::Timestamp};

use crate::error::StoreError;

/// A time as a column.
pub(crate) struct Millis(pub(crate) Timestamp);

impl ToSql for Millis {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        Ok(ToSqlOutput::from(signed(self.0.0)))
    }
}

impl FromSql for Millis {
    fn column_result(value: ValueRef<'_>) -> FromSqlResult<Self> {
        Ok(Self(Timestamp(unsigned(value.as_i64()?))))
    }
}

/// A digest as 32 raw bytes.
pub(crate) struct Raw(pub(crate) Digest);

impl ToSql for Raw {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        Ok(ToSqlOutput::from(self.0.bytes().to_vec()))
    }
}

impl FromSql for Raw {
    fn column_result(value: ValueRef<'_>) -> FromSqlResult<Self> {
        let bytes: [u8; 32] = value.as_blob()?.try_into().map_err(|_| FromSqlError::InvalidType)?;
        Ok(Self(Digest::from(bytes)))
    }
}

/// A count as a column.
pub(crate) fn signed(count: u64) -> i64 {
    i64::try_from(count).unwrap_or(i64::MAX)
}

/// A count from a column.
pub(crate) fn unsigned(column: i64) -> u64 {
    u64::try_from(column).unwrap_or(0)
}

/// A length as a column.
pub(crate) fn length(bytes: usize) -> i64 {
    i64::try_from(bytes).unwrap_or(i64::MAX)
}

/// The time in column `name`.
pub(crate) fn time(row: &Row<'_>, name: &str) -> rusqlite::Result<Timestamp> {
    Ok(row.get::<_, Millis>(name)?.0)
}

/// The time in column `name`, which may be null.
pub(crate) fn time_maybe(row: &Row<'_>, name: &str) -> rusqlite::Result<Option<Timestamp>> {
    Ok(row.get::<_, Option<Millis>>(name)?.map(|millis| millis.0))
}

/// The count in column `name`.
pub(crate) fn count(row: &Row<'_>, name: &str) -> rusqlite::Result<u64> {
    row.get(name).map(unsigned)
}

/// A small number in column `name`.
pub(crate) fn small(row: &Row<'_>, name: &str) -> rusqlite::Result<u32> {
    row.get(name)
}

/// `value` as JSON text.
pub(crate) fn json<T: Serialize>(what: &'static str, value: &T) -> Result<String, StoreError> {
    serde_json::to_string(value).map_err(|error| StoreError::Invalid { what, reason: error.to_string() })
}

/// JSON text that this crate wrote.
pub(crate) fn parse<T: DeserializeOwned>(what: impl Into<String>, text: &str) -> Result<T, StoreError> {
    serde_json::from_str(text).map_err(|error| StoreError::corrupt(what, error.to_string()))
}

/// A digest that this crate wrote as text.
pub(crate) fn digest(text: &str) -> Result<Digest, StoreError> {
    text.parse::<Digest>().map_err(|error| StoreError::corrupt("digest", error.to_string()))
}
