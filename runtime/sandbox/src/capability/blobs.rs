//! Large values in pieces. A blob is read as the guest asks for it; one that is being written waits
//! in the sandbox and counts against the call's byte budget, so a writer that is dropped leaves
//! nothing behind.

use bytes::{Bytes, BytesMut};
use futures_util::StreamExt as _;
use wasmtime::component::{Linker, LinkerInstance, Resource, ResourceType};

use super::{direct, handles, host, interface, piece, waiting};
use crate::{
    bindings::blobs::{Error, Info},
    convert,
    host::BlobError,
    state::{Reader, State, Writer},
};

const OPEN: &str = "blobs.open";
const READ: &str = "blobs.[method]reader.read";
const FINISH: &str = "blobs.[static]writer.finish";

type Answered<T> = wasmtime::Result<(Result<T, Error>,)>;

pub(super) fn link(linker: &mut Linker<State>) -> wasmtime::Result<()> {
    let mut blobs = interface(linker, "blobs")?;
    reading(&mut blobs)?;
    writing(&mut blobs)
}

fn reading(blobs: &mut LinkerInstance<'_, State>) -> wasmtime::Result<()> {
    blobs.resource("reader", ResourceType::host::<Reader>(), |mut store, rep| {
        let state = store.data_mut();
        let reader = state.table.delete(Resource::<Reader>::new_own(rep))?;
        state.used.held_bytes = state.used.held_bytes.saturating_sub(reader.left.len() as u64);
        Ok(())
    })?;
    waiting(blobs, OPEN, |state, params| Box::pin(open(state, params)))?;
    waiting(blobs, READ, |state, params| Box::pin(read(state, params)))?;
    direct(blobs, "blobs.[method]reader.info", |state, (reader,): (Resource<Reader>,)| {
        let info = &state.table.get(&reader)?.info;
        let (name, content_type) = (info.name.clone(), info.content_type.clone());
        Ok((Info { name, content_type, size: info.size },))
    })
}

async fn open(state: &mut State, (id,): (String,)) -> Answered<Resource<Reader>> {
    let blob = match host(&mut state.host, OPEN)?.blob_open(&id).await {
        Ok(blob) => blob,
        Err(error) => return Ok((Err(convert::blob_error(error)),)),
    };
    let full = handles(state);
    let reader = Reader { info: blob.info, left: Bytes::new(), rest: Some(blob.pieces) };
    Ok((Ok(state.table.push(reader).map_err(|_| full)?),))
}

async fn read(state: &mut State, (handle, max): (Resource<Reader>, u32)) -> Answered<Vec<u8>> {
    let max = piece(max, state) as usize;
    let reader = state.table.get_mut(&handle)?;
    let held = reader.left.len();
    if let Err(error) = reader.fill().await {
        return Ok((Err(convert::blob_error(error)),));
    }
    let taken = reader.left.split_to(max.min(reader.left.len()));
    let holds = reader.left.len();
    state.used.held_bytes = state.used.held_bytes.saturating_sub(held as u64).saturating_add(holds as u64);
    Ok((Ok(taken.into()),))
}

impl Reader {
    /// Waits until there is something to read, or the end.
    async fn fill(&mut self) -> Result<(), BlobError> {
        while self.left.is_empty()
            && let Some(rest) = &mut self.rest
        {
            match rest.next().await {
                Some(Ok(piece)) => self.left = piece,
                Some(Err(error)) => {
                    self.rest = None;
                    return Err(error);
                }
                None => self.rest = None,
            }
        }
        Ok(())
    }
}

fn writing(blobs: &mut LinkerInstance<'_, State>) -> wasmtime::Result<()> {
    blobs.resource("writer", ResourceType::host::<Writer>(), |mut store, rep| {
        take(store.data_mut(), Resource::new_own(rep))?;
        Ok(())
    })?;
    direct(blobs, "blobs.create", |state, (name, content_type): (String, String)| {
        let full = handles(state);
        let writer = Writer { name, content_type, content: BytesMut::new() };
        Ok((Ok::<_, Error>(state.table.push(writer).map_err(|_| full)?),))
    })?;
    direct(blobs, "blobs.[method]writer.write", write)?;
    waiting(blobs, FINISH, |state, params| Box::pin(finish(state, params)))
}

fn write(state: &mut State, (writer, chunk): (Resource<Writer>, Vec<u8>)) -> Answered<()> {
    // The chunk is counted twice, as moved and as held: both are the host's to bear.
    let size = chunk.len() as u64;
    if size > state.bytes_left() {
        return Ok((Err(Error::QuotaExceeded(state.limits.host_bytes)),));
    }
    state.table.get_mut(&writer)?.content.extend_from_slice(&chunk);
    state.used.held_bytes += size;
    Ok((Ok(()),))
}

async fn finish(state: &mut State, (writer,): (Resource<Writer>,)) -> Answered<String> {
    let Writer { name, content_type, content } = take(state, writer)?;
    let host = host(&mut state.host, FINISH)?;
    let kept = host.blob_write(&name, &content_type, content.freeze()).await;
    Ok((kept.map_err(convert::blob_error),))
}

/// Takes a writer out; its bytes are no longer held.
fn take(state: &mut State, writer: Resource<Writer>) -> wasmtime::Result<Writer> {
    let writer = state.table.delete(writer)?;
    state.used.held_bytes = state.used.held_bytes.saturating_sub(writer.content.len() as u64);
    Ok(writer)
}
