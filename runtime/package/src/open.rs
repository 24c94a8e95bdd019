//! Reads a connector file that anybody may have written. What comes out has passed the same rules
//! as at `wharf build`, because nobody is bound to use it.

use serde::Serialize;
use wharf_model::{digest::Digest, manifest::Manifest};

use crate::{
    CONTRACT, CONTRACT_SECTION, MANIFEST_SECTION, PackageError,
    check::check_imports,
    check_manifest, interface,
    json::{inert, parse_manifest},
    section::Outline,
};

/// A connector file, read and not run.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub struct Package {
    /// Over the exact bytes.
    pub digest: Digest,
    /// What the connector declares; nothing of it is granted.
    pub manifest: Manifest,
    /// The contract it was built against: `wharf:connector@0.1.0`.
    pub contract: String,
    /// Interfaces that it imports, by full name.
    pub imports: Vec<String>,
    /// Interfaces that it exports, by full name.
    pub exports: Vec<String>,
    /// Of the file, in bytes.
    pub size: u64,
}

/// Reads a connector file. Runs nothing of it and takes time in proportion to its size.
pub fn open(bytes: &[u8]) -> Result<Package, PackageError> {
    let outline = Outline::read(bytes)?;
    let contract = outline.text(CONTRACT_SECTION)?;
    if contract != CONTRACT {
        return Err(PackageError::Contract { found: inert(contract).chars().take(80).collect() });
    }
    speaks_contract(&outline.exports)?;
    let manifest = parse_manifest(outline.text(MANIFEST_SECTION)?)?;
    check_manifest(&manifest, &outline.exports).map_err(PackageError::Manifest)?;
    check_imports(&manifest, &outline.imports)?;
    Ok(Package {
        digest: Digest::of(bytes),
        manifest,
        contract: contract.to_owned(),
        imports: outline.imports,
        exports: outline.exports,
        size: bytes.len() as u64,
    })
}

/// Whether `describe` is there, in our version of the contract.
pub(crate) fn speaks_contract(exports: &[String]) -> Result<(), PackageError> {
    let expected = interface("manifest");
    if exports.contains(&expected) {
        return Ok(());
    }
    match exports.iter().find_map(|export| export.strip_prefix("wharf:connector/manifest@")) {
        Some(version) => Err(PackageError::Contract { found: format!("wharf:connector@{version}") }),
        None => Err(PackageError::NotConnector { expected }),
    }
}
