//! AWS Signature Version 4, in the `Authorization` header.
//!
//! The query is rewritten to the one spelling that both sides agree on (RFC 3986, `+` read as a
//! space), so that what is signed is what is sent.

use http::header;
use wharf_model::{
    egress::Settings,
    manifest::{AwsSigV4, Context, HashAlgorithm, Moment, Position},
};

use super::{
    Credentials, PlaceError, keyed,
    outgoing::{Misfit, Outgoing},
    render::{Filled, Now, sorted},
    text,
};

const SHA256: HashAlgorithm = HashAlgorithm::Sha256;

/// Services that want the payload's hash in a header, and sign a path as it is instead of encoding it again.
const OBJECT_STORES: [&str; 3] = ["s3", "s3-object-lambda", "s3-outposts"];

/// Headers that a hop may change or that are not there yet.
const UNSIGNED: [&str; 5] =
    ["accept-encoding", "authorization", "content-length", "user-agent", "x-amzn-trace-id"];

/// A signer for one connection.
pub(crate) struct Aws {
    access_key_id: String,
    secret_access_key: String,
    session_token: Option<String>,
    service: String,
    region: String,
}

impl Aws {
    pub(super) fn new(recipe: &AwsSigV4, settings: Settings<'_>) -> Result<Self, PlaceError> {
        let name = |text: &str| Filled::new(text, Context::Name, settings).map(|filled| filled.fixed());
        Ok(Self {
            access_key_id: recipe.access_key_id.clone(),
            secret_access_key: recipe.secret_access_key.clone(),
            session_token: recipe.session_token.clone(),
            service: name(&recipe.service)?,
            region: name(&recipe.region)?,
        })
    }

    pub(super) fn place(
        &self,
        secrets: &Credentials,
        now: &Now,
        outgoing: &mut Outgoing,
    ) -> Result<(), PlaceError> {
        let id = std::str::from_utf8(secrets.need(&self.access_key_id)?)
            .map_err(|_| PlaceError::Unfit(self.access_key_id.clone()))?;
        let key = secrets.need(&self.secret_access_key)?;
        let stamp = text::time(now.at, Moment::IsoBasic);
        let payload = hex::encode(text::hash(SHA256, &outgoing.body));
        outgoing.put(Position::Header, "x-amz-date", stamp.as_bytes()).map_err(unfit(&self.access_key_id))?;
        if OBJECT_STORES.contains(&self.service.as_str()) {
            outgoing
                .put(Position::Header, "x-amz-content-sha256", payload.as_bytes())
                .map_err(unfit(&self.access_key_id))?;
        }
        if let Some(slot) = &self.session_token
            && let Ok(token) = secrets.get(slot)
        {
            outgoing.put(Position::Header, "x-amz-security-token", token.expose()).map_err(unfit(slot))?;
        }
        let query = canonical_query(outgoing);
        outgoing.url.set_query((!query.is_empty()).then_some(&query));
        let (names, headers) = canonical_headers(outgoing);
        let path = self.canonical_path(outgoing.url.path());
        let request = format!("{}\n{path}\n{query}\n{headers}\n{names}\n{payload}", outgoing.method);
        let day = stamp.get(..8).unwrap_or_default();
        let scope = format!("{day}/{}/{}/aws4_request", self.region, self.service);
        let digest = hex::encode(text::hash(SHA256, request.as_bytes()));
        let signed = format!("AWS4-HMAC-SHA256\n{stamp}\n{scope}\n{digest}");
        let signature = hex::encode(keyed(SHA256, &self.signing_key(key, day), &[signed.as_bytes()]));
        let value =
            format!("AWS4-HMAC-SHA256 Credential={id}/{scope}, SignedHeaders={names}, Signature={signature}");
        outgoing
            .put(Position::Header, header::AUTHORIZATION.as_str(), value.as_bytes())
            .map_err(unfit(&self.access_key_id))
    }

    fn signing_key(&self, key: &[u8], day: &str) -> Vec<u8> {
        let first = zeroize::Zeroizing::new([b"AWS4", key].concat());
        let parts = [day, self.region.as_str(), self.service.as_str(), "aws4_request"];
        parts.iter().fold(first.to_vec(), |key, part| keyed(SHA256, &key, &[part.as_bytes()]))
    }

    pub(super) fn canonical_path(&self, path: &str) -> String {
        if OBJECT_STORES.contains(&self.service.as_str()) {
            return text::percent(&text::unpercent(path), b"/");
        }
        let segments: Vec<&str> = path.split('/').filter(|segment| !segment.is_empty()).collect();
        let end = if path.ends_with('/') && !segments.is_empty() { "/" } else { "" };
        text::percent(format!("/{}{end}", segments.join("/")).as_bytes(), b"/")
    }
}

fn unfit(slot: &str) -> impl Fn(Misfit) -> PlaceError {
    |_| PlaceError::Unfit(slot.to_owned())
}

fn canonical_query(outgoing: &Outgoing) -> String {
    let pairs = outgoing.url.query_pairs();
    sorted(&pairs.map(|(name, value)| (name.into_owned(), value.into_owned())).collect::<Vec<_>>())
}

/// The names that are signed, and the lines.
fn canonical_headers(outgoing: &Outgoing) -> (String, String) {
    let mut lines = vec![("host".to_owned(), outgoing.host())];
    for name in outgoing.headers.keys().filter(|name| !UNSIGNED.contains(&name.as_str())) {
        let values = outgoing.headers.get_all(name).iter().map(|value| {
            let text = String::from_utf8_lossy(value.as_bytes());
            text.split_ascii_whitespace().collect::<Vec<_>>().join(" ")
        });
        lines.push((name.as_str().to_owned(), values.collect::<Vec<_>>().join(",")));
    }
    lines.sort();
    let names: Vec<&str> = lines.iter().map(|(name, _)| name.as_str()).collect();
    let names = names.join(";");
    (names, lines.iter().map(|(name, value)| format!("{name}:{value}\n")).collect())
}
