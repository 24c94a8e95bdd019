//! Installed connectors: every version that was ever installed and is still wanted, and which one of
//! each name new runs take.
//!
//! Versions are immutable, and the bytes that leave here are checked against their digest: what was
//! verified at the install is what gets loaded.

use rusqlite::{Connection, OptionalExtension as _, Row, params};
use serde_json::json;
use wharf_model::{digest::Digest, time::Timestamp};

use crate::{
    audit::{self, By},
    error::StoreError,
    row::{self, Millis},
    run_list,
    store::Store,
};

/// A connector to be installed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewConnector {
    /// The manifest's name.
    pub name: String,
    /// The manifest's version.
    pub version: String,
    /// The manifest, JSON.
    pub manifest: String,
    /// The component's exact bytes.
    pub wasm: Vec<u8>,
}

/// An installed version of a connector, without its code.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Connector {
    /// Over the component's bytes.
    pub digest: Digest,
    /// The manifest's name.
    pub name: String,
    /// The manifest's version.
    pub version: String,
    /// The manifest, JSON.
    pub manifest: String,
    /// Bytes of the component.
    pub size: u64,
    /// When it was installed.
    pub installed_at: Timestamp,
    /// Since when new runs take it; none when they do not.
    pub active_since: Option<Timestamp>,
}

const SELECT: &str = "SELECT c.digest, c.name, c.version, c.manifest, c.size, c.installed_at, a.since
    FROM connector AS c LEFT JOIN connector_active AS a ON a.name = c.name AND a.digest = c.digest";

impl Store {
    /// Keeps a version of a connector. The same bytes again are fine.
    ///
    /// # Errors
    /// [`StoreError::Exists`] when the version exists with other bytes; or the write fails.
    pub async fn install_connector(&self, connector: NewConnector, by: By) -> Result<Digest, StoreError> {
        self.write(move |connection| install(connection, &connector, &by)).await
    }

    /// Lets new runs take this version; runs that exist keep theirs.
    ///
    /// # Errors
    /// [`StoreError::NotFound`] when it is not installed; or the write fails.
    pub async fn activate_connector(&self, digest: Digest, by: By) -> Result<(), StoreError> {
        self.write(move |connection| {
            let connector = find(connection, digest)?.ok_or_else(|| missing(digest))?;
            connection
                .prepare_cached(
                    "INSERT OR REPLACE INTO connector_active (name, digest, since) VALUES (?1, ?2, ?3)",
                )?
                .execute(params![connector.name, digest.to_string(), Millis(by.now)])?;
            let detail = json!({ "version": connector.version, "digest": digest });
            audit::append(connection, &by, "connector.activate", &connector.name, &detail)
        })
        .await
    }

    /// Lets no new run take the connector; its versions stay.
    ///
    /// # Errors
    /// [`StoreError::NotFound`] when none is active; or the write fails.
    pub async fn deactivate_connector(&self, name: String, by: By) -> Result<(), StoreError> {
        self.write(move |connection| {
            let gone = connection
                .prepare_cached("DELETE FROM connector_active WHERE name = ?1")?
                .execute([&name])?;
            if gone == 0 {
                return Err(StoreError::not_found("active connector", &name));
            }
            audit::append(connection, &by, "connector.deactivate", &name, &json!({}))
        })
        .await
    }

    /// Deletes a version that is not active and that no run needs.
    ///
    /// # Errors
    /// [`StoreError::Exists`] with what still needs it; [`StoreError::NotFound`]; or the write fails.
    pub async fn remove_connector(&self, digest: Digest, by: By) -> Result<(), StoreError> {
        self.write(move |connection| remove(connection, digest, &by)).await
    }

    /// Every installed version, by name and age.
    ///
    /// # Errors
    /// When the read fails.
    pub async fn connectors(&self) -> Result<Vec<Connector>, StoreError> {
        self.read(|connection| {
            let mut select =
                connection.prepare_cached(&format!("{SELECT} ORDER BY c.name, c.installed_at"))?;
            let mut rows = select.query([])?;
            let mut connectors = Vec::new();
            while let Some(row) = rows.next()? {
                connectors.push(from_row(row)?);
            }
            Ok(connectors)
        })
        .await
    }

    /// One installed version.
    ///
    /// # Errors
    /// When the read fails.
    pub async fn connector(&self, digest: Digest) -> Result<Option<Connector>, StoreError> {
        self.read(move |connection| find(connection, digest)).await
    }

    /// The version that new runs take.
    ///
    /// # Errors
    /// When the read fails.
    pub async fn active_connector(&self, name: String) -> Result<Option<Connector>, StoreError> {
        self.read(move |connection| {
            connection
                .prepare_cached(&format!("{SELECT} WHERE a.name = ?1"))?
                .query_row([name], |row| Ok(from_row(row)))
                .optional()?
                .transpose()
        })
        .await
    }

    /// The component's bytes, checked against the digest.
    ///
    /// # Errors
    /// [`StoreError::NotFound`] when it is not installed, [`StoreError::Corrupt`] when the bytes changed.
    pub async fn connector_wasm(&self, digest: Digest) -> Result<Vec<u8>, StoreError> {
        self.read(move |connection| {
            let wasm: Option<Vec<u8>> = connection
                .prepare_cached("SELECT wasm FROM connector_wasm WHERE digest = ?1")?
                .query_row([digest.to_string()], |row| row.get(0))
                .optional()?;
            let wasm = wasm.ok_or_else(|| missing(digest))?;
            if Digest::of(&wasm) == digest {
                Ok(wasm)
            } else {
                Err(StoreError::corrupt(format!("connector {digest}"), "its bytes have another digest"))
            }
        })
        .await
    }
}

fn install(connection: &Connection, connector: &NewConnector, by: &By) -> Result<Digest, StoreError> {
    let NewConnector { name, version, manifest, wasm } = connector;
    let digest = Digest::of(wasm);
    let known: Option<String> = connection
        .prepare_cached("SELECT digest FROM connector WHERE name = ?1 AND version = ?2")?
        .query_row([name, version], |row| row.get(0))
        .optional()?;
    if let Some(known) = known {
        let known = row::digest(&known)?;
        if known == digest {
            return Ok(digest);
        }
        let reason = format!("with digest {known}; a version never changes, give the new bytes a new one");
        return Err(StoreError::Exists { what: "connector", name: format!("{name} {version}"), reason });
    }
    if let Some(other) = find(connection, digest)? {
        let reason = "with the same bytes under another name or version".to_owned();
        return Err(StoreError::Exists {
            what: "connector",
            name: format!("{} {}", other.name, other.version),
            reason,
        });
    }
    connection
        .prepare_cached(
            "INSERT INTO connector (digest, name, version, manifest, size, installed_at) VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
        )?
        .execute(params![digest.to_string(), name, version, manifest, row::length(wasm.len()), Millis(by.now)])?;
    connection
        .prepare_cached("INSERT INTO connector_wasm (digest, wasm) VALUES (?1, ?2)")?
        .execute(params![digest.to_string(), wasm])?;
    audit::append(
        connection,
        by,
        "connector.install",
        name,
        &json!({ "version": version, "digest": digest }),
    )?;
    Ok(digest)
}

fn remove(connection: &Connection, digest: Digest, by: &By) -> Result<(), StoreError> {
    let connector = find(connection, digest)?.ok_or_else(|| missing(digest))?;
    let runs = run_list::pinned(connection, digest)?;
    let kept_by = match (connector.active_since, runs) {
        (Some(_), _) => Some("it is active; deactivate it or activate another version first".to_owned()),
        (None, 0) => None,
        (None, runs) => Some(format!("{runs} runs are pinned to it; let them end or discard them first")),
    };
    let name = format!("{} {}", connector.name, connector.version);
    if let Some(reason) = kept_by {
        return Err(StoreError::Exists { what: "connector", name, reason });
    }
    for table in ["connector", "connector_wasm"] {
        connection
            .prepare_cached(&format!("DELETE FROM {table} WHERE digest = ?1"))?
            .execute([digest.to_string()])?;
    }
    let detail = json!({ "version": connector.version, "digest": digest });
    audit::append(connection, by, "connector.remove", &connector.name, &detail)
}

fn find(connection: &Connection, digest: Digest) -> Result<Option<Connector>, StoreError> {
    connection
        .prepare_cached(&format!("{SELECT} WHERE c.digest = ?1"))?
        .query_row([digest.to_string()], |row| Ok(from_row(row)))
        .optional()?
        .transpose()
}

fn from_row(row: &Row<'_>) -> Result<Connector, StoreError> {
    let digest: String = row.get("digest")?;
    Ok(Connector {
        digest: row::digest(&digest)?,
        name: row.get("name")?,
        version: row.get("version")?,
        manifest: row.get("manifest")?,
        size: row::count(row, "size")?,
        installed_at: row::time(row, "installed_at")?,
        active_since: row::time_maybe(row, "since")?,
    })
}

fn missing(digest: Digest) -> StoreError {
    StoreError::not_found("connector", digest.to_string())
}
