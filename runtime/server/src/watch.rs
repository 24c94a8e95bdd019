//! A folder whose `.wasm` files are kept installed.
//!
//! The file system's notices only say *when* to look; what is there is read from the folder itself,
//! so a lost notice costs a few seconds and a doubled one nothing. A file is installed once it has
//! kept its size and time for a moment, as an upload in pieces does not. Installing by folder is
//! installing by nobody in particular: what asks for more than is granted is held.

use std::{
    io::Read as _,
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use notify::{RecursiveMode, Watcher as _};
use tokio::{
    sync::{Notify, watch},
    time::Instant,
};
use wharf_engine::{Consent, Engine, InstallStatus};
use wharf_model::digest::Digest;

mod folder;

use folder::{Deed, Folder, Stamp};

/// As the audit log names it.
const ACTOR: &str = "watched-folder";
/// Looks this often even without a notice: not every file system sends them.
const EVERY: Duration = Duration::from_secs(5);
/// Looks again this soon while a file may still be growing; also how long it must keep still.
const SETTLE: Duration = Duration::from_millis(300);
/// Larger files are no connectors.
const MOST_BYTES: u64 = 64 << 20;

/// The folder cannot be watched.
#[derive(Debug, thiserror::Error)]
#[error("`connectors.watch` {}: {reason}", .path.display())]
pub struct WatchError {
    path: PathBuf,
    reason: String,
}

/// A folder whose changes are noticed.
pub(crate) struct Watched {
    path: PathBuf,
    changed: Arc<Notify>,
    /// Sends the notices as long as it is there.
    _watcher: notify::RecommendedWatcher,
}

impl Watched {
    /// Begins to take notice.
    pub(crate) fn open(path: &Path) -> Result<Self, WatchError> {
        let fail = |reason: String| WatchError { path: path.to_owned(), reason };
        if !path.is_dir() {
            return Err(fail("is no directory; create it, or leave the setting out".to_owned()));
        }
        let changed = Arc::new(Notify::new());
        let noticed = Arc::clone(&changed);
        let mut watcher = notify::recommended_watcher(move |_| noticed.notify_one())
            .map_err(|error| fail(error.to_string()))?;
        if let Err(error) = watcher.watch(path, RecursiveMode::NonRecursive) {
            tracing::warn!(path = %path.display(), %error, "no notices of changes; the folder is looked at every few seconds");
        }
        Ok(Self { path: path.to_owned(), changed, _watcher: watcher })
    }

    /// Keeps `engine` like the folder until `stop` says so, beginning with what is there.
    pub(crate) async fn keep(self, engine: Engine, mut stop: watch::Receiver<bool>) {
        let mut keeper = Keeper { engine, path: self.path.clone(), folder: Folder::new(SETTLE) };
        loop {
            let pause = if keeper.look().await { SETTLE } else { EVERY };
            tokio::select! {
                _ = stop.wait_for(|stopping| *stopping) => break,
                () = self.changed.notified() => {}
                () = tokio::time::sleep(pause) => {}
            }
        }
    }
}

/// Keeps the engine like the folder.
struct Keeper {
    engine: Engine,
    path: PathBuf,
    folder: Folder,
}

impl Keeper {
    /// Compares and acts; whether something is still settling.
    async fn look(&mut self) -> bool {
        let path = self.path.clone();
        let listing = match tokio::task::spawn_blocking(move || list(&path)).await {
            Ok(Ok(listing)) => listing,
            // A folder that cannot be read is not an empty folder: nothing is unloaded.
            Ok(Err(error)) => {
                tracing::error!(path = %self.path.display(), %error, "the watched folder cannot be read");
                return false;
            }
            Err(error) => {
                tracing::error!(%error, "the watched folder was not read");
                return false;
            }
        };
        for deed in self.folder.observe(listing, Instant::now()) {
            match deed {
                Deed::Install(file) => self.install(&file).await,
                Deed::Remove { file, connector } => self.remove(&file, &connector).await,
            }
        }
        self.folder.is_settling()
    }

    async fn install(&mut self, file: &Path) {
        let owned = file.to_owned();
        let wasm = match tokio::task::spawn_blocking(move || read(&owned)).await {
            Ok(Ok(wasm)) => wasm,
            Ok(Err(error)) => {
                return tracing::error!(file = %file.display(), %error, "a connector file cannot be read");
            }
            Err(error) => {
                return tracing::error!(file = %file.display(), %error, "a connector file was not read");
            }
        };
        let digest = Digest::of(&wasm);
        if self.folder.holds(file, digest) {
            return;
        }
        match self.engine.install(wasm, Consent::NONE, ACTOR).await {
            Ok(installed) => {
                self.folder.installed(file, &installed.name, digest);
                let (name, version) = (installed.name.as_str(), installed.version.as_str());
                match installed.status {
                    InstallStatus::Active => {
                        tracing::info!(connector = name, version, file = %file.display(), "connector installed");
                    }
                    InstallStatus::Held => tracing::warn!(
                        connector = name,
                        version,
                        file = %file.display(),
                        asks = installed.asks.join("; "),
                        widens = installed.widens.join("; "),
                        "connector held: let it in with `wharf connector approve {name} --digest {digest}`"
                    ),
                }
            }
            // Tried again when the file changes.
            Err(error) => {
                tracing::error!(file = %file.display(), %error, "a connector file was refused")
            }
        }
    }

    async fn remove(&mut self, file: &Path, connector: &str) {
        match self.engine.remove_connector(connector, ACTOR).await {
            Ok(()) => {
                tracing::info!(connector, file = %file.display(), "connector unloaded: its file is gone")
            }
            Err(error) => {
                tracing::warn!(connector, file = %file.display(), %error, "the file is gone, the connector stays");
            }
        }
    }
}

/// The connector files of the folder; links and everything else that is no plain file do not count.
fn list(path: &Path) -> std::io::Result<Vec<(PathBuf, Stamp)>> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(path)? {
        let entry = entry?;
        let file = entry.path();
        if file.extension().is_none_or(|extension| extension != "wasm") {
            continue;
        }
        // A file that vanishes between the listing and this is one that is not there.
        let Ok(metadata) = std::fs::symlink_metadata(&file) else {
            continue;
        };
        if metadata.is_file() && metadata.len() <= MOST_BYTES {
            found.push((file, Stamp { bytes: metadata.len(), modified: metadata.modified().ok() }));
        }
    }
    found.sort_by(|one, other| one.0.cmp(&other.0));
    Ok(found)
}

fn read(file: &Path) -> std::io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    std::fs::File::open(file)?.take(MOST_BYTES).read_to_end(&mut bytes)?;
    Ok(bytes)
}
