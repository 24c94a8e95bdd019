//! The growing functions of WASI 0.3.

use std::{
    io,
    os::unix::fs::FileExt as _,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll, ready},
};

use tokio::{sync::oneshot, task::JoinHandle};
use wasmtime::{
    StoreContextMut,
    component::{
        Accessor, ComponentNamedList, FutureReader, Lift, Linker, LinkerInstance, Lower, Resource, Source,
        StreamConsumer, StreamReader, StreamResult,
    },
};
use wasmtime_wasi::{
    filesystem::{Descriptor, OpenMode, WasiFilesystem, WasiFilesystemView as _},
    p3::{
        bindings::filesystem::types::{
            DescriptorFlags, ErrorCode, HostDescriptorWithStore, OpenFlags, PathFlags,
        },
        filesystem::FilesystemResult,
    },
};

use super::{LARGEST, quota, size, write};
use crate::{
    price,
    scratch::{Full, Quota},
    state::{Debt, State},
};

type Dir = Resource<Descriptor>;
type Answer<'a, T> = Pin<Box<dyn Future<Output = FilesystemResult<T>> + Send + 'a>>;
type Written = Result<(), ErrorCode>;

/// Bytes that are written at a time.
const PIECE: usize = 64 << 10;

pub(in crate::wasi) fn link(linker: &mut Linker<State>) -> wasmtime::Result<()> {
    let mut types = linker.instance("wasi:filesystem/types@0.3.0")?;
    types.func_wrap(
        "[method]descriptor.write-via-stream",
        |store, (fd, data, offset): (Dir, StreamReader<u8>, u64)| {
            let start = |covered| Place::At { offset, covered };
            Ok((begin(store, &fd, data, start)?,))
        },
    )?;
    types
        .func_wrap("[method]descriptor.append-via-stream", |store, (fd, data): (Dir, StreamReader<u8>)| {
            Ok((begin(store, &fd, data, |_| Place::End)?,))
        })?;
    growing(&mut types, "[method]descriptor.set-size", |accessor, (fd, length): (Dir, u64)| {
        Box::pin(async move {
            accessor.with(|mut store| -> FilesystemResult<()> {
                if length > LARGEST {
                    return Err(ErrorCode::FileTooLarge.into());
                }
                let state = store.data_mut();
                Ok(quota(state).grow(length.saturating_sub(size(state.table.get(&fd)?)))?)
            })?;
            <WasiFilesystem as HostDescriptorWithStore<State>>::set_size(&files(accessor), fd, length).await
        })
    })?;
    entries(&mut types)
}

fn entries(types: &mut LinkerInstance<'_, State>) -> wasmtime::Result<()> {
    growing(types, "[method]descriptor.create-directory-at", |accessor, (fd, path): (Dir, String)| {
        Box::pin(async move {
            accessor.with(|mut store| quota(store.data_mut()).add())?;
            <WasiFilesystem as HostDescriptorWithStore<State>>::create_directory_at(
                &files(accessor),
                fd,
                path,
            )
            .await
        })
    })?;
    growing(
        types,
        "[method]descriptor.open-at",
        |accessor, (fd, follow, path, open, flags): (Dir, PathFlags, String, OpenFlags, DescriptorFlags)| {
            Box::pin(async move {
                if open.contains(OpenFlags::CREATE) {
                    accessor.with(|mut store| quota(store.data_mut()).add())?;
                }
                let files = files(accessor);
                <WasiFilesystem as HostDescriptorWithStore<State>>::open_at(
                    &files, fd, follow, path, open, flags,
                )
                .await
            })
        },
    )?;
    growing::<_, ()>(types, "[method]descriptor.symlink-at", |_, _: (Dir, String, String)| {
        Box::pin(std::future::ready(Err(ErrorCode::NotPermitted.into())))
    })?;
    growing::<_, ()>(types, "[method]descriptor.link-at", |_, _: (Dir, PathFlags, String, Dir, String)| {
        Box::pin(std::future::ready(Err(ErrorCode::NotPermitted.into())))
    })
}

fn files(accessor: &Accessor<State>) -> Accessor<State, WasiFilesystem> {
    accessor.with_getter::<WasiFilesystem>(|state| state.filesystem())
}

/// Links a function that goes on the bill and answers with a file system's error.
fn growing<P, T>(
    types: &mut LinkerInstance<'_, State>,
    name: &'static str,
    answer: for<'a> fn(&'a Accessor<State>, P) -> Answer<'a, T>,
) -> wasmtime::Result<()>
where
    P: ComponentNamedList + Lift + Send + 'static,
    T: Send + 'static,
    (Result<T, ErrorCode>,): ComponentNamedList + Lower,
{
    types.func_wrap_concurrent(name, move |accessor: &Accessor<State>, params: P| {
        Box::pin(async move {
            accessor.with(|mut store| store.data_mut().owe(price::WASI_FILES));
            Ok((match answer(accessor, params).await {
                Ok(value) => Ok(value),
                Err(error) => Err(error.downcast()?),
            },))
        })
    })
}

impl From<Full> for wasmtime_wasi::p3::filesystem::FilesystemError {
    fn from(Full: Full) -> Self {
        ErrorCode::InsufficientSpace.into()
    }
}

/// Writes a stream to a file; the future tells how it ended.
fn begin(
    mut store: StoreContextMut<'_, State>,
    fd: &Dir,
    mut data: StreamReader<u8>,
    place: impl FnOnce(u64) -> Place,
) -> wasmtime::Result<FutureReader<Written>> {
    let state = store.data_mut();
    state.owe(price::WASI_FILES);
    let (quota, debt) = (quota(state), state.debt.clone());
    let descriptor = state.table.get(fd)?;
    let place = place(size(descriptor));
    let file = match descriptor {
        Descriptor::File(file) if file.open_mode.contains(OpenMode::WRITE) => Ok(Arc::clone(&file.file)),
        Descriptor::File(_) | Descriptor::Dir(_) => Err(ErrorCode::BadDescriptor),
    };
    let (ended, end) = oneshot::channel();
    match file {
        Ok(file) => {
            data.pipe(&mut store, Writer { file, place, quota, debt, ended: Some(ended), task: None })?;
        }
        Err(error) => {
            data.close(&mut store)?;
            let _ = ended.send(Err(error));
        }
    }
    FutureReader::new(&mut store, end)
}

/// Where a stream writes.
#[derive(Clone, Copy)]
enum Place {
    /// From here on; up to `covered` the file was as large before, or has been counted.
    At { offset: u64, covered: u64 },
    /// At the end, wherever that is by then: each byte grows the file.
    End,
}

struct Writer {
    file: Arc<std::fs::File>,
    place: Place,
    quota: Quota,
    debt: Debt,
    ended: Option<oneshot::Sender<Written>>,
    task: Option<JoinHandle<io::Result<usize>>>,
}

impl Writer {
    fn end(&mut self, how: Written) {
        if let Some(ended) = self.ended.take() {
            let _ = ended.send(how);
        }
    }

    /// Counts a piece, and begins to write it.
    fn begin(&mut self, piece: &[u8]) -> Result<JoinHandle<io::Result<usize>>, Full> {
        let length = piece.len() as u64;
        match self.place {
            Place::At { offset, covered } => write(&self.quota, covered, offset, length)?,
            Place::End => self.quota.grow(length)?,
        }
        self.debt.moved(length);
        let (file, place, bytes) = (Arc::clone(&self.file), self.place, piece.to_vec());
        Ok(tokio::task::spawn_blocking(move || {
            match place {
                Place::At { offset, .. } => file.write_all_at(&bytes, offset)?,
                Place::End => file.write_all_at(&bytes, file.metadata()?.len())?,
            }
            Ok(bytes.len())
        }))
    }

    fn wrote(&mut self, length: usize) {
        if let Place::At { offset, covered } = &mut self.place {
            *offset = offset.saturating_add(length as u64);
            *covered = (*covered).max(*offset);
        }
    }
}

impl Drop for Writer {
    fn drop(&mut self) {
        self.end(Ok(()));
    }
}

impl StreamConsumer<State> for Writer {
    type Item = u8;

    fn poll_consume(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        store: StoreContextMut<'_, State>,
        source: Source<'_, u8>,
        _finish: bool,
    ) -> Poll<wasmtime::Result<StreamResult>> {
        let mut source = source.as_direct(store);
        if self.task.is_none() {
            let piece = source.remaining();
            if piece.is_empty() {
                return Poll::Ready(Ok(StreamResult::Completed));
            }
            let piece = piece.get(..PIECE.min(piece.len())).unwrap_or_default();
            match self.begin(piece) {
                Ok(task) => self.task = Some(task),
                Err(Full) => {
                    self.end(Err(ErrorCode::InsufficientSpace));
                    return Poll::Ready(Ok(StreamResult::Dropped));
                }
            }
        }
        let Some(task) = &mut self.task else { return Poll::Pending };
        let written = ready!(Pin::new(task).poll(context));
        self.task = None;
        match written {
            Ok(Ok(length)) => {
                source.mark_read(length);
                self.wrote(length);
                Poll::Ready(Ok(StreamResult::Completed))
            }
            Ok(Err(error)) => {
                self.end(Err(error.into()));
                Poll::Ready(Ok(StreamResult::Dropped))
            }
            Err(_) => {
                self.end(Err(ErrorCode::Io));
                Poll::Ready(Ok(StreamResult::Dropped))
            }
        }
    }
}
