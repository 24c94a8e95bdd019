//! The growing functions of WASI 0.2.

use bytes::Bytes;
use wasmtime::{
    StoreContextMut,
    component::{ComponentNamedList, Lift, Linker, LinkerInstance, Lower, Resource},
};
use wasmtime_wasi::{
    filesystem::{Descriptor, WasiFilesystemView as _},
    p2::{
        DynOutputStream, FsResult, OutputStream, Pollable, StreamError, StreamResult,
        bindings::filesystem::types::{
            DescriptorFlags, ErrorCode, HostDescriptor as _, OpenFlags, PathFlags,
        },
    },
};

use super::{LARGEST, quota, size, write};
use crate::{
    price,
    scratch::{Full, Quota},
    state::{Debt, State},
};

type Opened<T> = Result<T, ErrorCode>;
type File = Resource<Descriptor>;
type Answer<'a, T> = std::pin::Pin<Box<dyn Future<Output = FsResult<T>> + Send + 'a>>;

pub(in crate::wasi) fn link(linker: &mut Linker<State>) -> wasmtime::Result<()> {
    let mut types = linker.instance("wasi:filesystem/types@0.2.12")?;
    growing(&mut types, "[method]descriptor.set-size", |state, (fd, length): (File, u64)| {
        Box::pin(async move {
            if length > LARGEST {
                return Err(ErrorCode::FileTooLarge.into());
            }
            quota(state).grow(length.saturating_sub(size(state.table.get(&fd)?)))?;
            state.filesystem().set_size(fd, length).await
        })
    })?;
    growing(&mut types, "[method]descriptor.write", |state, (fd, bytes, offset): (File, Vec<u8>, u64)| {
        Box::pin(async move {
            let length = bytes.len() as u64;
            state.debt.moved(length);
            write(&quota(state), size(state.table.get(&fd)?), offset, length)?;
            state.filesystem().write(fd, bytes, offset).await
        })
    })?;
    growing(&mut types, "[method]descriptor.write-via-stream", |state, (fd, offset): (File, u64)| {
        Box::pin(async move {
            let place = Place::At { offset, covered: size(state.table.get(&fd)?) };
            let stream = state.filesystem().write_via_stream(fd, offset)?;
            watched(state, stream, place)
        })
    })?;
    growing(&mut types, "[method]descriptor.append-via-stream", |state, (fd,): (File,)| {
        Box::pin(async move {
            let stream = state.filesystem().append_via_stream(fd)?;
            watched(state, stream, Place::End)
        })
    })?;
    entries(&mut types)
}

fn entries(types: &mut LinkerInstance<'_, State>) -> wasmtime::Result<()> {
    growing(types, "[method]descriptor.create-directory-at", |state, (fd, path): (File, String)| {
        Box::pin(async move {
            quota(state).add()?;
            state.filesystem().create_directory_at(fd, path).await
        })
    })?;
    growing(
        types,
        "[method]descriptor.open-at",
        |state, (fd, follow, path, open, flags): (File, PathFlags, String, OpenFlags, DescriptorFlags)| {
            Box::pin(async move {
                if open.contains(OpenFlags::CREATE) {
                    quota(state).add()?;
                }
                state.filesystem().open_at(fd, follow, path, open, flags).await
            })
        },
    )?;
    growing::<_, ()>(types, "[method]descriptor.symlink-at", |_, _: (File, String, String)| {
        Box::pin(std::future::ready(Err(ErrorCode::NotPermitted.into())))
    })?;
    growing::<_, ()>(types, "[method]descriptor.link-at", |_, _: (File, PathFlags, String, File, String)| {
        Box::pin(std::future::ready(Err(ErrorCode::NotPermitted.into())))
    })
}

/// Links a function that goes on the bill and answers with a file system's error.
fn growing<P, T>(
    types: &mut LinkerInstance<'_, State>,
    name: &'static str,
    answer: for<'a> fn(&'a mut State, P) -> Answer<'a, T>,
) -> wasmtime::Result<()>
where
    P: Send + 'static,
    T: Send + 'static,
    P: ComponentNamedList + Lift,
    (Opened<T>,): ComponentNamedList + Lower,
{
    types.func_wrap_async(name, move |mut store: StoreContextMut<'_, State>, params: P| {
        Box::new(async move {
            let state = store.data_mut();
            state.owe(price::WASI_FILES);
            Ok((match answer(state, params).await {
                Ok(value) => Ok(value),
                Err(error) => Err(error.downcast()?),
            },))
        })
    })
}

impl From<Full> for wasmtime_wasi::p2::FsError {
    fn from(Full: Full) -> Self {
        ErrorCode::InsufficientSpace.into()
    }
}

/// Puts a stream that asks the quota in the place of one that does not.
fn watched(
    state: &mut State,
    stream: Resource<DynOutputStream>,
    place: Place,
) -> FsResult<Resource<DynOutputStream>> {
    let inner = state.table.delete(stream)?;
    let debt = state.debt.clone();
    let stream: DynOutputStream = Box::new(Watched { inner, place, quota: quota(state), debt });
    Ok(state.table.push(stream)?)
}

/// Where a stream writes.
enum Place {
    /// From here on; up to `covered` the file was as large before, or has been counted.
    At { offset: u64, covered: u64 },
    /// At the end, wherever that is by then: each byte grows the file.
    End,
}

struct Watched {
    inner: DynOutputStream,
    place: Place,
    quota: Quota,
    debt: Debt,
}

impl Watched {
    fn grow(&mut self, length: u64) -> StreamResult<()> {
        self.debt.moved(length);
        let grown = match &self.place {
            Place::At { offset, covered } => write(&self.quota, *covered, *offset, length),
            Place::End => self.quota.grow(length),
        };
        grown.map_err(|full| StreamError::LastOperationFailed(std::io::Error::from(full).into()))?;
        if let Place::At { offset, covered } = &mut self.place {
            *offset = offset.saturating_add(length);
            *covered = (*covered).max(*offset);
        }
        Ok(())
    }
}

#[wasmtime_wasi::async_trait]
impl Pollable for Watched {
    async fn ready(&mut self) {
        self.inner.ready().await;
    }
}

#[wasmtime_wasi::async_trait]
impl OutputStream for Watched {
    fn write(&mut self, bytes: Bytes) -> StreamResult<()> {
        self.grow(bytes.len() as u64)?;
        self.inner.write(bytes)
    }

    fn flush(&mut self) -> StreamResult<()> {
        self.inner.flush()
    }

    fn check_write(&mut self) -> StreamResult<usize> {
        self.inner.check_write()
    }

    async fn blocking_write_and_flush(&mut self, bytes: Bytes) -> StreamResult<()> {
        self.grow(bytes.len() as u64)?;
        self.inner.blocking_write_and_flush(bytes).await
    }

    async fn cancel(&mut self) {
        self.inner.cancel().await;
    }
}
