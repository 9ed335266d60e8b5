//! The audit log.

use std::sync::Arc;

use prost::Message as _;
use strongroom_vault::{AuditCheckpoint, AuditEntry, AuditHead, AuditKeyUse, Vault};

use crate::{
    concurrency::ConcurrencyLimit,
    context::Context,
    contract::strongroom::{
        AuditKey, AuditRecord, ExportAuditEvent, ExportAuditRequest, ListAuditRequest,
        ListAuditResponse,
        export_audit_event::{Done, Event},
    },
    failure::Failure,
    long_work::{Doing, Telling},
};

/// Records of one answer, if nothing is said and at most.
const USUAL: usize = 1000;
const MOST: usize = 10_000;

/// Their bytes: an answer with more could not be sent, whatever was asked for.
const MOST_BYTES: usize = 4 * 1024 * 1024;

pub(super) async fn list(
    vault: Arc<Vault>,
    context: Context,
    message: ListAuditRequest,
    limit: ConcurrencyLimit,
) -> Result<ListAuditResponse, Failure> {
    let _permit = limit.acquire(&context.subject).await?;
    let limit = match usize::try_from(message.limit) {
        Ok(0) => USUAL,
        Ok(limit) => limit.min(MOST),
        Err(_too_large) => MOST,
    };
    let mut page = Page::new(limit, MOST_BYTES);
    let (verified, checkpoint) = match message.page_token.as_str() {
        "" => walk_all(&vault, message.after, &mut page).await?,
        token => (read_on(&vault, token, &mut page).await?, None),
    };
    Ok(ListAuditResponse {
        next_page_token: page.next(vault.audit_head().await),
        records: page.records,
        verified: verified.records,
        head: verified.hash.to_vec(),
        checkpoint: checkpoint.map_or(0, |checkpoint| checkpoint.sequence),
    })
}

/// The page after a number, where the log ends, all of which is verified, and its newest checkpoint.
async fn walk_all(
    vault: &Vault,
    after: u64,
    page: &mut Page,
) -> Result<(AuditHead, Option<AuditCheckpoint>), Failure> {
    let verified = vault
        .walk_audit_with_places(|entry, place| {
            if entry.sequence > after {
                page.take(place, || record(entry));
            }
        })
        .await?;
    Ok((verified.place(), verified.checkpoint))
}

/// The page after a place, and where it ends: it costs what it holds.
async fn read_on(vault: &Vault, token: &str, page: &mut Page) -> Result<AuditHead, Failure> {
    let after = token.parse::<AuditHead>();
    let after =
        after.map_err(|error| Failure::unreadable(format!("Field `page_token`: {error}")))?;
    let limit = page.limit;
    let take = |entry, place| page.take(place, || record(entry));
    let upto = vault.read_audit(after, limit, take).await?;
    upto.ok_or_else(|| {
        Failure::unreadable(
            "Field `page_token`: the log has no such place, read it from its beginning",
        )
    })
}

/// Records in their order, until so many are there, or so many bytes; the first one in any case.
struct Page {
    records: Vec<AuditRecord>,
    /// Where the last of them stands.
    place: Option<AuditHead>,
    limit: usize,
    bytes_left: usize,
}

impl Page {
    const fn new(limit: usize, bytes: usize) -> Self {
        Self {
            records: Vec::new(),
            place: None,
            limit,
            bytes_left: bytes,
        }
    }

    /// What follows on one that did not fit does not fit either: a page has no gaps. False: it did not fit.
    fn take(&mut self, place: AuditHead, record: impl FnOnce() -> AuditRecord) -> bool {
        if self.records.len() >= self.limit {
            return false;
        }
        let record = record();
        match self.bytes_left.checked_sub(record.encoded_len()) {
            Some(left) => self.bytes_left = left,
            None if self.records.is_empty() => self.limit = 1,
            None => {
                self.limit = 0;
                return false;
            }
        }
        self.records.push(record);
        self.place = Some(place);
        true
    }

    /// Where the next page begins, if the log goes on up to `end`.
    fn next(&self, end: AuditHead) -> String {
        let goes_on = |place: &AuditHead| place.records < end.records;
        let next = self.place.filter(goes_on);
        next.map(|place| place.to_string()).unwrap_or_default()
    }
}

pub(super) async fn export(
    vault: Arc<Vault>,
    context: Context,
    _message: ExportAuditRequest,
    telling: Arc<Telling<ExportAuditEvent>>,
    limit: ConcurrencyLimit,
) -> Result<impl Doing<ExportAuditEvent>, Failure> {
    let permit = limit.try_acquire(&context.subject)?;
    Ok(async move {
        let _permit = permit;
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
    })
}

fn audit_key(used: AuditKeyUse) -> AuditKey {
    AuditKey {
        fingerprint: used.fingerprint,
        public_key: used.public_key,
        first_checkpoint: used.first_checkpoint,
        introduced_by: used.introduced_by,
    }
}

pub(super) fn record(entry: AuditEntry) -> AuditRecord {
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
            page.take(AuditHead::default(), || AuditRecord {
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
