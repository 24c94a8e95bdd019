//! The families of metrics: names, units, help and buckets.

use prometheus_client::{
    metrics::{
        counter::Counter,
        family::Family,
        gauge::Gauge,
        histogram::{Histogram, exponential_buckets},
    },
    registry::{Registry, Unit},
};

use super::labels::{
    Call, Connector, Delivery, Denial, Effect, EffectHost, FlowOnly, Outcome, Poll, Request, Run, Stop,
};

type Counters<L> = Family<L, Counter>;
type Histograms<L> = Family<L, Histogram, fn() -> Histogram>;

/// Every family with labels, and the histograms without.
pub(super) struct Families {
    pub(super) deliveries: Counters<Delivery>,
    pub(super) events: Counters<FlowOnly>,
    pub(super) duplicates: Counters<FlowOnly>,
    pub(super) fires: Counters<FlowOnly>,
    pub(super) missed: Counters<FlowOnly>,
    pub(super) polls: Counters<Poll>,
    pub(super) chains_refused: Counters<FlowOnly>,
    pub(super) runs: Counters<Run>,
    pub(super) run_seconds: Histograms<Run>,
    pub(super) stored_runs: Family<Run, Gauge>,
    pub(super) dead_letters: Gauge,
    pub(super) calls: Counters<Outcome>,
    pub(super) call_seconds: Histograms<Connector>,
    pub(super) gate_seconds: Histograms<Connector>,
    pub(super) stops: Counters<Stop>,
    pub(super) fuel: Counters<Call>,
    pub(super) host_calls: Counters<Call>,
    pub(super) host_bytes: Counters<Call>,
    pub(super) peak_memory: Histograms<Connector>,
    pub(super) effects: Counters<Effect>,
    pub(super) effect_seconds: Histograms<EffectHost>,
    pub(super) denials: Counters<Denial>,
    pub(super) would_deny: Counters<Denial>,
    pub(super) load_seconds: Histogram,
    pub(super) requests: Counters<Request>,
    pub(super) request_seconds: Histogram,
}

/// 100 µs to 100 s and more.
fn slow() -> Histogram {
    Histogram::new(exponential_buckets(0.000_1, 4.0, 12))
}

/// 64 KiB to 1 GiB.
fn memory() -> Histogram {
    Histogram::new(exponential_buckets(65_536.0, 4.0, 8))
}

/// Makes the families and registers each. The unit goes into the name by itself, `_total` too.
pub(super) fn register(registry: &mut Registry) -> Families {
    let families = Families {
        deliveries: Family::default(),
        events: Family::default(),
        duplicates: Family::default(),
        fires: Family::default(),
        missed: Family::default(),
        polls: Family::default(),
        chains_refused: Family::default(),
        runs: Family::default(),
        run_seconds: Family::new_with_constructor(slow),
        stored_runs: Family::default(),
        dead_letters: Gauge::default(),
        calls: Family::default(),
        call_seconds: Family::new_with_constructor(slow),
        gate_seconds: Family::new_with_constructor(slow),
        stops: Family::default(),
        fuel: Family::default(),
        host_calls: Family::default(),
        host_bytes: Family::default(),
        peak_memory: Family::new_with_constructor(memory),
        effects: Family::default(),
        effect_seconds: Family::new_with_constructor(slow),
        denials: Family::default(),
        would_deny: Family::default(),
        load_seconds: slow(),
        requests: Family::default(),
        request_seconds: slow(),
    };
    flows(registry, &families);
    triggers(registry, &families);
    connectors(registry, &families);
    effects(registry, &families);
    registry.register(
        "http_requests",
        "Requests answered, by route and class of status",
        families.requests.clone(),
    );
    registry.register_with_unit(
        "http_request",
        "Time from a request's headers to its answer",
        Unit::Seconds,
        families.request_seconds.clone(),
    );
    families
}

fn flows(registry: &mut Registry, families: &Families) {
    registry.register(
        "webhook_deliveries",
        "Deliveries to webhook addresses, by how they were answered",
        families.deliveries.clone(),
    );
    registry.register("events_accepted", "Events made durable", families.events.clone());
    registry.register(
        "events_duplicate",
        "Events that had been accepted before",
        families.duplicates.clone(),
    );
    registry.register("runs_finished", "Runs that ended, by how", families.runs.clone());
    registry.register_with_unit(
        "run_duration",
        "Time from acceptance to the end of a run",
        Unit::Seconds,
        families.run_seconds.clone(),
    );
    registry.register(
        "runs_stored",
        "Runs in the store now, by flow and status",
        families.stored_runs.clone(),
    );
    registry.register(
        "dead_letters_open",
        "Dead letters that nobody has dealt with",
        families.dead_letters.clone(),
    );
}

fn triggers(registry: &mut Registry, families: &Families) {
    registry.register("schedule_fires", "Fires of schedules that were made", families.fires.clone());
    registry.register(
        "schedule_missed",
        "Fires of schedules that were passed over, because they were late",
        families.missed.clone(),
    );
    registry.register(
        "polls",
        "Calls of poll triggers, by outcome: ok, a failure class, or why the sandbox stopped it",
        families.polls.clone(),
    );
    registry.register(
        "chains_refused",
        "Runs that the end of another was to start and that were refused, by the flow that did not start",
        families.chains_refused.clone(),
    );
}

fn connectors(registry: &mut Registry, families: &Families) {
    registry.register(
        "calls",
        "Connector calls, by outcome: ok, a failure class, or why the sandbox stopped it",
        families.calls.clone(),
    );
    registry.register_with_unit(
        "call_duration",
        "Wall time of connector calls",
        Unit::Seconds,
        families.call_seconds.clone(),
    );
    registry.register_with_unit(
        "call_gate_wait",
        "The part of a call's wall time spent waiting for the gate",
        Unit::Seconds,
        families.gate_seconds.clone(),
    );
    registry.register(
        "sandbox_stops",
        "Connector calls that the sandbox stopped, by limit; `guest` is a trap of the connector's own",
        families.stops.clone(),
    );
    registry.register(
        "call_host_calls",
        "Calls of the host by connectors, each paid for in fuel",
        families.host_calls.clone(),
    );
    registry.register("call_fuel", "Fuel used, about one a WebAssembly instruction", families.fuel.clone());
    registry.register_with_unit(
        "call_host",
        "Bytes across the border of the sandbox",
        Unit::Bytes,
        families.host_bytes.clone(),
    );
    registry.register_with_unit(
        "call_peak_memory",
        "Largest linear memory of a call",
        Unit::Bytes,
        families.peak_memory.clone(),
    );
}

fn effects(registry: &mut Registry, families: &Families) {
    registry.register(
        "effects",
        "HTTP calls of connectors, by host and class of status",
        families.effects.clone(),
    );
    registry.register_with_unit(
        "effect_duration",
        "Wall time of HTTP calls of connectors",
        Unit::Seconds,
        families.effect_seconds.clone(),
    );
    registry.register(
        "denials",
        "Effects that the gate refused, by gate and reason",
        families.denials.clone(),
    );
    registry.register(
        "would_deny",
        "Effects that passed and that the grant on trial would refuse, by gate and reason",
        families.would_deny.clone(),
    );
    registry.register_with_unit(
        "connector_load",
        "Time to load a connector version",
        Unit::Seconds,
        families.load_seconds.clone(),
    );
}
