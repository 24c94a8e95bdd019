//! A fire: its event and its run become durable with the time of the next fire.

use std::time::Duration;

use wharf_model::{
    event::{Event, Provenance},
    flow::{On, ScheduleBinding},
    journal::Entry,
    time::Timestamp,
};
use wharf_store::{Accept, Accepted, Fired, FlowTrigger};

use crate::{crash, engine::Inner, error::EngineError, flows::ActiveFlow, notice::Notice, seed};

impl Inner {
    /// Makes the fires of a flow that are due at `now`, as its policy has it.
    pub(super) async fn fire(&self, row: &FlowTrigger, now: Timestamp) -> Result<(), EngineError> {
        let Some(active) = self.flows.active(&row.flow) else {
            return Ok(self.store.forget_trigger(row.flow.clone()).await?);
        };
        let (On::Schedule(binding), Some(due_at)) = (&active.flow.on, row.due_at) else {
            // The flow was applied anew a moment ago, and its row follows.
            return Ok(());
        };
        let due = binding.schedule.due(due_at, now, binding.missed);
        let events = due
            .fires
            .iter()
            .map(|at| self.fire_event(&active, binding, (*at, due.missed), now))
            .collect::<Result<_, _>>()?;
        let fired = Fired {
            flow: row.flow.clone(),
            version: row.version,
            events,
            missed: due.missed,
            due_at: due.next,
            now,
        };
        crash::point("fire-before");
        let accepted = self.store.fire(fired).await?;
        crash::point("fire-after");
        for one in &accepted {
            let duplicate = matches!(one, Accepted::Duplicate { .. });
            self.notify(&Notice::EventAccepted { flow: &row.flow, duplicate });
        }
        let made = accepted.len() as u64;
        self.notify(&Notice::ScheduleFired { flow: &row.flow, made, missed: due.missed });
        self.wake.notify_one();
        Ok(())
    }

    fn fire_event(
        &self,
        active: &ActiveFlow,
        binding: &ScheduleBinding,
        (at, missed): (Timestamp, u64),
        now: Timestamp,
    ) -> Result<Accept, EngineError> {
        let id = at.to_string();
        let event = Event {
            id: id.clone(),
            occurred_at: Some(at),
            ordering_key: None,
            sequence: None,
            data: binding.event(at, missed),
        };
        let provenance = Provenance { verified: "schedule".to_owned(), delivery_id: id.clone() };
        let entry = Entry::Triggered { at: now, provenance, event, metering: None };
        let begins = at.after(put_off(&active.flow.name, &id, binding.jitter)).max(now);
        let run = active.new_run(self.pins(&active.flow)?, &entry, Some(begins))?;
        // No flow's name has a colon: what arrives for the flow in other ways has other keys.
        let source = format!("schedule:{}", active.flow.name);
        Ok(Accept { source, dedupe_key: id, now, delivery: None, runs: vec![run] })
    }
}

/// How long after its fire a run begins: from zero to the jitter, the same for one fire on every server.
fn put_off(flow: &str, fire: &str, jitter: Duration) -> Duration {
    let span = u128::from(u64::try_from(jitter.as_millis()).unwrap_or(u64::MAX)) + 1;
    let millis = (u128::from(seed::jitter(flow, fire)) * span) >> 64;
    Duration::from_millis(u64::try_from(millis).unwrap_or(0))
}

#[cfg(test)]
mod tests {
    use std::{collections::BTreeSet, time::Duration};

    use super::put_off;

    #[test]
    fn jitter_is_drawn_by_flow_and_fire() {
        let jitter = Duration::from_secs(30);
        let drawn: BTreeSet<_> = (0..100).map(|n| put_off("f", &n.to_string(), jitter)).collect();
        assert!(drawn.len() > 90 && drawn.iter().all(|one| *one <= jitter), "{drawn:?}");
        assert_eq!(put_off("f", "1", jitter), put_off("f", "1", jitter));
        assert_ne!(put_off("f", "1", jitter), put_off("g", "1", jitter));
        assert_eq!(put_off("f", "1", Duration::ZERO), Duration::ZERO);
    }
}
