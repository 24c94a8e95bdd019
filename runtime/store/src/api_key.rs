//! Keys of the admin API. Only their hashes are here; a key has 32 random bytes, so that a plain
//! SHA-256 of it tells nobody anything.

use rusqlite::{OptionalExtension as _, Row, params};
use serde_json::json;
use wharf_model::{digest::Digest, time::Timestamp};

use crate::{
    audit::{self, By},
    error::StoreError,
    row::{self, Millis, Raw},
    store::Store,
};

/// A key, without the key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ApiKey {
    /// Names it in the audit log.
    pub id: String,
    /// For people.
    pub label: String,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it was last used, as far as somebody noted it.
    pub last_used_at: Option<Timestamp>,
    /// Since when it no longer works.
    pub revoked_at: Option<Timestamp>,
}

impl Store {
    /// Keeps the hash of a new key.
    ///
    /// # Errors
    /// [`StoreError::Exists`] when the id or the key is taken; or the write fails.
    pub async fn add_api_key(
        &self,
        id: String,
        label: String,
        hash: Digest,
        by: By,
    ) -> Result<(), StoreError> {
        self.write(move |connection| {
            let added = connection
                .prepare_cached(
                    "INSERT OR IGNORE INTO api_key (id, hash, label, created_at) VALUES (?1, ?2, ?3, ?4)",
                )?
                .execute(params![id, Raw(hash), label, Millis(by.now)])?;
            if added == 0 {
                let reason = "choose another id, and never the same key twice".to_owned();
                return Err(StoreError::Exists { what: "API key", name: id.clone(), reason });
            }
            audit::append(connection, &by, "api-key.add", &id, &json!({ "label": label }))
        })
        .await
    }

    /// The key with this hash, unless it was revoked.
    ///
    /// # Errors
    /// When the read fails.
    pub async fn find_api_key(&self, hash: Digest) -> Result<Option<ApiKey>, StoreError> {
        self.read(move |connection| {
            Ok(connection
                .prepare_cached("SELECT * FROM api_key WHERE hash = ?1 AND revoked_at IS NULL")?
                .query_row([Raw(hash)], from_row)
                .optional()?)
        })
        .await
    }

    /// Notes that a key was used. Not worth a write each time; once a minute is enough.
    ///
    /// # Errors
    /// When the write fails.
    pub async fn touch_api_key(&self, id: String, now: Timestamp) -> Result<(), StoreError> {
        self.write(move |connection| {
            connection
                .prepare_cached("UPDATE api_key SET last_used_at = ?2 WHERE id = ?1")?
                .execute(params![id, Millis(now)])?;
            Ok(())
        })
        .await
    }

    /// Ends a key.
    ///
    /// # Errors
    /// [`StoreError::NotFound`] without a key of this id that works; or the write fails.
    pub async fn revoke_api_key(&self, id: String, by: By) -> Result<(), StoreError> {
        self.write(move |connection| {
            let changed = connection
                .prepare_cached("UPDATE api_key SET revoked_at = ?2 WHERE id = ?1 AND revoked_at IS NULL")?
                .execute(params![id, Millis(by.now)])?;
            if changed == 0 {
                return Err(StoreError::not_found("API key", &id));
            }
            audit::append(connection, &by, "api-key.revoke", &id, &json!({}))
        })
        .await
    }

    /// Every key, revoked ones included, oldest first.
    ///
    /// # Errors
    /// When the read fails.
    pub async fn api_keys(&self) -> Result<Vec<ApiKey>, StoreError> {
        self.read(|connection| {
            let mut select = connection.prepare_cached("SELECT * FROM api_key ORDER BY created_at, id")?;
            let rows = select.query_map([], from_row)?;
            Ok(rows.collect::<Result<_, _>>()?)
        })
        .await
    }
}

fn from_row(row: &Row<'_>) -> rusqlite::Result<ApiKey> {
    Ok(ApiKey {
        id: row.get("id")?,
        label: row.get("label")?,
        created_at: row::time(row, "created_at")?,
        last_used_at: row::time_maybe(row, "last_used_at")?,
        revoked_at: row::time_maybe(row, "revoked_at")?,
    })
}
