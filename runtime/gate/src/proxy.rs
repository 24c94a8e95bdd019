//! The operator's egress proxy: asked by CONNECT for the address that was checked, never for a name.
//!
//! The gate resolves and judges as it does without a proxy, and the proxy dials exactly what was
//! judged: a name that changes its answer between the two changes nothing. Plain `http` goes through
//! a tunnel too, because a proxy that is sent a whole URL resolves the name again. TLS is spoken with
//! the provider, so the proxy sees addresses, ports and the server's name, no request.

use std::{fmt, str::FromStr};

use base64::{Engine as _, engine::general_purpose::STANDARD};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
};
use url::{Host, Url};
use zeroize::Zeroizing;

use crate::credential::Secret;

/// Bytes of the proxy's answer.
const MAX_HEAD: usize = 8 * 1024;

/// Where the operator's egress proxy is.
#[derive(Clone, PartialEq, Eq)]
pub struct EgressProxy {
    /// A name, or an address without brackets.
    pub(crate) host: String,
    pub(crate) port: u16,
    /// The value of `Proxy-Authorization`.
    login: Option<std::sync::Arc<Zeroizing<String>>>,
}

/// Why a tunnel was not opened.
#[derive(Debug, thiserror::Error)]
pub(crate) enum TunnelError {
    #[error("the egress proxy refuses the server's credentials (407)")]
    Login,
    #[error("the egress proxy answered {0} instead of opening a tunnel")]
    Status(u16),
    #[error("the egress proxy does not speak HTTP")]
    Protocol,
    #[error("the egress proxy broke off: {0}")]
    Io(#[from] std::io::Error),
}

/// A proxy that cannot be used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum EgressProxyError {
    /// Not a URL of a proxy.
    #[error("`{0}` is not like `http://proxy.internal:3128`")]
    Url(String),
    /// A password in the URL would stand in the configuration and in logs.
    #[error("the URL holds credentials; put `user:password` where `proxy-credentials` says instead")]
    Userinfo,
    /// Not `user:password`.
    #[error("the credentials are not like `user:password`")]
    Login,
}

impl FromStr for EgressProxy {
    type Err = EgressProxyError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let url = Url::parse(text).map_err(|_| EgressProxyError::Url(shown(text)))?;
        if !url.username().is_empty() || url.password().is_some() {
            return Err(EgressProxyError::Userinfo);
        }
        let bare = matches!(url.path(), "" | "/") && url.query().is_none() && url.fragment().is_none();
        let host = match url.host() {
            Some(Host::Domain(name)) => name.to_owned(),
            Some(Host::Ipv4(address)) => address.to_string(),
            Some(Host::Ipv6(address)) => address.to_string(),
            None => return Err(EgressProxyError::Url(shown(text))),
        };
        let port = url.port_or_known_default().filter(|port| *port != 0);
        match port {
            Some(port) if url.scheme() == "http" && bare => Ok(Self { host, port, login: None }),
            Some(_) | None => Err(EgressProxyError::Url(shown(text))),
        }
    }
}

impl EgressProxy {
    /// With `user:password` (RFC 7617); white space around it, such as a file's last line end, is not part of it.
    ///
    /// # Errors
    /// No colon, no user, or a control character.
    pub fn with_login(self, login: &Secret) -> Result<Self, EgressProxyError> {
        let text = std::str::from_utf8(login.expose()).map_err(|_| EgressProxyError::Login)?.trim();
        let user = text.split_once(':').map(|(user, _)| user);
        if user.is_none_or(str::is_empty) || text.chars().any(char::is_control) {
            return Err(EgressProxyError::Login);
        }
        let value = Zeroizing::new(format!("Basic {}", STANDARD.encode(text)));
        Ok(Self { login: Some(std::sync::Arc::new(value)), ..self })
    }

    /// Has the proxy connect to a checked address. After it, the stream is the provider's.
    pub(crate) async fn tunnel(
        &self,
        mut stream: TcpStream,
        to: std::net::SocketAddr,
    ) -> Result<TcpStream, TunnelError> {
        let mut head = Zeroizing::new(format!("CONNECT {to} HTTP/1.1\r\nHost: {to}\r\n"));
        if let Some(login) = &self.login {
            head.push_str("Proxy-Authorization: ");
            head.push_str(login);
            head.push_str("\r\n");
        }
        head.push_str("\r\n");
        stream.write_all(head.as_bytes()).await?;
        match read_status(&mut stream).await? {
            200..=299 => Ok(stream),
            407 => Err(TunnelError::Login),
            status => Err(TunnelError::Status(status)),
        }
    }
}

/// Without the login, of which nothing is shown.
impl fmt::Debug for EgressProxy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "EgressProxy({}:{})", self.host, self.port)
    }
}

/// The status of the proxy's answer, read to the end of its head and not a byte further: bytes that
/// follow at once were not sent by the provider, who has not been spoken to yet.
async fn read_status(stream: &mut TcpStream) -> Result<u16, TunnelError> {
    let mut head = Vec::with_capacity(256);
    loop {
        let mut piece = [0; 1024];
        let count = stream.read(&mut piece).await?;
        if count == 0 {
            return Err(TunnelError::Protocol);
        }
        head.extend_from_slice(piece.get(..count).unwrap_or_default());
        if let Some(end) = head.windows(4).position(|window| window == b"\r\n\r\n") {
            let status = status(&head).ok_or(TunnelError::Protocol)?;
            let leftover = head.len() > end + 4;
            return if leftover && status < 300 { Err(TunnelError::Protocol) } else { Ok(status) };
        }
        if head.len() > MAX_HEAD {
            return Err(TunnelError::Protocol);
        }
    }
}

fn status(head: &[u8]) -> Option<u16> {
    let rest = head.strip_prefix(b"HTTP/1.1 ").or_else(|| head.strip_prefix(b"HTTP/1.0 "))?;
    let (digits, after) = rest.split_at_checked(3)?;
    let ends = matches!(after.first(), Some(b' ' | b'\r'));
    std::str::from_utf8(digits).ok()?.parse().ok().filter(|status| ends && (200..600).contains(status))
}

/// What a person typed, without what may be a password.
fn shown(text: &str) -> String {
    let text = text.rsplit_once('@').map_or(text, |(_, rest)| rest);
    text.chars().filter(|c| !c.is_control()).take(80).collect()
}
