//! Installed connectors: every version that was ever installed and is still wanted, and which one of
//! each name new runs take.
//!
//! Versions are immutable, and the bytes that leave here are checked against their digest: what was
//! verified at the install is what gets loaded.

use rusqlite::{Connection, OptionalExtension as _, Row, params};
use serde_json::json;
use wharf_model::{digest::Digest, grant::Grant, time::Timestamp};

use crate::{
    audit::{self, By},
    error::StoreError,
    grant,
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
    /// When new runs last began to take it; none when they never did.
    pub activated_at: Option<Timestamp>,
    /// Since when it waits for a person; none when it does not.
    pub held_since: Option<Timestamp>,
}

/// A version that new runs are to take.
#[derive(Clone, Debug)]
pub struct Activation {
    /// The version.
    pub digest: Digest,
    /// The grant to put in force with it, and the version of the grant that its giver has seen.
    pub grant: Option<(Grant, u64)>,
    /// Held versions that have had their time.
    pub superseded: Vec<Digest>,
}

const SELECT: &str = "SELECT c.digest, c.name, c.version, c.manifest, c.size, c.installed_at, c.activated_at,
    a.since, h.since AS held_since
    FROM connector AS c LEFT JOIN connector_active AS a ON a.name = c.name AND a.digest = c.digest
    LEFT JOIN connector_held AS h ON h.digest = c.digest";

impl Store {
    /// Keeps a version of a connector. The same bytes again are fine.
    ///
    /// # Errors
    /// [`StoreError::Exists`] when the version exists with other bytes; or the write fails.
    pub async fn install_connector(&self, connector: NewConnector, by: By) -> Result<Digest, StoreError> {
        self.write(move |connection| install(connection, &connector, &by)).await
    }

    /// Lets new runs take this version, with the grant that goes with it: both or neither. Runs that
    /// exist keep theirs.
    ///
    /// # Errors
    /// [`StoreError::NotFound`] when it is not installed; [`StoreError::Exists`] when the grant has
    /// changed since it was looked at; or the write fails.
    pub async fn activate_connector(&self, activation: Activation, by: By) -> Result<(), StoreError> {
        self.write(move |connection| activate(connection, &activation, &by)).await
    }

    /// Lets a version wait for a person. One that waits already goes on waiting.
    ///
    /// # Errors
    /// [`StoreError::NotFound`] when it is not installed; or the write fails.
    pub async fn hold_connector(&self, digest: Digest, by: By) -> Result<(), StoreError> {
        self.write(move |connection| {
            let connector = find(connection, digest)?.ok_or_else(|| missing(digest))?;
            let held = connection
                .prepare_cached(
                    "INSERT OR IGNORE INTO connector_held (digest, name, since, actor) VALUES (?1, ?2, ?3, ?4)",
                )?
                .execute(params![digest.to_string(), connector.name, Millis(by.now), by.actor])?;
            if held == 0 {
                return Ok(());
            }
            let detail = json!({ "version": connector.version, "digest": digest });
            audit::append(connection, &by, "connector.hold", &connector.name, &detail)
        })
        .await
    }

    /// Deletes a version that waits: a person has said no.
    ///
    /// # Errors
    /// [`StoreError::NotFound`] when it does not wait; or the write fails.
    pub async fn reject_connector(&self, digest: Digest, by: By) -> Result<(), StoreError> {
        self.write(move |connection| {
            let connector = find(connection, digest)?
                .filter(|connector| connector.held_since.is_some())
                .ok_or_else(|| StoreError::not_found("held version", digest.to_string()))?;
            release(connection, digest)?;
            let detail = json!({ "version": connector.version, "digest": digest });
            audit::append(connection, &by, "connector.reject", &connector.name, &detail)?;
            // A version that ran once stays for the runs that pin it.
            if connector.activated_at.is_some() { Ok(()) } else { remove(connection, digest, &by) }
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

fn activate(connection: &Connection, activation: &Activation, by: &By) -> Result<(), StoreError> {
    let digest = activation.digest;
    let connector = find(connection, digest)?.ok_or_else(|| missing(digest))?;
    if let Some((grant, seen)) = &activation.grant {
        let current = grant::in_force(connection, &connector.name)?;
        if current != *seen {
            return Err(grant::changed(&connector.name, *seen, current));
        }
        grant::enforce(connection, &connector.name, grant, current, by)?;
    }
    connection
        .prepare_cached("INSERT OR REPLACE INTO connector_active (name, digest, since) VALUES (?1, ?2, ?3)")?
        .execute(params![connector.name, digest.to_string(), Millis(by.now)])?;
    connection
        .prepare_cached("UPDATE connector SET activated_at = ?2 WHERE digest = ?1")?
        .execute(params![digest.to_string(), Millis(by.now)])?;
    for digest in activation.superseded.iter().chain([&digest]) {
        release(connection, *digest)?;
    }
    let detail = json!({ "version": connector.version, "digest": digest });
    audit::append(connection, by, "connector.activate", &connector.name, &detail)
}

/// It no longer waits.
fn release(connection: &Connection, digest: Digest) -> Result<(), StoreError> {
    connection
        .prepare_cached("DELETE FROM connector_held WHERE digest = ?1")?
        .execute([digest.to_string()])?;
    Ok(())
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
    for table in ["connector", "connector_wasm", "connector_held"] {
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
        activated_at: row::time_maybe(row, "activated_at")?,
        held_since: row::time_maybe(row, "held_since")?,
    })
}

fn missing(digest: Digest) -> StoreError {
    StoreError::not_found("connector", digest.to_string())
}
