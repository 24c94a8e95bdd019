//! Rules about the tree itself: who may depend on whom, and what every file and crate must have.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use serde_json::Value;

/// What a release build leaves out.
mod release;

/// The repository.
pub(crate) fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").canonicalize().unwrap()
}

fn metadata() -> Value {
    let output = Command::new(env!("CARGO"))
        .args(["metadata", "--format-version", "1", "--no-deps", "--offline"])
        .current_dir(root())
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    serde_json::from_slice(&output.stdout).unwrap()
}

/// Normal dependencies of each workspace crate, by crate.
fn dependencies() -> BTreeMap<String, BTreeSet<String>> {
    let metadata = metadata();
    let packages = metadata["packages"].as_array().unwrap();
    let normal = |package: &Value| {
        let all = package["dependencies"].as_array().unwrap().iter();
        all.filter(|dependency| dependency["kind"].is_null())
            .map(|dependency| dependency["name"].as_str().unwrap().to_owned())
            .collect()
    };
    packages.iter().map(|package| (package["name"].as_str().unwrap().to_owned(), normal(package))).collect()
}

#[test]
fn crate_edges() {
    let edges: &[(&str, &[&str])] = &[
        ("wharf-model", &[]),
        ("wharf-package", &["wharf-model"]),
        ("wharf-store", &["wharf-model"]),
        ("wharf-sandbox", &["wharf-model"]),
        ("wharf-gate", &["wharf-model"]),
        ("wharf-engine", &["wharf-model", "wharf-package", "wharf-store", "wharf-sandbox", "wharf-gate"]),
        ("wharf-harness", &["wharf-model", "wharf-package", "wharf-sandbox", "wharf-gate"]),
        (
            "wharf-server",
            &["wharf-model", "wharf-package", "wharf-store", "wharf-sandbox", "wharf-gate", "wharf-engine"],
        ),
    ];
    let dependencies = dependencies();
    for (name, allowed) in edges {
        let of_ours = dependencies[*name].iter().filter(|name| name.starts_with("wharf"));
        for dependency in of_ours {
            assert!(allowed.contains(&dependency.as_str()), "{name} must not depend on {dependency}");
        }
    }
}

#[test]
fn one_crate_knows_each_engine() {
    let owners: &[(&str, &[&str])] = &[
        ("wasmtime", &["wharf-sandbox"]),
        ("wasmtime-wasi", &["wharf-sandbox"]),
        ("rusqlite", &["wharf-store"]),
        // The CLI's is the client of its own server.
        ("reqwest", &["wharf-gate", "wharf"]),
        ("wit-component", &["wharf-package"]),
        ("axum", &["wharf-server", "wharf"]),
    ];
    for (name, dependencies) in dependencies() {
        for (dependency, owners) in owners {
            let knows = dependencies.contains(*dependency);
            assert!(!knows || owners.contains(&name.as_str()), "{name} must not know {dependency}");
        }
    }
}

#[test]
fn model_reads_no_clock_and_does_no_io() {
    for dependency in &dependencies()["wharf-model"] {
        assert!(
            !["tokio", "reqwest", "rusqlite", "wasmtime", "hyper"].contains(&dependency.as_str()),
            "{dependency}"
        );
    }
    for (path, text) in sources("runtime/model/src") {
        // A body is given whole or in pieces; putting the pieces together waits for them, and for nothing else.
        let waits: &[&str] = if path.ends_with("http/body.rs") { &[] } else { &["async fn"] };
        for word in ["SystemTime::now", "Instant::now", "std::fs", "std::net"].iter().chain(waits) {
            assert!(!text.contains(word), "{} has {word}", path.display());
        }
    }
}

#[test]
fn every_source_file_says_what_it_is_for() {
    for folder in ["runtime", "guest-sdk/rust", "plugins", "tests", "benches"] {
        for (path, text) in sources(folder) {
            assert!(text.starts_with("//!"), "{} must open with `//!`", path.display());
            let allows = text.contains(concat!("#[", "allow("));
            assert!(!allows, "{}: use #[expect(…, reason = …)]", path.display());
        }
    }
}

#[test]
fn every_crate_takes_the_workspace_lints() {
    let members = metadata()["packages"].as_array().unwrap().clone();
    for package in members {
        let manifest = fs::read_to_string(package["manifest_path"].as_str().unwrap()).unwrap();
        assert!(manifest.contains("[lints]\nworkspace = true"), "{}", package["name"]);
    }
}

/// Rust files below `folder`, without what was built or generated.
pub(crate) fn sources(folder: &str) -> Vec<(PathBuf, String)> {
    let mut found = Vec::new();
    let mut folders = vec![root().join(folder)];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder).unwrap() {
            let path = entry.unwrap().path();
            let name = path.file_name().unwrap().to_string_lossy().into_owned();
            if path.is_dir() && name != "target" && !name.starts_with('.') {
                folders.push(path);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                let text = fs::read_to_string(&path).unwrap();
                found.push((path, text));
            }
        }
    }
    found
}

/// Every released version of the contract, `wit/frozen/VERSION/`, is listed with the digest of its text in
/// `wit/frozen/digests.txt`, and stays what it was. The version of `wit/` itself is not among them.
#[test]
fn frozen_wit_never_changes() {
    let frozen = root().join("wit/frozen");
    let listed = fs::read_to_string(frozen.join("digests.txt")).unwrap();
    let listed: BTreeMap<String, String> = listed
        .lines()
        .filter(|line| !line.starts_with('#'))
        .map(|line| line.split_once(' ').unwrap())
        .map(|(version, digest)| (version.to_owned(), digest.to_owned()))
        .collect();
    let folders =
        fs::read_dir(&frozen).unwrap().map(|entry| entry.unwrap().path()).filter(|path| path.is_dir());
    let found: BTreeMap<String, String> = folders
        .map(|folder| (folder.file_name().unwrap().to_string_lossy().into_owned(), digest(&folder)))
        .collect();
    assert_eq!(found, listed, "frozen WIT was changed, or is not listed");
    let current = wharf_package::CONTRACT.rsplit('@').next().unwrap();
    assert!(!listed.contains_key(current), "{current} is frozen: raise the version in wit/");
    for file in fs::read_dir(root().join("wit")).unwrap().map(|entry| entry.unwrap().path()) {
        if file.extension().is_some_and(|extension| extension == "wit") {
            let text = fs::read_to_string(&file).unwrap();
            let package = format!("package {};", wharf_package::CONTRACT);
            assert!(text.starts_with(&package), "{} must begin with `{package}`", file.display());
        }
    }
}

/// The digest of a folder's files, in the order of their names.
fn digest(folder: &Path) -> String {
    let mut files: Vec<_> = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.sort();
    let bytes: Vec<u8> = files.iter().flat_map(|file| fs::read(file).unwrap()).collect();
    wharf_model::digest::Digest::of(&bytes).to_string()
}
