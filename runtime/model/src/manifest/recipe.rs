//! Templates of auth recipes: text with `{values}` in it, checked against what may stand where.
//!
//! Only the manifest's own text is ever parsed. What a value holds goes in as it is and is not looked
//! at again, so that nothing that a guest, a provider or an operator writes can expand.

/// A checked template.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Template {
    /// In order.
    pub pieces: Vec<Piece>,
}

/// A piece of a template.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Piece {
    /// As it is.
    Text(String),
    /// Replaced.
    Value(Variable),
}

/// A value that a template may name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Variable {
    /// `{slot.x}`: the secret in a slot.
    Slot(String),
    /// `{connection.x}`: a setting of the connection.
    Setting(String),
    /// `{method}`.
    Method,
    /// `{host}`: name, and port when it is not the scheme's own.
    Host,
    /// `{path}`: as it is sent.
    Path,
    /// `{query}`: as it is sent, without `?`.
    Query,
    /// `{query.sorted}`: the parameters decoded, encoded by RFC 3986 and sorted by name, then value.
    QuerySorted,
    /// `{header.x}`: the values of a header, joined with `,`; empty when it is not there.
    Header(String),
    /// `{body}`.
    Body,
    /// `{body.sha256.hex}`.
    BodyDigest(super::HashAlgorithm, super::TextEncoding),
    /// `{time.unix}` and the like.
    Time(Moment),
    /// `{nonce}`: 32 hexadecimal digits, new for each request.
    Nonce,
    /// `{signature}`.
    Signature,
}

/// How the time is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Moment {
    /// Seconds since 1970.
    Unix,
    /// Milliseconds since 1970.
    UnixMs,
    /// `2026-11-21T19:13:12Z`.
    Iso,
    /// `20261121T191312Z`.
    IsoBasic,
    /// `Sat, 21 Nov 2026 19:13:12 GMT` (RFC 9110, section 5.6.7).
    Http,
}

/// Where a template stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Context {
    /// A field that is placed.
    Field,
    /// A field of a signature recipe.
    SignatureField,
    /// A part of what is signed.
    Signed,
    /// A claim of a token.
    Claim,
    /// A name that is no secret, such as a region.
    Name,
}

/// Why a text is no template there.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TemplateError {
    /// A brace without its partner.
    #[error("`{0}` has a brace without its partner; write `{{{{` and `}}}}` for braces that are text")]
    Brace(String),
    /// No such value.
    #[error(
        "`{{{0}}}` is no value; there are {{slot.x}}, {{connection.x}}, {{time.unix}}, {{nonce}} and more"
    )]
    Unknown(String),
    /// A value that may not stand there.
    #[error("`{{{0}}}` cannot stand here")]
    Misplaced(String),
    /// Longer than 4,096 bytes.
    #[error("a template of more than 4,096 bytes")]
    TooLong,
}

const MAX_BYTES: usize = 4096;

impl Template {
    /// Checks a template.
    ///
    /// # Errors
    /// Names the value at fault.
    pub fn parse(text: &str, context: Context) -> Result<Self, TemplateError> {
        if text.len() > MAX_BYTES {
            return Err(TemplateError::TooLong);
        }
        let brace = || TemplateError::Brace(text.to_owned());
        let mut pieces = Vec::new();
        let mut plain = String::new();
        let mut rest = text;
        while let Some(at) = rest.find(['{', '}']) {
            let (before, from) = rest.split_at(at);
            plain.push_str(before);
            if let Some(after) = from.strip_prefix("{{") {
                plain.push('{');
                rest = after;
            } else if let Some(after) = from.strip_prefix("}}") {
                plain.push('}');
                rest = after;
            } else {
                let (name, after) =
                    from.strip_prefix('{').and_then(|from| from.split_once('}')).ok_or_else(brace)?;
                let variable =
                    Variable::parse(name).ok_or_else(|| TemplateError::Unknown(name.to_owned()))?;
                if !context.allows(&variable) {
                    return Err(TemplateError::Misplaced(name.to_owned()));
                }
                if !plain.is_empty() {
                    pieces.push(Piece::Text(std::mem::take(&mut plain)));
                }
                pieces.push(Piece::Value(variable));
                rest = after;
            }
        }
        plain.push_str(rest);
        if !plain.is_empty() {
            pieces.push(Piece::Text(plain));
        }
        Ok(Self { pieces })
    }

    /// `prefix`, then the value of a slot.
    #[must_use]
    pub fn of_slot(prefix: &str, slot: &str) -> Self {
        let mut pieces = vec![Piece::Value(Variable::Slot(slot.to_owned()))];
        if !prefix.is_empty() {
            pieces.insert(0, Piece::Text(prefix.to_owned()));
        }
        Self { pieces }
    }

    /// The values in it, in order.
    pub fn variables(&self) -> impl Iterator<Item = &Variable> {
        self.pieces.iter().filter_map(|piece| match piece {
            Piece::Text(_) => None,
            Piece::Value(variable) => Some(variable),
        })
    }

    /// The slots in it, in order.
    pub fn slots(&self) -> impl Iterator<Item = &str> {
        self.variables().filter_map(Variable::slot)
    }

    /// Whether it holds the signature.
    #[must_use]
    pub fn has_signature(&self) -> bool {
        self.variables().any(|variable| *variable == Variable::Signature)
    }
}

impl Variable {
    /// The slot, if it is one.
    fn slot(&self) -> Option<&str> {
        if let Self::Slot(slot) = self { Some(slot) } else { None }
    }

    fn parse(name: &str) -> Option<Self> {
        use super::{HashAlgorithm as Hash, TextEncoding as Text};
        let fixed = match name {
            "method" => Self::Method,
            "host" => Self::Host,
            "path" => Self::Path,
            "query" => Self::Query,
            "query.sorted" => Self::QuerySorted,
            "body" => Self::Body,
            "nonce" => Self::Nonce,
            "signature" => Self::Signature,
            "time.unix" => Self::Time(Moment::Unix),
            "time.unix-ms" => Self::Time(Moment::UnixMs),
            "time.iso" => Self::Time(Moment::Iso),
            "time.iso-basic" => Self::Time(Moment::IsoBasic),
            "time.http" => Self::Time(Moment::Http),
            _ => {
                let (kind, rest) = name.split_once('.')?;
                return match (kind, rest.split_once('.')) {
                    ("slot", _) if is_name(rest) => Some(Self::Slot(rest.to_owned())),
                    ("connection", _) if is_name(rest) => Some(Self::Setting(rest.to_owned())),
                    ("header", _) if is_name(rest) => Some(Self::Header(rest.to_ascii_lowercase())),
                    ("body", Some((hash, text))) => {
                        let hash = match hash {
                            "sha1" => Hash::Sha1,
                            "sha256" => Hash::Sha256,
                            "sha512" => Hash::Sha512,
                            _ => return None,
                        };
                        let text = match text {
                            "hex" => Text::Hex,
                            "base64" => Text::Base64,
                            "base64url" => Text::Base64url,
                            _ => return None,
                        };
                        Some(Self::BodyDigest(hash, text))
                    }
                    _ => None,
                };
            }
        };
        Some(fixed)
    }
}

/// Slots, settings and headers that a template can name.
fn is_name(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_".contains(&byte))
}

impl Context {
    fn allows(self, variable: &Variable) -> bool {
        match variable {
            Variable::Setting(_) => true,
            Variable::Slot(_) => self != Self::Name,
            Variable::Time(_) | Variable::Nonce => self != Self::Name,
            Variable::BodyDigest(..) => matches!(self, Self::Field | Self::SignatureField | Self::Signed),
            Variable::Signature => self == Self::SignatureField,
            Variable::Method
            | Variable::Host
            | Variable::Path
            | Variable::Query
            | Variable::QuerySorted
            | Variable::Header(_)
            | Variable::Body => self == Self::Signed,
        }
    }
}

#[cfg(test)]
mod tests;
