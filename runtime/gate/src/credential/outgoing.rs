//! A request on its way out, where credentials and the idempotency key are put in.
//!
//! A guest may not name what the gate places, but a redirect may have: what is there already goes.

use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue, Method};
use url::Url;
use wharf_model::manifest::Position;
use zeroize::Zeroizing;

use super::field;

/// What is sent but for framing.
#[derive(Clone, Debug)]
pub(crate) struct Outgoing {
    pub(crate) method: Method,
    pub(crate) url: Url,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Bytes,
}

/// Why something has no place in a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Misfit {
    /// The value cannot be written there.
    Value,
    /// The body takes no fields.
    Body(String),
}

impl Outgoing {
    /// Puts a value in its place.
    pub(crate) fn put(&mut self, position: Position, name: &str, value: &[u8]) -> Result<(), Misfit> {
        match position {
            Position::Header => {
                let name = HeaderName::from_bytes(name.as_bytes()).map_err(|_| Misfit::Value)?;
                let mut value = HeaderValue::from_bytes(value).map_err(|_| Misfit::Value)?;
                // So that neither logs nor HPACK tables keep it.
                value.set_sensitive(true);
                self.headers.insert(name, value);
                Ok(())
            }
            Position::Query => {
                let text = std::str::from_utf8(value).map_err(|_| Misfit::Value)?;
                self.put_query(name, text);
                Ok(())
            }
            Position::Body => {
                let text = std::str::from_utf8(value).map_err(|_| Misfit::Value)?;
                let content_type = self.headers.get(http::header::CONTENT_TYPE);
                self.body = field::insert(content_type, &self.body, name, text).map_err(Misfit::Body)?;
                Ok(())
            }
        }
    }

    fn put_query(&mut self, name: &str, value: &str) {
        if self.url.query_pairs().any(|(own, _)| own == name) {
            let pairs = self.url.query_pairs().into_owned();
            let kept: Vec<(String, String)> = pairs.filter(|(own, _)| own != name).collect();
            self.url.query_pairs_mut().clear().extend_pairs(kept);
        }
        self.url.query_pairs_mut().append_pair(name, value);
    }

    /// As the `Host` header has it: with the port when it is not the scheme's own.
    pub(super) fn host(&self) -> String {
        let host = self.url.host_str().unwrap_or_default();
        match self.url.port() {
            Some(port) => format!("{host}:{port}"),
            None => host.to_owned(),
        }
    }

    /// The values of a header, joined with a comma (RFC 9110, section 5.3).
    pub(super) fn header(&self, name: &str) -> Vec<u8> {
        let values: Vec<&[u8]> = self.headers.get_all(name).iter().map(HeaderValue::as_bytes).collect();
        values.join(b",".as_slice())
    }

    /// The body's form fields, decoded; none when it is no form.
    pub(super) fn form(&self) -> Vec<(String, Zeroizing<String>)> {
        if !field::is_form(self.headers.get(http::header::CONTENT_TYPE)) {
            return Vec::new();
        }
        let pairs = url::form_urlencoded::parse(&self.body);
        pairs.map(|(name, value)| (name.into_owned(), Zeroizing::new(value.into_owned()))).collect()
    }
}
