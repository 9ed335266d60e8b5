//! The audit log of a server.

use serde_json::json;
use strongroom_server::contract::strongroom::{AuditRecord, ListAuditRequest, ListAuditResponse};
use strongroom_vault::AuditEntry;

use super::{RemoteError, Server};
use crate::client::VerifiedAudit;

/// So many records are asked for at a time.
const PAGE: u32 = 10_000;

impl Server {
    pub(crate) async fn walk_audit(
        &self,
        newest: Option<usize>,
        mut each: impl FnMut(AuditEntry),
    ) -> anyhow::Result<()> {
        let newest = newest.and_then(|newest| u64::try_from(newest).ok());
        let mut after = match newest {
            Some(newest) => self.verify_audit().await?.records.saturating_sub(newest),
            None => 0,
        };
        loop {
            let page = self.audit_after(after, PAGE).await?;
            let Some(last) = page.records.last() else {
                return Ok(());
            };
            after = last.sequence;
            for record in page.records {
                each(entry(record)?);
            }
        }
    }

    pub(crate) async fn verify_audit(&self) -> anyhow::Result<VerifiedAudit> {
        let page = self.audit_after(u64::MAX, 1).await?;
        Ok(VerifiedAudit {
            records: page.verified,
            head: page.head,
            checkpoint: None,
        })
    }

    async fn audit_after(&self, after: u64, limit: u32) -> Result<ListAuditResponse, RemoteError> {
        let request = ListAuditRequest { after, limit };
        Ok(self.operations().list_audit(request).await?.into_inner())
    }
}

/// The record under the names that it has in the log.
fn entry(record: AuditRecord) -> Result<AuditEntry, RemoteError> {
    let some = |text: String| Some(text).filter(|text| !text.is_empty());
    let named = json!({
        "sequence": record.sequence,
        "time_micros": record.time,
        "caller": record.caller,
        "operation": record.operation,
        "outcome": record.outcome,
        "key": some(record.key),
        "trace_id": some(record.trace_id),
        "details": record.details,
        "lease": (record.lease != 0).then_some(record.lease),
    });
    serde_json::from_value(named).map_err(|error| RemoteError::unreadable(&error))
}
