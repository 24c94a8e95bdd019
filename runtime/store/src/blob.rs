//! Payloads over 64 KiB: kept once for each content, counted by reference, out of the way of the
//! tables that are read in order.

use rusqlite::{Connection, OptionalExtension as _, params};
use wharf_model::digest::Digest;

use crate::{error::StoreError, row::Raw, store::Store};

/// A payload longer than this many bytes goes to a table of its own.
pub const BLOB_THRESHOLD: usize = 64 << 10;

/// Where a payload lies.
pub(crate) enum Placed<T> {
    /// In the row itself.
    Inline(T),
    /// In `blob`, under this digest.
    Apart(Digest),
}

/// Puts `bytes` away, if they are long, with one reference more.
pub(crate) fn place<T: AsRef<[u8]>>(connection: &Connection, payload: T) -> rusqlite::Result<Placed<T>> {
    let bytes = payload.as_ref();
    if bytes.len() <= BLOB_THRESHOLD {
        return Ok(Placed::Inline(payload));
    }
    let digest = Digest::of(bytes);
    keep(connection, digest, bytes)?;
    Ok(Placed::Apart(digest))
}

/// Adds a reference to `bytes`.
pub(crate) fn keep(connection: &Connection, digest: Digest, bytes: &[u8]) -> rusqlite::Result<()> {
    connection
        .prepare_cached(
            "INSERT INTO blob (digest, refs, bytes) VALUES (?1, 1, ?2)
             ON CONFLICT (digest) DO UPDATE SET refs = refs + 1",
        )?
        .execute(params![Raw(digest), bytes])?;
    Ok(())
}

/// Takes a reference away; the last one takes the bytes with it.
pub(crate) fn release(connection: &Connection, digest: Digest) -> rusqlite::Result<()> {
    connection.prepare_cached("UPDATE blob SET refs = refs - 1 WHERE digest = ?1")?.execute([Raw(digest)])?;
    connection.prepare_cached("DELETE FROM blob WHERE digest = ?1 AND refs <= 0")?.execute([Raw(digest)])?;
    Ok(())
}

/// The bytes, checked against their name.
pub(crate) fn fetch(connection: &Connection, digest: Digest) -> Result<Vec<u8>, StoreError> {
    let bytes: Option<Vec<u8>> = connection
        .prepare_cached("SELECT bytes FROM blob WHERE digest = ?1")?
        .query_row([Raw(digest)], |row| row.get(0))
        .optional()?;
    let bytes = bytes.ok_or_else(|| StoreError::corrupt(format!("blob {digest}"), "it is gone"))?;
    if Digest::of(&bytes) == digest {
        Ok(bytes)
    } else {
        Err(StoreError::corrupt(format!("blob {digest}"), "its bytes have another digest"))
    }
}

impl Store {
    /// Keeps `bytes`, with one reference more, and names them by content.
    ///
    /// # Errors
    /// When the write fails.
    pub async fn put_blob(&self, bytes: Vec<u8>) -> Result<Digest, StoreError> {
        let digest = Digest::of(&bytes);
        self.write(move |connection| {
            keep(connection, digest, &bytes)?;
            Ok(digest)
        })
        .await
    }

    /// The bytes of that name, checked against it; none when they are not kept.
    ///
    /// # Errors
    /// When the read fails or the bytes are damaged.
    pub async fn blob(&self, digest: Digest) -> Result<Option<Vec<u8>>, StoreError> {
        self.read(move |connection| {
            let kept: bool = connection.query_row(
                "SELECT EXISTS (SELECT 1 FROM blob WHERE digest = ?1)",
                [Raw(digest)],
                |row| row.get(0),
            )?;
            if kept { fetch(connection, digest).map(Some) } else { Ok(None) }
        })
        .await
    }

    /// Takes a reference of [`put_blob`](Self::put_blob) away.
    ///
    /// # Errors
    /// When the write fails.
    pub async fn release_blob(&self, digest: Digest) -> Result<(), StoreError> {
        self.write(move |connection| Ok(release(connection, digest)?)).await
    }
}
