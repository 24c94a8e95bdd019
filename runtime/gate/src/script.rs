//! A network made of answers: names resolve as scripted, dials lead where the script says, and each
//! dial is written down. For tests of the gate, and of a whole server in a build with debug assertions.
//!
//! A build without debug assertions has none of this: there is nothing to switch on. The address
//! policy judges the scripted address, so a way around it shows as a dial in the record.

use std::{
    collections::HashMap,
    fs::File,
    io::{self, Write as _},
    net::{IpAddr, SocketAddr},
    path::{Path, PathBuf},
    sync::{Arc, Mutex, PoisonError},
};

use serde::Deserialize;

use crate::config::{GateConfig, GateConfigError};

/// The variable that names the script of a process.
const VARIABLE: &str = "WHARF_TEST_NETWORK";

/// Names and dials. Clones share their state.
#[derive(Clone, Debug, Default)]
pub(crate) struct Script(Arc<Mutex<Inner>>);

#[derive(Debug, Default)]
struct Inner {
    /// Answers in turn; the last one stays.
    names: HashMap<String, Vec<Vec<IpAddr>>>,
    dials: HashMap<SocketAddr, SocketAddr>,
    /// Where every other dial leads; none refuses it without a packet.
    elsewhere: Option<SocketAddr>,
    /// The addresses that were dialled, as the policy saw them.
    dialled: Vec<SocketAddr>,
    record: Option<File>,
}

/// The file that the variable names.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
struct Text {
    resolve: HashMap<String, Vec<Vec<IpAddr>>>,
    dial: HashMap<SocketAddr, SocketAddr>,
    elsewhere: Option<SocketAddr>,
    /// A PEM file of authorities to trust besides the others.
    roots: Option<PathBuf>,
    /// A file that gets a line for each dial: the policy's address, a space, and where it led or `refused`.
    record: Option<PathBuf>,
}

/// The script of this process, if its environment names one. Its roots go into `config`.
pub(crate) fn of_this_process(config: &mut GateConfig) -> Result<Option<Script>, GateConfigError> {
    let Some(path) = std::env::var_os(VARIABLE).map(PathBuf::from) else {
        return Ok(None);
    };
    let fail = |problem: String| GateConfigError::Script { variable: VARIABLE, problem };
    let script =
        Script::read(&path, config).map_err(|problem| fail(format!("{}: {problem}", path.display())))?;
    tracing::warn!(
        script = %path.display(),
        "THE NETWORK IS SCRIPTED by {VARIABLE}: names and dials are a test's, and nothing real is reached"
    );
    Ok(Some(script))
}

impl Script {
    fn read(path: &Path, config: &mut GateConfig) -> io::Result<Self> {
        let text: Text = serde_json::from_slice(&std::fs::read(path)?)?;
        if let Some(roots) = text.roots {
            config.extra_roots.push(std::fs::read(roots)?);
        }
        let open = |path| File::options().create(true).append(true).open(path);
        let inner = Inner {
            names: text.resolve,
            dials: text.dial,
            elsewhere: text.elsewhere,
            dialled: Vec::new(),
            record: text.record.map(open).transpose()?,
        };
        Ok(Self(Arc::new(Mutex::new(inner))))
    }

    /// The answer whose turn it is.
    pub(crate) fn addresses(&self, name: &str, port: u16) -> io::Result<Vec<SocketAddr>> {
        let mut inner = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let unknown = || io::Error::new(io::ErrorKind::NotFound, "no such name");
        let answers = inner.names.get_mut(name).ok_or_else(unknown)?;
        let answer =
            if answers.len() > 1 { answers.remove(0) } else { answers.first().cloned().unwrap_or_default() };
        Ok(answer.into_iter().map(|address| SocketAddr::new(address, port)).collect())
    }

    /// Where a dial leads; it is written down first.
    pub(crate) fn dial(&self, address: SocketAddr) -> io::Result<SocketAddr> {
        let mut inner = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let to = inner.dials.get(&address).copied().or(inner.elsewhere);
        inner.dialled.push(address);
        if let Some(record) = &mut inner.record {
            let line = to.map_or_else(|| format!("{address} refused\n"), |to| format!("{address} {to}\n"));
            record.write_all(line.as_bytes())?;
        }
        to.ok_or_else(|| {
            io::Error::new(io::ErrorKind::ConnectionRefused, "the scripted network does not lead there")
        })
    }
}

#[cfg(test)]
impl Script {
    pub(crate) fn name(&self, name: &str, answers: &[&[&str]]) {
        let parsed =
            answers.iter().map(|answer| answer.iter().map(|a| a.parse().unwrap()).collect()).collect();
        self.0.lock().unwrap().names.insert(name.to_owned(), parsed);
    }

    pub(crate) fn lead(&self, from: &str, to: SocketAddr) {
        self.0.lock().unwrap().dials.insert(from.parse().unwrap(), to);
    }

    pub(crate) fn lead_elsewhere(&self, to: SocketAddr) {
        self.0.lock().unwrap().elsewhere = Some(to);
    }

    /// The addresses that were dialled since the last time, as the policy saw them.
    pub(crate) fn take_dialled(&self) -> Vec<SocketAddr> {
        std::mem::take(&mut self.0.lock().unwrap().dialled)
    }
}
