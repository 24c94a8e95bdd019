//! What lies in the data directory: who may read it, the master key, the database, compiled code.

use std::{
    fs, io,
    os::unix::fs::MetadataExt as _,
    path::{Path, PathBuf},
};

use wharf_model::time::Timestamp;
use wharf_store::{Examined, MasterKey, MasterKeyError, examine, next_key_file};

use super::{Check, Finding};
use crate::config::Config;

const DIRECTORY: Check =
    Check::new("data-directory", "R-12", "nobody else on this machine reads or changes the data");
const KEY: Check = Check::new("master-key", "R-12", "a copy of the database alone opens no secret");
const KEY_PLACE: Check =
    Check::new("master-key-place", "R-12", "a copy of the data directory opens no secret");
const FITS: Check = Check::new("secrets", "R-12", "the secrets can be opened by this key and no other");
const DATABASE: Check = Check::new("database", "R-20", "what was acknowledged is there");
const CACHE: Check = Check::new("cache", "R-03", "compiled code is this server's own");

/// Looks at the data directory; changes nothing. `key` is the master key where it does not come from a file.
#[must_use]
pub fn data(config: &Config, key: Option<&str>, now: Timestamp) -> Vec<Finding> {
    let dir = &config.data_dir;
    let mut found = vec![directory(dir)];
    if !matches!(dir.try_exists(), Ok(true)) {
        return found;
    }
    let file = config.master_key_file();
    let loaded = match key {
        Some(text) => MasterKey::from_hex(text),
        None => MasterKey::load(&file),
    };
    found.push(master_key(&loaded, &file));
    if key.is_none() {
        found.push(place(dir, &file));
    }
    match examine(dir, loaded.as_ref().ok()) {
        Ok(Some(examined)) => found.extend(database(&examined, &file, now)),
        Ok(None) => found.push(DATABASE.ok("there is none yet")),
        Err(error) => found.push(DATABASE.fail(
            format!("it cannot be read: {error}"),
            "restore it from a backup, or start wharf and read its log",
        )),
    }
    found.push(cache(&dir.join("cache")));
    found
}

fn directory(dir: &Path) -> Finding {
    match fs::metadata(dir) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            DIRECTORY.ok(format!("{} is made at the first start, with mode 0700", dir.display()))
        }
        Err(error) => DIRECTORY.fail(format!("{}: {error}", dir.display()), "make it readable for this user"),
        Ok(about) => match about.mode() & 0o777 {
            mode if mode & 0o077 == 0 => DIRECTORY.ok(format!("{} has mode {mode:04o}", dir.display())),
            mode => DIRECTORY.fail(
                format!("{} has mode {mode:04o}: others may look into it", dir.display()),
                format!("chmod 700 {}", dir.display()),
            ),
        },
    }
}

fn master_key(loaded: &Result<MasterKey, MasterKeyError>, file: &Path) -> Finding {
    match loaded {
        Ok(_) => KEY.ok("32 bytes that do not look made up, readable for this user only"),
        Err(MasterKeyError::File { .. }) if !matches!(file.try_exists(), Ok(true)) => KEY.warn(
            format!("{} is not there: it is made at the first start", file.display()),
            "if this is not the first start, restore it: without it no secret opens",
        ),
        Err(error) => {
            KEY.fail(error.to_string(), "put the right key there, 64 hexadecimal digits, mode 0600")
        }
    }
}

/// A key beside what it protects goes into the same backup.
fn place(dir: &Path, file: &Path) -> Finding {
    let real = |path: &Path| fs::canonicalize(path).unwrap_or_else(|_| path.to_owned());
    let folder: PathBuf = file.parent().map(real).unwrap_or_default();
    if folder.starts_with(real(dir)) {
        KEY_PLACE.warn(
            "the master key lies in the data directory: whoever copies that has both",
            "set `master-key-file` to a place that backups leave out",
        )
    } else {
        KEY_PLACE.ok("the master key lies outside of the data directory")
    }
}

fn database(examined: &Examined, key_file: &Path, now: Timestamp) -> Vec<Finding> {
    let sound = match examined.problems.first() {
        None => DATABASE.ok("sound; every commit is synced (checked at each start)"),
        Some(problem) => DATABASE.fail(
            format!("{} problems, the first: {problem}", examined.problems.len()),
            "restore it from a backup",
        ),
    };
    let half_done = examined.rotating || matches!(next_key_file(key_file).try_exists(), Ok(true));
    let fits = match examined.key_fits {
        _ if half_done => FITS.fail("a rotation of the master key was cut off", "wharf secrets rotate"),
        Some(true) => {
            FITS.ok(format!("{} secrets under master key {}", examined.secrets, examined.generation))
        }
        Some(false) => FITS.fail(
            format!("{} secrets, and the master key is not theirs", examined.secrets),
            "restore the key that this database was made with",
        ),
        None => FITS.warn(
            format!("{} secrets; whether they open is not known without the key", examined.secrets),
            "see the line of the master key",
        ),
    };
    let mut found = vec![sound, fits];
    if let Some(last) = examined.last_audit.filter(|last| *last > now) {
        let fix = "set the clock: what is recorded now seems older than what was recorded before";
        found.push(DATABASE.warn(format!("the newest audit row is of {last}, which is still to come"), fix));
    }
    found
}

fn cache(dir: &Path) -> Finding {
    let fix = format!("rm -r {}; it is made again", dir.display());
    let open = |path: &Path| fs::metadata(path).map(|about| about.mode() & 0o077 != 0);
    match (open(dir), open(&dir.join("key"))) {
        (Err(error), _) if error.kind() == io::ErrorKind::NotFound => CACHE.ok("there is none yet"),
        (Ok(false), Err(error)) if error.kind() == io::ErrorKind::NotFound => CACHE.ok("it is empty"),
        (Ok(false), Ok(false)) => {
            CACHE.ok("for this user only; every file is authenticated before it is mapped")
        }
        (Ok(true), _) | (_, Ok(true)) => CACHE.fail("others may look into it", fix),
        (Err(error), _) | (_, Err(error)) => CACHE.fail(format!("{}: {error}", dir.display()), fix),
    }
}

#[cfg(test)]
mod tests {
    use std::{fs, os::unix::fs::PermissionsExt as _, path::Path};

    use wharf_model::time::Timestamp;
    use wharf_store::{By, MasterKey, Store, StoreConfig};

    use super::super::Level;
    use crate::config::{Config, Override};

    const NOW: Timestamp = Timestamp(1_795_288_392_345);

    fn config(dir: &Path) -> Config {
        let value = dir.display().to_string();
        let key = "data-dir".to_owned();
        Config::load(None, &[Override { key, value, origin: "test".to_owned() }]).unwrap()
    }

    #[track_caller]
    fn check(dir: &Path, expected: &[(&str, Level)]) {
        let found = super::data(&config(dir), None, NOW);
        let found: Vec<_> = found.iter().map(|finding| (finding.check, finding.level)).collect();
        assert_eq!(found, expected);
    }

    fn mode(path: &Path, mode: u32) {
        fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
    }

    #[tokio::test]
    async fn it_finds_what_was_left_open_or_damaged() {
        use Level::{Fail, Ok, Warn};
        let room = tempfile::tempdir().unwrap();
        let dir = room.path().join("data");
        check(&dir, &[("data-directory", Ok)]);
        let master_key = MasterKey::load_or_create(&dir.join("master.key")).unwrap();
        let store = Store::open(StoreConfig { path: dir.clone(), master_key }).unwrap();
        store.record(By::new("t", NOW), "a", "b".to_owned(), serde_json::json!({})).await.unwrap();
        let sound = [
            ("data-directory", Ok),
            ("master-key", Ok),
            ("master-key-place", Warn),
            ("database", Ok),
            ("secrets", Ok),
            ("cache", Ok),
        ];
        check(&dir, &sound);
        assert_eq!(wharf_store::owner(&dir).unwrap(), Some(std::process::id().to_string()));
        drop(store);
        assert_eq!(wharf_store::owner(&dir).unwrap(), None);
        check(&dir, &sound);

        mode(&dir, 0o755);
        fs::create_dir(dir.join("cache")).unwrap();
        mode(&dir.join("cache"), 0o755);
        let key = dir.join("master.key");
        fs::remove_file(&key).unwrap();
        MasterKey::load_or_create(&key).unwrap();
        let other = [
            ("data-directory", Fail),
            ("master-key", Ok),
            ("master-key-place", Warn),
            ("database", Ok),
            ("secrets", Fail),
            ("cache", Fail),
        ];
        check(&dir, &other);
        fs::write(&key, "0".repeat(64)).unwrap();
        fs::write(dir.join("wharf.db"), b"not a database at all, whatever its name says").unwrap();
        let worse = [
            ("data-directory", Fail),
            ("master-key", Fail),
            ("master-key-place", Warn),
            ("database", Fail),
            ("cache", Fail),
        ];
        check(&dir, &worse);
    }
}
