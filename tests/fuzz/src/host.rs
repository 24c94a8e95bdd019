//! A host that answers everything a guest may ask, with little.

use async_trait::async_trait;
use wharf_model::{
    http::{Field, HttpRequest, HttpResponse},
    manifest::HashAlgorithm,
    time::Timestamp,
};
use wharf_sandbox::{CredentialError, Exchange, Host, StoreError, StoreScope};

/// See the module.
pub(crate) struct Plain;

#[async_trait]
impl Host for Plain {
    fn http(&mut self, _: HttpRequest) -> Exchange {
        let body = vec![b'x'; 100].into();
        let response = HttpResponse { status: 200, headers: vec![Field::new("a", "b")], body };
        Box::pin(std::future::ready(Ok(response)))
    }

    fn now(&self) -> Timestamp {
        Timestamp(1_000)
    }

    fn seed(&self) -> [u8; 32] {
        [7; 32]
    }

    fn has_slot(&self, _: &str) -> bool {
        true
    }

    fn hmac(&self, _: &str, _: HashAlgorithm, data: &[u8]) -> Result<Vec<u8>, CredentialError> {
        Ok(data.iter().take(32).copied().collect())
    }

    async fn store_get(&mut self, _: StoreScope, key: &str) -> Result<Option<Vec<u8>>, StoreError> {
        Ok(Some(key.into()))
    }
}
