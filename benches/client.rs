//! HTTP/1.1 over one kept connection: what a load generator needs and no more, because it shares two
//! cores with the server that it loads.

use std::net::SocketAddr;

use anyhow::{Context as _, Result, bail, ensure};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
};

/// One connection.
pub struct Client {
    stream: TcpStream,
    buffer: Vec<u8>,
}

/// A response.
#[derive(Debug)]
pub struct Response {
    /// The status code.
    pub status: u16,
    /// The body as text.
    pub body: String,
}

impl Client {
    /// Connects.
    ///
    /// # Errors
    /// Nobody listens.
    pub async fn connect(addr: SocketAddr) -> Result<Self> {
        let stream = TcpStream::connect(addr).await.with_context(|| format!("{addr}"))?;
        stream.set_nodelay(true)?;
        Ok(Self { stream, buffer: Vec::new() })
    }

    /// Sends a request and reads the response. `headers` are complete lines, each with its line break.
    ///
    /// # Errors
    /// The connection breaks, or the response has no length.
    pub async fn send(&mut self, method: &str, target: &str, headers: &str, body: &[u8]) -> Result<Response> {
        let mut request = format!(
            "{method} {target} HTTP/1.1\r\nhost: bench\r\n{headers}content-length: {}\r\n\r\n",
            body.len()
        )
        .into_bytes();
        request.extend_from_slice(body);
        self.stream.write_all(&request).await?;
        loop {
            if let Some(response) = self.complete()? {
                return Ok(response);
            }
            if self.stream.read_buf(&mut self.buffer).await? == 0 {
                bail!("the server closed the connection");
            }
        }
    }

    /// A response that is there in full.
    fn complete(&mut self) -> Result<Option<Response>> {
        let Some(end) = self.buffer.windows(4).position(|window| window == b"\r\n\r\n") else {
            return Ok(None);
        };
        let head = self.buffer.get(..end).unwrap_or_default();
        let head = std::str::from_utf8(head).context("a head that is no text")?;
        let status = head.split(' ').nth(1).and_then(|code| code.parse().ok()).context("no status")?;
        let length = head.lines().find_map(|line| {
            let (name, value) = line.split_once(':')?;
            name.eq_ignore_ascii_case("content-length").then(|| value.trim().parse::<usize>().ok())?
        });
        let body_at = end + 4;
        let whole = body_at + length.context("a response without content-length")?;
        if self.buffer.len() < whole {
            return Ok(None);
        }
        let body = self.buffer.get(body_at..whole).unwrap_or_default();
        let body = String::from_utf8_lossy(body).into_owned();
        self.buffer.drain(..whole);
        Ok(Some(Response { status, body }))
    }

    /// As [`Self::send`], with an admin key; anything but success is an error.
    ///
    /// # Errors
    /// With the server's own words.
    pub async fn admin(
        &mut self,
        key: &str,
        method: &str,
        path: &str,
        content_type: &str,
        body: &[u8],
    ) -> Result<String> {
        let headers = format!("authorization: Bearer {key}\r\ncontent-type: {content_type}\r\n");
        let response = self.send(method, &format!("/api/v1/{path}"), &headers, body).await?;
        ensure!(
            (200..300).contains(&response.status),
            "{method} {path}: {} {}",
            response.status,
            response.body
        );
        Ok(response.body)
    }
}
