//! The names of the contract: what a component may import, what it may export, and where each
//! export sits in a loaded component. Names are looked up once, at load.

use wasmtime::component::{Component, ComponentExportIndex};

use crate::load::LoadError;

/// The version of `wharf:connector` that this host speaks.
pub const CONTRACT_VERSION: &str = "0.1.0";

/// An interface that a connector can export.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Interface {
    /// `describe`; each connector has it.
    Manifest,
    /// `validate`.
    Connections,
    /// `load` choices.
    Options,
    /// `load` fields.
    Fields,
    /// `run`.
    Actions,
    /// `resume`.
    Resumption,
    /// `confirm`.
    Confirmation,
    /// `run` for many inputs.
    Batches,
    /// `poll`.
    Polling,
    /// `receive`.
    Deliveries,
    /// `handshake`.
    Handshakes,
    /// `enable`, `exists`, `renew`, `disable`.
    Subscriptions,
    /// `route`.
    Routing,
    /// `sample`.
    Samples,
    /// `list-page`, `get`, `find`, `put`, `delete`.
    Entities,
}

impl Interface {
    const ALL: [Self; 15] = [
        Self::Manifest,
        Self::Connections,
        Self::Options,
        Self::Fields,
        Self::Actions,
        Self::Resumption,
        Self::Confirmation,
        Self::Batches,
        Self::Polling,
        Self::Deliveries,
        Self::Handshakes,
        Self::Subscriptions,
        Self::Routing,
        Self::Samples,
        Self::Entities,
    ];

    /// The name in WIT, without package and version.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Manifest => "manifest",
            Self::Connections => "connections",
            Self::Options => "options",
            Self::Fields => "fields",
            Self::Actions => "actions",
            Self::Resumption => "resumption",
            Self::Confirmation => "confirmation",
            Self::Batches => "batches",
            Self::Polling => "polling",
            Self::Deliveries => "deliveries",
            Self::Handshakes => "handshakes",
            Self::Subscriptions => "subscriptions",
            Self::Routing => "routing",
            Self::Samples => "samples",
            Self::Entities => "entities",
        }
    }

    fn functions(self) -> &'static [Export] {
        match self {
            Self::Manifest => &[Export::Describe],
            Self::Connections => &[Export::Validate],
            Self::Options => &[Export::LoadOptions],
            Self::Fields => &[Export::LoadFields],
            Self::Actions => &[Export::Run],
            Self::Resumption => &[Export::Resume],
            Self::Confirmation => &[Export::Confirm],
            Self::Batches => &[Export::RunBatch],
            Self::Polling => &[Export::Poll],
            Self::Deliveries => &[Export::Receive],
            Self::Handshakes => &[Export::Handshake],
            Self::Subscriptions => &[Export::Enable, Export::Exists, Export::Renew, Export::Disable],
            Self::Routing => &[Export::Route],
            Self::Samples => &[Export::Sample],
            Self::Entities => &[Export::ListPage, Export::Get, Export::Find, Export::Put, Export::Delete],
        }
    }
}

/// The interfaces that a connector exports.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Interfaces(Vec<Interface>);

impl Interfaces {
    /// Whether it exports this one.
    #[must_use]
    pub fn has(&self, interface: Interface) -> bool {
        self.0.contains(&interface)
    }

    /// Those that it exports, in the order of the contract.
    pub fn iter(&self) -> impl Iterator<Item = Interface> + '_ {
        self.0.iter().copied()
    }
}

/// A function that the host calls.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Export {
    Describe,
    Validate,
    LoadOptions,
    LoadFields,
    Run,
    Resume,
    Confirm,
    RunBatch,
    Poll,
    Receive,
    Handshake,
    Enable,
    Exists,
    Renew,
    Disable,
    Route,
    Sample,
    ListPage,
    Get,
    Find,
    Put,
    Delete,
}

impl Export {
    const COUNT: usize = Self::Delete as usize + 1;

    /// `interface.function`, for messages.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Describe => "manifest.describe",
            Self::Validate => "connections.validate",
            Self::LoadOptions => "options.load",
            Self::LoadFields => "fields.load",
            Self::Run => "actions.run",
            Self::Resume => "resumption.resume",
            Self::Confirm => "confirmation.confirm",
            Self::RunBatch => "batches.run",
            Self::Poll => "polling.poll",
            Self::Receive => "deliveries.receive",
            Self::Handshake => "handshakes.handshake",
            Self::Enable => "subscriptions.enable",
            Self::Exists => "subscriptions.exists",
            Self::Renew => "subscriptions.renew",
            Self::Disable => "subscriptions.disable",
            Self::Route => "routing.route",
            Self::Sample => "samples.sample",
            Self::ListPage => "entities.list-page",
            Self::Get => "entities.get",
            Self::Find => "entities.find",
            Self::Put => "entities.put",
            Self::Delete => "entities.delete",
        }
    }

    fn function(self) -> &'static str {
        self.name().split_once('.').map_or("", |(_, function)| function)
    }
}

/// Where the exports of one component are.
#[derive(Clone)]
pub(crate) struct Exports([Option<ComponentExportIndex>; Export::COUNT]);

impl Exports {
    pub(crate) fn get(&self, export: Export) -> Option<&ComponentExportIndex> {
        self.0.get(export as usize)?.as_ref()
    }

    /// Looks every function up. An interface may be absent, `manifest` may not, and an interface
    /// that is there must be whole.
    pub(crate) fn of(component: &Component) -> Result<(Self, Interfaces), LoadError> {
        let mut found = Self([const { None }; Export::COUNT]);
        let mut interfaces = Vec::new();
        for interface in Interface::ALL {
            let name = format!("wharf:connector/{}@{CONTRACT_VERSION}", interface.name());
            let Some(instance) = component.get_export_index(None, name.as_str()) else {
                continue;
            };
            for &export in interface.functions() {
                let index = component
                    .get_export_index(Some(&instance), export.function())
                    .ok_or_else(|| LoadError::ExportMissing(format!("{name}.{}", export.function())))?;
                if let Some(place) = found.0.get_mut(export as usize) {
                    *place = Some(index);
                }
            }
            interfaces.push(interface);
        }
        if interfaces.contains(&Interface::Manifest) {
            Ok((found, Interfaces(interfaces)))
        } else {
            Err(LoadError::ExportMissing(format!("wharf:connector/manifest@{CONTRACT_VERSION}")))
        }
    }
}

/// The capabilities, as a component names them. Type-only interfaces beside these may be imported
/// by any name of the contract: they hold nothing to call.
const CAPABILITIES: [&str; 7] = ["http", "credentials", "store", "blobs", "log", "clock", "random"];
const TYPES: [&str; 3] = ["types", "events", "outcomes"];

/// What is linked of WASI 0.2, with nothing behind it: packages, and interfaces.
const WASI_02: [&str; 7] = [
    "wasi:io/",
    "wasi:clocks/",
    "wasi:random/",
    "wasi:cli/",
    "wasi:filesystem/",
    "wasi:http/types@",
    "wasi:http/outgoing-handler@",
];
/// What is linked of WASI 0.3.
const WASI_03: [&str; 6] = [
    "wasi:clocks/",
    "wasi:random/",
    "wasi:cli/",
    "wasi:filesystem/",
    "wasi:http/types@",
    "wasi:http/client@",
];

/// Judges the names of a component's imports and exports.
pub(crate) fn check_names<'a>(
    imports: impl IntoIterator<Item = &'a str>,
    exports: impl IntoIterator<Item = &'a str>,
) -> Result<(), LoadError> {
    for import in imports {
        if let Some(interface) = contract_name(import)? {
            let known = CAPABILITIES.contains(&interface)
                || TYPES.contains(&interface)
                || Interface::ALL.iter().any(|known| known.name() == interface);
            if known {
                continue;
            }
        } else if is_linked_wasi(import) {
            continue;
        }
        return Err(LoadError::ImportUnknown { import: shown(import), supported: supported() });
    }
    for export in exports {
        contract_name(export)?;
    }
    Ok(())
}

/// Whether a component needs the WASI linker.
pub(crate) fn imports_wasi<'a>(imports: impl IntoIterator<Item = &'a str>) -> bool {
    imports.into_iter().any(|import| import.starts_with("wasi:"))
}

/// The interface of a name of our package, of the version that we speak.
fn contract_name(name: &str) -> Result<Option<&str>, LoadError> {
    let Some(rest) = name.strip_prefix("wharf:connector/") else {
        return Ok(None);
    };
    match rest.split_once('@') {
        Some((interface, CONTRACT_VERSION)) => Ok(Some(interface)),
        Some(_) | None => Err(LoadError::WitVersion {
            name: shown(name),
            supported: format!("wharf:connector@{CONTRACT_VERSION}"),
        }),
    }
}

/// Whether an import is one that only the concurrent engine can link.
pub(crate) fn is_concurrent(import: &str) -> bool {
    import.starts_with("wasi:") && wasi_version(import) == Some(3)
}

fn is_linked_wasi(name: &str) -> bool {
    let offered: &[&str] = match wasi_version(name) {
        Some(2) => &WASI_02,
        Some(3) => &WASI_03,
        _ => return false,
    };
    offered.iter().any(|package| name.starts_with(package))
}

/// The minor version of a released WASI 0.x; a draft such as `0.3.0-rc-2025` is no version.
fn wasi_version(name: &str) -> Option<u32> {
    let (_, version) = name.split_once('@')?;
    let (minor, patch) = version.strip_prefix("0.")?.split_once('.')?;
    patch.parse::<u32>().ok()?;
    minor.parse().ok()
}

fn supported() -> String {
    let ours = CAPABILITIES.map(|name| format!("wharf:connector/{name}@{CONTRACT_VERSION}"));
    let wasi = |names: &[&str], version: &str| {
        let names = names.iter().map(|name| match name.strip_suffix('@') {
            Some(interface) => format!("{interface}@{version}"),
            None => format!("{name}*@{version}"),
        });
        names.collect::<Vec<_>>()
    };
    [ours.to_vec(), wasi(&WASI_02, "0.2"), wasi(&WASI_03, "0.3")].concat().join(", ")
}

fn shown(name: &str) -> String {
    crate::inert::inert(crate::inert::cut(name, 120))
}
