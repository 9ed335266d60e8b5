//! The audit log.

use std::sync::Arc;

use prost::Message as _;
use strongroom_vault::{AuditEntry, AuditKeyUse, Vault};

use crate::{
    bounds::Bound,
    context::Context,
    contract::strongroom::{
        AuditKey, AuditRecord, ExportAuditEvent, ExportAuditRequest, ListAuditRequest,
        ListAuditResponse,
        export_audit_event::{Done, Event},
    },
    failure::Failure,
    long_work::Telling,
};

/// Records of one answer, if nothing is said and at most.
const USUAL: usize = 1000;
const MOST: usize = 10_000;

/// Their bytes: an answer with more could not be sent, whatever was asked for.
const MOST_BYTES: usize = 4 * 1024 * 1024;

pub(super) async fn list(
    vault: Arc<Vault>,
    _context: Context,
    message: ListAuditRequest,
    bound: Bound,
) -> Result<ListAuditResponse, Failure> {
    let _place = bound.enter().await?;
    let limit = match usize::try_from(message.limit) {
        Ok(0) => USUAL,
        Ok(limit) => limit.min(MOST),
        Err(_too_large) => MOST,
    };
    let mut page = Page::new(limit, MOST_BYTES);
    let verified = vault
        .walk_audit(|entry| {
            if entry.sequence > message.after {
                page.take(|| record(entry));
            }
        })
        .await?;
    Ok(ListAuditResponse {
        records: page.records,
        verified: verified.records,
        head: verified.head.to_vec(),
    })
}

/// Records in their order, until so many are there, or so many bytes; the first one in any case.
struct Page {
    records: Vec<AuditRecord>,
    limit: usize,
    bytes_left: usize,
}

impl Page {
    const fn new(limit: usize, bytes: usize) -> Self {
        Self {
            records: Vec::new(),
            limit,
            bytes_left: bytes,
        }
    }

    /// What follows on one that did not fit does not fit either: a page has no gaps.
    fn take(&mut self, record: impl FnOnce() -> AuditRecord) {
        if self.records.len() >= self.limit {
            return;
        }
        let record = record();
        match self.bytes_left.checked_sub(record.encoded_len()) {
            Some(left) => self.bytes_left = left,
            None if self.records.is_empty() => self.limit = 1,
            None => {
                self.limit = 0;
                return;
            }
        }
        self.records.push(record);
    }
}

pub(super) async fn export(
    vault: Arc<Vault>,
    context: Context,
    _message: ExportAuditRequest,
    telling: Arc<Telling<ExportAuditEvent>>,
    bound: Bound,
) -> Result<ExportAuditEvent, Failure> {
    let _place = bound.enter_now()?;
    let event = |event| ExportAuditEvent { event: Some(event) };
    let mut export = vault.export_audit(&context.caller()).await?;
    while let Some(lines) = export.next().await? {
        if !telling.hand(event(Event::Lines(lines))).await {
            return Err(telling.not_taken("the audit log was not taken to its end"));
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

#[cfg(test)]
mod tests {
    use super::*;

    fn sequences(limit: usize, bytes: usize, names: &[usize]) -> Vec<u64> {
        let mut page = Page::new(limit, bytes);
        for (number, length) in (1..).zip(names) {
            page.take(|| AuditRecord {
                sequence: number,
                caller: "x".repeat(*length),
                ..AuditRecord::default()
            });
        }
        page.records.iter().map(|record| record.sequence).collect()
    }

    #[test]
    fn a_page_ends_at_its_records_or_its_bytes_and_has_no_gaps() {
        assert_eq!(sequences(2, 1000, &[10, 10, 10]), [1, 2]);
        assert_eq!(sequences(9, 100, &[50, 90, 1]), [1]);
        assert_eq!(sequences(9, 100, &[50, 10, 90]), [1, 2]);
        // Whoever asks on gets on.
        assert_eq!(sequences(9, 100, &[500, 1]), [1]);
    }
}
