//! Makes a connection: host, checked addresses, socket, perhaps the operator's proxy, TLS.
//!
//! One of these belongs to one account, so a TLS session or a client certificate is never shared.
//! Addresses are tried in turn with a head start for each (RFC 8305), all of them checked before.

use std::{
    collections::VecDeque,
    future::Future,
    io,
    net::SocketAddr,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
    time::Duration,
};

use futures_util::{StreamExt as _, stream::FuturesUnordered};
use http::{Uri, uri::Scheme};
use hyper::rt::{Read, ReadBufCursor, Write};
use hyper_util::{
    client::legacy::connect::{Connected, Connection},
    rt::TokioIo,
};
use rustls::pki_types::ServerName;
use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::TcpStream,
    time::{sleep, timeout},
};
use tokio_rustls::TlsConnector;
use tower_service::Service;

use crate::{
    interim::{Counted, Flooded},
    proxy::{EgressProxy, TunnelError},
    resolve::{AddressRefused, Resolver},
};

/// How long an address may take before the next one is tried beside it.
const HEAD_START: Duration = Duration::from_millis(250);

/// Addresses of one name that are tried.
const MAX_TRIED: usize = 8;

/// Why there is no connection. Nothing of the request was sent.
#[derive(Debug, thiserror::Error)]
pub(crate) enum DialError {
    #[error(transparent)]
    Refused(AddressRefused),
    #[error("{0}")]
    Lookup(io::Error),
    #[error("{0}")]
    Connect(io::Error),
    #[error(transparent)]
    Tunnel(TunnelError),
    #[error("{0}")]
    Tls(rustls::Error),
    #[error("no connection in time")]
    Timeout,
}

/// The dialer of one account.
#[derive(Clone)]
pub(crate) struct Dialer {
    pub(crate) resolver: Arc<Resolver>,
    pub(crate) proxy: Option<EgressProxy>,
    pub(crate) tls: TlsConnector,
    pub(crate) timeout: Duration,
    #[cfg(debug_assertions)]
    pub(crate) network: Option<Network>,
}

/// A network inside of this process, for simulations: a checked address becomes the near end of a pipe.
/// A build without debug assertions has none.
#[cfg(debug_assertions)]
#[derive(Clone)]
pub struct Network(pub Arc<Dialled>);

/// What is at an address.
#[cfg(debug_assertions)]
pub type Dialled = dyn Fn(SocketAddr) -> io::Result<tokio::io::DuplexStream> + Send + Sync;

#[cfg(debug_assertions)]
impl std::fmt::Debug for Network {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Network").finish_non_exhaustive()
    }
}

impl Dialer {
    async fn connect(self, uri: Uri) -> Result<Socket, DialError> {
        match timeout(self.timeout, self.open(&uri)).await {
            Ok(opened) => opened,
            Err(_) => Err(DialError::Timeout),
        }
    }

    async fn open(&self, uri: &Uri) -> Result<Socket, DialError> {
        let unfit = || DialError::Connect(io::Error::new(io::ErrorKind::InvalidInput, "the URL has no host"));
        let host = uri.host().ok_or_else(unfit)?;
        let host = host.strip_prefix('[').and_then(|host| host.strip_suffix(']')).unwrap_or(host);
        let secure = uri.scheme() == Some(&Scheme::HTTPS);
        let port = uri.port_u16().unwrap_or(if secure { 443 } else { 80 });
        let checked = self.resolver.checked(host, port).await?;
        #[cfg(debug_assertions)]
        if let (Some(Network(dialled)), Some(address)) = (&self.network, checked.first()) {
            return dialled(*address).map(Socket::plain).map_err(DialError::Connect);
        }
        let stream = match &self.proxy {
            Some(proxy) => self.tunnel(proxy, &checked).await?,
            None => self.race(checked).await.map_err(DialError::Connect)?,
        };
        if secure { self.secure(host, stream).await } else { Ok(Socket::plain(stream)) }
    }

    /// The first address that answers.
    async fn race(&self, addresses: Vec<SocketAddr>) -> io::Result<TcpStream> {
        let mut waiting = by_turns(addresses);
        let mut tried = FuturesUnordered::new();
        let mut last = io::Error::new(io::ErrorKind::NotFound, "no address");
        loop {
            match waiting.pop_front() {
                Some(address) => tried.push(self.dial(address)),
                None if tried.is_empty() => return Err(last),
                None => {}
            }
            tokio::select! {
                answer = tried.next() => match answer {
                    Some(Ok(stream)) => return Ok(stream),
                    Some(Err(error)) => last = error,
                    None => {}
                },
                () = sleep(HEAD_START), if !waiting.is_empty() => {}
            }
        }
    }

    /// The one place where a socket is connected.
    async fn dial(&self, address: SocketAddr) -> io::Result<TcpStream> {
        let stream = TcpStream::connect(self.resolver.lookup.dialled(address)?).await?;
        stream.set_nodelay(true)?;
        Ok(stream)
    }

    /// Asks the proxy for the addresses in turn; one that it cannot reach is no reason to give up.
    async fn tunnel(&self, proxy: &EgressProxy, checked: &[SocketAddr]) -> Result<TcpStream, DialError> {
        let mut last = DialError::Timeout;
        for address in by_turns(checked.to_vec()) {
            let addresses = self.resolver.addresses(&proxy.host, proxy.port).await?;
            let stream = self.race(addresses).await.map_err(|error| DialError::Tunnel(error.into()))?;
            match proxy.tunnel(stream, address).await {
                Ok(stream) => return Ok(stream),
                Err(error @ TunnelError::Status(_)) => last = DialError::Tunnel(error),
                Err(error) => return Err(DialError::Tunnel(error)),
            }
        }
        Err(last)
    }

    async fn secure(&self, host: &str, stream: TcpStream) -> Result<Socket, DialError> {
        let unfit = |_| DialError::Tls(rustls::Error::General("the host is no name for TLS".to_owned()));
        let name = ServerName::try_from(host.to_owned()).map_err(unfit)?;
        let stream = self.tls.connect(name, stream).await.map_err(handshake)?;
        Ok(match stream.get_ref().1.alpn_protocol() {
            Some(b"h2") => Socket::http2(stream),
            Some(_) | None => Socket::plain(stream),
        })
    }
}

/// What TLS refused is told apart from a connection that broke.
fn handshake(error: io::Error) -> DialError {
    let inner = error.get_ref().and_then(|inner| inner.downcast_ref::<rustls::Error>());
    match inner {
        Some(problem) => DialError::Tls(problem.clone()),
        None => DialError::Connect(error),
    }
}

/// IPv6 and IPv4 by turns in the resolver's order, so that a family that leads nowhere costs one head start.
fn by_turns(addresses: Vec<SocketAddr>) -> VecDeque<SocketAddr> {
    let first_is_v6 = addresses.first().is_some_and(SocketAddr::is_ipv6);
    let (mut one, mut other): (VecDeque<_>, VecDeque<_>) =
        addresses.into_iter().partition(|address| address.is_ipv6() == first_is_v6);
    let mut turns = VecDeque::new();
    while turns.len() < MAX_TRIED && !(one.is_empty() && other.is_empty()) {
        turns.extend(one.pop_front());
        turns.extend(other.pop_front());
    }
    turns.truncate(MAX_TRIED);
    turns
}

impl Service<Uri> for Dialer {
    type Response = Socket;
    type Error = DialError;
    type Future = Pin<Box<dyn Future<Output = Result<Socket, DialError>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), DialError>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, uri: Uri) -> Self::Future {
        Box::pin(self.clone().connect(uri))
    }
}

/// A connected stream: a socket, or TLS over one.
trait Stream: AsyncRead + AsyncWrite + Send + Unpin {}

impl<T: AsyncRead + AsyncWrite + Send + Unpin> Stream for T {}

/// A connection that is ready for HTTP.
pub(crate) struct Socket {
    io: TokioIo<Box<dyn Stream>>,
    /// Set for HTTP/2.
    frames: Option<Flooded>,
}

impl Socket {
    fn plain(stream: impl Stream + 'static) -> Self {
        Self { io: TokioIo::new(Box::new(stream)), frames: None }
    }

    fn http2(stream: impl Stream + 'static) -> Self {
        let flooded = Flooded::default();
        let counted = Counted::new(stream, flooded.clone());
        Self { io: TokioIo::new(Box::new(counted)), frames: Some(flooded) }
    }
}

impl Connection for Socket {
    fn connected(&self) -> Connected {
        match &self.frames {
            Some(flooded) => Connected::new().negotiated_h2().extra(flooded.clone()),
            None => Connected::new(),
        }
    }
}

impl Read for Socket {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: ReadBufCursor<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.io).poll_read(cx, buffer)
    }
}

impl Write for Socket {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.io).poll_write(cx, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.io).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.io).poll_shutdown(cx)
    }

    fn is_write_vectored(&self) -> bool {
        self.io.is_write_vectored()
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        pieces: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.io).poll_write_vectored(cx, pieces)
    }
}
