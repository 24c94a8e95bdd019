//! What people and other programs have to say to a run: answers that it waits for, and signals.
//!
//! Surprising: nothing is appended to the journal here. That is the driver's alone; what is said lies
//! beside the journal, durable, until the driver takes it over.

use serde_json::{Value, json};
use wharf_model::{
    flow::{InputValidator, Step, StepKind, WaitFor},
    journal::{Entry, Progress, State},
};
use wharf_store::{By, PostError, StoreError};

use crate::{clock, engine::Engine, error::EngineError, runs::parse};

/// Signals of one run: each stays in its journal, and in memory while it is driven.
const MAX_SIGNALS: usize = 1000;
/// Bytes of what is said once.
const MAX_BYTES: usize = 64 << 10;

/// An answer to an approval.
pub struct Answer {
    /// The path of the step that waits.
    pub step: String,
    /// The answer.
    pub approved: bool,
    /// What was filled in.
    pub data: Value,
}

impl Engine {
    /// Answers an approval that a run waits for. Durable when it returns.
    pub async fn answer(&self, run: &str, answer: Answer, actor: &str) -> Result<(), EngineError> {
        let Answer { step, approved, data } = answer;
        let detail = self.inner.store.run(run.to_owned()).await?;
        let detail = detail.ok_or_else(|| EngineError::not_found("run", run))?;
        let state = State::fold(&parse(&detail.entries)?);
        let flow =
            self.inner.flows.version(&self.inner.store, &detail.row.flow, detail.row.flow_version).await;
        let flow = flow.map_err(|error| EngineError::Refused(error.to_string()))?;
        let found = flow.step(&step).ok_or_else(|| EngineError::not_found("step", &step))?;
        may_answer(found, &step, &state, actor)?;
        if approved {
            fits(found, &data)?;
        }
        let at = clock::now();
        let about = json!({ "step": step, "approved": approved });
        let entry = Entry::Answered { at, by: actor.to_owned(), step, approved, data };
        self.post(run, &entry, By::new(actor, at), ("run.approve", about)).await
    }

    /// Sends a run a signal, which a step of it waits for now or later. Durable when it returns.
    pub async fn signal(&self, run: &str, name: &str, data: Value, actor: &str) -> Result<(), EngineError> {
        let detail = self.inner.store.run(run.to_owned()).await?;
        let detail = detail.ok_or_else(|| EngineError::not_found("run", run))?;
        if State::fold(&parse(&detail.entries)?).signals.len() >= MAX_SIGNALS {
            return Err(EngineError::Refused(format!(
                "run {run} has had {MAX_SIGNALS} signals; it takes no more"
            )));
        }
        let at = clock::now();
        let entry = Entry::Signalled { at, by: actor.to_owned(), name: name.to_owned(), data };
        self.post(run, &entry, By::new(actor, at), ("run.signal", json!({ "name": name }))).await
    }

    async fn post(
        &self,
        run: &str,
        entry: &Entry,
        by: By,
        act: (&'static str, Value),
    ) -> Result<(), EngineError> {
        let entry = serde_json::to_string(entry).map_err(|error| EngineError::Invalid(error.to_string()))?;
        if entry.len() > MAX_BYTES {
            return Err(EngineError::Invalid(format!("`data` is larger than {} KiB", MAX_BYTES >> 10)));
        }
        self.inner.store.post(run.to_owned(), entry, by, act).await.map_err(|error| match error {
            PostError::Ended { .. } | PostError::Full(_) => EngineError::Refused(error.to_string()),
            PostError::Store(StoreError::NotFound { what, name }) => EngineError::NotFound { what, name },
            PostError::Store(error) => EngineError::Store(error),
        })?;
        self.inner.wake.notify_one();
        Ok(())
    }
}

/// Whether the run waits for this answer, and from this actor.
fn may_answer(step: &Step, path: &str, state: &State, actor: &str) -> Result<(), EngineError> {
    let refused = |why: String| Err(EngineError::Refused(why));
    let waits = matches!(state.step(path).map(|step| &step.progress), Some(Progress::Listening(_, None)));
    match &step.kind {
        StepKind::Wait(wait) if waits => match &wait.of {
            WaitFor::Approval { approvers, .. }
                if approvers.is_empty() || approvers.iter().any(|one| one == actor) =>
            {
                Ok(())
            }
            WaitFor::Approval { approvers, .. } => refused(format!(
                "step `{path}` is not for {actor} to answer; it names {}",
                approvers.join(", ")
            )),
            WaitFor::Signal { name, .. } => {
                refused(format!("step `{path}` waits for a signal; send `{name}`"))
            }
        },
        _ => refused(format!("step `{path}` does not wait for an approval")),
    }
}

/// Whether what was filled in is what the form asks for.
fn fits(step: &Step, data: &Value) -> Result<(), EngineError> {
    let StepKind::Wait(wait) = &step.kind else {
        return Ok(());
    };
    match &wait.of {
        WaitFor::Approval { form: Some(form), .. } => {
            let validator =
                InputValidator::of_schema(form).map_err(|error| EngineError::Refused(error.to_string()))?;
            validator.check(data).map_err(|failure| {
                let message = failure.fields.into_iter().map(|field| {
                    let at = if field.path.is_empty() { "data" } else { &field.path };
                    format!("{at}: {}", field.message)
                });
                EngineError::Invalid(format!(
                    "the form is not filled in: {}",
                    message.collect::<Vec<_>>().join("; ")
                ))
            })
        }
        WaitFor::Approval { form: None, .. } if !data.is_null() => {
            Err(EngineError::Invalid("the approval has no form; leave `data` out".to_owned()))
        }
        WaitFor::Approval { form: None, .. } | WaitFor::Signal { .. } => Ok(()),
    }
}
