//! Servers of the network that the cases play in. They record raw bytes and answer as a case says,
//! down to the byte: most of what a hostile server does is no HTTP that a library would send.

use std::{
    net::SocketAddr,
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use rustls::pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject as _};
use tokio::{
    io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _},
    net::TcpListener,
};
use tokio_rustls::TlsAcceptor;

/// What a server does after the bytes of a reply.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum After {
    /// Waits for the next request.
    Keep,
    /// Closes the connection.
    Close,
    /// Says no more, and keeps the connection.
    Hold,
    /// A byte every tenth of a second, for ever.
    Drip,
    /// The same bytes again and again, as fast as they are taken.
    Again(&'static [u8]),
}

/// A reply: bytes as they go over the wire, and what comes after.
#[derive(Clone, Debug)]
pub(crate) struct Reply {
    pub(crate) bytes: Vec<u8>,
    pub(crate) after: After,
}

/// A reply from the number of the request (from 0) and its bytes.
pub(crate) type Script = Arc<dyn Fn(usize, &str) -> Reply + Send + Sync>;

/// A server that records.
#[derive(Clone)]
pub(crate) struct Mock {
    pub(crate) address: SocketAddr,
    state: Arc<State>,
}

struct State {
    script: Mutex<Script>,
    requests: Mutex<Vec<String>>,
    connections: AtomicUsize,
    /// Replies that never end, and are still being taken.
    endless: AtomicUsize,
}

impl Mock {
    /// A server in plain text.
    pub(crate) async fn plain() -> Self {
        Self::start(None).await
    }

    /// A server behind TLS, with the certificate and key in `pem`.
    pub(crate) async fn tls(pem: &[u8]) -> Self {
        Self::start(Some(acceptor(pem))).await
    }

    async fn start(tls: Option<TlsAcceptor>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let state = Arc::new(State {
            script: Mutex::new(always(ok("ok"))),
            requests: Mutex::default(),
            connections: AtomicUsize::new(0),
            endless: AtomicUsize::new(0),
        });
        let mock = Self { address: listener.local_addr().unwrap(), state };
        let server = mock.clone();
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                server.state.connections.fetch_add(1, Ordering::SeqCst);
                let (server, tls) = (server.clone(), tls.clone());
                tokio::spawn(async move {
                    match tls {
                        Some(tls) => {
                            if let Ok(stream) = tls.accept(stream).await {
                                server.serve(stream).await;
                            }
                        }
                        None => server.serve(stream).await,
                    }
                });
            }
        });
        mock
    }

    async fn serve(&self, mut stream: impl AsyncRead + AsyncWrite + Unpin) {
        let mut pending = Vec::new();
        while let Some(request) = read_request(&mut stream, &mut pending).await {
            let reply = {
                let mut requests = self.state.requests.lock().unwrap();
                requests.push(request.clone());
                let script = self.state.script.lock().unwrap();
                script(requests.len() - 1, &request)
            };
            if stream.write_all(&reply.bytes).await.is_err() || stream.flush().await.is_err() {
                return;
            }
            if !self.after(&mut stream, reply.after).await {
                return;
            }
        }
    }

    /// Whether the connection goes on.
    async fn after(&self, stream: &mut (impl AsyncRead + AsyncWrite + Unpin), after: After) -> bool {
        match after {
            After::Keep => return true,
            After::Close => {
                let _ = stream.shutdown().await;
            }
            After::Hold => {
                // Until the other side goes.
                let mut byte = [0];
                self.state.endless.fetch_add(1, Ordering::SeqCst);
                let _ = stream.read(&mut byte).await;
                self.ended();
            }
            After::Drip => {
                self.state.endless.fetch_add(1, Ordering::SeqCst);
                let mut pace = tokio::time::interval(Duration::from_millis(100));
                while stream.write_all(b"x").await.is_ok() && stream.flush().await.is_ok() {
                    pace.tick().await;
                }
                self.ended();
            }
            After::Again(bytes) => {
                self.state.endless.fetch_add(1, Ordering::SeqCst);
                while stream.write_all(bytes).await.is_ok() {}
                self.ended();
            }
        }
        false
    }

    fn ended(&self) {
        self.state.endless.fetch_sub(1, Ordering::SeqCst);
    }

    /// Forgets what came and answers by `script` from now on.
    pub(crate) fn play(&self, script: Script) {
        *self.state.script.lock().unwrap() = script;
        self.state.requests.lock().unwrap().clear();
        self.state.connections.store(0, Ordering::SeqCst);
    }

    /// The requests since the case began, as they came.
    pub(crate) fn requests(&self) -> Vec<String> {
        self.state.requests.lock().unwrap().clone()
    }

    pub(crate) fn hits(&self) -> usize {
        self.state.requests.lock().unwrap().len()
    }

    /// Connections that were accepted since the case began.
    pub(crate) fn connections(&self) -> usize {
        self.state.connections.load(Ordering::SeqCst)
    }

    /// Replies without an end that somebody still takes.
    pub(crate) fn endless(&self) -> usize {
        self.state.endless.load(Ordering::SeqCst)
    }
}

async fn read_request(stream: &mut (impl AsyncRead + Unpin), pending: &mut Vec<u8>) -> Option<String> {
    loop {
        if let Some(end) = pending.windows(4).position(|four| four == b"\r\n\r\n") {
            let head = String::from_utf8_lossy(&pending[..end]).to_ascii_lowercase();
            let length = head.lines().find_map(|line| line.strip_prefix("content-length: ")?.parse().ok());
            let total = end + 4 + length.unwrap_or(0);
            if pending.len() >= total {
                let request: Vec<u8> = pending.drain(..total).collect();
                return Some(String::from_utf8_lossy(&request).into_owned());
            }
        }
        let mut buffer = [0; 16 * 1024];
        match stream.read(&mut buffer).await {
            Ok(0) | Err(_) => return None,
            Ok(count) => pending.extend_from_slice(&buffer[..count]),
        }
    }
}

fn acceptor(pem: &[u8]) -> TlsAcceptor {
    let chain = CertificateDer::pem_slice_iter(pem).collect::<Result<Vec<_>, _>>().unwrap();
    let key = PrivateKeyDer::from_pem_slice(pem).unwrap();
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let mut config = rustls::ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(chain, key)
        .unwrap();
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    TlsAcceptor::from(Arc::new(config))
}

/// The same reply to everything.
pub(crate) fn always(reply: Reply) -> Script {
    Arc::new(move |_, _| reply.clone())
}

/// One reply after the other; the last stays.
pub(crate) fn in_turn(replies: Vec<Reply>) -> Script {
    Arc::new(move |number, _| replies[number.min(replies.len() - 1)].clone())
}

/// `200` with a body, on a connection that stays.
pub(crate) fn ok(body: &str) -> Reply {
    reply(200, "", body.as_bytes())
}

/// A status, further header lines (each with its line end), and a body.
pub(crate) fn reply(status: u16, headers: &str, body: &[u8]) -> Reply {
    let head = format!("HTTP/1.1 {status} X\r\n{headers}content-length: {}\r\n\r\n", body.len());
    Reply { bytes: [head.as_bytes(), body].concat(), after: After::Keep }
}

/// A redirect.
pub(crate) fn redirect(status: u16, location: &str) -> Reply {
    reply(status, &format!("location: {location}\r\n"), b"")
}

/// Bytes, and then the end of the connection.
pub(crate) fn raw(bytes: impl Into<Vec<u8>>) -> Reply {
    Reply { bytes: bytes.into(), after: After::Close }
}
