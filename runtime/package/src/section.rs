//! The component's outline: imports, exports and our own custom sections. Everything but function
//! bodies is validated, at every depth, so that a name found here is one the engine will find too;
//! bodies cost the time and are validated where they are compiled.

use std::ops::Range;

use wasmparser::{Encoding, Parser, Payload, Validator};

use crate::{
    CONTRACT_SECTION, MANIFEST_SECTION, MAX_SECTION_BYTES, PackageError,
    header::{Kind, kind},
};

/// Components nest in composition; nobody composes by hand deeper than this, and a reader's stack
/// is not for a stranger to fill.
const MAX_DEPTH: usize = 16;

/// What the outside of a component shows.
pub(crate) struct Outline<'a> {
    /// Imported interfaces, in order.
    pub(crate) imports: Vec<String>,
    /// Exported interfaces, in order.
    pub(crate) exports: Vec<String>,
    /// Our own sections.
    pub(crate) ours: Vec<OwnSection<'a>>,
}

/// A custom section of ours.
pub(crate) struct OwnSection<'a> {
    pub(crate) name: &'static str,
    pub(crate) data: &'a [u8],
    /// The whole section in the file, with its id and size.
    pub(crate) range: Range<usize>,
}

impl<'a> Outline<'a> {
    /// Reads and validates a component.
    pub(crate) fn read(bytes: &'a [u8]) -> Result<Self, PackageError> {
        match kind(bytes)? {
            Kind::CoreModule => return Err(PackageError::CoreModule),
            Kind::Component => {}
        }
        let mut outline = Self { imports: Vec::new(), exports: Vec::new(), ours: Vec::new() };
        let mut validator = Validator::new();
        let mut depth = 0_usize;
        // Where the section at hand began: the end of the one before it, at the outermost level.
        let mut start = 8;
        for payload in Parser::new(0).parse_all(bytes) {
            let payload = payload?;
            validator.payload(&payload)?;
            match &payload {
                Payload::Version { encoding: Encoding::Module | Encoding::Component, .. } => {
                    depth += 1;
                    if depth > MAX_DEPTH {
                        return Err(PackageError::TooDeep { limit: MAX_DEPTH });
                    }
                }
                Payload::End(end) => {
                    depth = depth.saturating_sub(1);
                    if depth == 1 {
                        start = *end;
                    }
                }
                _ if depth == 1 => outline.note(&payload, &mut start)?,
                _ => {}
            }
        }
        Ok(outline)
    }

    /// Takes what is of interest from a section of the outermost component.
    fn note(&mut self, payload: &Payload<'a>, start: &mut usize) -> Result<(), PackageError> {
        match payload {
            Payload::ComponentImportSection(section) => {
                for import in section.clone() {
                    self.imports.push(import?.name.name.to_owned());
                }
            }
            Payload::ComponentExportSection(section) => {
                for export in section.clone() {
                    self.exports.push(export?.name.name.to_owned());
                }
            }
            Payload::CustomSection(section) => {
                if let Some(name) = own_name(section.name()) {
                    let range = *start..section.range().end;
                    self.ours.push(OwnSection { name, data: section.data(), range });
                }
            }
            _ => {}
        }
        if let Some((_, range)) = payload.as_section() {
            *start = range.end;
        }
        Ok(())
    }

    /// The text of our section of this name: there once, within its size, UTF-8.
    pub(crate) fn text(&self, name: &'static str) -> Result<&'a str, PackageError> {
        let mut found = self.ours.iter().filter(|section| section.name == name);
        let section = found.next().ok_or(PackageError::SectionMissing { name })?;
        if found.next().is_some() {
            return Err(PackageError::SectionTwice { name });
        }
        if section.data.len() > MAX_SECTION_BYTES {
            return Err(PackageError::SectionTooLarge {
                name,
                size: section.data.len(),
                limit: MAX_SECTION_BYTES,
            });
        }
        std::str::from_utf8(section.data).map_err(|_| PackageError::SectionText { name })
    }
}

fn own_name(name: &str) -> Option<&'static str> {
    [MANIFEST_SECTION, CONTRACT_SECTION].into_iter().find(|own| *own == name)
}
