//! Actions: a typed input, a typed answer, and what the manifest says about them.
//!
//! `#[action]` writes an implementation of [`Action`] on a type that has the function's name; types
//! and functions have names apart in Rust, so both can be meant by `post_message`.

use std::borrow::Cow;

use schemars::{JsonSchema, Schema, SchemaGenerator};
use serde::{Deserialize, Serialize, de::DeserializeOwned};
use serde_json::Value;

use crate::bindings::wharf::connector::outcomes::{self, Outcome, Suspension, Wake};
use crate::call::Call;
use crate::failure::{Failure, Result};
use crate::http::HttpMessage;
use crate::{manifest, schema};

/// An action. `#[action]` on a function implements it; by hand it is the same.
pub trait Action {
    /// In kebab-case: how flows name it.
    const NAME: &'static str;
    /// What it takes.
    type Input: DeserializeOwned + JsonSchema;
    /// What it gives: any serializable type with a schema, [`Page`] or [`Progress`].
    type Answer: Answer;

    /// What the manifest says, without the schemas, which come from the types.
    fn about() -> manifest::Action;

    /// Does it.
    ///
    /// # Errors
    /// Whatever went wrong, with the class by which the host decides about a retry.
    fn run(call: &Call, input: Self::Input) -> Result<Self::Answer>;

    /// Finds out what became of a write whose outcome is unknown.
    const CONFIRM: Option<Confirm<Self>> = None;
    /// Continues after a suspension, with the state that it left and the request that woke it.
    const RESUME: Option<Resume<Self>> = None;
    /// Runs for many inputs at once: an answer or a failure for each, in order.
    const BATCH: Option<Batch<Self>> = None;
}

/// The function of [`Action::CONFIRM`].
pub type Confirm<A> = fn(&Call, <A as Action>::Input) -> Result<Verdict<<A as Action>::Answer>>;

/// The function of [`Action::RESUME`].
pub type Resume<A> = fn(&Call, Value, Option<HttpMessage>) -> Result<<A as Action>::Answer>;

/// The function of [`Action::BATCH`].
pub type Batch<A> = fn(&Call, Vec<<A as Action>::Input>) -> Result<Vec<Result<<A as Action>::Answer>>>;

/// The input of an action that takes nothing.
#[derive(Clone, Copy, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NoInput {}

impl JsonSchema for NoInput {
    fn schema_name() -> Cow<'static, str> {
        "NoInput".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        Schema::try_from(schema::nothing()).unwrap_or_default()
    }
}

/// One page of a list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Page<T> {
    /// The items, in the provider's order.
    pub items: Vec<T>,
    /// What [`Call::page`] gives for the next page; none at the end.
    pub next: Option<String>,
}

/// An answer that may come later.
#[derive(Clone, Debug)]
pub enum Progress<T> {
    /// The output.
    Done(T),
    /// Not finished: the host calls `resume` with `state`.
    Suspended {
        /// What ends the suspension.
        wake: Wake,
        /// Kept by the host.
        state: Value,
    },
}

/// What became of a write.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict<T> {
    /// It was applied, with this answer.
    Applied(T),
    /// It was not applied: it may be sent again.
    NotApplied,
    /// The provider cannot tell.
    Unknown,
}

/// What an action may return.
pub trait Answer {
    /// Completes what the manifest says: the output's schema, `paged`, `suspends`.
    fn describe(about: manifest::Action) -> manifest::Action;

    /// The answer as it crosses to the host.
    ///
    /// # Errors
    /// `connector-defect` when it does not serialize.
    fn outcome(self) -> Result<Outcome>;
}

impl<T: Serialize + JsonSchema> Answer for T {
    fn describe(about: manifest::Action) -> manifest::Action {
        about.output(schema::of_output::<T>())
    }

    fn outcome(self) -> Result<Outcome> {
        to_json(&self).map(Outcome::Done)
    }
}

impl<T: Serialize + JsonSchema> Answer for Page<T> {
    fn describe(about: manifest::Action) -> manifest::Action {
        about.output(schema::page_of(&schema::of_output::<T>())).paged()
    }

    fn outcome(self) -> Result<Outcome> {
        Ok(Outcome::Page(outcomes::Page {
            items: self.items.iter().map(to_json).collect::<Result<_>>()?,
            next: self.next,
        }))
    }
}

impl<T: Serialize + JsonSchema> Answer for Progress<T> {
    fn describe(about: manifest::Action) -> manifest::Action {
        T::describe(about).suspends()
    }

    fn outcome(self) -> Result<Outcome> {
        match self {
            Self::Done(output) => output.outcome(),
            Self::Suspended { wake, state } => {
                Ok(Outcome::Suspended(Suspension { wake, state: to_json(&state)? }))
            }
        }
    }
}

/// [`Confirm`] over JSON text.
pub type ConfirmText = fn(&Call, &str) -> Result<Verdict<String>>;

/// [`Resume`] over JSON text.
pub type ResumeText = fn(&Call, &str, Option<HttpMessage>) -> Result<Outcome>;

/// [`Batch`] over JSON text.
pub type BatchText = fn(&Call, &[String]) -> Result<Vec<Result<String>>>;

/// The actions of a connector, made by [`actions!`](crate::actions).
pub type Actions = &'static [Entry];

/// One action, its types hidden behind JSON text.
#[derive(Clone, Copy, Debug)]
pub struct Entry {
    /// In kebab-case.
    pub name: &'static str,
    /// What the manifest says.
    pub describe: fn() -> manifest::Action,
    /// Runs it.
    pub run: fn(&Call, &str) -> Result<Outcome>,
    /// Confirms a write, if it can.
    pub confirm: Option<ConfirmText>,
    /// Continues it, if it suspends.
    pub resume: Option<ResumeText>,
    /// Runs it for many inputs, if it takes batches.
    pub batch: Option<BatchText>,
}

impl Entry {
    /// The entry of an action.
    #[must_use]
    pub const fn of<A: Action>() -> Self {
        Self {
            name: A::NAME,
            describe: describe::<A>,
            run: run::<A>,
            confirm: if A::CONFIRM.is_some() { Some(confirm::<A>) } else { None },
            resume: if A::RESUME.is_some() { Some(resume::<A>) } else { None },
            batch: if A::BATCH.is_some() { Some(batch::<A>) } else { None },
        }
    }
}

/// A list of actions by the names of their functions: `actions![post_message, list_channels]`.
#[macro_export]
macro_rules! actions {
    ($($action:ty),* $(,)?) => { const { &[$($crate::action::Entry::of::<$action>()),*] } };
}

fn describe<A: Action>() -> manifest::Action {
    let about = A::about().input(schema::of_input::<A::Input>());
    let about = if A::CONFIRM.is_some() { about.confirms() } else { about };
    A::Answer::describe(about)
}

fn run<A: Action>(call: &Call, input: &str) -> Result<Outcome> {
    A::run(call, parse(input)?)?.outcome()
}

fn confirm<A: Action>(call: &Call, input: &str) -> Result<Verdict<String>> {
    let confirm = A::CONFIRM.ok_or_else(|| cannot(A::NAME, "confirm"))?;
    Ok(match confirm(call, parse(input)?)? {
        Verdict::Applied(answer) => Verdict::Applied(done(answer)?),
        Verdict::NotApplied => Verdict::NotApplied,
        Verdict::Unknown => Verdict::Unknown,
    })
}

fn resume<A: Action>(call: &Call, state: &str, callback: Option<HttpMessage>) -> Result<Outcome> {
    let resume = A::RESUME.ok_or_else(|| cannot(A::NAME, "resume"))?;
    let state = serde_json::from_str(state)
        .map_err(|error| Failure::defect(format_args!("the suspended state: {error}")))?;
    resume(call, state, callback)?.outcome()
}

fn batch<A: Action>(call: &Call, inputs: &[String]) -> Result<Vec<Result<String>>> {
    let batch = A::BATCH.ok_or_else(|| cannot(A::NAME, "take batches"))?;
    let inputs = inputs.iter().map(|input| parse(input)).collect::<Result<_>>()?;
    let answers = batch(call, inputs)?;
    Ok(answers.into_iter().map(|answer| done(answer?)).collect())
}

fn done(answer: impl Answer) -> Result<String> {
    match answer.outcome()? {
        Outcome::Done(output) => Ok(output),
        Outcome::Page(_) | Outcome::Suspended(_) => {
            Err(Failure::defect("neither a page nor a suspension can stand here"))
        }
    }
}

fn cannot(action: &str, what: &str) -> Failure {
    Failure::defect(format_args!("`{action}` does not {what}"))
}

fn parse<T: DeserializeOwned>(input: &str) -> Result<T> {
    serde_json::from_str(input).map_err(|error| Failure::invalid_input(format_args!("the input: {error}")))
}

pub(crate) fn to_json(value: &impl Serialize) -> Result<String> {
    serde_json::to_string(value).map_err(|error| Failure::defect(format_args!("the output: {error}")))
}
