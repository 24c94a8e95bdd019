//! Writes manifest and contract version into a component. The same component and manifest give the
//! same bytes, whatever was sealed before: sections of ours that are there are taken out first, and
//! the manifest is written in its normal form.

use crate::{
    CONTRACT, CONTRACT_SECTION, MANIFEST_SECTION, MAX_BYTES, MAX_SECTION_BYTES, PackageError,
    check::check_imports, check_manifest, json::parse_manifest, open::speaks_contract, section::Outline,
};

/// The connector file of a component and the manifest that its `describe` returned.
pub fn seal(component: &[u8], manifest_json: &str) -> Result<Vec<u8>, PackageError> {
    let outline = Outline::read(component)?;
    speaks_contract(&outline.exports)?;
    let manifest = parse_manifest(manifest_json)?;
    check_manifest(&manifest, &outline.exports).map_err(PackageError::Manifest)?;
    check_imports(&manifest, &outline.imports)?;
    let normal =
        serde_json::to_string(&manifest).map_err(|error| PackageError::Componentize(error.to_string()))?;
    if normal.len() > MAX_SECTION_BYTES {
        return Err(PackageError::SectionTooLarge {
            name: MANIFEST_SECTION,
            size: normal.len(),
            limit: MAX_SECTION_BYTES,
        });
    }
    let mut sealed = without_ours(component, &outline);
    append_custom_section(&mut sealed, MANIFEST_SECTION, normal.as_bytes());
    append_custom_section(&mut sealed, CONTRACT_SECTION, CONTRACT.as_bytes());
    if sealed.len() > MAX_BYTES {
        return Err(PackageError::TooLarge { size: sealed.len(), limit: MAX_BYTES });
    }
    Ok(sealed)
}

fn without_ours(component: &[u8], outline: &Outline<'_>) -> Vec<u8> {
    let mut kept = Vec::with_capacity(component.len());
    let mut from = 0;
    for section in &outline.ours {
        kept.extend_from_slice(component.get(from..section.range.start).unwrap_or_default());
        from = section.range.end;
    }
    kept.extend_from_slice(component.get(from..).unwrap_or_default());
    kept
}

/// Custom section, id 0 (WebAssembly core specification 2.0, section 5.5.3).
fn append_custom_section(file: &mut Vec<u8>, name: &str, data: &[u8]) {
    let mut body = Vec::with_capacity(data.len() + name.len() + 5);
    append_leb128(&mut body, name.len());
    body.extend_from_slice(name.as_bytes());
    body.extend_from_slice(data);
    file.push(0);
    append_leb128(file, body.len());
    file.extend_from_slice(&body);
}

/// Unsigned LEB128: seven bits a byte, the lowest first.
fn append_leb128(out: &mut Vec<u8>, mut value: usize) {
    loop {
        let [low, ..] = value.to_le_bytes();
        value >>= 7;
        if value == 0 {
            out.push(low);
            return;
        }
        out.push(low | 0x80);
    }
}
