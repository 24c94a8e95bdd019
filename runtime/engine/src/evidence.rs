//! The audit log, and whether it and the journals are still what was written.

use wharf_store::{AuditRow, Journals, RunId, StoreError, Verified};

use crate::{engine::Engine, error::EngineError};

impl Engine {
    /// One page of the audit log, newest first; `before` is the last row of the page before.
    pub async fn audit(&self, before: Option<u64>, limit: usize) -> Result<Vec<AuditRow>, EngineError> {
        Ok(self.inner.store.audit(before, limit).await?)
    }

    /// Checks the audit log from end to end, against an earlier answer if there is one; what is wrong with
    /// it is the inner error.
    pub async fn verify_audit(
        &self,
        known: Option<Verified>,
    ) -> Result<Result<Verified, String>, EngineError> {
        match self.inner.store.verify_audit(known).await {
            Ok(verified) => Ok(Ok(verified)),
            Err(StoreError::Corrupt { what, reason }) => Ok(Err(format!("{what}: {reason}"))),
            Err(error) => Err(error.into()),
        }
    }

    /// Checks the journals of a page of runs, in the order of their ids.
    pub async fn verify_journals(&self, after: Option<RunId>) -> Result<Journals, EngineError> {
        Ok(self.inner.store.verify_journals(after).await?)
    }
}
