//! Methods by published vectors, and what they do with requests that are none of theirs.

mod aws;
mod digest;
mod jwt;
mod oauth1;
mod recipes;
mod reference;

use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue, Method};
use serde_json::{Value, json};
use url::Url;
use wharf_model::{egress::Settings, time::Timestamp};

use super::{Credentials, Now, Outgoing, PlaceError, Plan, Secret};

/// A request; headers are `name: value` lines.
fn outgoing(method: &str, url: &str, headers: &[&str], body: &str) -> Outgoing {
    let headers: HeaderMap = headers
        .iter()
        .map(|line| {
            let (name, value) = line.split_once(':').unwrap();
            (HeaderName::try_from(name).unwrap(), HeaderValue::from_str(value.trim_start()).unwrap())
        })
        .collect();
    Outgoing {
        method: Method::from_bytes(method.as_bytes()).unwrap(),
        url: Url::parse(url).unwrap(),
        headers,
        body: Bytes::copy_from_slice(body.as_bytes()),
    }
}

fn credentials(slots: &[(&str, &str)]) -> Credentials {
    let slots = slots.iter().map(|(slot, value)| ((*slot).to_owned(), Secret::new(*value)));
    Credentials { method: "m".to_owned(), slots: slots.collect() }
}

fn now(seconds: u64, nonce: &str) -> Now {
    Now { at: Timestamp(seconds * 1000), nonce: nonce.to_owned() }
}

fn plan(placement: Value) -> Plan {
    let settings = json!({ "region": "eu-west-1", "port": 8 });
    let placement = serde_json::from_value(placement).unwrap();
    Plan::new(&placement, Settings { schema: None, values: &settings }).unwrap()
}

/// The header after placing.
#[track_caller]
fn placed(plan: &Plan, slots: &[(&str, &str)], now: &Now, mut request: Outgoing, header: &str) -> String {
    plan.place(&credentials(slots), now, &mut request).unwrap();
    String::from_utf8(request.headers[header].as_bytes().to_vec()).unwrap()
}

#[track_caller]
fn refused(plan: &Plan, slots: &[(&str, &str)], mut request: Outgoing) -> PlaceError {
    plan.place(&credentials(slots), &now(0, "n"), &mut request).map(|_| ()).unwrap_err()
}
