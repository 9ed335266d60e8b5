//! The audit log.

use std::sync::Arc;

use strongroom_vault::{AuditEntry, Vault};

use crate::{
    context::Context,
    contract::strongroom::{AuditRecord, ListAuditRequest, ListAuditResponse},
    failure::Failure,
};

/// Records of one answer, if nothing is said and at most.
const USUAL: usize = 1000;
const MOST: usize = 10_000;

pub(super) async fn list(
    vault: Arc<Vault>,
    _context: Context,
    message: ListAuditRequest,
) -> Result<ListAuditResponse, Failure> {
    let limit = match usize::try_from(message.limit) {
        Ok(0) => USUAL,
        Ok(limit) => limit.min(MOST),
        Err(_too_large) => MOST,
    };
    let mut records = Vec::new();
    let verified = vault
        .walk_audit(|entry| {
            if entry.sequence > message.after && records.len() < limit {
                records.push(record(entry));
            }
        })
        .await?;
    Ok(ListAuditResponse {
        records,
        verified: verified.records,
        head: verified.head.to_vec(),
    })
}

fn record(entry: AuditEntry) -> AuditRecord {
    AuditRecord {
        sequence: entry.sequence,
        time: entry.time_micros,
        caller: entry.caller,
        operation: entry.operation.name().to_owned(),
        outcome: entry.outcome.name().to_owned(),
        key: entry.key.unwrap_or_default(),
        trace_id: entry.trace_id.unwrap_or_default(),
        details: entry.details.into_iter().collect(),
        lease: entry.lease.unwrap_or_default(),
    }
}
