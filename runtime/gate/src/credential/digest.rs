//! Digest access authentication (RFC 7616) with `qop=auth`.
//!
//! Where no challenge is known, the request goes out whole and without the credential. A server that
//! answers 401 has refused it before doing anything, so that sending it again with the answer is safe,
//! for a write too; an empty body in its place would not be, where a server asks for no credential.

use std::{
    collections::BTreeMap,
    sync::{Mutex, PoisonError},
};

use http::{HeaderMap, header};
use md5::Md5;
use sha2::{Digest as _, Sha256};
use wharf_model::manifest::Position;
use zeroize::Zeroizing;

use super::{Credentials, PlaceError, outgoing::Outgoing, render::Now};

/// Origins whose challenge is kept.
const MAX_ORIGINS: usize = 16;

/// Bytes of challenges that are read.
const MAX_BYTES: usize = 8 * 1024;

/// A signer for one connection.
pub(crate) struct Digest {
    user: String,
    password: String,
    allow_md5: bool,
    /// By origin.
    known: Mutex<BTreeMap<String, Challenge>>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Hash {
    Md5,
    Sha256,
}

#[derive(Clone, Debug)]
struct Challenge {
    realm: String,
    nonce: String,
    opaque: Option<String>,
    hash: Hash,
    session: bool,
    /// As the server wrote the algorithm.
    algorithm: Option<String>,
    /// Whether only the nonce before was too old.
    stale: bool,
    /// Requests that were answered with this nonce.
    count: u32,
}

impl Digest {
    pub(super) fn new(user: &str, password: &str, allow_md5: bool) -> Self {
        let (user, password) = (user.to_owned(), password.to_owned());
        Self { user, password, allow_md5, known: Mutex::default() }
    }

    pub(super) fn place(
        &self,
        secrets: &Credentials,
        now: &Now,
        outgoing: &mut Outgoing,
    ) -> Result<(), PlaceError> {
        let user = secrets.need(&self.user)?;
        let password = secrets.need(&self.password)?;
        // A quoted string is made of it, and a colon would end it (RFC 7616, section 3.4).
        let name = std::str::from_utf8(user).ok().filter(|user| !user.contains([':', '"', '\\']));
        let name = name.ok_or_else(|| PlaceError::Unfit(self.user.clone()))?;
        let challenge = {
            let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
            let Some(challenge) = known.get_mut(&outgoing.url.origin().ascii_serialization()) else {
                return Ok(());
            };
            challenge.count = challenge.count.saturating_add(1);
            challenge.clone()
        };
        let value = challenge.answer(name, password, outgoing, &now.nonce);
        outgoing
            .put(Position::Header, header::AUTHORIZATION.as_str(), value.as_bytes())
            .map_err(|_| PlaceError::Unfit(self.user.clone()))
    }

    /// Keeps the best challenge of a refusal; whether the request can be sent again with an answer.
    pub(super) fn learn(&self, origin: &str, headers: &HeaderMap) -> bool {
        let lines = headers.get_all(header::WWW_AUTHENTICATE).iter().filter_map(|line| line.to_str().ok());
        let mut text = String::new();
        for line in lines {
            if text.len() + line.len() > MAX_BYTES {
                break;
            }
            text.push_str(line);
            text.push(',');
        }
        let offered = challenges(&text).into_iter().filter(|challenge| match challenge.hash {
            Hash::Sha256 => true,
            Hash::Md5 => self.allow_md5,
        });
        let Some(best) = offered.max_by_key(|challenge| challenge.hash == Hash::Sha256) else {
            return false;
        };
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        if known.len() >= MAX_ORIGINS && !known.contains_key(origin) {
            known.clear();
        }
        // An answer that was refused is not given again, unless for its age: a wrong password must not
        // count twice.
        let again = best.stale || !known.contains_key(origin);
        known.insert(origin.to_owned(), best);
        again
    }
}

impl Challenge {
    fn answer(&self, user: &str, password: &[u8], outgoing: &Outgoing, cnonce: &str) -> String {
        let target = &outgoing.url[url::Position::BeforePath..url::Position::AfterQuery];
        let count = format!("{:08x}", self.count);
        let (realm, nonce) = (&self.realm, &self.nonce);
        let secret =
            Zeroizing::new([user.as_bytes(), b":", unquote(realm).as_bytes(), b":", password].concat());
        let mut first = self.hash.hex(&secret);
        if self.session {
            first = self.hash.hex(format!("{first}:{nonce}:{cnonce}").as_bytes());
        }
        let second = self.hash.hex(format!("{}:{target}", outgoing.method).as_bytes());
        let response = self.hash.hex(format!("{first}:{nonce}:{count}:{cnonce}:auth:{second}").as_bytes());
        let opaque = self.opaque.iter().map(|opaque| format!(", opaque=\"{opaque}\""));
        let algorithm = self.algorithm.iter().map(|algorithm| format!(", algorithm={algorithm}"));
        let more: String = algorithm.chain(opaque).collect();
        format!(
            "Digest username=\"{user}\", realm=\"{realm}\", uri=\"{target}\", nonce=\"{nonce}\", nc={count}, cnonce=\"{cnonce}\", qop=auth, response=\"{response}\"{more}"
        )
    }
}

impl Hash {
    fn hex(self, bytes: &[u8]) -> String {
        match self {
            Self::Md5 => hex::encode(Md5::digest(bytes)),
            Self::Sha256 => hex::encode(Sha256::digest(bytes)),
        }
    }
}

/// The Digest challenges that this code can answer.
fn challenges(text: &str) -> Vec<Challenge> {
    let mut found = Vec::new();
    let mut fields: Option<BTreeMap<String, String>> = None;
    for part in split(text) {
        let (scheme, field) = match part.split_once(' ') {
            Some((scheme, field)) if !scheme.contains('=') => (Some(scheme), field.trim_start()),
            Some(_) => (None, part),
            None if part.contains('=') => (None, part),
            None => (Some(part), ""),
        };
        if let Some(scheme) = scheme {
            found.extend(fields.take().and_then(|fields| challenge(&fields)));
            fields = scheme.eq_ignore_ascii_case("digest").then(BTreeMap::new);
        }
        if let (Some(fields), Some((name, value))) = (fields.as_mut(), field.split_once('=')) {
            let value = value.trim();
            let value = value.strip_prefix('"').and_then(|value| value.strip_suffix('"')).unwrap_or(value);
            fields.insert(name.trim().to_ascii_lowercase(), value.to_owned());
        }
    }
    found.extend(fields.take().and_then(|fields| challenge(&fields)));
    found
}

/// Splits at commas outside of quoted strings.
fn split(text: &str) -> Vec<&str> {
    let (mut quoted, mut escaped) = (false, false);
    let parts = text.split(move |c: char| {
        let comma = c == ',' && !quoted;
        match c {
            '"' if !escaped => quoted = !quoted,
            _ => {}
        }
        escaped = quoted && c == '\\' && !escaped;
        comma
    });
    parts.map(str::trim).filter(|part| !part.is_empty()).collect()
}

fn challenge(fields: &BTreeMap<String, String>) -> Option<Challenge> {
    let algorithm = fields.get("algorithm").cloned();
    let (hash, session) = match algorithm.as_deref().map(str::to_ascii_uppercase).as_deref() {
        None | Some("MD5") => (Hash::Md5, false),
        Some("MD5-SESS") => (Hash::Md5, true),
        Some("SHA-256") => (Hash::Sha256, false),
        Some("SHA-256-SESS") => (Hash::Sha256, true),
        Some(_) => return None,
    };
    let auth = fields.get("qop")?.split(',').any(|qop| qop.trim().eq_ignore_ascii_case("auth"));
    let challenge = Challenge {
        realm: fields.get("realm")?.clone(),
        nonce: fields.get("nonce")?.clone(),
        opaque: fields.get("opaque").cloned(),
        hash,
        session,
        algorithm,
        stale: fields.get("stale").is_some_and(|stale| stale.eq_ignore_ascii_case("true")),
        count: 0,
    };
    auth.then_some(challenge)
}

/// A quoted string's text: a backslash makes the next character plain.
fn unquote(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut characters = text.chars();
    while let Some(character) = characters.next() {
        out.extend(if character == '\\' { characters.next() } else { Some(character) });
    }
    out
}
