//! The master key: 32 bytes that never lie in the database, from which every other key is derived.
//!
//! It wraps the data key of each secret and authenticates what the server keeps outside the
//! database. Text form, in the file and in the environment: 64 hexadecimal digits.

use std::{
    fmt,
    fs::{DirBuilder, File, OpenOptions},
    io::{ErrorKind, Read as _, Write as _},
    os::unix::fs::{DirBuilderExt as _, MetadataExt as _, OpenOptionsExt as _},
    path::{Path, PathBuf},
};

use hmac::{Hmac, Mac as _};
use zeroize::Zeroizing;

/// Bytes of a key.
pub(crate) const KEY_BYTES: usize = 32;
/// Random bytes have fewer distinct values than this once in 10^20 keys; what people type has.
const DISTINCT: usize = 12;

/// The master key; wiped from memory when dropped.
pub struct MasterKey(pub(crate) Zeroizing<[u8; KEY_BYTES]>);

/// Why a master key is refused.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum MasterKeyError {
    /// It is not 64 hexadecimal digits.
    #[error("the master key must be 64 hexadecimal digits (32 bytes), not {0} characters of something else")]
    Form(usize),
    /// Its bytes repeat.
    #[error("the master key is weak: take 32 random bytes, for example `openssl rand -hex 32`")]
    Weak,
    /// Others may read the file.
    #[error("{} has mode {mode:03o}: run `chmod 600` on it, and change the key if others could read it", .path.display())]
    Permissions {
        /// The key file.
        path: PathBuf,
        /// Its permission bits.
        mode: u32,
    },
    /// The file cannot be read or made.
    #[error("{}: {reason}", .path.display())]
    File {
        /// The key file.
        path: PathBuf,
        /// The operating system's reason.
        reason: String,
    },
    /// The operating system has no random bytes.
    #[error("no random bytes: {0}")]
    Random(String),
}

impl MasterKey {
    /// A new random key.
    ///
    /// # Errors
    /// When the operating system has no random bytes.
    pub fn generate() -> Result<Self, MasterKeyError> {
        let mut key = Zeroizing::new([0; KEY_BYTES]);
        fill(key.as_mut_slice())?;
        Ok(Self(key))
    }

    /// From 64 hexadecimal digits; blanks around them do not count.
    ///
    /// # Errors
    /// When the text has another form or the key is weak.
    pub fn from_hex(text: &str) -> Result<Self, MasterKeyError> {
        let digits = text.trim();
        let mut key = Zeroizing::new([0; KEY_BYTES]);
        hex::decode_to_slice(digits, key.as_mut_slice())
            .map_err(|_| MasterKeyError::Form(digits.chars().count()))?;
        if looks_made_up(&key) { Err(MasterKeyError::Weak) } else { Ok(Self(key)) }
    }

    /// From the file at `path`, which only its owner may read.
    ///
    /// # Errors
    /// When the file is missing, open to others, or holds no good key.
    pub fn load(path: &Path) -> Result<Self, MasterKeyError> {
        let wrong = |error: std::io::Error| file_error(path, &error);
        let file = File::open(path).map_err(wrong)?;
        let mode = file.metadata().map_err(wrong)?.mode() & 0o777;
        if mode & 0o077 != 0 {
            return Err(MasterKeyError::Permissions { path: path.to_owned(), mode });
        }
        let mut text = Zeroizing::new(String::with_capacity(256));
        file.take(256).read_to_string(&mut text).map_err(wrong)?;
        Self::from_hex(&text)
    }

    /// From the file at `path`; makes it, with a new key, when there is none.
    ///
    /// # Errors
    /// As [`load`](Self::load), or when the file cannot be made.
    pub fn load_or_create(path: &Path) -> Result<Self, MasterKeyError> {
        match Self::load(path) {
            Err(MasterKeyError::File { .. }) if matches!(path.try_exists(), Ok(false)) => {
                let key = Self::generate()?;
                key.save(path).map_err(|error| file_error(path, &error))?;
                // Whoever made the file first has the key.
                Self::load(path)
            }
            result => result,
        }
    }

    /// A key for one purpose; different purposes give unrelated keys (HMAC-SHA-256 as the expand
    /// step of RFC 5869 with a single block).
    #[must_use]
    pub fn derive(&self, purpose: &str) -> Zeroizing<[u8; KEY_BYTES]> {
        let mut derived = Zeroizing::new([0; KEY_BYTES]);
        // HMAC takes keys of any length, so that this always is `Ok`.
        if let Ok(mut mac) = Hmac::<sha2::Sha256>::new_from_slice(self.0.as_slice()) {
            mac.update(purpose.as_bytes());
            mac.update(&[1]);
            derived.copy_from_slice(&mac.finalize().into_bytes());
        }
        derived
    }

    /// Complete or not at all: written beside, then linked, which fails if the file exists.
    fn save(&self, path: &Path) -> std::io::Result<()> {
        let dir = path.parent().filter(|dir| !dir.as_os_str().is_empty()).unwrap_or(Path::new("."));
        DirBuilder::new().recursive(true).mode(0o700).create(dir)?;
        let beside = path.with_extension(format!("new-{}", std::process::id()));
        let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&beside)?;
        let text = Zeroizing::new(hex::encode(self.0.as_slice()));
        writeln!(file, "{}", text.as_str())?;
        file.sync_all()?;
        let linked = std::fs::hard_link(&beside, path);
        std::fs::remove_file(&beside)?;
        match linked {
            Err(error) if error.kind() != ErrorKind::AlreadyExists => Err(error),
            _ => File::open(dir)?.sync_all(),
        }
    }
}

impl fmt::Debug for MasterKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("MasterKey(..)")
    }
}

/// Few distinct bytes, text, or a row of steps: none of which random bytes are in a lifetime.
fn looks_made_up(key: &[u8; KEY_BYTES]) -> bool {
    let mut seen = Zeroizing::new(*key);
    seen.sort_unstable();
    let distinct = 1 + seen.iter().zip(seen.iter().skip(1)).filter(|(one, next)| one != next).count();
    let text = key.iter().all(|byte| byte.is_ascii_graphic() || *byte == b' ');
    let mut steps = key.iter().zip(key.iter().skip(1)).map(|(one, next)| next.wrapping_sub(*one));
    let first = steps.next();
    distinct < DISTINCT || text || steps.all(|step| Some(step) == first)
}

/// Fills `bytes` from the operating system.
pub(crate) fn fill(bytes: &mut [u8]) -> Result<(), MasterKeyError> {
    getrandom::fill(bytes).map_err(|error| MasterKeyError::Random(error.to_string()))
}

fn file_error(path: &Path, error: &std::io::Error) -> MasterKeyError {
    MasterKeyError::File { path: path.to_owned(), reason: error.to_string() }
}

#[cfg(test)]
mod tests;
