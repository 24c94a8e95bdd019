//! A host that answers what a case wants.

use async_trait::async_trait;
use bytes::Bytes;
use wharf_model::{
    grant::Limits,
    http::{HttpRequest, HttpResponse},
    time::Timestamp,
};

use crate::{BlobError, Call, Exchange, Host, StoreError, StoreScope};

/// How the gate of a case answers.
#[derive(Clone, Copy, Debug)]
pub(super) enum Gate {
    /// Status 200 and this body.
    Answers(&'static str),
    /// Status 200 and so many bytes.
    Floods(usize),
    /// Never.
    Hangs,
}

pub(super) struct TestHost(pub(super) Gate);

#[async_trait]
impl Host for TestHost {
    fn http(&mut self, _: HttpRequest) -> Exchange {
        let gate = self.0;
        Box::pin(async move {
            let body = match gate {
                Gate::Answers(body) => body.into(),
                Gate::Floods(bytes) => vec![b'x'; bytes].into(),
                Gate::Hangs => std::future::pending().await,
            };
            Ok(HttpResponse { status: 200, headers: Vec::new(), body })
        })
    }

    /// The key is the value.
    async fn store_get(&mut self, _: StoreScope, key: &str) -> Result<Option<Vec<u8>>, StoreError> {
        Ok(Some(key.into()))
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
}

/// A call with these limits through this gate.
pub(super) fn call(limits: Limits, gate: Gate) -> Call {
    Call { limits, host: Box::new(TestHost(gate)) }
}
