//! The audit log of a server.

use serde_json::json;
use strongroom_server::contract::strongroom::{
    AuditKey, AuditRecord, ExportAuditRequest, FollowAuditEvent, FollowAuditRequest,
    ListAuditRequest, ListAuditResponse, ShowAuditKeyRequest, export_audit_event::Event,
};
use strongroom_vault::{AuditEntry, AuditHead, AuditKeyUse};

use tonic::Streaming;

use super::{RemoteError, Server};
use crate::{
    client::{ExportedAudit, ShownAuditKey, VerifiedAudit},
    new_file::NewFile,
};

/// So many records are asked for at a time.
const PAGE: u32 = 10_000;

impl Server {
    pub(crate) async fn walk_audit(
        &self,
        newest: Option<usize>,
        mut each: impl FnMut(AuditEntry),
    ) -> anyhow::Result<()> {
        let newest = newest.and_then(|newest| u64::try_from(newest).ok());
        let after = match newest {
            Some(newest) => self.verify_audit().await?.records.saturating_sub(newest),
            None => 0,
        };
        // The first answer verifies all of the log, the later ones that they follow on it.
        let mut page = self.audit_after(after, PAGE).await?;
        loop {
            for record in page.records {
                each(entry(record)?);
            }
            if page.next_page_token.is_empty() {
                return Ok(());
            }
            page = self.audit_page(page.next_page_token).await?;
        }
    }

    pub(crate) async fn verify_audit(&self) -> anyhow::Result<VerifiedAudit> {
        let page = self.audit_after(u64::MAX, 1).await?;
        Ok(VerifiedAudit {
            records: page.verified,
            head: page.head,
            checkpoint: Some(page.checkpoint).filter(|newest| *newest != 0),
        })
    }

    pub(crate) async fn export_audit(&self, file: &NewFile) -> anyhow::Result<ExportedAudit> {
        let begun = self.operations().export_audit(ExportAuditRequest {}).await;
        let mut events = begun.map_err(RemoteError::from)?.into_inner();
        while let Some(told) = events.message().await.map_err(RemoteError::from)? {
            match told.event {
                Some(Event::Lines(lines)) => file.add(lines).await?,
                Some(Event::Done(done)) => {
                    let keys = done.audit_keys.into_iter().map(audit_key);
                    let hash = <[u8; 32]>::try_from(done.head.as_slice());
                    return Ok(ExportedAudit {
                        head: AuditHead {
                            records: done.records,
                            hash: hash.map_err(|error| RemoteError::unreadable(&error))?,
                        },
                        audit_keys: keys.collect::<Result<_, _>>()?,
                    });
                }
                None => {}
            }
        }
        Err(RemoteError::without("the end of the audit log").into())
    }

    async fn audit_after(&self, after: u64, limit: u32) -> Result<ListAuditResponse, RemoteError> {
        let request = ListAuditRequest {
            after,
            limit,
            page_token: String::new(),
        };
        Ok(self.operations().list_audit(request).await?.into_inner())
    }

    async fn audit_page(&self, page_token: String) -> Result<ListAuditResponse, RemoteError> {
        let request = ListAuditRequest {
            after: 0,
            limit: PAGE,
            page_token,
        };
        Ok(self.operations().list_audit(request).await?.into_inner())
    }
}

/// Records that come to a server's log.
pub(crate) struct FollowedAudit(Streaming<FollowAuditEvent>);

impl FollowedAudit {
    /// The next records; waits until there are some.
    pub(crate) async fn next(&mut self) -> anyhow::Result<Vec<AuditEntry>> {
        let event = self.event().await?;
        let entries = event.records.into_iter().map(entry);
        Ok(entries.collect::<Result<_, _>>()?)
    }

    async fn event(&mut self) -> Result<FollowAuditEvent, RemoteError> {
        let reason = "it stopped telling of records".to_owned();
        let event = self.0.message().await?;
        event.ok_or(RemoteError::Gone { reason })
    }
}

impl Server {
    pub(crate) async fn follow_audit(
        &self,
        newest: Option<usize>,
        mut each: impl FnMut(AuditEntry),
    ) -> anyhow::Result<FollowedAudit> {
        let begun = self.operations().follow_audit(FollowAuditRequest {}).await;
        let mut followed = FollowedAudit(begun.map_err(RemoteError::from)?.into_inner());
        let seen = followed.event().await?.seen;
        // What came since then is told by the stream.
        self.walk_audit(newest, |entry| {
            if entry.sequence <= seen {
                each(entry);
            }
        })
        .await?;
        Ok(followed)
    }

    pub(crate) async fn audit_key(&self) -> anyhow::Result<ShownAuditKey> {
        let shown = self
            .operations()
            .show_audit_key(ShowAuditKeyRequest {})
            .await;
        let shown = shown.map_err(RemoteError::from)?.into_inner();
        Ok(ShownAuditKey {
            fingerprint: shown.fingerprint,
            spec: shown.spec,
            public_key: shown.public_key,
        })
    }
}

fn audit_key(key: AuditKey) -> Result<AuditKeyUse, RemoteError> {
    let named = json!({
        "fingerprint": key.fingerprint,
        "public_key": key.public_key,
        "first_checkpoint": key.first_checkpoint,
        "introduced_by": key.introduced_by,
    });
    serde_json::from_value(named).map_err(|error| RemoteError::unreadable(&error))
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
