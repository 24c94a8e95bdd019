//! Counters and histograms of everything that happens, for `GET /metrics`.
//!
//! They are fed by the engine's notices and by the requests themselves. Labels hold names from
//! files that strangers write (connectors, actions) and addresses that connectors choose, so each
//! kind of label takes a bounded number of values; what comes later is counted as `other`.

use std::time::Duration;

use http::StatusCode;
use prometheus_client::{
    encoding::text,
    metrics::{counter::Counter, gauge::Gauge},
    registry::Registry,
};
use wharf_engine::{Counts, Notice};
use wharf_model::call::StopReason;

mod bounded;
mod families;
mod labels;

use bounded::Bounded;
use families::{Families, register};
use labels::{Call, Connector, Denial, Effect, EffectHost, FlowOnly, Outcome, Request, Run, Stop};

use crate::ingress::webhook::Answer;

/// Everything that is counted.
pub(crate) struct Metrics {
    registry: Registry,
    families: Families,
    unauthorized: Counter,
    connectors: Gauge,
    flows: Bounded,
    names: Bounded,
    actions: Bounded,
    hosts: Bounded,
}

impl Metrics {
    pub(crate) fn new() -> Self {
        let mut registry = Registry::with_prefix("wharf");
        let families = register(&mut registry);
        let (unauthorized, connectors) = (Counter::default(), Gauge::default());
        registry.register("api_unauthorized", "Admin requests without a valid key", unauthorized.clone());
        registry.register("connectors_loaded", "Connector versions that are loaded", connectors.clone());
        Self {
            registry,
            families,
            unauthorized,
            connectors,
            flows: Bounded::new(500),
            names: Bounded::new(500),
            actions: Bounded::new(2000),
            hosts: Bounded::new(500),
        }
    }

    /// Called inline by the engine.
    pub(crate) fn notice(&self, notice: &Notice<'_>) {
        match *notice {
            Notice::EventAccepted { flow, duplicate } => {
                let flow = self.flows.admit(flow);
                let family = if duplicate { &self.families.duplicates } else { &self.families.events };
                family.get_or_create(&FlowOnly { flow }).inc();
            }
            Notice::ScheduleFired { flow, made, missed } => {
                let labels = FlowOnly { flow: self.flows.admit(flow) };
                self.families.fires.get_or_create(&labels).inc_by(made);
                self.families.missed.get_or_create(&labels).inc_by(missed);
            }
            Notice::Polled { flow, outcome } => {
                let labels = labels::Poll { flow: self.flows.admit(flow), outcome };
                self.families.polls.get_or_create(&labels).inc();
            }
            Notice::ChainRefused { flow } => {
                let labels = FlowOnly { flow: self.flows.admit(flow) };
                self.families.chains_refused.get_or_create(&labels).inc();
            }
            Notice::CallFinished { connector, export, name, outcome, metering } => {
                self.call(connector, export, name, outcome, metering);
            }
            Notice::EffectDone { connector, effect } => self.effect(connector, effect),
            Notice::RunFinished { run: _, flow, status, took } => {
                let labels = Run { flow: self.flows.admit(flow), status: status.name() };
                self.families.runs.get_or_create(&labels).inc();
                self.families.run_seconds.get_or_create(&labels).observe(took.as_secs_f64());
            }
            Notice::ConnectorLoaded { name: _, version: _, digest: _, took } => {
                self.connectors.inc();
                self.families.load_seconds.observe(took.as_secs_f64());
            }
            Notice::ConnectorUnloaded { name: _, digest: _ } => {
                self.connectors.dec();
            }
        }
    }

    fn call(
        &self,
        connector: &str,
        export: &'static str,
        name: &str,
        outcome: &'static str,
        metering: &wharf_model::call::Metering,
    ) {
        let call = Call { connector: self.names.admit(connector), export, name: self.actions.admit(name) };
        let outcome = Outcome { connector: call.connector.clone(), export, name: call.name.clone(), outcome };
        let families = &self.families;
        families.calls.get_or_create(&outcome).inc();
        // No failure class has the name of a limit.
        if let Some(stop) = StopReason::ALL.into_iter().find(|stop| stop.name() == outcome.outcome) {
            let labels = Stop { connector: call.connector.clone(), reason: stop.name() };
            families.stops.get_or_create(&labels).inc();
        }
        families.fuel.get_or_create(&call).inc_by(metering.fuel);
        families.host_calls.get_or_create(&call).inc_by(metering.host_calls);
        families.host_bytes.get_or_create(&call).inc_by(metering.host_bytes);
        let connector = Connector { connector: call.connector };
        families.call_seconds.get_or_create(&connector).observe(seconds(metering.wall_micros));
        families.gate_seconds.get_or_create(&connector).observe(seconds(metering.gate_micros));
        // Memory beyond 2^53 bytes does not exist, so the conversion is exact.
        #[expect(clippy::cast_precision_loss, reason = "see above")]
        let peak = metering.peak_memory_bytes as f64;
        families.peak_memory.get_or_create(&connector).observe(peak);
    }

    fn effect(&self, connector: &str, effect: &wharf_model::effect::Effect) {
        use wharf_model::effect::EffectResult;
        let connector = self.names.admit(connector);
        let result = match &effect.result {
            EffectResult::Status(status) => status_class(*status),
            EffectResult::Journaled(_) => "journaled",
            EffectResult::Denied { reason, by, message: _ } => {
                let reason = self.actions.admit(reason);
                let labels = Denial { connector: connector.clone(), gate: by.name(), reason };
                self.families.denials.get_or_create(&labels).inc();
                "denied"
            }
            EffectResult::Failed(_) => "failed",
        };
        if let Some(denial) = &effect.would_deny {
            let reason = self.actions.admit(&denial.reason);
            let labels = Denial { connector: connector.clone(), gate: denial.by.name(), reason };
            self.families.would_deny.get_or_create(&labels).inc();
        }
        // A refused address is the connector's own choice and would fill the bound.
        let host = match &effect.result {
            EffectResult::Denied { .. } => "denied".to_owned(),
            EffectResult::Status(_) | EffectResult::Journaled(_) | EffectResult::Failed(_) => {
                self.hosts.admit(host_of(&effect.url))
            }
        };
        let labels = Effect { connector: connector.clone(), host: host.clone(), result };
        self.families.effects.get_or_create(&labels).inc();
        let labels = EffectHost { connector, host };
        self.families.effect_seconds.get_or_create(&labels).observe(seconds(effect.micros));
    }

    /// A delivery was answered; `flow` names a flow that exists, or nothing.
    pub(crate) fn delivery(&self, flow: Option<&str>, answer: Answer) {
        let flow = flow.map_or_else(String::new, |flow| self.flows.admit(flow));
        let labels = labels::Delivery { flow, result: answer.name() };
        self.families.deliveries.get_or_create(&labels).inc();
    }

    /// A request was answered.
    pub(crate) fn request(&self, route: &str, status: StatusCode, took: Duration) {
        // Routes are ours, so their number is bounded.
        let labels = Request { route: route.to_owned(), status: status_class(status.as_u16()) };
        self.families.requests.get_or_create(&labels).inc();
        self.families.request_seconds.observe(took.as_secs_f64());
    }

    /// An admin request had no valid key.
    pub(crate) fn unauthorized(&self) {
        self.unauthorized.inc();
    }

    /// The page in the OpenMetrics text format, with the store's own counts at this moment.
    pub(crate) fn page(&self, counts: Option<&Counts>) -> Result<String, std::fmt::Error> {
        if let Some(counts) = counts {
            self.families.stored_runs.clear();
            for run in &counts.runs {
                // Flows beyond the bound share a label, so this adds up.
                let labels = Run { flow: self.flows.admit(&run.flow), status: run.status };
                self.families.stored_runs.get_or_create(&labels).inc_by(clamp(run.count));
            }
            self.families.dead_letters.set(clamp(counts.dead_letters));
        }
        let mut page = String::with_capacity(16 << 10);
        text::encode(&mut page, &self.registry)?;
        Ok(page)
    }
}

fn clamp(count: u64) -> i64 {
    i64::try_from(count).unwrap_or(i64::MAX)
}

fn seconds(micros: u64) -> f64 {
    Duration::from_micros(micros).as_secs_f64()
}

fn status_class(status: u16) -> &'static str {
    match status {
        100..=199 => "1xx",
        200..=299 => "2xx",
        300..=399 => "3xx",
        400..=499 => "4xx",
        _ => "5xx",
    }
}

/// Host and port of an effect's URL, which the gate wrote.
fn host_of(url: &str) -> &str {
    let rest = url.split_once("://").map_or(url, |(_, rest)| rest);
    rest.split(['/', '?', '#']).next().unwrap_or(rest)
}
