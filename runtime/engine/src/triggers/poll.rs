//! A poll: the connector is asked for events, page by page, and each page is durable before the next.
//!
//! Cursor, events, dedupe keys, runs and what the connector keeps are one transaction. Whatever is cut off
//! before it is asked for again from the same cursor; whatever comes again is known by its id.

use std::{sync::Arc, time::Duration};

use serde::Serialize;
use serde_json::Value;
use sha2::{Digest as _, Sha256};
use wharf_model::{
    call::CallError,
    event::{Event, Provenance},
    failure::{Failure, FailureClass},
    flow::{First, On, PollBinding, TriggerBinding},
    journal::Entry,
    manifest::TriggerSource,
    poll::{Pace, Trail},
    time::Timestamp,
};
use wharf_sandbox::{Call, PollBatch, PollOrigin};
use wharf_store::{Accept, Accepted, FlowTrigger, KvError, NextPoll, PollFailed, Polled};

use super::poll_spec;
use crate::{
    access::Access,
    clock, crash,
    engine::Inner,
    error::EngineError,
    flows::ActiveFlow,
    host::Recorder,
    notice::Notice,
    outcome, redact, seed, settle,
    state::{Buffer, Scopes},
};

/// Events of a page.
const PAGE: u32 = 100;

/// Pages that are read at a stretch; what is left is read after other triggers had their turn.
const MAX_PAGES: u32 = 50;

/// Bytes of a cursor.
const MAX_CURSOR: usize = 64 << 10;

/// A provider's times may be whole minutes: an event that says it is this much older may not be.
const COARSE_MS: u64 = 60_000;

/// Bytes of an event's id that serve as its key; a longer one is known by its digest.
const MAX_ID: usize = 256;

/// What polls of one trigger, one after the other until there was no more, came to.
#[derive(Clone, Debug, Default, Serialize)]
pub struct PollReport {
    /// Calls of the connector.
    pub pages: u32,
    /// Events that it gave.
    pub events: u64,
    /// Those of them that were new.
    pub new: u64,
    /// There is more, to be read soon.
    pub more: bool,
    /// Why the last call failed; what the ones before found is durable.
    pub failure: Option<Failure>,
}

/// A trigger that is polled.
struct Polling<'a> {
    active: &'a ActiveFlow,
    binding: &'a TriggerBinding,
    row: &'a FlowTrigger,
    /// When the first page was asked for.
    began: Timestamp,
}

/// What the connector gave.
struct Given {
    batch: PollBatch,
    buffer: Buffer,
    pace: Pace,
}

/// Why it gave nothing, and the pace as far as it is known.
struct Withheld {
    failure: Failure,
    label: &'static str,
    pace: Pace,
}

impl Inner {
    /// Polls a flow's trigger until there is no more.
    pub(crate) async fn poll(&self, flow: &str) -> Result<PollReport, EngineError> {
        let mut report = PollReport::default();
        let began = clock::now();
        for _ in 0..MAX_PAGES {
            let row = self.store.flow_trigger(flow.to_owned()).await?;
            let row = row.ok_or_else(|| EngineError::not_found("poll trigger", flow))?;
            let active = self.flows.active(flow).ok_or_else(|| EngineError::not_found("flow", flow))?;
            let On::Trigger(binding) = &active.flow.on else {
                return Err(EngineError::not_found("poll trigger", flow));
            };
            let polling = Polling { active: &active, binding, row: &row, began };
            self.page(&polling, &mut report).await?;
            if !report.more || report.failure.is_some() || self.stopping() {
                break;
            }
        }
        Ok(report)
    }

    async fn page(&self, polling: &Polling<'_>, report: &mut PollReport) -> Result<(), EngineError> {
        let flow = &polling.row.flow;
        let origin = polling.origin();
        report.pages += 1;
        let taken = match self.ask(polling, &origin).await {
            Ok(given) => {
                let pace = given.pace;
                self.take_page(polling, &origin, given, report).await?.map_err(|failure| Withheld {
                    label: failure.class.name(),
                    failure,
                    pace,
                })
            }
            Err(withheld) => Err(withheld),
        };
        let Err(Withheld { failure, label, pace }) = taken else {
            self.notify(&Notice::Polled { flow, outcome: "ok" });
            return Ok(());
        };
        self.notify(&Notice::Polled { flow, outcome: label });
        let row = polling.row;
        let asked = failure.retry_after_ms.map(Duration::from_millis);
        let drawn = seed::jitter(flow, &row.version.to_string());
        let then = next(pace.failed(row.failures.saturating_add(1), asked, drawn));
        let text =
            serde_json::to_string(&failure).map_err(|error| EngineError::Invalid(error.to_string()))?;
        tracing::warn!(flow, class = failure.class.name(), failure.message, "a poll failed");
        let (flow, version) = (flow.clone(), row.version);
        self.store
            .poll_failed(PollFailed { flow, version, next: then, failure: text, now: clock::now() })
            .await?;
        report.failure = Some(failure);
        Ok(())
    }

    /// One call of the connector, under its grant, its connection and all limits.
    async fn ask(&self, polling: &Polling<'_>, origin: &PollOrigin) -> Result<Given, Withheld> {
        let Polling { binding, row, .. } = polling;
        let slow = Pace::new(Duration::ZERO, polling.wishes().every, polling.wishes().slowest);
        let refuse = |failure: Failure| Withheld { label: failure.class.name(), failure, pace: slow };
        let loaded = self.registry.active(&binding.connector).await;
        let loaded = loaded.map_err(|error| refuse(outcome::unavailable(&error)))?;
        let source = loaded.manifest.triggers.get(&binding.trigger).map(|trigger| &trigger.source);
        let Some(TriggerSource::Poll { min_interval_ms }) = source else {
            let message = format!("{}/{} is not polled any more", binding.connector, binding.trigger);
            return Err(refuse(outcome::misconfigured(message)));
        };
        let pace = Pace::new(
            Duration::from_millis(*min_interval_ms),
            polling.wishes().every,
            polling.wishes().slowest,
        );
        let connection = binding.connection.as_deref();
        let access = self.access(&loaded, connection).await.map_err(refuse)?;
        let (run, step) = (format!("poll:{}", row.flow), row.version.to_string());
        let record = Arc::<Recorder>::default();
        let scopes = Scopes::new(&binding.connector, connection, &row.flow);
        let buffer = Buffer::new(self.store.clone(), scopes, access.store_max_bytes);
        let host = self.bare_host(&access, &record, &buffer, (&run, &step, clock::now()));
        let call = Call { limits: access.limits, host: Box::new(host) };
        let attempt = row.failures.saturating_add(1);
        let context = self.context_of((&run, &step), attempt, &access, access.limits.deadline_ms);
        let settings = binding.with.to_string();
        let connector = &loaded.connector;
        let finished = connector.poll(call, &binding.trigger, &settings, origin, PAGE, &context).await;
        crash::point("poll-asked");
        let effects = record.take().effects;
        let label = outcome::label(&finished.result);
        self.observe.call(
            &binding.connector,
            "poll",
            &binding.trigger,
            (label, &finished.metering),
            &effects,
        );
        self.keep_denials(&binding.connector, (None, &run), &effects).await;
        match finished.result {
            Ok(batch) => Ok(Given { batch: clean(batch, &access), buffer, pace }),
            Err(error) => {
                let error: CallError = redact::error(error, access.authority.redactor());
                Err(Withheld { failure: settle::failure(error).0, label, pace })
            }
        }
    }

    /// Makes a page durable; the inner error says what is wrong with it, or what the connector could not keep.
    async fn take_page(
        &self,
        polling: &Polling<'_>,
        origin: &PollOrigin,
        given: Given,
        report: &mut PollReport,
    ) -> Result<Result<(), Failure>, EngineError> {
        let Given { batch, buffer, pace } = given;
        let now = clock::now();
        let row = polling.row;
        let cursor = match batch_cursor(&batch) {
            Ok(cursor) => cursor,
            Err(failure) => return Ok(Err(failure)),
        };
        let events = match self.accepts(polling, &batch.events, now) {
            Ok(Ok(events)) => events,
            Ok(Err(failure)) => return Ok(Err(failure)),
            Err(error) => return Ok(Err(outcome::unavailable(&error))),
        };
        // Without a new cursor the next page would be this one again.
        let behind =
            batch.more && cursor.as_ref().is_some_and(|cursor| *origin != PollOrigin::Cursor(cursor.clone()));
        let (found, quiet) = nexts(&pace, row, report.new > 0, behind);
        let polled = Polled {
            flow: row.flow.clone(),
            version: row.version,
            events,
            trail: polling.trail(cursor.as_deref().or(row.cursor.as_deref()), behind),
            cursor,
            behind,
            found,
            quiet,
            store_writes: buffer.into_writes(),
            now,
        };
        crash::point("poll-before");
        let accepted = match self.store.polled(polled).await {
            Ok(accepted) => accepted,
            Err(KvError::Store(error)) => return Err(error.into()),
            Err(error @ (KvError::InvalidKey | KvError::Quota { .. } | KvError::Moved { .. })) => {
                return Ok(Err(Failure::new(FailureClass::QuotaExhausted, error.to_string())));
            }
        };
        crash::point("poll-after");
        for one in &accepted {
            let duplicate = matches!(one, Accepted::Duplicate { .. });
            report.new += u64::from(!duplicate);
            self.notify(&Notice::EventAccepted { flow: &row.flow, duplicate });
        }
        report.events += accepted.len() as u64;
        report.more = behind;
        self.wake.notify_one();
        Ok(Ok(()))
    }

    /// The events that are meant, each with its key and its run.
    fn accepts(
        &self,
        polling: &Polling<'_>,
        events: &[Event],
        now: Timestamp,
    ) -> Result<Result<Vec<Accept>, Failure>, EngineError> {
        let defect = |message: String| Ok(Err(Failure::new(FailureClass::ConnectorDefect, message)));
        if events.len() > PAGE as usize {
            return defect(format!("poll gave {} events, and {PAGE} were asked for at most", events.len()));
        }
        if events.iter().any(|event| event.id.is_empty()) {
            return defect("poll gave an event without an id".to_owned());
        }
        let oldest = Timestamp(polling.since().0.saturating_sub(COARSE_MS));
        let meant = events.iter().filter(|event| event.occurred_at.is_none_or(|at| at >= oldest));
        let pins = self.pins(&polling.active.flow)?;
        let accept = |event: &Event| {
            let key = key(&event.id);
            let provenance = Provenance { verified: "poll".to_owned(), delivery_id: key.clone() };
            let entry = Entry::Triggered { at: now, provenance, event: event.clone(), metering: None };
            let run = polling.active.new_run(pins.clone(), &entry, Some(now))?;
            let source = polling.source();
            Ok(Accept { source, dedupe_key: key, now, delivery: None, runs: vec![run] })
        };
        meant.map(accept).collect::<Result<Vec<_>, EngineError>>().map(Ok)
    }
}

impl Polling<'_> {
    fn wishes(&self) -> PollBinding {
        self.binding.poll.unwrap_or_default()
    }

    /// Where this page begins.
    fn origin(&self) -> PollOrigin {
        let trail = self.row.trail.as_deref().map(Trail::read).unwrap_or_default();
        let older = trail.start(self.began, self.wishes().look_back).filter(|_| !self.row.behind);
        match (older.or(self.row.cursor.as_deref()), self.wishes().first) {
            (Some(cursor), _) => PollOrigin::Cursor(cursor.to_owned()),
            (None, First::All) => PollOrigin::Beginning,
            (None, First::Now | First::Since(_)) => PollOrigin::Since(self.since()),
        }
    }

    /// What is older is not meant.
    fn since(&self) -> Timestamp {
        match self.wishes().first {
            // Providers that know whole seconds only give what happens in this one.
            First::Now => Timestamp(self.row.since.0 / 1000 * 1000),
            First::Since(time) => time,
            First::All => Timestamp(0),
        }
    }

    /// The trail with the cursor that a whole poll ended with.
    fn trail(&self, cursor: Option<&str>, behind: bool) -> Option<String> {
        let look_back = self.wishes().look_back;
        if look_back.is_zero() {
            return None;
        }
        let mut trail = self.row.trail.as_deref().map(Trail::read).unwrap_or_default();
        if let Some(cursor) = cursor.filter(|_| !behind) {
            trail.mark(self.began, cursor, look_back);
        }
        trail.text()
    }

    /// The keys of events are those of one trigger with one set of settings: ids mean something there only.
    fn source(&self) -> String {
        let spec = hex::encode(Sha256::digest(poll_spec(self.binding)));
        format!("poll:{}:{}", self.row.flow, spec.get(..16).unwrap_or_default())
    }
}

/// When the next page or poll is, if something was new and if nothing was.
fn nexts(pace: &Pace, row: &FlowTrigger, found_before: bool, behind: bool) -> (NextPoll, NextPoll) {
    let found = next(pace.found());
    let quiet = next(pace.quiet(Duration::from_millis(row.pause)));
    let quiet = if found_before { found } else { quiet };
    if behind {
        let at_once = |next: NextPoll| NextPoll { due_at: clock::now(), ..next };
        return (at_once(found), NextPoll { pause: row.pause, ..at_once(quiet) });
    }
    (found, quiet)
}

fn next(pause: Duration) -> NextPoll {
    let millis = u64::try_from(pause.as_millis()).unwrap_or(u64::MAX);
    NextPoll { due_at: clock::now().after(pause), pause: millis }
}

fn batch_cursor(batch: &PollBatch) -> Result<Option<String>, Failure> {
    let cursor = batch.cursor.as_ref().map(Value::to_string);
    match cursor {
        Some(cursor) if cursor.len() > MAX_CURSOR => {
            let message =
                format!("poll gave a cursor of {} bytes; {MAX_CURSOR} are kept at most", cursor.len());
            Err(Failure::new(FailureClass::ConnectorDefect, message))
        }
        cursor => Ok(cursor),
    }
}

/// A batch without the connection's secrets.
fn clean(batch: PollBatch, access: &Access) -> PollBatch {
    let redactor = access.authority.redactor();
    PollBatch {
        events: batch.events.into_iter().map(|event| redact::event(event, redactor)).collect(),
        cursor: batch.cursor.map(|cursor| redactor.json(cursor)),
        more: batch.more,
    }
}

fn key(id: &str) -> String {
    if id.len() <= MAX_ID { id.to_owned() } else { format!("sha256:{}", hex::encode(Sha256::digest(id))) }
}
