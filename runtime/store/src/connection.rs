//! Connections: an account at a provider, its settings, and its secrets sealed at rest.
//!
//! A connection's row lists the slots it has secrets for, so that a deleted secret is as corrupt as
//! a changed one, and never looks like one that was not entered.

use std::{collections::BTreeMap, fmt, sync::Arc};

use rusqlite::{Connection as Database, OptionalExtension as _, Row, params};
use serde_json::json;
use wharf_model::time::Timestamp;
use zeroize::Zeroizing;

use crate::{
    audit::{self, By},
    error::StoreError,
    row::{self, Millis, signed},
    seal::{Binding, Sealed, Sealer},
    store::{self, Store},
};

/// A secret value; wiped from memory when dropped, and never printed.
#[derive(Clone)]
pub struct Secret(Zeroizing<Vec<u8>>);

/// A connection to be kept.
#[derive(Clone, Debug)]
pub struct NewConnection {
    /// Its name, as flows use it.
    pub name: String,
    /// The connector's name.
    pub connector: String,
    /// The auth method's name.
    pub method: String,
    /// JSON object; not secret.
    pub settings: String,
    /// JSON: whose account it is, as the connector's `validate` said.
    pub identity: Option<String>,
    /// The secrets by slot, none of them empty.
    pub secrets: BTreeMap<String, Secret>,
}

/// A connection, without its secrets.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Connection {
    /// Its name.
    pub name: String,
    /// The connector's name.
    pub connector: String,
    /// The auth method's name.
    pub method: String,
    /// Counts the times its secrets were entered.
    pub version: u64,
    /// JSON object.
    pub settings: String,
    /// JSON: whose account it is.
    pub identity: Option<String>,
    /// The slots it has secrets for, sorted.
    pub slots: Vec<String>,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it last changed.
    pub updated_at: Timestamp,
}

impl Secret {
    /// Takes the value over.
    #[must_use]
    pub fn new(value: Vec<u8>) -> Self {
        Self(Zeroizing::new(value))
    }

    /// The value itself.
    #[must_use]
    pub fn expose(&self) -> &[u8] {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(..)")
    }
}

impl Store {
    /// Keeps a connection, in place of one with its name and of all that one's secrets.
    ///
    /// # Errors
    /// When a secret is empty or the write fails.
    pub async fn put_connection(&self, connection: NewConnection, by: By) -> Result<u64, StoreError> {
        let sealer = Arc::clone(self.sealer());
        self.write(move |database| put(database, &sealer, &connection, &by)).await
    }

    /// Replaces what is not secret.
    ///
    /// # Errors
    /// [`StoreError::NotFound`] without the connection; or the write fails.
    pub async fn describe_connection(
        &self,
        name: String,
        settings: String,
        identity: Option<String>,
        by: By,
    ) -> Result<(), StoreError> {
        self.write(move |database| {
            let changed = database
                .prepare_cached(
                    "UPDATE connection SET settings = ?2, identity = ?3, updated_at = ?4 WHERE name = ?1",
                )?
                .execute(params![name, settings, identity, Millis(by.now)])?;
            if changed == 0 {
                return Err(StoreError::not_found("connection", &name));
            }
            audit::append(database, &by, "connection.describe", &name, &json!({}))
        })
        .await
    }

    /// Deletes a connection with its secrets.
    ///
    /// # Errors
    /// [`StoreError::NotFound`] without the connection; or the write fails.
    pub async fn remove_connection(&self, name: String, by: By) -> Result<(), StoreError> {
        self.write(move |database| {
            let gone = database.prepare_cached("DELETE FROM connection WHERE name = ?1")?.execute([&name])?;
            if gone == 0 {
                return Err(StoreError::not_found("connection", &name));
            }
            forget_secrets(database, &name)?;
            audit::append(database, &by, "connection.remove", &name, &json!({}))
        })
        .await
    }

    /// Every connection, by name.
    ///
    /// # Errors
    /// When the read fails.
    pub async fn connections(&self) -> Result<Vec<Connection>, StoreError> {
        self.read(|database| {
            let mut select = database.prepare_cached("SELECT * FROM connection ORDER BY name")?;
            let mut rows = select.query([])?;
            let mut connections = Vec::new();
            while let Some(row) = rows.next()? {
                connections.push(from_row(row)?);
            }
            Ok(connections)
        })
        .await
    }

    /// One connection.
    ///
    /// # Errors
    /// When the read fails.
    pub async fn connection(&self, name: String) -> Result<Option<Connection>, StoreError> {
        self.read(move |database| find(database, &name)).await
    }

    /// The secrets of a connection, opened, by slot. For the gate only.
    ///
    /// # Errors
    /// [`StoreError::SecretCorrupt`] when any of them was changed, moved, cut or deleted;
    /// [`StoreError::NotFound`] without the connection.
    pub async fn secrets(&self, name: String) -> Result<BTreeMap<String, Secret>, StoreError> {
        let sealer = Arc::clone(self.sealer());
        self.read(move |database| {
            let connection =
                find(database, &name)?.ok_or_else(|| StoreError::not_found("connection", &name))?;
            let slots = connection.slots.iter();
            slots.map(|slot| Ok((slot.clone(), open(database, &sealer, &connection, slot)?))).collect()
        })
        .await
    }
}

fn put(database: &Database, sealer: &Sealer, new: &NewConnection, by: &By) -> Result<u64, StoreError> {
    if let Some((slot, _)) = new.secrets.iter().find(|(_, secret)| secret.expose().is_empty()) {
        return Err(StoreError::Invalid {
            what: "secret",
            reason: format!("`{slot}` is empty: leave it out instead"),
        });
    }
    let last = find(database, &new.name)?;
    let version = last.as_ref().map_or(1, |last| last.version.saturating_add(1));
    let created_at = last.map_or(by.now, |last| last.created_at);
    let slots: Vec<&String> = new.secrets.keys().collect();
    database
        .prepare_cached(
            "INSERT OR REPLACE INTO connection
                 (name, connector, method, version, settings, identity, slots, created_at, updated_at)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)",
        )?
        .execute(params![
            new.name,
            new.connector,
            new.method,
            signed(version),
            new.settings,
            new.identity,
            row::json("slots", &slots)?,
            Millis(created_at),
            Millis(by.now),
        ])?;
    forget_secrets(database, &new.name)?;
    let generation = signed(store::generation(database)?);
    for (slot, secret) in &new.secrets {
        let binding =
            Binding { connector: &new.connector, connection: &new.name, method: &new.method, slot, version };
        let Sealed { wrapped_key, sealed } = sealer.seal(binding, secret.expose())?;
        database
            .prepare_cached(
                "INSERT INTO secret (connection, slot, version, wrapped_key, sealed, key) VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
            )?
            .execute(params![new.name, slot, signed(version), wrapped_key, sealed, generation])?;
    }
    let detail =
        json!({ "connector": new.connector, "method": new.method, "version": version, "slots": slots });
    audit::append(database, by, "connection.put", &new.name, &detail)?;
    Ok(version)
}

/// Deletes the secrets, and overwrites where they were in the file: a key that leaks later opens what
/// is there, not what was.
fn forget_secrets(database: &Database, connection: &str) -> Result<(), StoreError> {
    database.execute_batch("PRAGMA secure_delete = ON")?;
    let deleted = database.prepare_cached("DELETE FROM secret WHERE connection = ?1")?.execute([connection]);
    database.execute_batch("PRAGMA secure_delete = OFF")?;
    deleted.map(drop).map_err(StoreError::from)
}

fn open(
    database: &Database,
    sealer: &Sealer,
    connection: &Connection,
    slot: &str,
) -> Result<Secret, StoreError> {
    let corrupt = || StoreError::SecretCorrupt { connection: connection.name.clone(), slot: slot.to_owned() };
    let sealed = database
        .prepare_cached("SELECT wrapped_key, sealed FROM secret WHERE connection = ?1 AND slot = ?2")?
        .query_row([&connection.name, slot], |row| Ok((row.get(0)?, row.get(1)?)))
        .optional()?;
    let Some((Some(wrapped_key), Some(sealed))) = sealed else {
        return Err(corrupt());
    };
    let binding = Binding {
        connector: &connection.connector,
        connection: &connection.name,
        method: &connection.method,
        slot,
        // The connection's, not the secret's own: an older secret put back does not open.
        version: connection.version,
    };
    let value = sealer.open(binding, &Sealed { wrapped_key, sealed }).map_err(|_| corrupt())?;
    // Empty secrets are never kept, so that an empty one was not kept by this code.
    if value.is_empty() { Err(corrupt()) } else { Ok(Secret(value)) }
}

fn find(database: &Database, name: &str) -> Result<Option<Connection>, StoreError> {
    database
        .prepare_cached("SELECT * FROM connection WHERE name = ?1")?
        .query_row([name], |row| Ok(from_row(row)))
        .optional()?
        .transpose()
}

fn from_row(row: &Row<'_>) -> Result<Connection, StoreError> {
    let name: String = row.get("name")?;
    let slots: String = row.get("slots")?;
    Ok(Connection {
        slots: row::parse(format!("connection {name}"), &slots)?,
        connector: row.get("connector")?,
        method: row.get("method")?,
        version: row::count(row, "version")?,
        settings: row.get("settings")?,
        identity: row.get("identity")?,
        created_at: row::time(row, "created_at")?,
        updated_at: row::time(row, "updated_at")?,
        name,
    })
}
