//! Changing a grant: what is named changes, what is not stays.

pub(crate) mod roots;

use anyhow::Result;
use serde_json::json;
use wharf_model::{
    grant::{Grant, LimitOverrides},
    manifest::EgressRequest,
};

use crate::{
    client::{Body, Client, Method},
    exit::{Exit, Fault},
    input::{count, duration_ms},
    output::Output,
    render, view,
};

/// Arguments of `grant`.
#[derive(clap::Args, Debug)]
pub(crate) struct Change {
    /// The connector.
    name: String,
    /// Let it call this: methods and an address, as `'POST https://slack.com/api/'`; may be repeated.
    #[arg(long, value_name = "METHODS URL", value_parser = egress)]
    egress: Vec<EgressRequest>,
    /// Take back what was granted for this address; may be repeated.
    #[arg(long, value_name = "URL")]
    no_egress: Vec<String>,
    /// Let it READ this secret, not only use it: an auth method and a slot that its manifest asks to
    /// reveal, as `key/private`; may be repeated.
    #[arg(long, value_name = "METHOD/SLOT", value_parser = slot)]
    reveal: Vec<String>,
    /// Take back what was granted by `--reveal`; may be repeated.
    #[arg(long, value_name = "METHOD/SLOT")]
    no_reveal: Vec<String>,
    /// Let its calls trust the certificate authorities of this PEM file, besides the server's; may be
    /// repeated.
    #[arg(long, value_name = "@FILE")]
    root: Vec<String>,
    /// Trust it no more: the fingerprint that `permissions` shows, or its first 12 digits; may be repeated.
    #[arg(long, value_name = "FINGERPRINT")]
    no_root: Vec<String>,
    /// Let it keep this much of its own state for a connection.
    #[arg(long, value_name = "BYTES", value_parser = count)]
    store: Option<u64>,
    /// Let a call use this much of scratch files.
    #[arg(long, value_name = "BYTES", value_parser = count)]
    scratch: Option<u64>,
    #[command(flatten)]
    limits: LimitFlags,
    /// Try the change out: what it would deny is counted, and passes if what is in force allows it.
    #[arg(long, conflicts_with_all = ["enforce", "withdraw"])]
    report_only: bool,
    /// Put what is tried out in force.
    #[arg(long, conflicts_with_all = ["egress", "no_egress", "root", "no_root", "store", "withdraw"])]
    enforce: bool,
    /// End the trial.
    #[arg(long, conflicts_with_all = ["egress", "no_egress", "root", "no_root", "store"])]
    withdraw: bool,
}

/// Limits of a call; none may be above the server's ceiling.
#[derive(clap::Args, Debug)]
pub(crate) struct LimitFlags {
    /// Work of a call.
    #[arg(long, value_name = "UNITS", value_parser = count)]
    fuel: Option<u64>,
    /// Wall time of a call.
    #[arg(long, value_name = "TIME", value_parser = duration_ms)]
    deadline: Option<u64>,
    /// Memory of a call.
    #[arg(long, value_name = "BYTES", value_parser = count)]
    memory: Option<u64>,
    /// Elements of a call's tables.
    #[arg(long, value_name = "COUNT")]
    tables: Option<u32>,
    /// Core instances in the connector.
    #[arg(long, value_name = "COUNT")]
    instances: Option<u32>,
    /// Resource handles alive at once.
    #[arg(long, value_name = "COUNT")]
    handles: Option<u32>,
    /// HTTP requests of a call.
    #[arg(long, value_name = "COUNT")]
    http_requests: Option<u32>,
    /// HTTP exchanges open at once.
    #[arg(long, value_name = "COUNT")]
    http_in_flight: Option<u32>,
    /// Body of one HTTP request.
    #[arg(long, value_name = "BYTES", value_parser = count)]
    http_request: Option<u64>,
    /// Body of one HTTP response.
    #[arg(long, value_name = "BYTES", value_parser = count)]
    http_response: Option<u64>,
    /// Bytes that cross between connector and host in a call.
    #[arg(long, value_name = "BYTES", value_parser = count)]
    host_bytes: Option<u64>,
    /// Bytes that cross in one host call.
    #[arg(long, value_name = "BYTES", value_parser = count)]
    host_bytes_per_call: Option<u64>,
    /// Log that is kept of a call.
    #[arg(long, value_name = "BYTES", value_parser = count)]
    log: Option<u64>,
    /// What a call returns.
    #[arg(long, value_name = "BYTES", value_parser = count)]
    output: Option<u64>,
}

impl LimitFlags {
    /// What was named wins over what was set before.
    pub(crate) fn over(&self, before: LimitOverrides) -> LimitOverrides {
        LimitOverrides {
            fuel: self.fuel.or(before.fuel),
            deadline_ms: self.deadline.or(before.deadline_ms),
            memory_bytes: self.memory.or(before.memory_bytes),
            table_elements: self.tables.or(before.table_elements),
            instances: self.instances.or(before.instances),
            handles: self.handles.or(before.handles),
            host_bytes_per_call: self.host_bytes_per_call.or(before.host_bytes_per_call),
            http_request_bytes: self.http_request.or(before.http_request_bytes),
            log_bytes: self.log.or(before.log_bytes),
            http_requests: self.http_requests.or(before.http_requests),
            http_in_flight: self.http_in_flight.or(before.http_in_flight),
            http_response_bytes: self.http_response.or(before.http_response_bytes),
            host_bytes: self.host_bytes.or(before.host_bytes),
            output_bytes: self.output.or(before.output_bytes),
        }
    }
}

pub(crate) async fn execute(client: &Client, change: &Change, output: &mut Output) -> Result<Exit> {
    let before: view::Connector = view::read(&client.get(&["connectors", &change.name], &[]).await?)?;
    let name = change.name.as_str();
    let answer = if change.enforce {
        let version = before.proposed.map(|proposed| proposed.version).ok_or_else(|| nothing_tried(name))?;
        let body = Body::Json(json!({ "version": version }));
        client.post(&["connectors", name, "grant", "enforce"], &[], body).await?
    } else if change.withdraw {
        client.delete(&["connectors", name, "grant", "proposed"]).await?
    } else {
        // A trial is changed where one is under way.
        let (from, mode) = match (change.report_only, before.proposed) {
            (true, Some(proposed)) => (proposed.grant, "report-only"),
            (true, None) => (before.grant, "report-only"),
            (false, _) => (before.grant, "enforce"),
        };
        let grant = view::grant_document(&changed(from, change)?)?;
        let seen = before.grant_version.to_string();
        let query = [("mode", mode), ("seen", seen.as_str())];
        client.send(Method::PUT, &["connectors", name, "grant"], &query, Body::Json(grant)).await?
    };
    output.answer(&render::connector::show(&view::read(&answer)?), &answer);
    Ok(Exit::Ok)
}

fn nothing_tried(name: &str) -> Fault {
    Fault::new(Exit::NotFound, "nothing-tried", format!("no grant of `{name}` is tried out"))
        .fix(format!("wharf connector grant {name} --report-only …"))
}

fn changed(mut grant: Grant, change: &Change) -> Result<Grant, Fault> {
    for url in &change.no_egress {
        let before = grant.egress.len();
        grant.egress.retain(|granted| granted.url != *url);
        if grant.egress.len() == before {
            let granted: Vec<&str> = grant.egress.iter().map(|granted| granted.url.as_str()).collect();
            return Err(Fault::new(
                Exit::NotFound,
                "not-granted",
                format!("nothing is granted for {url}; granted: {}", granted.join(", ")),
            ));
        }
    }
    for request in &change.egress {
        match grant.egress.iter_mut().find(|granted| granted.url == request.url) {
            Some(granted) => {
                let new = request
                    .methods
                    .iter()
                    .filter(|method| !granted.methods.contains(method))
                    .cloned()
                    .collect::<Vec<_>>();
                granted.methods.extend(new);
            }
            None => grant.egress.push(request.clone()),
        }
    }
    for secret in &change.no_reveal {
        if !grant.reveal.contains(secret) {
            return Err(Fault::new(
                Exit::NotFound,
                "not-granted",
                format!("{secret} is not revealed; revealed: {}", grant.reveal.join(", ")),
            ));
        }
        grant.reveal.retain(|granted| granted != secret);
    }
    for secret in &change.reveal {
        if !grant.reveal.contains(secret) {
            grant.reveal.push(secret.clone());
        }
    }
    roots::change(&mut grant.roots, &change.root, &change.no_root)?;
    grant.store_max_bytes = change.store.or(grant.store_max_bytes);
    grant.scratch_max_bytes = change.scratch.or(grant.scratch_max_bytes);
    grant.limits = change.limits.over(grant.limits);
    Ok(grant)
}

/// `key/private`.
pub(crate) fn slot(given: &str) -> Result<String, String> {
    let parts = given
        .split_once('/')
        .filter(|(method, slot)| [method, slot].iter().all(|part| !part.is_empty() && !part.contains('/')));
    parts
        .map(|_| given.to_owned())
        .ok_or_else(|| "write an auth method and a slot, such as `key/private`".to_owned())
}

/// `GET,POST https://slack.com/api/`.
pub(crate) fn egress(given: &str) -> Result<EgressRequest, String> {
    let shape = "write methods and an address, such as 'GET,POST https://slack.com/api/'";
    let (methods, url) = given.trim().rsplit_once(' ').ok_or(shape)?;
    let methods: Vec<String> =
        methods.split([',', ' ']).filter(|method| !method.is_empty()).map(str::to_ascii_uppercase).collect();
    if methods.is_empty()
        || !methods.iter().all(|method| method.bytes().all(|byte| byte.is_ascii_uppercase()))
    {
        return Err(shape.to_owned());
    }
    let request = EgressRequest { url: url.to_owned(), methods };
    wharf_model::egress::Rule::parse(&request).map_err(|error| error.to_string())?;
    Ok(request)
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::Parser;

    #[derive(clap::Parser)]
    struct Line {
        #[command(flatten)]
        change: Change,
    }

    #[track_caller]
    fn check(before: serde_json::Value, line: &str, after: &serde_json::Value) {
        let words = line.split('|').map(str::to_owned);
        let change = Line::try_parse_from(["grant".to_owned(), "slack".to_owned()].into_iter().chain(words))
            .unwrap()
            .change;
        let grant = changed(serde_json::from_value(before).unwrap(), &change).unwrap();
        assert_eq!(serde_json::to_value(grant).unwrap(), *after);
    }

    #[test]
    fn what_is_named_changes() {
        let before = serde_json::json!({ "egress": [{ "url": "https://a/", "methods": ["GET"] }], "limits": { "fuel": 5 } });
        check(
            before.clone(),
            "--egress|post,GET https://a/|--egress|DELETE https://b/|--deadline|60s|--store|1MB",
            &serde_json::json!({ "egress": [{ "url": "https://a/", "methods": ["GET", "POST"] }, { "url": "https://b/", "methods": ["DELETE"] }],
                "store-max-bytes": 1_000_000, "limits": { "fuel": 5, "deadline-ms": 60_000 } }),
        );
        check(
            serde_json::json!({ "egress": [], "reveal": ["key/old"] }),
            "--reveal|key/private|--reveal|key/private|--no-reveal|key/old",
            &serde_json::json!({ "egress": [], "reveal": ["key/private"] }),
        );
        check(
            before,
            "--no-egress|https://a/|--fuel|2G",
            &serde_json::json!({ "egress": [], "limits": { "fuel": 2_000_000_000_u64 } }),
        );
    }

    #[test]
    fn egress_is_read_strictly() {
        for given in ["", "POST", "https://a/", "POST; https://a/"] {
            assert!(egress(given).is_err(), "{given}");
        }
    }
}
