//! What kind of file the first bytes say it is. People hand over the wrong file far more often than
//! a broken one, so each usual mistake has a sentence of its own.

use std::fmt;

use crate::{MAX_BYTES, PackageError};

/// A WebAssembly file by its header.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// The component layer of the binary format.
    Component,
    /// A core module.
    CoreModule,
}

/// What a file that is not WebAssembly looks like.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Lookalike {
    /// No byte at all.
    Empty,
    /// Shorter than a header.
    Cut,
    /// WebAssembly text.
    Text,
    /// Machine code: what an engine's cache holds, or a native library.
    MachineCode,
    /// gzip, zip or zstd.
    Archive,
    /// A layer or version of the format that is not known.
    Version,
    /// Anything else.
    Other,
}

impl fmt::Display for Lookalike {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Empty => "the file is empty",
            Self::Cut => "the file ends within its header",
            Self::Text => "it is text; only the binary format is read",
            Self::MachineCode => {
                "it is machine code (a `.cwasm` of an engine's cache, or a native library), which is never loaded from outside; give the `.wasm`"
            }
            Self::Archive => "it is an archive; unpack it first",
            Self::Version => "its header names a version of the format that is not known; rebuild it",
            Self::Other => "its first bytes are not those of WebAssembly",
        })
    }
}

/// Judges size and header.
pub(crate) fn kind(bytes: &[u8]) -> Result<Kind, PackageError> {
    if bytes.len() > MAX_BYTES {
        return Err(PackageError::TooLarge { size: bytes.len(), limit: MAX_BYTES });
    }
    match bytes {
        [] => Err(PackageError::NotWasm(Lookalike::Empty)),
        [b'\0', b'a', b's', b'm', 1, 0, 0, 0, ..] => Ok(Kind::CoreModule),
        [b'\0', b'a', b's', b'm', 0x0d, 0, 1, 0, ..] => Ok(Kind::Component),
        [b'\0', b'a', b's', b'm', rest @ ..] if rest.len() < 4 => Err(PackageError::NotWasm(Lookalike::Cut)),
        [b'\0', b'a', b's', b'm', ..] => Err(PackageError::NotWasm(Lookalike::Version)),
        _ => Err(PackageError::NotWasm(lookalike(bytes))),
    }
}

fn lookalike(bytes: &[u8]) -> Lookalike {
    const MACHINE_CODE: [&[u8]; 4] = [b"\x7fELF", b"\xcf\xfa\xed\xfe", b"\xca\xfe\xba\xbe", b"MZ"];
    const ARCHIVE: [&[u8]; 3] = [b"\x1f\x8b", b"PK\x03\x04", b"\x28\xb5\x2f\xfd"];
    if MACHINE_CODE.iter().any(|magic| bytes.starts_with(magic)) {
        return Lookalike::MachineCode;
    }
    if ARCHIVE.iter().any(|magic| bytes.starts_with(magic)) {
        return Lookalike::Archive;
    }
    let head = bytes.get(..256).unwrap_or(bytes);
    if b"\0asm".starts_with(bytes) {
        Lookalike::Cut
    } else if head.iter().all(|byte| byte.is_ascii_graphic() || byte.is_ascii_whitespace()) {
        Lookalike::Text
    } else {
        Lookalike::Other
    }
}
