//! The trait that a connector implements.
//!
//! Only [`Connector::manifest`] has no default. Which of the others the host sees is decided by
//! [`connector!`](crate::connector!): an interface that is not listed there is not exported.

use serde::{Serialize, de::DeserializeOwned};
use serde_json::Value;

use crate::action::{Actions, Verdict};
use crate::bindings::wharf::connector::outcomes::Outcome;
use crate::call::Call;
use crate::entity::{Entry, Listing, Slice};
use crate::failure::{Failure, Result};
use crate::http::{HttpMessage, HttpReply};
use crate::manifest::Manifest;
use crate::trigger::{Batch, Event, Origin, Subscription};

/// A connector. It has no state: every call finds a fresh instance.
pub trait Connector {
    /// The auth method that requests carry unless they say otherwise, and that actions ask for.
    const AUTH: Option<&'static str> = None;

    /// What it declares about itself; [`Connector::actions`] are added. Must not call the host.
    fn manifest() -> Manifest;

    /// Its actions: `actions![post_message, list_channels]`.
    fn actions() -> Actions {
        &[]
    }

    /// Whom a credential of this auth method stands for, asked of the provider (`connections`).
    ///
    /// # Errors
    /// `credential-invalid` when the provider refuses it.
    fn validate(call: &Call, method: &str) -> Result<Identity> {
        let _ = call;
        Err(not_implemented("validate", method))
    }

    /// What a person may choose from in a field with `x-options` (`options`).
    ///
    /// # Errors
    /// As an action.
    fn options(call: &Call, loader: &str, query: &Query) -> Result<Choices> {
        let _ = (call, query);
        Err(not_implemented("options", loader))
    }

    /// A JSON Schema of the fields that exist once others are filled in (`fields`).
    ///
    /// # Errors
    /// As an action.
    fn fields(call: &Call, loader: &str, values: Value) -> Result<Value> {
        let _ = (call, values);
        Err(not_implemented("fields", loader))
    }

    /// Runs an action (`actions`). The default looks it up in [`Connector::actions`].
    ///
    /// # Errors
    /// As the action.
    fn run(call: &Call, action: &str, input: &str) -> Result<Outcome> {
        match find(Self::actions(), action) {
            Some(entry) => (entry.run)(call, input),
            None => Err(not_implemented("run", action)),
        }
    }

    /// Continues a suspended action (`resumption`).
    ///
    /// # Errors
    /// As the action.
    fn resume(call: &Call, action: &str, state: &str, callback: Option<HttpMessage>) -> Result<Outcome> {
        match find(Self::actions(), action).and_then(|entry| entry.resume) {
            Some(resume) => resume(call, state, callback),
            None => Err(not_implemented("resume", action)),
        }
    }

    /// What became of a write (`confirmation`); the output is JSON text.
    ///
    /// # Errors
    /// As an action; the host then asks again or gives up.
    fn confirm(call: &Call, action: &str, input: &str) -> Result<Verdict<String>> {
        match find(Self::actions(), action).and_then(|entry| entry.confirm) {
            Some(confirm) => confirm(call, input),
            None => Err(not_implemented("confirm", action)),
        }
    }

    /// Runs an action for many inputs (`batches`); inputs and outputs are JSON text.
    ///
    /// # Errors
    /// The outer one is of the whole call.
    fn batch(call: &Call, action: &str, inputs: &[String]) -> Result<Vec<Result<String>>> {
        match find(Self::actions(), action).and_then(|entry| entry.batch) {
            Some(batch) => batch(call, inputs),
            None => Err(not_implemented("batch", action)),
        }
    }

    /// Asks the provider for news (`polling`), `limit` events at most. The host may ask from one origin more
    /// than once; it recognises events by their ids.
    ///
    /// # Errors
    /// As an action; the cursor then stays.
    fn poll(call: &Call, trigger: &str, settings: &Settings, origin: &Origin, limit: u32) -> Result<Batch> {
        let _ = (call, settings, origin, limit);
        Err(not_implemented("poll", trigger))
    }

    /// The events in a delivery that the host has verified (`deliveries`); none for one that the
    /// trigger does not mean.
    ///
    /// # Errors
    /// `schema-mismatch` for a delivery of an unknown shape.
    fn receive(
        call: &Call,
        trigger: &str,
        settings: &Settings,
        delivery: &HttpMessage,
    ) -> Result<Vec<Event>> {
        let _ = (call, settings, delivery);
        Err(not_implemented("receive", trigger))
    }

    /// The answer to a provider's challenge, if the message is one (`handshakes`). Has no capability.
    fn handshake(trigger: &str, message: &HttpMessage) -> Option<HttpReply> {
        let _ = (trigger, message);
        None
    }

    /// Registers a webhook with the provider (`subscriptions`).
    ///
    /// # Errors
    /// As an action.
    fn enable(call: &Call, trigger: &str, settings: &Settings, url: &str) -> Result<Subscription> {
        let _ = (call, settings, url);
        Err(not_implemented("enable", trigger))
    }

    /// Whether the provider still has the webhook (`subscriptions`).
    ///
    /// # Errors
    /// As an action.
    fn exists(call: &Call, trigger: &str, subscription: &Subscription) -> Result<bool> {
        let _ = (call, subscription);
        Err(not_implemented("exists", trigger))
    }

    /// Renews the webhook before it expires (`subscriptions`).
    ///
    /// # Errors
    /// As an action.
    fn renew(call: &Call, trigger: &str, subscription: &Subscription) -> Result<Subscription> {
        let _ = (call, subscription);
        Err(not_implemented("renew", trigger))
    }

    /// Removes the webhook; one that is gone already is no failure (`subscriptions`).
    ///
    /// # Errors
    /// As an action.
    fn disable(call: &Call, trigger: &str, subscription: &Subscription) -> Result<()> {
        let _ = (call, subscription);
        Err(not_implemented("disable", trigger))
    }

    /// The accounts that a delivery belongs to (`routing`). Has no capability.
    ///
    /// # Errors
    /// `schema-mismatch` for a delivery of an unknown shape.
    fn route(trigger: &str, message: &HttpMessage) -> Result<Vec<String>> {
        let _ = message;
        Err(not_implemented("route", trigger))
    }

    /// Recent events, to set up a flow with (`samples`).
    ///
    /// # Errors
    /// As an action.
    fn sample(call: &Call, trigger: &str, settings: &Settings, limit: u32) -> Result<Vec<Event>> {
        let _ = (call, settings, limit);
        Err(not_implemented("sample", trigger))
    }

    /// One page of an entity's records (`entities`).
    ///
    /// # Errors
    /// As an action.
    fn list_entities(call: &Call, entity: &str, listing: &Listing) -> Result<Slice> {
        let _ = (call, listing);
        Err(not_implemented("list", entity))
    }

    /// One record; none when it does not exist (`entities`).
    ///
    /// # Errors
    /// As an action.
    fn get_entity(call: &Call, entity: &str, id: &str) -> Result<Option<Entry>> {
        let _ = (call, id);
        Err(not_implemented("get", entity))
    }

    /// Records whose fields equal those of an object (`entities`).
    ///
    /// # Errors
    /// As an action.
    fn find_entities(call: &Call, entity: &str, fields: &Value) -> Result<Vec<Entry>> {
        let _ = (call, fields);
        Err(not_implemented("find", entity))
    }

    /// Creates a record without an id, else replaces it, with `version` only that one (`entities`).
    ///
    /// # Errors
    /// `conflict` when the record has another version.
    fn put_entity(
        call: &Call,
        entity: &str,
        id: Option<&str>,
        data: Value,
        version: Option<&str>,
    ) -> Result<Entry> {
        let _ = (call, id, data, version);
        Err(not_implemented("put", entity))
    }

    /// Deletes a record, with `version` only that one (`entities`).
    ///
    /// # Errors
    /// `conflict` when the record has another version.
    fn delete_entity(call: &Call, entity: &str, id: &str, version: Option<&str>) -> Result<()> {
        let _ = (call, id, version);
        Err(not_implemented("delete", entity))
    }
}

/// Whom a credential stands for.
#[derive(Clone, Debug)]
pub struct Identity {
    /// For a person: `acme.slack.com as wharf-bot`.
    pub label: String,
    /// The provider's id of the account.
    pub account: Option<String>,
    /// The scopes that the provider granted.
    pub scopes: Vec<String>,
    /// More that is not secret, an object.
    pub metadata: Value,
}

impl Identity {
    /// An identity with a label for a person.
    pub fn new(label: impl Into<String>) -> Self {
        Self {
            label: label.into(),
            account: None,
            scopes: Vec::new(),
            metadata: Value::Object(serde_json::Map::new()),
        }
    }
}

/// What is asked of an option loader.
#[derive(Clone, Debug)]
pub struct Query {
    /// What is filled in so far, an object.
    pub values: Value,
    /// What the person typed.
    pub search: Option<String>,
    /// [`Choices::next`] of the page before.
    pub page: Option<String>,
}

/// What a person may choose from.
#[derive(Clone, Debug, Default)]
pub struct Choices {
    /// The choices, in the order to show.
    pub items: Vec<Choice>,
    /// For the next page; none at the end.
    pub next: Option<String>,
}

/// One choice.
#[derive(Clone, Debug)]
pub struct Choice {
    /// For a person.
    pub label: String,
    /// What the field becomes.
    pub value: Value,
    /// More for a person.
    pub description: Option<String>,
}

impl Choice {
    /// A choice with a label.
    pub fn new(label: impl Into<String>, value: impl Into<Value>) -> Self {
        Self { label: label.into(), value: value.into(), description: None }
    }
}

/// What a flow sets for a trigger, under the trigger's schema.
#[derive(Clone, Debug, PartialEq)]
pub struct Settings(pub Value);

impl Settings {
    /// The settings as a type.
    ///
    /// # Errors
    /// `configuration-invalid` when they are not of this shape.
    pub fn parse<T: DeserializeOwned>(&self) -> Result<T> {
        T::deserialize(&self.0)
            .map_err(|error| Failure::configuration(format_args!("the trigger's settings: {error}")))
    }

    /// Settings from a value, for tests.
    ///
    /// # Errors
    /// `connector-defect` when it does not serialize.
    pub fn of(value: &impl Serialize) -> Result<Self> {
        serde_json::to_value(value)
            .map(Self)
            .map_err(|error| Failure::defect(format_args!("the settings: {error}")))
    }
}

fn find(actions: Actions, name: &str) -> Option<&'static crate::action::Entry> {
    actions.iter().find(|entry| entry.name == name)
}

fn not_implemented(operation: &str, name: &str) -> Failure {
    Failure::defect(format_args!("the connector does not {operation} `{name}`"))
}
