//! The audit log.

use std::sync::Arc;

use strongroom_vault::{AuditEntry, AuditKeyUse, Vault};

use crate::{
    context::Context,
    contract::strongroom::{
        AuditKey, AuditRecord, ExportAuditEvent, ExportAuditRequest, ListAuditRequest,
        ListAuditResponse,
        export_audit_event::{Done, Event},
    },
    failure::{Failure, codes},
    long_work::Telling,
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

pub(super) async fn export(
    vault: Arc<Vault>,
    context: Context,
    _message: ExportAuditRequest,
    telling: Arc<Telling<ExportAuditEvent>>,
) -> Result<ExportAuditEvent, Failure> {
    let event = |event| ExportAuditEvent { event: Some(event) };
    let mut export = vault.export_audit(&context.caller()).await?;
    while let Some(lines) = export.next().await? {
        if !telling.hand(event(Event::Lines(lines))).await {
            let what = "the audit log was not taken to its end";
            return Err(Failure::own(codes::NOT_TAKEN, what));
        }
    }
    let (head, keys) = (export.head(), export.keys().into_iter());
    Ok(event(Event::Done(Done {
        records: head.records,
        head: head.hash.to_vec(),
        audit_keys: keys.map(audit_key).collect(),
    })))
}

fn audit_key(used: AuditKeyUse) -> AuditKey {
    AuditKey {
        fingerprint: used.fingerprint,
        public_key: used.public_key,
        first_checkpoint: used.first_checkpoint,
        introduced_by: used.introduced_by,
    }
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
