//! Accepting connections: how many, how long they may take, and how they end.
//!
//! HTTP/1.1 in the clear, for a proxy with TLS in front. Every wait on a peer is bounded: the
//! headers by hyper's timer, the body by whoever reads it, a response that nobody takes by
//! [`patient`]. So a connection that does nothing useful is gone after half a minute.

use std::{net::SocketAddr, sync::Arc, time::Duration};

use axum::Router;
use hyper::server::conn::http1;
use hyper_util::{
    rt::{TokioIo, TokioTimer},
    service::TowerToHyperService,
};
use tokio::{
    net::{TcpListener, TcpStream},
    sync::{OwnedSemaphorePermit, Semaphore, watch},
    task::JoinSet,
};

mod patient;

use patient::Patient;

/// The request line and headers must arrive in this time; an idle connection ends after it too.
const HEADERS_WITHIN: Duration = Duration::from_secs(15);
/// The peer must take some of the response in this time.
const TAKES_WITHIN: Duration = Duration::from_secs(30);
/// The request line and headers together; also the read buffer of a body.
const MAX_HEADER_BYTES: usize = 32 << 10;
/// Header lines of a request.
const MAX_HEADERS: usize = 64;
/// After an error of `accept` such as "too many open files", which does not go away at once.
const BREATH: Duration = Duration::from_millis(50);

/// Answers connections with `app` until `stop` says so; then lets requests finish for `drain`.
pub(crate) async fn listen(
    listener: TcpListener,
    app: Router,
    max_connections: usize,
    mut stop: watch::Receiver<bool>,
    drain: Duration,
) {
    let room = Arc::new(Semaphore::new(max_connections));
    let mut open = JoinSet::new();
    let connections_stop = stop.clone();
    loop {
        tokio::select! {
            biased;
            () = stopped(&mut stop) => break,
            Some(_) = open.join_next() => {}
            next = accept(&listener, &room) => match next {
                Ok((stream, peer, permit)) => {
                    open.spawn(converse(stream, peer, app.clone(), connections_stop.clone(), permit));
                }
                Err(error) => {
                    tracing::warn!(%error, "no connection could be accepted");
                    tokio::time::sleep(BREATH).await;
                }
            },
        }
    }
    drop(listener);
    let ended = async { while open.join_next().await.is_some() {} };
    if tokio::time::timeout(drain, ended).await.is_err() {
        tracing::warn!(open = open.len(), "connections were cut off at the end of the drain");
    }
}

async fn accept(
    listener: &TcpListener,
    room: &Arc<Semaphore>,
) -> std::io::Result<(TcpStream, SocketAddr, OwnedSemaphorePermit)> {
    // The permit first: what does not fit stays in the kernel's queue.
    let permit = Arc::clone(room).acquire_owned().await.map_err(std::io::Error::other)?;
    let (stream, peer) = listener.accept().await?;
    Ok((stream, peer, permit))
}

/// One connection, to its end.
async fn converse(
    stream: TcpStream,
    peer: SocketAddr,
    app: Router,
    mut stop: watch::Receiver<bool>,
    permit: OwnedSemaphorePermit,
) {
    if let Err(error) = stream.set_nodelay(true) {
        tracing::debug!(%peer, %error, "TCP_NODELAY was not set");
    }
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HEADERS_WITHIN)
        .max_buf_size(MAX_HEADER_BYTES)
        .max_headers(MAX_HEADERS)
        .serve_connection(TokioIo::new(Patient::new(stream, TAKES_WITHIN)), TowerToHyperService::new(app));
    tokio::pin!(connection);
    let ended = tokio::select! {
        ended = connection.as_mut() => ended,
        () = stopped(&mut stop) => {
            connection.as_mut().graceful_shutdown();
            connection.await
        }
    };
    if let Err(error) = ended {
        tracing::debug!(%peer, %error, "a connection ended early");
    }
    drop(permit);
}

/// Ends when the server is told to stop, or has gone.
async fn stopped(stop: &mut watch::Receiver<bool>) {
    // An error means that the sender is gone, which is a stop as well.
    let _ = stop.wait_for(|stopping| *stopping).await;
}
