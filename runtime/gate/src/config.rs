//! The gate's configuration: what an operator may open, and the caps of every exchange.

use std::{net::SocketAddr, time::Duration};

use crate::{
    carve_out::CarveOut,
    proxy::EgressProxy,
    tls::{Roots, TlsMaterialError, Trust},
};

/// The gate's configuration. `Default` is what a production server runs with.
#[derive(Clone, Debug)]
pub struct GateConfig {
    /// Addresses that may be called although they are not public. Default: none.
    pub carve_outs: Vec<CarveOut>,
    /// Addresses that this server listens on; never called, carved out or not. The unspecified address
    /// stands for every address of this machine. Default: none.
    pub own_listeners: Vec<SocketAddr>,
    /// Certificate authorities in PEM, in addition to the Mozilla roots that are built in. Default: none.
    pub extra_roots: Vec<Vec<u8>>,
    /// The proxy through which everything is sent; the environment names none, ever. Default: none.
    pub egress_proxy: Option<EgressProxy>,
    /// For the look-up and the TCP and TLS handshakes together. Default: 10 s.
    pub connect_timeout: Duration,
    /// From the decision to the last byte of the response, redirects included. Default: 60 s.
    pub total_timeout: Duration,
    /// Between two pieces of a response body. Default: 20 s.
    pub between_bytes_timeout: Duration,
    /// Fields of a response's head. Default: 100.
    pub max_response_headers: usize,
    /// Bytes of a response's head. Default: 64 KiB.
    pub max_response_header_bytes: usize,
    /// Clients kept, one for each account; the one used longest ago goes first. Default: 256.
    pub max_clients: usize,
    /// What is dialled instead of the network, in a simulation.
    #[cfg(debug_assertions)]
    pub network: Option<crate::dial::Network>,
}

impl Default for GateConfig {
    fn default() -> Self {
        Self {
            carve_outs: Vec::new(),
            own_listeners: Vec::new(),
            extra_roots: Vec::new(),
            egress_proxy: None,
            connect_timeout: Duration::from_secs(10),
            total_timeout: Duration::from_secs(60),
            between_bytes_timeout: Duration::from_secs(20),
            max_response_headers: 100,
            max_response_header_bytes: 64 * 1024,
            max_clients: 256,
            #[cfg(debug_assertions)]
            network: None,
        }
    }
}

/// A configuration that cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum GateConfigError {
    /// An authority in `extra_roots` cannot be used.
    #[error("extra root {index}: {problem}")]
    Root {
        /// Counted from 0.
        index: usize,
        /// What is wrong.
        problem: TlsMaterialError,
    },
    /// A limit of nothing.
    #[error("`{0}` is zero; every request would fail")]
    Zero(&'static str),
    /// The scripted network of a test.
    #[cfg(any(test, debug_assertions))]
    #[error("{variable}: {problem}")]
    Script {
        /// The environment variable.
        variable: &'static str,
        /// What is wrong.
        problem: String,
    },
    /// All of them together.
    #[error(transparent)]
    Tls(#[from] TlsMaterialError),
}

impl GateConfig {
    pub(crate) fn check(&self) -> Result<(), GateConfigError> {
        let zero = [
            ("connect-timeout", self.connect_timeout.is_zero()),
            ("total-timeout", self.total_timeout.is_zero()),
            ("between-bytes-timeout", self.between_bytes_timeout.is_zero()),
            ("max-response-headers", self.max_response_headers == 0),
            ("max-response-header-bytes", self.max_response_header_bytes == 0),
            ("max-clients", self.max_clients == 0),
        ];
        match zero.iter().find(|(_, zero)| *zero) {
            Some((name, _)) => Err(GateConfigError::Zero(name)),
            None => Ok(()),
        }
    }

    pub(crate) fn trust(&self) -> Result<Trust, GateConfigError> {
        let mut roots = Roots::default();
        for (index, pem) in self.extra_roots.iter().enumerate() {
            let read = Roots::read([pem.as_slice()]);
            roots.extend(read.map_err(|problem| GateConfigError::Root { index, problem })?);
        }
        Ok(Trust::new(&roots)?)
    }
}
