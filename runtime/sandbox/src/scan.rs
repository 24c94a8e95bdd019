//! Looks at a component's bytes before anything compiles them.
//!
//! Compile time grows faster than size: one function with 500,000 additions takes a minute and
//! 4 GiB (measured). Validation is linear, so it can be done here, and limits on functions are
//! checked before each of them is validated.

use wasmparser::{ComponentExternalKind, Parser, Payload, ValidPayload, Validator, WasmFeatures};
use wharf_model::grant::Limits;

use crate::{inert::inert, load::LoadError};

/// What is refused before it is compiled.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ScanLimits {
    /// Bytes of a component. Default 8 MiB.
    pub component_bytes: u64,
    /// Functions in all modules of a component. Default 20,000.
    pub functions: u32,
    /// Bytes of one function's body. Default 256 KiB.
    pub function_bytes: u64,
}

impl Default for ScanLimits {
    fn default() -> Self {
        Self { component_bytes: 8 << 20, functions: 20_000, function_bytes: 256 << 10 }
    }
}

/// Bytes of a component whose features are told apart.
const NAMED_UP_TO: usize = 1 << 20;

/// The names of a component's own imports and exports.
#[derive(Debug, Default)]
pub(crate) struct Inventory {
    pub(crate) imports: Vec<String>,
    pub(crate) exports: Vec<String>,
}

/// Validates `wasm` and checks the limits.
pub(crate) fn scan(
    wasm: &[u8],
    limits: &ScanLimits,
    ceiling: &Limits,
    features: WasmFeatures,
) -> Result<Inventory, LoadError> {
    if !Parser::is_component(wasm) {
        let found = if Parser::is_core_wasm(wasm) {
            "a core module: `wharf build` makes a component of it"
        } else {
            "no component header"
        };
        return Err(LoadError::Malformed(found.into()));
    }
    let mut pass = Pass {
        limits,
        ceiling,
        validator: Validator::new_with_features(features),
        functions: 0,
        depth: 0,
        found: Inventory::default(),
    };
    match pass.run(wasm) {
        Ok(()) => Ok(pass.found),
        Err(Problem::Refused(refused)) => Err(refused),
        Err(Problem::Invalid(error)) => {
            let found = inert(&error.to_string());
            let names = features_that_help(wasm, features);
            Err(if names.is_empty() {
                LoadError::Malformed(found)
            } else {
                LoadError::Feature { names, found }
            })
        }
    }
}

/// The features with which a component that is invalid without them is valid; none if it is not even
/// then. Where one is enough it is named alone. Each try is a validation, which takes time in
/// proportion to the size: of a large component only is said that it is some feature.
fn features_that_help(wasm: &[u8], on: WasmFeatures) -> Vec<String> {
    let valid = |features| Validator::new_with_features(features).validate_all(wasm).is_ok();
    if !valid(WasmFeatures::all()) {
        return Vec::new();
    }
    if wasm.len() > NAMED_UP_TO {
        return vec!["one of those that are off".into()];
    }
    let off = || WasmFeatures::all().difference(on).iter_names();
    let kebab = |name: &str| name.to_ascii_lowercase().replace('_', "-");
    if let Some((name, _)) = off().find(|(_, feature)| valid(on.union(*feature))) {
        return vec![kebab(name)];
    }
    let needed = off().filter(|(_, feature)| !valid(WasmFeatures::all().difference(*feature)));
    let names: Vec<String> = needed.map(|(name, _)| kebab(name)).collect();
    if names.is_empty() { vec!["several of those that are off".into()] } else { names }
}

struct Pass<'a> {
    limits: &'a ScanLimits,
    ceiling: &'a Limits,
    validator: Validator,
    functions: u64,
    /// 1 inside the outermost component, whose imports and exports count.
    depth: u32,
    found: Inventory,
}

enum Problem {
    Refused(LoadError),
    Invalid(wasmparser::BinaryReaderError),
}

impl From<wasmparser::BinaryReaderError> for Problem {
    fn from(error: wasmparser::BinaryReaderError) -> Self {
        Self::Invalid(error)
    }
}

impl Pass<'_> {
    fn run(&mut self, wasm: &[u8]) -> Result<(), Problem> {
        let mut spare = wasmparser::FuncValidatorAllocations::default();
        for payload in Parser::new(0).parse_all(wasm) {
            let payload = payload?;
            self.look(&payload)?;
            match self.validator.payload(&payload)? {
                ValidPayload::Func(function, body) => {
                    let mut function = function.into_validator(std::mem::take(&mut spare));
                    function.validate(&body)?;
                    spare = function.into_allocations();
                }
                ValidPayload::Ok | ValidPayload::Parser(_) | ValidPayload::End(_) => {}
            }
        }
        Ok(())
    }

    fn look(&mut self, payload: &Payload<'_>) -> Result<(), Problem> {
        match payload {
            Payload::Version { .. } => self.depth += 1,
            Payload::End(_) => self.depth = self.depth.saturating_sub(1),
            Payload::CodeSectionStart { count, .. } => {
                self.functions += u64::from(*count);
                if self.functions > u64::from(self.limits.functions) {
                    let text = format!(
                        "the component has {} functions or more; the limit is {}",
                        self.functions, self.limits.functions
                    );
                    return Err(Problem::Refused(LoadError::FunctionSize(text)));
                }
            }
            Payload::CodeSectionEntry(body) => {
                let bytes = body.range().len() as u64;
                if bytes > self.limits.function_bytes {
                    let text =
                        format!("a function has {bytes} bytes; the limit is {}", self.limits.function_bytes);
                    return Err(Problem::Refused(LoadError::FunctionSize(text)));
                }
            }
            Payload::MemorySection(memories) => {
                for memory in memories.clone() {
                    let bytes = memory?.initial.saturating_mul(65_536);
                    let max = self.ceiling.memory_bytes;
                    if bytes > max {
                        return Err(Problem::Refused(LoadError::MemoryMin { bytes, max }));
                    }
                }
            }
            Payload::TableSection(tables) => {
                for table in tables.clone() {
                    let (elements, max) = (table?.ty.initial, u64::from(self.ceiling.table_elements));
                    if elements > max {
                        return Err(Problem::Refused(LoadError::TableMin { elements, max }));
                    }
                }
            }
            Payload::ComponentImportSection(imports) if self.depth == 1 => {
                for import in imports.clone() {
                    self.found.imports.push(import?.name.name.to_owned());
                }
            }
            Payload::ComponentExportSection(exports) if self.depth == 1 => {
                for export in exports.clone() {
                    let export = export?;
                    if export.kind == ComponentExternalKind::Instance {
                        self.found.exports.push(export.name.name.to_owned());
                    }
                }
            }
            _ => {}
        }
        Ok(())
    }
}
