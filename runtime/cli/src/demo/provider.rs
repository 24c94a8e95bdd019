//! A provider on the loopback: a real HTTP server that speaks the parts of Slack's and GitHub's
//! REST APIs that the connectors use, judges every request as they would, and remembers all of it.
//!
//! It does not deduplicate. Like Slack, it posts twice what it is sent twice: that is what makes
//! its log a proof of what the runtime did, and not of how forgiving the provider is.

mod echo;
mod fault;
mod github;
mod record;
mod request;
mod slack;

use std::{
    collections::{HashMap, VecDeque},
    io,
    net::SocketAddr,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use bytes::Bytes;
use http_body_util::{BodyExt, Full, Limited};
use hyper::{
    Request, Response, StatusCode, body::Incoming, header, server::conn::http1, service::service_fn,
};
use hyper_util::rt::TokioIo;
use serde_json::{Value, json};
use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::TcpListener,
    sync::watch,
    task::JoinHandle,
};
use wharf_model::time::Timestamp;

pub use fault::{Fault, Route};
pub use record::{Comment, Issue, Message, Recorded};

use crate::clock;
use request::Asked;

/// The bearer token that the Slack part takes.
pub const SLACK_TOKEN: &str = "loopback-slack-bot-token";
/// The bearer token that the GitHub part takes.
pub const GITHUB_TOKEN: &str = "loopback-github-token";
/// Channels of the workspace, id and name; two a page in `conversations.list`.
pub const CHANNELS: [(&str, &str); 3] =
    [("C024BE91L", "bugs"), ("C061EG9T2", "triage"), ("C0G9QF9GZ", "general")];

/// A request larger than this is no request of a connector of ours.
const MAX_BODY: usize = 1 << 20;

/// The running server; dropping it stops it.
#[derive(Debug)]
pub struct Provider {
    addr: SocketAddr,
    shared: Arc<Shared>,
    /// None where nobody listens.
    accepting: Option<JoinHandle<()>>,
}

/// What the connections share.
#[derive(Debug)]
struct Shared {
    world: Mutex<World>,
    /// How many requests are held, and how often `release` was called.
    held: watch::Sender<Held>,
}

#[derive(Clone, Copy, Debug, Default)]
struct Held {
    waiting: usize,
    releases: u64,
}

/// The provider's state and memory.
#[derive(Debug)]
struct World {
    now: fn() -> Timestamp,
    script: HashMap<Route, VecDeque<Fault>>,
    requests: Vec<Recorded>,
    messages: Vec<Message>,
    issues: Vec<Issue>,
    comments: Vec<Comment>,
}

/// An answer, or the reason why there is none.
enum Answer {
    Reply(Reply),
    /// The connection is closed without a byte.
    Reset,
}

/// A response under construction.
struct Reply {
    status: StatusCode,
    headers: Vec<(&'static str, String)>,
    body: Value,
}

impl Reply {
    fn new(status: StatusCode, body: Value) -> Self {
        Self { status, headers: Vec::new(), body }
    }

    fn header(mut self, name: &'static str, value: String) -> Self {
        self.headers.push((name, value));
        self
    }
}

impl Provider {
    /// Listens on a free port of 127.0.0.1.
    pub async fn start() -> io::Result<Self> {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await?;
        let addr = listener.local_addr()?;
        let shared = Arc::new(Shared::new(clock::now));
        let accepting = tokio::spawn(accept(listener, Arc::clone(&shared)));
        Ok(Self { addr, shared, accepting: Some(accepting) })
    }

    /// One that no socket leads to: [`Provider::serve`] takes connections. It remembers what it was told
    /// from one runtime to the next.
    #[must_use]
    pub fn apart(addr: SocketAddr, now: fn() -> Timestamp) -> Self {
        Self { addr, shared: Arc::new(Shared::new(now)), accepting: None }
    }

    /// Serves a connection on a task of its own, to its end.
    pub fn serve(&self, stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static) {
        tokio::spawn(serve(stream, Arc::clone(&self.shared)));
    }

    /// Where it listens.
    #[must_use]
    pub fn addr(&self) -> SocketAddr {
        self.addr
    }

    /// The base of the Slack part: what stands in for `https://slack.com/api`.
    #[must_use]
    pub fn slack_url(&self) -> String {
        format!("http://{}/slack/api", self.addr)
    }

    /// The base of the GitHub part: what stands in for `https://api.github.com`.
    #[must_use]
    pub fn github_url(&self) -> String {
        format!("http://{}/github", self.addr)
    }

    /// The base of the part that answers with what it was asked, for connectors that try to get out.
    #[must_use]
    pub fn echo_url(&self) -> String {
        format!("http://{}/echo", self.addr)
    }

    /// What happens to the next requests of a route, one fault each, in order; afterwards it answers as ever.
    pub fn script(&self, route: Route, faults: impl IntoIterator<Item = Fault>) {
        self.shared.world().script.entry(route).or_default().extend(faults);
    }

    /// Every request so far, in order of arrival.
    #[must_use]
    pub fn requests(&self) -> Vec<Recorded> {
        self.shared.world().requests.clone()
    }

    /// Every message that was posted.
    #[must_use]
    pub fn messages(&self) -> Vec<Message> {
        self.shared.world().messages.clone()
    }

    /// Every issue that was created.
    #[must_use]
    pub fn issues(&self) -> Vec<Issue> {
        self.shared.world().issues.clone()
    }

    /// Has a person open an issue, or change one of that number, at a time.
    pub fn put_issue(&self, issue: Issue) {
        let mut world = self.shared.world();
        world.issues.retain(|known| (&known.repository, known.number) != (&issue.repository, issue.number));
        world.issues.push(issue);
    }

    /// Every comment that was written.
    #[must_use]
    pub fn comments(&self) -> Vec<Comment> {
        self.shared.world().comments.clone()
    }

    /// Waits until a request is applied and held by [`Fault::Hold`].
    pub async fn held(&self) {
        let mut held = self.shared.held.subscribe();
        // The sender lives as long as `self`.
        let _ = held.wait_for(|held| held.waiting > 0).await;
    }

    /// Lets held requests be answered.
    pub fn release(&self) {
        self.shared.held.send_modify(|held| held.releases += 1);
    }
}

impl Drop for Provider {
    fn drop(&mut self) {
        if let Some(accepting) = &self.accepting {
            accepting.abort();
        }
    }
}

impl Shared {
    fn new(now: fn() -> Timestamp) -> Self {
        Self { world: Mutex::new(World::new(now)), held: watch::Sender::new(Held::default()) }
    }

    fn world(&self) -> MutexGuard<'_, World> {
        // A panic elsewhere leaves the vectors whole: each is changed by one push.
        self.world.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits for the next `release`. The count of waiting requests goes down when the future is
    /// dropped too: that is what a killed client does.
    async fn hold(&self) {
        struct Waiting<'a>(&'a watch::Sender<Held>);
        impl Drop for Waiting<'_> {
            fn drop(&mut self) {
                self.0.send_modify(|held| held.waiting -= 1);
            }
        }
        let mut held = self.held.subscribe();
        let releases = held.borrow().releases;
        self.held.send_modify(|held| held.waiting += 1);
        let _waiting = Waiting(&self.held);
        let _ = held.wait_for(|held| held.releases > releases).await;
    }
}

async fn accept(listener: TcpListener, shared: Arc<Shared>) {
    // Connections belong to this task: they end with it.
    let mut connections = tokio::task::JoinSet::new();
    loop {
        tokio::select! {
            accepted = listener.accept() => {
                let Ok((stream, _)) = accepted else { continue };
                connections.spawn(serve(stream, Arc::clone(&shared)));
            }
            Some(_) = connections.join_next() => {}
        }
    }
}

async fn serve(stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static, shared: Arc<Shared>) {
    let service = service_fn(|request| answer(Arc::clone(&shared), request));
    // An error here is a client that left or a scripted reset; the log has it.
    let _ = http1::Builder::new().serve_connection(TokioIo::new(stream), service).await;
}

/// An error of the service makes hyper close the connection without a response.
#[derive(Debug, thiserror::Error)]
#[error("scripted reset")]
struct Reset;

async fn answer(shared: Arc<Shared>, request: Request<Incoming>) -> Result<Response<Full<Bytes>>, Reset> {
    let (parts, body) = request.into_parts();
    let body = Limited::new(body, MAX_BODY).collect().await.map_err(|_| Reset)?.to_bytes();
    let asked = Asked::new(&parts, body);
    let route = Route::of(&asked.method, &asked.path);
    let (seq, fault) = {
        let mut world = shared.world();
        let fault = route.and_then(|route| world.script.get_mut(&route)?.pop_front());
        let seq = world.requests.len();
        world.requests.push(asked.record(seq, route));
        (seq, fault)
    };
    let answer = match fault {
        None => Answer::Reply(shared.world().apply(route, &asked)),
        Some(fault) => faulty(&shared, route, &asked, fault).await,
    };
    match answer {
        Answer::Reset => Err(Reset),
        Answer::Reply(reply) => {
            shared.world().settle(seq, reply.status);
            respond(reply).ok_or(Reset)
        }
    }
}

/// Does what the script says.
async fn faulty(shared: &Shared, route: Option<Route>, asked: &Asked, fault: Fault) -> Answer {
    match fault {
        Fault::RateLimited { retry_after_secs } => Answer::Reply(
            Reply::new(StatusCode::TOO_MANY_REQUESTS, json!({ "ok": false, "error": "ratelimited" }))
                .header("retry-after", retry_after_secs.to_string()),
        ),
        Fault::Unavailable => Answer::Reply(Reply::new(
            StatusCode::SERVICE_UNAVAILABLE,
            json!({ "ok": false, "error": "service_unavailable" }),
        )),
        Fault::NotOk(error) => {
            Answer::Reply(Reply::new(StatusCode::OK, json!({ "ok": false, "error": error })))
        }
        Fault::ResetAfterApply => {
            let _ = shared.world().apply(route, asked);
            Answer::Reset
        }
        Fault::ResetBeforeApply => Answer::Reset,
        Fault::Hold => {
            let reply = shared.world().apply(route, asked);
            shared.hold().await;
            Answer::Reply(reply)
        }
    }
}

fn respond(reply: Reply) -> Option<Response<Full<Bytes>>> {
    let mut response = Response::builder()
        .status(reply.status)
        .header(header::CONTENT_TYPE, "application/json; charset=utf-8")
        .header(header::DATE, "Thu, 01 Jan 1970 00:00:00 GMT");
    for (name, value) in reply.headers {
        response = response.header(name, value);
    }
    response.body(Full::new(Bytes::from(reply.body.to_string()))).ok()
}

impl World {
    fn new(now: fn() -> Timestamp) -> Self {
        Self {
            now,
            script: HashMap::new(),
            requests: Vec::new(),
            messages: Vec::new(),
            issues: Vec::new(),
            comments: Vec::new(),
        }
    }

    /// Judges and applies a request.
    fn apply(&mut self, route: Option<Route>, asked: &Asked) -> Reply {
        match route {
            Some(
                Route::PostMessage | Route::ListChannels | Route::History | Route::Replies | Route::AuthTest,
            ) => slack::apply(self, route, asked),
            Some(
                Route::CreateIssue | Route::ListIssues | Route::Comment | Route::ListComments | Route::User,
            ) => github::apply(self, route, asked),
            Some(Route::Echo) => echo::apply(asked),
            None => Reply::new(
                StatusCode::NOT_FOUND,
                json!({ "message": format!("no route {} {}", asked.method, asked.path) }),
            ),
        }
    }

    fn settle(&mut self, seq: usize, status: StatusCode) {
        if let Some(request) = self.requests.get_mut(seq) {
            request.answered = Some(status.as_u16());
        }
    }
}

#[cfg(test)]
mod tests;
