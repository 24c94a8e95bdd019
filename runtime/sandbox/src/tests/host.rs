//! A host that answers what a case wants.

use async_trait::async_trait;
use bytes::Bytes;
use futures_util::stream;
use wharf_model::{
    grant::Limits,
    http::{Body, Denial, DeniedBy, HttpError, HttpRequest, HttpResponse},
    time::Timestamp,
};

use crate::{Blob, BlobError, BlobInfo, Call, Exchange, Host, StoreError, StoreScope};

/// How the gate of a case answers.
#[derive(Clone, Copy, Debug)]
pub(super) enum Gate {
    /// Status 200 and this body.
    Answers(&'static str),
    /// Status 200 and so many bytes.
    Floods(usize),
    /// Never.
    Hangs,
    /// Status 200, and the request as text.
    Shows,
    /// Denied, for this reason.
    Denies(&'static str),
    /// Status 200 and these pieces, all there at once; `!` is an error.
    Streams(&'static [&'static str]),
    /// Status 200 and the request's body.
    Echoes,
}

pub(super) struct TestHost(pub(super) Gate);

#[async_trait]
impl Host for TestHost {
    fn http(&mut self, request: HttpRequest) -> Exchange {
        let gate = self.0;
        Box::pin(async move {
            let body = match gate {
                Gate::Shows => shown(request).await?.into_bytes().into(),
                Gate::Denies(reason) => {
                    let (by, message) = (DeniedBy::Grant, "not granted".to_owned());
                    return Err(HttpError::Denied(Denial { by, reason: reason.into(), message }));
                }
                Gate::Answers(body) => body.into(),
                Gate::Floods(bytes) => vec![b'x'; bytes].into(),
                Gate::Hangs => std::future::pending().await,
                Gate::Streams(pieces) => {
                    Body::Pieces(Box::pin(stream::iter(pieces.iter().map(|piece| piece_of(piece)))))
                }
                Gate::Echoes => request.body.whole().await?.into(),
            };
            Ok(HttpResponse { status: 200, headers: Vec::new(), body })
        })
    }

    /// The key is the value.
    async fn store_get(&mut self, _: StoreScope, key: &str) -> Result<Option<Vec<u8>>, StoreError> {
        Ok(Some(key.into()))
    }

    /// The id is the content, cut into pieces at `/`.
    async fn blob_open(&mut self, id: &str) -> Result<Blob, BlobError> {
        let pieces: Vec<_> =
            id.split('/').map(|piece| Ok(Bytes::copy_from_slice(piece.as_bytes()))).collect();
        let info = BlobInfo { name: id.into(), content_type: "text/plain".into(), size: id.len() as u64 };
        Ok(Blob { info, pieces: Box::pin(stream::iter(pieces)) })
    }

    /// The id is the number of bytes.
    async fn blob_write(&mut self, _: &str, _: &str, content: Bytes) -> Result<String, BlobError> {
        Ok(content.len().to_string())
    }

    fn now(&self) -> Timestamp {
        Timestamp(1_000)
    }

    fn seed(&self) -> [u8; 32] {
        [7; 32]
    }

    fn scratch_bytes(&self) -> u64 {
        SCRATCH_BYTES
    }
}

/// What a call may write, where the sandbox has a place for it.
pub(super) const SCRATCH_BYTES: u64 = 1 << 20;

/// `GET https://a.test/ x-a=1 auth=token body=…`.
async fn shown(request: HttpRequest) -> Result<String, HttpError> {
    let mut text = format!("{} {}", request.method, request.url);
    for field in &request.headers {
        text += &format!(" {}={}", field.name, String::from_utf8_lossy(&field.value));
    }
    if let Some(auth) = request.auth {
        text += &format!(" auth={auth}");
    }
    let body = request.body.whole().await?;
    if !body.is_empty() {
        text += &format!(" body={}", String::from_utf8_lossy(&body));
    }
    Ok(text)
}

fn piece_of(piece: &'static str) -> Result<Bytes, HttpError> {
    match piece {
        "!" => Err(HttpError::Interrupted("cut".into())),
        piece => Ok(piece.into()),
    }
}

/// A call with these limits through this gate.
pub(super) fn call(limits: Limits, gate: Gate) -> Call {
    Call { limits, host: Box::new(TestHost(gate)) }
}
