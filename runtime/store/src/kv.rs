//! What connectors keep: small values by scope and key, with a lifetime, under a quota.
//!
//! An expired entry is as good as absent from its very millisecond on, whenever its bytes go; they
//! count against the quota only as long as nobody needs the room.

use rusqlite::{Connection, OptionalExtension as _, params};
use wharf_model::time::Timestamp;

use crate::{
    error::StoreError,
    row::{Millis, signed, unsigned},
    store::Store,
    writer::JobError,
};

/// Most bytes of a key.
const KEY_BYTES: usize = 512;

/// One change.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoreWrite {
    /// The host's own text, such as `connection/acme-slack`; a connector never chooses it.
    pub scope: String,
    /// 1 to 512 bytes without control characters.
    pub key: String,
    /// What must be there for the change to happen.
    pub expected: Expected,
    /// The change.
    pub op: StoreOp,
    /// Most bytes of all keys and values of the scope together.
    pub quota_bytes: u64,
}

/// What a change does.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum StoreOp {
    /// Replaces.
    Put {
        /// The value.
        value: Vec<u8>,
        /// From then on the entry is absent.
        expires_at: Option<Timestamp>,
    },
    /// Deletes; fine when there is nothing.
    Delete,
}

/// What a change expects to find.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Expected {
    /// Whatever is there.
    Any,
    /// Nothing.
    Absent,
    /// This value.
    Value(Vec<u8>),
}

/// Why nothing was kept.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum KvError {
    /// The key is empty, too long, or holds a control character.
    #[error("store key must be 1 to {KEY_BYTES} bytes without control characters")]
    InvalidKey,
    /// The scope would grow over its quota.
    #[error("store scope `{scope}` would hold {needed} bytes, {limit} are granted")]
    Quota {
        /// The scope.
        scope: String,
        /// Bytes with this change.
        needed: u64,
        /// Bytes granted.
        limit: u64,
    },
    /// The entry is not what the change expects.
    #[error("store entry `{key}` of `{scope}` is not what was expected")]
    Moved {
        /// The scope.
        scope: String,
        /// The key.
        key: String,
    },
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl From<rusqlite::Error> for KvError {
    fn from(error: rusqlite::Error) -> Self {
        Self::Store(StoreError::from(error))
    }
}

impl JobError for KvError {
    fn store(&self) -> Option<&StoreError> {
        match self {
            Self::Store(error) => Some(error),
            Self::InvalidKey | Self::Quota { .. } | Self::Moved { .. } => None,
        }
    }
}

impl Store {
    /// The value; none when there is none or it has expired.
    ///
    /// # Errors
    /// When the read fails.
    pub async fn kv_get(
        &self,
        scope: String,
        key: String,
        now: Timestamp,
    ) -> Result<Option<Vec<u8>>, StoreError> {
        self.read(move |connection| Ok(live(connection, &scope, &key, now)?)).await
    }

    /// Applies the changes in order, all or none, outside of a step. Inside one they go with
    /// [`Settle::store_writes`](crate::Settle::store_writes).
    ///
    /// # Errors
    /// See [`KvError`]; nothing was changed then.
    pub async fn kv_write(&self, writes: Vec<StoreWrite>, now: Timestamp) -> Result<(), KvError> {
        self.write(move |connection| writes.iter().try_for_each(|write| apply(connection, write, now))).await
    }

    /// Bytes of all keys and values of a scope, expired ones included until their room is needed.
    ///
    /// # Errors
    /// When the read fails.
    pub async fn kv_bytes(&self, scope: String) -> Result<u64, StoreError> {
        self.read(move |connection| Ok(used(connection, &scope)?)).await
    }
}

/// Applies one change in the caller's transaction.
pub(crate) fn apply(connection: &Connection, write: &StoreWrite, now: Timestamp) -> Result<(), KvError> {
    let StoreWrite { scope, key, expected, op, quota_bytes } = write;
    if key.is_empty() || key.len() > KEY_BYTES || key.chars().any(char::is_control) {
        return Err(KvError::InvalidKey);
    }
    let as_expected = match expected {
        Expected::Any => true,
        Expected::Absent => live(connection, scope, key, now)?.is_none(),
        Expected::Value(value) => live(connection, scope, key, now)?.as_ref() == Some(value),
    };
    if !as_expected {
        return Err(KvError::Moved { scope: scope.clone(), key: key.clone() });
    }
    match op {
        StoreOp::Delete => {
            connection
                .prepare_cached("DELETE FROM kv WHERE scope = ?1 AND key = ?2")?
                .execute(params![scope, key])?;
        }
        StoreOp::Put { value, expires_at } => {
            connection
                .prepare_cached(
                    "INSERT INTO kv (scope, key, value, expires_at) VALUES (?1, ?2, ?3, ?4)
                     ON CONFLICT (scope, key) DO UPDATE SET value = excluded.value, expires_at = excluded.expires_at",
                )?
                .execute(params![scope, key, value, expires_at.map(Millis)])?;
            within_quota(connection, scope, *quota_bytes, now)?;
        }
    }
    Ok(())
}

fn within_quota(connection: &Connection, scope: &str, limit: u64, now: Timestamp) -> Result<(), KvError> {
    if used(connection, scope)? <= limit {
        return Ok(());
    }
    connection
        .prepare_cached("DELETE FROM kv WHERE scope = ?1 AND expires_at <= ?2")?
        .execute(params![scope, Millis(now)])?;
    let needed = used(connection, scope)?;
    if needed <= limit { Ok(()) } else { Err(KvError::Quota { scope: scope.to_owned(), needed, limit }) }
}

fn live(
    connection: &Connection,
    scope: &str,
    key: &str,
    now: Timestamp,
) -> rusqlite::Result<Option<Vec<u8>>> {
    connection
        .prepare_cached(
            "SELECT value FROM kv WHERE scope = ?1 AND key = ?2 AND (expires_at IS NULL OR expires_at > ?3)",
        )?
        .query_row(params![scope, key, Millis(now)], |row| row.get(0))
        .optional()
}

fn used(connection: &Connection, scope: &str) -> rusqlite::Result<u64> {
    let bytes: Option<i64> = connection
        .prepare_cached("SELECT bytes FROM kv_usage WHERE scope = ?1")?
        .query_row([scope], |row| row.get(0))
        .optional()?;
    Ok(bytes.map_or(0, unsigned))
}

/// Deletes up to `limit` entries that have expired.
pub(crate) fn prune(connection: &Connection, now: Timestamp, limit: u64) -> rusqlite::Result<usize> {
    connection
        .prepare_cached(
            "DELETE FROM kv WHERE rowid IN (SELECT rowid FROM kv WHERE expires_at <= ?1 ORDER BY expires_at LIMIT ?2)",
        )?
        .execute(params![Millis(now), signed(limit)])
}
