//! Servers that record what reaches them and answer as a test says.

use std::{
    convert::Infallible,
    net::SocketAddr,
    sync::{Arc, Mutex},
    time::Duration,
};

use hyper::{Request, Response, body::Incoming, server::conn::http2, service::service_fn};
use hyper_util::rt::{TokioExecutor, TokioIo};
use rustls::{
    RootCertStore,
    pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject as _},
    server::WebPkiClientVerifier,
};
use tokio::{
    io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _},
    net::TcpListener,
    sync::Notify,
};
use tokio_rustls::TlsAcceptor;

pub(super) const GOOD: &[u8] = include_bytes!("fixtures/good.pem");

/// What a mock does after its reply.
#[derive(Clone, Copy, Debug)]
pub(super) enum After {
    /// Waits for the next request.
    Keep,
    /// Closes the connection.
    Close,
    /// Says no more.
    Stall,
    /// Sends byte after byte.
    Drip,
    /// Sends this as often as it is taken.
    Flood(&'static [u8]),
}

/// A mock's reply, from the number of the request (from 0) and its raw bytes.
type Handler = Arc<dyn Fn(usize, &str) -> (Vec<u8>, After) + Send + Sync>;

/// A server that records.
#[derive(Clone)]
pub(super) struct Mock {
    pub(super) address: SocketAddr,
    requests: Arc<Mutex<Vec<String>>>,
    connections: Arc<Mutex<usize>>,
    gone: Arc<Notify>,
}

impl Mock {
    pub(super) async fn plain(
        handler: impl Fn(usize, &str) -> (Vec<u8>, After) + Send + Sync + 'static,
    ) -> Self {
        Self::start("127.0.0.1:0", None, Arc::new(handler)).await
    }

    /// Where the test says, which only a machine of its own allows.
    pub(super) async fn plain_at(address: &str) -> Self {
        Self::start(address, None, Arc::new(|_, _| reply(200, "m"))).await
    }

    pub(super) async fn tls(
        pem: &[u8],
        handler: impl Fn(usize, &str) -> (Vec<u8>, After) + Send + Sync + 'static,
    ) -> Self {
        Self::tls_at("127.0.0.1:0", pem, handler).await
    }

    pub(super) async fn tls_at(
        address: &str,
        pem: &[u8],
        handler: impl Fn(usize, &str) -> (Vec<u8>, After) + Send + Sync + 'static,
    ) -> Self {
        Self::start(address, Some(acceptor(pem, b"http/1.1", None)), Arc::new(handler)).await
    }

    /// Asks its clients for a certificate of an authority, and takes no other.
    pub(super) async fn mutual(pem: &[u8], clients: &[u8]) -> Self {
        let tls = acceptor(pem, b"http/1.1", Some(clients));
        Self::start("127.0.0.1:0", Some(tls), Arc::new(|_, _| reply(200, "known"))).await
    }

    async fn start(address: &str, tls: Option<TlsAcceptor>, handler: Handler) -> Self {
        let listener = TcpListener::bind(address).await.unwrap();
        let mock = Self {
            address: listener.local_addr().unwrap(),
            requests: Arc::default(),
            connections: Arc::default(),
            gone: Arc::default(),
        };
        let server = mock.clone();
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                *server.connections.lock().unwrap() += 1;
                let (server, handler, tls) = (server.clone(), Arc::clone(&handler), tls.clone());
                tokio::spawn(async move {
                    match tls {
                        Some(tls) => {
                            if let Ok(stream) = tls.accept(stream).await {
                                server.serve(stream, handler).await;
                            }
                        }
                        None => server.serve(stream, handler).await,
                    }
                });
            }
        });
        mock
    }

    async fn serve(&self, mut stream: impl AsyncRead + AsyncWrite + Unpin, handler: Handler) {
        let mut pending = Vec::new();
        while let Some(request) = read_request(&mut stream, &mut pending).await {
            let number = {
                let mut requests = self.requests.lock().unwrap();
                requests.push(request.clone());
                requests.len() - 1
            };
            let (reply, after) = handler(number, &request);
            if stream.write_all(&reply).await.is_err() || stream.flush().await.is_err() {
                return;
            }
            match after {
                After::Keep => {}
                After::Close => {
                    let _ = stream.shutdown().await;
                    return;
                }
                After::Stall => {
                    std::future::pending::<()>().await;
                }
                After::Drip => {
                    while stream.write_all(b"x").await.is_ok() && stream.flush().await.is_ok() {
                        tokio::time::sleep(Duration::from_millis(5)).await;
                    }
                    self.gone.notify_one();
                    return;
                }
                After::Flood(bytes) => {
                    while stream.write_all(bytes).await.is_ok() && stream.flush().await.is_ok() {}
                    self.gone.notify_one();
                    return;
                }
            }
        }
    }

    /// Returns when the gate has closed a connection over which a mock never stops to send.
    pub(super) async fn gone(&self) {
        tokio::time::timeout(Duration::from_secs(1), self.gone.notified()).await.unwrap();
    }

    pub(super) fn requests(&self) -> Vec<String> {
        self.requests.lock().unwrap().clone()
    }

    pub(super) fn hits(&self) -> usize {
        self.requests.lock().unwrap().len()
    }

    pub(super) fn connections(&self) -> usize {
        *self.connections.lock().unwrap()
    }
}

async fn read_request(stream: &mut (impl AsyncRead + Unpin), pending: &mut Vec<u8>) -> Option<String> {
    loop {
        let text = String::from_utf8_lossy(pending).into_owned();
        if let Some(end) = text.find("\r\n\r\n") {
            let length = text
                .to_ascii_lowercase()
                .lines()
                .find_map(|line| line.strip_prefix("content-length: ")?.parse().ok());
            let total = if text.to_ascii_lowercase().contains("transfer-encoding: chunked") {
                text.find("0\r\n\r\n").map_or(usize::MAX, |last| last + 5)
            } else {
                end + 4 + length.unwrap_or(0)
            };
            if pending.len() >= total {
                return Some(
                    String::from_utf8_lossy(&pending.drain(..total).collect::<Vec<_>>()).into_owned(),
                );
            }
        }
        let mut buffer = [0; 4096];
        match stream.read(&mut buffer).await {
            Ok(0) | Err(_) => return None,
            Ok(count) => pending.extend_from_slice(&buffer[..count]),
        }
    }
}

pub(super) fn acceptor(pem: &[u8], protocol: &[u8], clients: Option<&[u8]>) -> TlsAcceptor {
    let chain = CertificateDer::pem_slice_iter(pem).collect::<Result<Vec<_>, _>>().unwrap();
    let key = PrivateKeyDer::from_pem_slice(pem).unwrap();
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let verifier = match clients {
        None => WebPkiClientVerifier::no_client_auth(),
        Some(pem) => {
            let mut roots = RootCertStore::empty();
            roots.add(CertificateDer::from_pem_slice(pem).unwrap()).unwrap();
            WebPkiClientVerifier::builder_with_provider(Arc::new(roots), Arc::clone(&provider))
                .build()
                .unwrap()
        }
    };
    let mut config = rustls::ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_client_cert_verifier(verifier)
        .with_single_cert(chain, key)
        .unwrap();
    config.alpn_protocols = vec![protocol.to_vec()];
    TlsAcceptor::from(Arc::new(config))
}

/// A reply of `status` with a body.
pub(super) fn reply(status: u16, body: &str) -> (Vec<u8>, After) {
    (format!("HTTP/1.1 {status} X\r\ncontent-length: {}\r\n\r\n{body}", body.len()).into_bytes(), After::Keep)
}

/// A redirect.
pub(super) fn redirect(status: u16, location: &str) -> (Vec<u8>, After) {
    (
        format!("HTTP/1.1 {status} X\r\nlocation: {location}\r\ncontent-length: 0\r\n\r\n").into_bytes(),
        After::Keep,
    )
}

/// A server of HTTP/2 that answers with the request's version, path and headers.
pub(super) struct Http2 {
    pub(super) address: SocketAddr,
    connections: Arc<Mutex<usize>>,
}

impl Http2 {
    pub(super) async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let tls = acceptor(GOOD, b"h2", None);
        let connections: Arc<Mutex<usize>> = Arc::default();
        let counter = Arc::clone(&connections);
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                *counter.lock().unwrap() += 1;
                let tls = tls.clone();
                tokio::spawn(async move {
                    let Ok(stream) = tls.accept(stream).await else {
                        return;
                    };
                    let echo = service_fn(|request: Request<Incoming>| async move {
                        let text = format!("{:?} {} {:?}", request.version(), request.uri(), shown(&request));
                        Ok::<_, Infallible>(Response::new(text))
                    });
                    let server = http2::Builder::new(TokioExecutor::new());
                    let _ = server.serve_connection(TokioIo::new(stream), echo).await;
                });
            }
        });
        Self { address, connections }
    }

    pub(super) fn connections(&self) -> usize {
        *self.connections.lock().unwrap()
    }
}

/// The values too that were marked sensitive on the wire.
fn shown(request: &Request<Incoming>) -> Vec<(String, String)> {
    let headers = request.headers().iter();
    headers
        .map(|(name, value)| (name.to_string(), String::from_utf8_lossy(value.as_bytes()).into_owned()))
        .collect()
}
