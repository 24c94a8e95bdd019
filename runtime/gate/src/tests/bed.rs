//! The test bed: scripted names, a map of dials, mock servers, a connector with one secret.

use std::{
    io::{self, Write},
    sync::{Mutex, Once, PoisonError},
};

use bytes::Bytes;
use serde_json::{Value, json};
use wharf_model::{
    effect::Effect,
    grant::{Grant, Limits},
    http::{Body, Field, HttpError, HttpRequest, HttpResponse, Redirects},
    manifest::{EffectClass, Manifest},
};

pub(super) use super::mock::{After, GOOD, Http2, Mock, redirect, reply};
use crate::{
    Authority, CarveOut, Credentials, Effects, Gate, GateConfig, Scope, Secret, resolve::Lookup,
    script::Script,
};

pub(super) const SENTINEL: &str = "sk_live_S3NT1NEL_7f3a9c2e41d0b688";

pub(super) const CA: &[u8] = include_bytes!("fixtures/ca.pem");

/// A (granted, with the secret), A2 (granted, without), S (never granted), M (not public).
pub(super) struct Bed {
    pub(super) gate: Gate,
    pub(super) script: Script,
    pub(super) a: Mock,
    pub(super) a2: Mock,
    pub(super) s: Mock,
    pub(super) m: Mock,
}

impl Bed {
    pub(super) async fn new(
        handler: impl Fn(usize, &str) -> (Vec<u8>, After) + Send + Sync + 'static,
    ) -> Self {
        Self::with(GateConfig::default(), GOOD, handler).await
    }

    pub(super) async fn with(
        config: GateConfig,
        certificate: &[u8],
        handler: impl Fn(usize, &str) -> (Vec<u8>, After) + Send + Sync + 'static,
    ) -> Self {
        capture_logs();
        let a = Mock::tls(certificate, handler).await;
        let a2 = Mock::tls(GOOD, |_, _| reply(200, "a2")).await;
        let s = Mock::tls(GOOD, |_, _| reply(200, "s")).await;
        let m = Mock::plain(|_, _| reply(200, "m")).await;
        let script = Script::default();
        for (name, address) in [("api", "93.184.216.34"), ("api2", "93.184.216.35"), ("a.b", "93.184.216.34")]
        {
            script.name(&format!("{name}.allowed.test"), &[&[address]]);
        }
        script.name("sink.denied.test", &[&["93.184.216.36"]]);
        script.lead("93.184.216.34:443", a.address);
        script.lead("93.184.216.35:443", a2.address);
        script.lead("93.184.216.36:443", s.address);
        script.lead_elsewhere(m.address);
        let config = GateConfig { extra_roots: vec![CA.to_vec()], ..config };
        let gate = Gate::with_lookup(config, Lookup::Scripted(script.clone())).unwrap();
        Self { gate, script, a, a2, s, m }
    }

    /// Authorises and performs; the verdict is a status or [`word`].
    pub(super) async fn send(&self, authority: &Authority, request: HttpRequest) -> Sent {
        self.send_in(authority, &writes(), request).await
    }

    pub(super) async fn send_in(&self, authority: &Authority, scope: &Scope, request: HttpRequest) -> Sent {
        exchange(&self.gate, authority, scope, request).await
    }

    pub(super) fn hits(&self) -> [usize; 4] {
        [self.a.hits(), self.a2.hits(), self.s.hits(), self.m.hits()]
    }
}

/// Authorises and performs.
pub(super) async fn exchange(
    gate: &Gate,
    authority: &Authority,
    scope: &Scope,
    request: HttpRequest,
) -> Sent {
    let (method, url) = (request.method.clone(), request.url.clone());
    let effects = Effects::default();
    let place = effects.begin();
    let result = match gate.authorise(authority, scope, request) {
        Ok(authorised) => match gate.perform(authorised, place).await {
            Ok(response) => whole(response).await,
            Err(error) => Err(error),
        },
        Err(error) => {
            place.tell(Gate::refused(authority, &method, &url, &error));
            Err(error)
        }
    };
    let effects = effects.take();
    let effect = effects.last().unwrap().clone();
    // Whatever happens, no record and no error holds the secret.
    for text in [format!("{effects:?}"), format!("{result:?}")] {
        assert!(!text.contains(SENTINEL), "{text}");
    }
    Sent {
        verdict: result.as_ref().map_or_else(word, |response| response.status.to_string()),
        result,
        effect,
        effects,
    }
}

/// What came of one request.
#[derive(Debug)]
pub(super) struct Sent {
    pub(super) verdict: String,
    pub(super) result: Result<Answer, HttpError>,
    /// The last of them.
    pub(super) effect: Effect,
    pub(super) effects: Vec<Effect>,
}

/// A response that was read to its end.
#[derive(Debug)]
pub(super) struct Answer {
    pub(super) status: u16,
    pub(super) headers: Vec<Field>,
    pub(super) body: Bytes,
}

async fn whole(response: HttpResponse) -> Result<Answer, HttpError> {
    let HttpResponse { status, headers, body } = response;
    Ok(Answer { status, headers, body: body.whole().await? })
}

impl Sent {
    pub(super) fn body(&self) -> String {
        String::from_utf8_lossy(&self.result.as_ref().unwrap().body).into_owned()
    }

    pub(super) fn error(&self) -> String {
        self.result.as_ref().unwrap_err().to_string()
    }
}

/// A denial's reason, or the error's name.
pub(super) fn word(error: &HttpError) -> String {
    let name = match error {
        HttpError::Denied(denial) => return denial.reason.clone(),
        HttpError::InvalidRequest(_) => "invalid",
        HttpError::CredentialUnavailable(_) => "credential",
        HttpError::BudgetExhausted(_) => "budget",
        HttpError::Unreachable(_) => "unreachable",
        HttpError::Tls(_) => "tls",
        HttpError::Timeout(_) => "timeout",
        HttpError::Interrupted(_) => "interrupted",
        HttpError::BadResponse(_) => "bad-response",
        HttpError::Ambiguous(_) => "ambiguous",
    };
    name.to_owned()
}

pub(super) fn writes() -> Scope {
    Scope::new(EffectClass::UnsafeWrite, &Limits::default())
}

/// The grants of the catalogue.
pub(super) const A: &str = "GET,POST https://api.allowed.test/v1/";
pub(super) const A2: &str = "GET,POST https://api2.allowed.test/";
pub(super) const ANY: &str = "GET,POST *";

/// A connector that declares and is granted `rules`, with the sentinel as its bearer token for A.
pub(super) fn authority(rules: &[&str]) -> Authority {
    build(rules, &json!({ "kind": "bearer", "slot": "token" }), &[("token", SENTINEL)])
}

pub(super) fn build(rules: &[&str], placement: &Value, slots: &[(&str, &str)]) -> Authority {
    let egress: Vec<Value> = rules
        .iter()
        .map(|rule| {
            let (methods, url) = rule.split_once(' ').unwrap();
            json!({ "url": url, "methods": methods.split(',').collect::<Vec<_>>() })
        })
        .collect();
    let manifest = json!({
        "name": "p", "version": "1.0.0", "title": "P", "egress": egress,
        "auth": {
            "key": {
                "title": "Key", "slots": { "token": { "title": "Token" } },
                "placement": placement, "audience": ["https://api.allowed.test/v1/"],
            },
            "other": { "title": "Other", "slots": {}, "placement": { "kind": "header", "name": "X-Api-Key", "slot": "x" } },
        },
        "actions": {
            "keyed": { "title": "K", "effect": "keyed-write", "idempotency": { "kind": "header", "name": "Idempotency-Key" }, "input": {}, "output": {} },
            "search": { "title": "S", "effect": "read", "reads": [{ "url": "https://api.allowed.test/v1/search", "methods": ["POST"] }], "input": {}, "output": {} },
        },
    });
    let manifest: Manifest = serde_json::from_value(manifest).unwrap();
    let grant = Grant { egress: manifest.egress.clone(), ..Grant::default() };
    let slots = slots.iter().map(|(slot, value)| ((*slot).to_owned(), Secret::new(*value))).collect();
    let credentials = Credentials { method: "key".to_owned(), slots };
    Authority::new("p", &manifest, &grant, None, Some(credentials)).unwrap()
}

pub(super) fn get(url: &str) -> HttpRequest {
    HttpRequest {
        method: "GET".to_owned(),
        url: url.to_owned(),
        headers: Vec::new(),
        body: Body::empty(),
        auth: None,
        timeout_ms: None,
        redirects: Redirects::Manual,
    }
}

/// The same request once more.
pub(super) fn again(request: &HttpRequest) -> HttpRequest {
    let Body::Whole(body) = &request.body else { panic!("a body that is on its way is sent once") };
    HttpRequest {
        method: request.method.clone(),
        url: request.url.clone(),
        headers: request.headers.clone(),
        body: Body::Whole(body.clone()),
        auth: request.auth.clone(),
        timeout_ms: request.timeout_ms,
        redirects: request.redirects,
    }
}

/// GET with the credential.
pub(super) fn signed(url: &str) -> HttpRequest {
    HttpRequest { auth: Some("key".to_owned()), ..get(url) }
}

pub(super) fn post(url: &str, body: &str) -> HttpRequest {
    HttpRequest {
        method: "POST".to_owned(),
        body: Bytes::copy_from_slice(body.as_bytes()).into(),
        ..get(url)
    }
}

pub(super) fn with_header(request: HttpRequest, name: &str, value: impl Into<Vec<u8>>) -> HttpRequest {
    let mut request = request;
    request.headers.push(Field::new(name, value));
    request
}

pub(super) fn carve_out(text: &str) -> GateConfig {
    GateConfig { carve_outs: vec![text.parse::<CarveOut>().unwrap()], ..GateConfig::default() }
}

/// Everything that any crate logs during the tests, at the most talkative level.
static LOG: Mutex<Vec<u8>> = Mutex::new(Vec::new());

struct Log;

impl Write for Log {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        LOG.lock().unwrap_or_else(PoisonError::into_inner).extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

fn capture_logs() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        tracing_subscriber::fmt()
            .with_max_level(tracing_subscriber::filter::LevelFilter::TRACE)
            .with_ansi(false)
            .with_writer(|| Log)
            .init();
    });
}

pub(super) fn log() -> String {
    String::from_utf8_lossy(&LOG.lock().unwrap_or_else(PoisonError::into_inner)).into_owned()
}
