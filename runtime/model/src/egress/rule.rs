//! One egress rule, checked: `https://api.example.com/v1/` with its methods.
//!
//! A host, or the whole address before the path, may come from a connection's settings as
//! `{connection.x}`; such a rule matches nothing until it is resolved, and what a setting holds is
//! parsed like any other text, so a setting cannot smuggle in a path, a port or a second host.

use std::fmt;

use serde_json::Value;

use super::{
    parse::{check_methods, parse_place, parse_shape},
    path::under,
    setting::fill,
    target::{Scheme, Target},
};
use crate::manifest::EgressRequest;

/// Why a rule is none.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("egress `{url}`: {problem}")]
pub struct RuleError {
    /// The rule's URL as written.
    pub url: String,
    /// What is wrong and what would be right.
    pub problem: String,
}

/// The settings of a connection, with the schema that has their defaults.
#[derive(Clone, Copy, Debug)]
pub struct Settings<'a> {
    /// `Manifest::settings`.
    pub schema: Option<&'a Value>,
    /// The values, an object.
    pub values: &'a Value,
}

impl<'a> Settings<'a> {
    /// A setting's value, else its default.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&'a Value> {
        self.values.get(name).or_else(|| self.schema?.get("properties")?.get(name)?.get("default"))
    }
}

/// A checked rule.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rule {
    pub(super) written: String,
    pub(super) methods: Vec<String>,
    pub(super) shape: Shape,
}

/// What a rule allows besides its methods.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Shape {
    /// `*`: any public address, either scheme, any port.
    Anywhere,
    /// A place.
    Place(Place),
    /// Waits for a setting. `head` is the text before `path`.
    Open { head: String, path: String, outline: Option<Place> },
}

/// Scheme, host, port and path prefix.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Place {
    pub(super) scheme: Scheme,
    pub(super) host: HostRule,
    pub(super) port: u16,
    pub(super) path: String,
}

/// Which hosts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum HostRule {
    /// `*`.
    Any,
    /// This one.
    Exact(String),
    /// `*.` and this: any number of labels before it, never none.
    Below(String),
}

impl Rule {
    /// Checks a rule.
    ///
    /// # Errors
    /// Names the rule and the fix.
    pub fn parse(request: &EgressRequest) -> Result<Self, RuleError> {
        let shape = parse_shape(&request.url)
            .and_then(|shape| check_methods(&request.methods).map(|()| shape))
            .map_err(|problem| RuleError { url: request.url.clone(), problem })?;
        Ok(Self { written: request.url.clone(), methods: request.methods.clone(), shape })
    }

    /// Checks a rule that speaks of places only, such as an entry of `AuthMethod::audience`.
    ///
    /// # Errors
    /// Names the rule and the fix.
    pub fn parse_place(url: &str) -> Result<Self, RuleError> {
        let shape = parse_shape(url).map_err(|problem| RuleError { url: url.to_owned(), problem })?;
        Ok(Self { written: url.to_owned(), methods: Vec::new(), shape })
    }

    /// Puts settings where the rule says `{connection.x}`. None when a setting is missing: the rule
    /// then allows nothing.
    ///
    /// # Errors
    /// A setting that is no host, or no base URL where one belongs.
    pub fn resolve(&self, settings: Settings<'_>) -> Result<Option<Self>, RuleError> {
        let fail = |problem: String| RuleError { url: self.written.clone(), problem };
        let Shape::Open { head, path, .. } = &self.shape else {
            return Ok(Some(self.clone()));
        };
        let Some(head) = fill(head, settings).map_err(fail)? else {
            return Ok(None);
        };
        let joined = format!("{}{path}", head.trim_end_matches('/'));
        let place = parse_place(&joined)
            .map_err(|problem| fail(format!("with the connection's settings it is `{joined}`: {problem}")))?;
        Ok(Some(Self { written: joined, methods: self.methods.clone(), shape: Shape::Place(place) }))
    }

    /// The rule's URL as written, or as resolved.
    #[must_use]
    pub fn url(&self) -> &str {
        &self.written
    }

    /// The methods, upper case.
    #[must_use]
    pub fn methods(&self) -> &[String] {
        &self.methods
    }

    /// Whether it names one origin: neither `*`, nor a wildcard, nor an open setting.
    #[must_use]
    pub fn is_concrete(&self) -> bool {
        matches!(&self.shape, Shape::Place(Place { host: HostRule::Exact(_), .. }))
    }

    /// Whether the target's scheme, host and port are this rule's.
    #[must_use]
    pub fn has_origin(&self, target: &Target) -> bool {
        let origin = target.origin();
        match &self.shape {
            Shape::Anywhere => true,
            Shape::Place(place) => {
                place.scheme == origin.scheme && place.port == origin.port && place.host.has(&origin.host)
            }
            Shape::Open { .. } => false,
        }
    }

    /// Whether the target's path is under this rule's prefix.
    #[must_use]
    pub fn has_path(&self, target: &Target) -> bool {
        match &self.shape {
            Shape::Anywhere => true,
            Shape::Place(place) => under(&place.path, target.path()),
            Shape::Open { .. } => false,
        }
    }

    /// How many of host, scheme, port, path and method fit, counted from the host to the first misfit.
    pub(super) fn passed(&self, method: &str, target: &Target) -> usize {
        let origin = target.origin();
        let place = match &self.shape {
            Shape::Anywhere => None,
            Shape::Place(place) => Some(place),
            Shape::Open { .. } => return 0,
        };
        let checks: [&dyn Fn() -> bool; 5] = [
            &|| place.is_none_or(|place| place.host.has(&origin.host)),
            &|| place.is_none_or(|place| place.scheme == origin.scheme),
            &|| place.is_none_or(|place| place.port == origin.port),
            &|| place.is_none_or(|place| under(&place.path, target.path())),
            &|| self.methods.iter().any(|own| own == method),
        ];
        checks.into_iter().take_while(|fits| fits()).count()
    }

    /// Whether this rule allows the call.
    #[must_use]
    pub fn allows(&self, method: &str, target: &Target) -> bool {
        self.passed(method, target) == 5
    }
}

/// `POST, GET https://slack.com/api/`, as denials and install questions show it.
impl fmt::Display for Rule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if !self.methods.is_empty() {
            write!(f, "{} ", self.methods.join(", "))?;
        }
        f.write_str(&self.written)
    }
}

impl HostRule {
    pub(super) fn has(&self, host: &str) -> bool {
        match self {
            Self::Any => true,
            Self::Exact(own) => own == host,
            // The dot before the domain is the label boundary: `evilallowed.test` has none. What stands
            // before the dot is a label, since hosts are names that DNS can carry.
            Self::Below(domain) => host.strip_suffix(domain.as_str()).is_some_and(|rest| rest.ends_with('.')),
        }
    }
}
