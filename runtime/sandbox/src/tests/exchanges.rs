//! Exchanges that overlap, and bodies that are read as they come.

use std::{
    collections::VecDeque,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    task::{Context, Poll, Waker},
};

use futures_util::stream;
use wharf_model::{
    call::StopReason,
    grant::Limits,
    http::{Body, HttpError, HttpRequest, HttpResponse, Redirects},
    time::Timestamp,
};

use super::{
    guest::{Guest, HTTP},
    host::Gate,
    limits::{Ends, check},
};
use crate::{
    Host,
    exchange::{Exchanges, Turn, begin},
    host::Exchange,
};

/// Counts what it judges and what it dials; a response's body never ends.
#[derive(Clone, Default)]
struct Counting {
    judged: Arc<AtomicUsize>,
    dialled: Arc<AtomicUsize>,
}

impl Host for Counting {
    fn http(&mut self, _: HttpRequest) -> Exchange {
        self.judged.fetch_add(1, Ordering::Relaxed);
        let dialled = Arc::clone(&self.dialled);
        Box::pin(async move {
            dialled.fetch_add(1, Ordering::Relaxed);
            let body = Body::Pieces(Box::pin(stream::pending()));
            Ok(HttpResponse { status: 200, headers: Vec::new(), body })
        })
    }

    fn now(&self) -> Timestamp {
        Timestamp(0)
    }

    fn seed(&self) -> [u8; 32] {
        [0; 32]
    }
}

fn request() -> HttpRequest {
    HttpRequest {
        method: "GET".into(),
        url: "https://a.test/x".into(),
        headers: Vec::new(),
        body: Body::empty(),
        auth: None,
        timeout_ms: None,
        redirects: Redirects::Manual,
    }
}

fn poll(exchange: &mut Exchange) -> Poll<Result<HttpResponse, HttpError>> {
    exchange.as_mut().poll(&mut Context::from_waker(Waker::noop()))
}

#[test]
fn gr_13_ten_thousand_exchanges_that_nobody_polls() {
    let mut host = Counting::default();
    let limits = Limits::default();
    let exchanges = Exchanges::new(&limits);
    let (mut begun, mut denied) = (VecDeque::new(), 0);
    for number in 0..10_000 {
        match begin(&mut host, &exchanges, &limits, request(), Turn::Wait) {
            Ok(exchange) => begun.push_back(exchange),
            Err(error) => {
                assert_eq!(error.to_string(), "budget exhausted: http-budget: 100 HTTP requests in one call");
                assert!(number >= 100);
                denied += 1;
            }
        }
    }
    assert_eq!((begun.len(), denied, exchanges.begun()), (100, 9_900, 100));
    let counts =
        |host: &Counting| (host.judged.load(Ordering::Relaxed), host.dialled.load(Ordering::Relaxed));
    assert_eq!(counts(&host), (100, 0));
    let mut open = VecDeque::new();
    begun.retain_mut(|exchange| match poll(exchange) {
        Poll::Ready(answer) => {
            open.push_back(answer.unwrap());
            false
        }
        Poll::Pending => true,
    });
    assert_eq!((counts(&host), open.len()), ((100, 8), 8));
    // Each body that is given up lets the next one in, and only one.
    for dialled in 9..=20 {
        drop(open.pop_front());
        begun.retain_mut(|exchange| match poll(exchange) {
            Poll::Ready(answer) => {
                open.push_back(answer.unwrap());
                false
            }
            Poll::Pending => true,
        });
        assert_eq!((counts(&host), open.len()), ((100, dialled), 8));
    }
    // One that is dropped while it waits takes no turn with it.
    begun.clear();
    open.clear();
    let limits = Limits { http_requests: 101, ..limits };
    let mut last = begin(&mut host, &exchanges, &limits, request(), Turn::Now).unwrap();
    assert!(poll(&mut last).is_ready());
}

/// Sends to `a.test`, and reads with `max` until the end; returns a digit for the number of reads and
/// one for the bytes, or 9 for an error.
fn reader(payload: &str, max: u32) -> &'static str {
    format!(
        "(call $send (i32.const 128) (i32.const 4) (i32.const 136) (i32.const 16)
            (i32.const 0) (i32.const 0) {payload} (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 0)
            (i32.const 0) (i32.const 0) (i32.const 256))
         (loop $l
            (call $read (i32.load (i32.const 272)) (i32.const {max}) (i32.const 512))
            (local.set $n (i32.add (local.get $n) (i32.const 1)))
            (if (i32.load8_u (i32.const 512))
                (then (local.set $m (i32.const 9)))
                (else
                    (local.set $m (i32.add (local.get $m) (i32.load (i32.const 520))))
                    (br_if $l (i32.load (i32.const 520))))))
         (call $drop (i32.load (i32.const 272)))
         (i32.store8 (i32.const 16) (i32.add (i32.const 48) (local.get $n)))
         (i32.store8 (i32.const 17) (i32.add (i32.const 48) (local.get $m)))
         (i32.store (i32.const 84) (i32.const 2)) i32.const 64"
    )
    .leak()
}

const NOTHING: &str = "(i32.const 0) (i32.const 0) (i32.const 0)";
const BLOB: &str = "(i32.const 2) (i32.const 160) (i32.const 5)";
const TEXTS: &str = r#"(data (i32.const 128) "POST") (data (i32.const 136) "https://a.test/x") (data (i32.const 160) "ab/cd")"#;

#[test]
fn a_body_is_read_as_it_comes() {
    let cases = [
        // All that has come is handed on at once, however it was cut.
        ("at once", NOTHING, 100, Gate::Streams(&["ab", "c", "", "de"]), "25"),
        ("in twos", NOTHING, 2, Gate::Streams(&["ab", "c", "", "de"]), "45"),
        ("whole", NOTHING, 3, Gate::Answers("abcde"), "35"),
        ("none", NOTHING, 3, Gate::Streams(&[]), "10"),
        ("cut", NOTHING, 100, Gate::Streams(&["abc", "!", "d"]), "29"),
        ("a blob", BLOB, 100, Gate::Echoes, "24"),
    ];
    for (name, payload, max, gate, expected) in cases {
        let guest = Guest { imports: HTTP, more: TEXTS, run: reader(payload, max), ..Guest::default() };
        check(name, guest, Limits::default(), gate, Ends::Done(expected));
    }
    let guest = Guest { imports: HTTP, more: TEXTS, run: reader(NOTHING, 9), ..Guest::default() };
    let small = Limits { http_response_bytes: 4, ..Limits::default() };
    check("over the cap", guest, small, Gate::Streams(&["ab", "cd", "e"]), Ends::Done("29"));
    let upload = Limits { http_request_bytes: 4, ..Limits::default() };
    let guest = Guest { run: reader(BLOB, 9), ..guest };
    check("a large blob", guest, upload, Gate::Echoes, Ends::Stopped(StopReason::Guest, ""));
}

#[test]
fn open_bodies_are_limited() {
    // Returns how many responses it got without dropping a body, as one digit.
    let run: &'static str = "(loop $l
        (call $send (i32.const 128) (i32.const 4) (i32.const 136) (i32.const 16)
            (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 0)
            (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 256))
        (if (i32.eqz (i32.load8_u (i32.const 256)))
            (then (local.set $n (i32.add (local.get $n) (i32.const 1))) (br $l))))
     (i32.store8 (i32.const 16) (i32.add (i32.const 48) (local.get $n)))
     (i32.store (i32.const 84) (i32.const 1)) i32.const 64";
    let guest = Guest { imports: HTTP, more: TEXTS, run, ..Guest::default() };
    check("streams", guest, Limits::default(), Gate::Streams(&["a"]), Ends::Done("8"));
    let few = Limits { http_in_flight: 2, ..Limits::default() };
    check("two streams", guest, few, Gate::Streams(&["a"]), Ends::Done("2"));
    let requests = Limits { http_requests: 9, ..few };
    check("whole bodies", guest, requests, Gate::Answers("a"), Ends::Done("9"));
}
