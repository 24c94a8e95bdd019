//! The manifest, built in code: what a connector declares about itself.
//!
//! It serializes to the JSON that `manifest.describe` returns, under the host's published schema. The
//! order of actions and triggers is kept: it is the order in which people see them.

mod action;
mod auth;
mod entity;
mod trigger;

use schemars::JsonSchema;
use serde::{Serialize, Serializer};
use serde_json::Value;

use crate::connector::Connector;
pub use crate::failure::FailureClass;
use crate::schema;
pub use action::{Action, Effect};
pub use auth::{Auth, AwsSigV4, Field, OAuth1, OAuth1Method, Placement, Recipe, Slot, Token};
pub use entity::{Entity, EntityOperation};
pub use trigger::{EventFilter, Source, Trigger, Verification, Webhook};

/// A manifest, version 1.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct Manifest {
    name: String,
    version: String,
    title: String,
    #[serde(skip_serializing_if = "String::is_empty")]
    description: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    license: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    homepage: Option<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    egress: Vec<Egress>,
    #[serde(skip_serializing_if = "Option::is_none")]
    store: Option<Store>,
    #[serde(skip_serializing_if = "Option::is_none")]
    settings: Option<Value>,
    #[serde(skip_serializing_if = "Named::is_empty")]
    auth: Named<Auth>,
    #[serde(skip_serializing_if = "Named::is_empty")]
    actions: Named<Action>,
    #[serde(skip_serializing_if = "Named::is_empty")]
    triggers: Named<Trigger>,
    #[serde(skip_serializing_if = "Named::is_empty")]
    entities: Named<Entity>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    options: Vec<String>,
}

impl Manifest {
    /// A manifest that asks for nothing. `name` is `[a-z][a-z0-9-]{0,62}`, `version` semantic
    /// (`env!("CARGO_PKG_VERSION")`), `title` for people.
    pub fn new(name: &str, version: &str, title: &str) -> Self {
        Self {
            name: name.into(),
            version: version.into(),
            title: title.into(),
            description: String::new(),
            license: None,
            homepage: None,
            egress: Vec::new(),
            store: None,
            settings: None,
            auth: Named::default(),
            actions: Named::default(),
            triggers: Named::default(),
            entities: Named::default(),
            options: Vec::new(),
        }
    }

    /// The complete manifest of a connector: what it declares, and its actions.
    #[must_use]
    pub fn of<C: Connector>() -> Self {
        let mut manifest = C::actions()
            .iter()
            .fold(C::manifest(), |manifest, entry| manifest.action(entry.name, (entry.describe)()));
        for (_, action) in &mut manifest.actions.0 {
            action.auth_or(C::AUTH);
        }
        manifest
    }

    /// One sentence.
    #[must_use]
    pub fn description(mut self, text: &str) -> Self {
        self.description = text.into();
        self
    }

    /// An SPDX expression.
    #[must_use]
    pub fn license(mut self, expression: &str) -> Self {
        self.license = Some(expression.into());
        self
    }

    /// Where to read more.
    #[must_use]
    pub fn homepage(mut self, url: &str) -> Self {
        self.homepage = Some(url.into());
        self
    }

    /// Asks to send HTTP: `https://api.example.com/v1/`, with `*.` before a domain, with
    /// `{connection.x}` for a setting of the connection, or `*` for any public address.
    #[must_use]
    pub fn egress(mut self, methods: &[&str], url: &str) -> Self {
        self.egress.push(Egress::new(methods, url));
        self
    }

    /// Asks to keep so many bytes per connection.
    #[must_use]
    pub fn store(mut self, max_bytes: u64) -> Self {
        self.store = Some(Store { max_bytes });
        self
    }

    /// The settings of a connection that are not secret.
    #[must_use]
    pub fn settings<T: JsonSchema>(mut self) -> Self {
        self.settings = Some(schema::of_input::<T>());
        self
    }

    /// A way to connect an account.
    #[must_use]
    pub fn auth(mut self, name: &str, method: Auth) -> Self {
        self.auth.push(name, method);
        self
    }

    /// An action that is not in [`crate::Connector::actions`].
    #[must_use]
    pub fn action(mut self, name: &str, action: Action) -> Self {
        self.actions.push(name, action);
        self
    }

    /// A trigger.
    #[must_use]
    pub fn trigger(mut self, name: &str, trigger: Trigger) -> Self {
        self.triggers.push(name, trigger);
        self
    }

    /// An entity for sync.
    #[must_use]
    pub fn entity(mut self, name: &str, entity: Entity) -> Self {
        self.entities.push(name, entity);
        self
    }

    /// A loader that [`crate::Connector::options`] knows.
    #[must_use]
    pub fn options(mut self, loader: &str) -> Self {
        self.options.push(loader.into());
        self
    }
}

/// Where a connector wants to send HTTP.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct Egress {
    url: String,
    methods: Vec<String>,
}

impl Egress {
    /// These upper-case methods at this URL and below.
    #[must_use]
    pub fn new(methods: &[&str], url: &str) -> Self {
        Self { url: url.into(), methods: texts(methods) }
    }
}

#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case")]
struct Store {
    max_bytes: u64,
}

/// Values by name, in the order in which they were given.
#[derive(Clone, Debug, PartialEq)]
struct Named<T>(Vec<(String, T)>);

impl<T> Default for Named<T> {
    fn default() -> Self {
        Self(Vec::new())
    }
}

impl<T> Named<T> {
    fn push(&mut self, name: &str, value: T) {
        self.0.push((name.into(), value));
    }

    fn last_mut(&mut self) -> Option<&mut T> {
        self.0.last_mut().map(|(_, value)| value)
    }

    fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl<T: Serialize> Serialize for Named<T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.0.iter().map(|(name, value)| (name, value)))
    }
}

fn texts(texts: &[&str]) -> Vec<String> {
    texts.iter().map(|text| (*text).to_owned()).collect()
}

#[cfg(test)]
mod tests;
