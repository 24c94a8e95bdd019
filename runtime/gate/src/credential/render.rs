//! Templates filled in for one request.

use ring::rand::{SecureRandom as _, SystemRandom};
use wharf_model::{
    egress::Settings,
    manifest::{Context, Piece, Template, Variable},
    time::Timestamp,
};
use zeroize::Zeroizing;

use super::{Credentials, PlaceError, outgoing::Outgoing, text};

/// What is new with each request.
#[derive(Clone, Debug)]
pub(crate) struct Now {
    pub(crate) at: Timestamp,
    /// 32 hexadecimal digits, or what a test says.
    pub(crate) nonce: String,
}

impl Now {
    /// A fresh nonce at `at`.
    pub(crate) fn at(at: Timestamp) -> Result<Self, PlaceError> {
        let mut bytes = [0; 16];
        SystemRandom::new()
            .fill(&mut bytes)
            .map_err(|_| PlaceError::Challenge("this machine gives no randomness for a nonce"))?;
        Ok(Self { at, nonce: hex::encode(bytes) })
    }
}

/// A template whose settings are filled in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Filled(Template);

/// What a template's values come from.
pub(super) struct Values<'a> {
    pub(super) secrets: &'a Credentials,
    pub(super) now: &'a Now,
    pub(super) outgoing: &'a Outgoing,
    pub(super) signature: &'a str,
}

impl Filled {
    pub(super) fn new(text: &str, context: Context, settings: Settings<'_>) -> Result<Self, PlaceError> {
        let mut template = Template::parse(text, context)?;
        for piece in &mut template.pieces {
            if let Piece::Value(Variable::Setting(name)) = piece {
                let value = settings.get(name).and_then(|value| match value {
                    serde_json::Value::String(text) => Some(text.trim().to_owned()),
                    serde_json::Value::Number(number) => Some(number.to_string()),
                    serde_json::Value::Bool(flag) => Some(flag.to_string()),
                    serde_json::Value::Null | serde_json::Value::Array(_) | serde_json::Value::Object(_) => {
                        None
                    }
                });
                *piece = Piece::Text(value.ok_or_else(|| PlaceError::Setting(name.clone()))?);
            }
        }
        Ok(Self(template))
    }

    pub(super) fn of_slot(prefix: &str, slot: &str) -> Self {
        Self(Template::of_slot(prefix, slot))
    }

    pub(super) fn has_signature(&self) -> bool {
        self.0.has_signature()
    }

    /// The time alone, which is a number where numbers can be.
    pub(super) fn is_time(&self) -> bool {
        matches!(self.0.pieces.as_slice(), [Piece::Value(Variable::Time(_))])
    }

    /// A slot to name when the value does not fit.
    pub(super) fn slot(&self) -> String {
        self.0.slots().next().unwrap_or("(none)").to_owned()
    }

    /// The text of a template without slots and request, such as a region.
    pub(super) fn fixed(&self) -> String {
        self.0
            .pieces
            .iter()
            .map(|piece| match piece {
                Piece::Text(text) => text.as_str(),
                Piece::Value(_) => "",
            })
            .collect()
    }

    pub(super) fn render(&self, values: &Values<'_>) -> Result<Zeroizing<Vec<u8>>, PlaceError> {
        let mut out = Zeroizing::new(Vec::new());
        self.feed(values, &mut |bytes| out.extend_from_slice(bytes))?;
        Ok(out)
    }

    /// Hands out the text piece by piece, so that a body need not be copied to be hashed.
    pub(super) fn feed(&self, values: &Values<'_>, sink: &mut dyn FnMut(&[u8])) -> Result<(), PlaceError> {
        for piece in &self.0.pieces {
            match piece {
                Piece::Text(text) => sink(text.as_bytes()),
                Piece::Value(variable) => value(variable, values, sink)?,
            }
        }
        Ok(())
    }
}

fn value(variable: &Variable, values: &Values<'_>, sink: &mut dyn FnMut(&[u8])) -> Result<(), PlaceError> {
    let outgoing = values.outgoing;
    match variable {
        Variable::Slot(slot) => sink(values.secrets.need(slot)?),
        // Filled in when the connection was bound.
        Variable::Setting(name) => return Err(PlaceError::Setting(name.clone())),
        Variable::Method => sink(outgoing.method.as_str().as_bytes()),
        Variable::Host => sink(outgoing.host().as_bytes()),
        Variable::Path => sink(outgoing.url.path().as_bytes()),
        Variable::Query => sink(outgoing.url.query().unwrap_or_default().as_bytes()),
        Variable::QuerySorted => {
            let pairs = outgoing.url.query_pairs();
            let pairs = pairs.map(|(name, value)| (name.into_owned(), value.into_owned()));
            sink(sorted(&pairs.collect::<Vec<_>>()).as_bytes());
        }
        Variable::Header(name) => sink(&outgoing.header(name)),
        Variable::Body => sink(&outgoing.body),
        Variable::BodyDigest(algorithm, encoding) => {
            sink(text::encode(&text::hash(*algorithm, &outgoing.body), *encoding).as_bytes());
        }
        Variable::Time(moment) => sink(text::time(values.now.at, *moment).as_bytes()),
        Variable::Nonce => sink(values.now.nonce.as_bytes()),
        Variable::Signature => sink(values.signature.as_bytes()),
    }
    Ok(())
}

/// Pairs as RFC 3986 encodes them, by name and then value, joined with `=` and `&`.
pub(super) fn sorted(pairs: &[(String, String)]) -> String {
    let mut encoded: Vec<(String, String)> = pairs
        .iter()
        .map(|(name, value)| (text::percent(name.as_bytes(), b""), text::percent(value.as_bytes(), b"")))
        .collect();
    encoded.sort();
    let joined: Vec<String> = encoded.iter().map(|(name, value)| format!("{name}={value}")).collect();
    joined.join("&")
}
