//! A request's URL, made canonical or refused.
//!
//! The parser is forgiving by design (it strips tabs, turns `\` into `/`, reads `0x7f.1` as an
//! address), so what it silently repairs and nobody writes by accident is refused before it runs.

use url::{Host, Position, Url};

/// Longer URLs are refused; servers stop at about this length.
const MAX_URL: usize = 8 * 1024;

/// The two schemes that the gate speaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Scheme {
    /// TLS.
    Https,
    /// Plain text.
    Http,
}

impl Scheme {
    /// `https` or `http`.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Https => "https",
            Self::Http => "http",
        }
    }

    pub(super) fn parse(name: &str) -> Option<Self> {
        match name {
            "https" => Some(Self::Https),
            "http" => Some(Self::Http),
            _ => None,
        }
    }
}

/// Scheme, host and port: what a credential is bound to and a redirect may leave (RFC 6454).
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Origin {
    /// The scheme.
    pub scheme: Scheme,
    /// Canonical ASCII; an IPv6 address in brackets.
    pub host: String,
    /// Never 0.
    pub port: u16,
}

/// Why a URL can have no target.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TargetError {
    /// No URL at all.
    #[error("url syntax: {0}")]
    Syntax(String),
    /// `user:password@` before the host.
    #[error("user information before the host; name an auth method of the manifest instead")]
    Userinfo,
    /// Another scheme.
    #[error("scheme `{0}`; only https and http exist here")]
    Scheme(String),
    /// A host that is no DNS name and no address.
    #[error("host `{0}` is neither a DNS name nor an address")]
    Host(String),
    /// Port 0.
    #[error("port 0 cannot be called")]
    Port,
}

impl TargetError {
    /// The stable reason that a denial carries.
    #[must_use]
    pub fn reason(&self) -> &'static str {
        match self {
            Self::Syntax(_) => "syntax",
            Self::Userinfo => "userinfo",
            Self::Scheme(_) => "scheme",
            Self::Host(_) => "host",
            Self::Port => "port",
        }
    }
}

/// A canonical URL to call: ASCII host in lower case without a trailing dot, no user information,
/// no fragment, path without dot segments.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Target {
    url: Url,
    origin: Origin,
}

impl Target {
    /// Makes a URL canonical.
    ///
    /// # Errors
    /// Says which part of R-04 is broken; never repeats control characters or user information.
    pub fn parse(text: &str) -> Result<Self, TargetError> {
        let mut url = strict(text)?;
        let Some(scheme) = Scheme::parse(url.scheme()) else {
            return Err(TargetError::Scheme(url.scheme().chars().take(32).collect()));
        };
        if userinfo(text, &url) {
            return Err(TargetError::Userinfo);
        }
        url.set_fragment(None);
        drop_trailing_dot(&mut url)?;
        let host = host(&url)?;
        let port = url.port_or_known_default().filter(|port| *port != 0).ok_or(TargetError::Port)?;
        // Canonical means that parsing again changes nothing: else check and dial could disagree. What
        // came canonical has been parsed just now.
        if url.as_str() != text && Url::parse(url.as_str()).ok().as_ref() != Some(&url) {
            return Err(TargetError::Syntax("it has no stable canonical form".to_owned()));
        }
        Ok(Self { url, origin: Origin { scheme, host, port } })
    }

    /// Resolves a redirect's `Location` against this target.
    ///
    /// # Errors
    /// As [`Target::parse`].
    pub fn join(&self, location: &str) -> Result<Self, TargetError> {
        if let Some(at) = location.find(hostile) {
            return Err(TargetError::Syntax(format!("a control character or space at byte {at}")));
        }
        let joined = self.url.join(location).map_err(|error| TargetError::Syntax(error.to_string()))?;
        Self::parse(joined.as_str())
    }

    /// The canonical URL with its query: what is sent.
    #[must_use]
    pub fn url(&self) -> &Url {
        &self.url
    }

    /// Scheme, host and port.
    #[must_use]
    pub fn origin(&self) -> &Origin {
        &self.origin
    }

    /// The path, from `/`.
    #[must_use]
    pub fn path(&self) -> &str {
        self.url.path()
    }

    /// Scheme, host, port and path without the query, cut at 300 bytes: fit for logs and messages.
    #[must_use]
    pub fn display(&self) -> String {
        let mut text = self.base();
        let path = self.path();
        let end = path.floor_char_boundary(300);
        text.push_str(path.get(..end).unwrap_or("/"));
        if end < path.len() {
            text.push('…');
        }
        text
    }

    /// Scheme, host and port as a URL without a path; the default port is left out.
    #[must_use]
    pub fn base(&self) -> String {
        self.url[..Position::BeforePath].to_owned()
    }
}

/// What the parser would strip, and what it would trim: neither belongs into a request.
fn hostile(c: char) -> bool {
    c <= ' ' || c == '\u{7f}'
}

fn strict(text: &str) -> Result<Url, TargetError> {
    if text.len() > MAX_URL {
        return Err(TargetError::Syntax(format!("{} bytes; at most {MAX_URL} are sent", text.len())));
    }
    if let Some(at) = text.find(hostile) {
        return Err(TargetError::Syntax(format!("a control character or space at byte {at}")));
    }
    Url::parse(text).map_err(|error| TargetError::Syntax(error.to_string()))
}

/// Whether the text names a user, even an empty one, which the parser would drop. The parser also finds
/// one where no slash stands before it.
pub(super) fn userinfo(text: &str, url: &Url) -> bool {
    let rest = text.find(['/', '\\']).and_then(|at| text.get(at..)).unwrap_or(text);
    let rest = rest.trim_start_matches(['/', '\\']);
    let authority = rest.split(['/', '\\', '?', '#']).next().unwrap_or(rest);
    authority.contains('@') || !url.username().is_empty() || url.password().is_some()
}

pub(super) fn drop_trailing_dot(url: &mut Url) -> Result<(), TargetError> {
    let Some(Host::Domain(domain)) = url.host() else {
        return Ok(());
    };
    let Some(short) = domain.strip_suffix('.') else {
        return Ok(());
    };
    let short = short.to_owned();
    url.set_host(Some(&short)).map_err(|_| TargetError::Host(short))
}

/// The canonical host of a parsed URL; a name has to be one that DNS can carry.
pub(super) fn host(url: &Url) -> Result<String, TargetError> {
    match url.host() {
        Some(Host::Domain(domain)) if dns_name(domain) => Ok(domain.to_owned()),
        Some(Host::Domain(domain)) => Err(TargetError::Host(domain.chars().take(100).collect())),
        Some(address @ (Host::Ipv4(_) | Host::Ipv6(_))) => Ok(address.to_string()),
        None => Err(TargetError::Host(String::new())),
    }
}

/// Labels of letters, digits, `-` and `_`, the last of them not a number: system resolvers read
/// `2130706433` and `0x7f.1` as addresses, and a name must never become one after the check.
pub(super) fn dns_name(name: &str) -> bool {
    let label = |label: &str| {
        (1..=63).contains(&label.len())
            && label.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || matches!(b, b'-' | b'_'))
    };
    let last = name.rsplit('.').next().unwrap_or(name);
    let numeric = last.bytes().all(|b| b.is_ascii_digit()) || last.starts_with("0x");
    name.len() <= 253 && name.split('.').all(label) && !numeric
}
