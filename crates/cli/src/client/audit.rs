//! The audit log.

use strongroom_vault::AuditEntry;

use super::Client;

/// An audit log whose chain was verified.
pub(crate) struct VerifiedAudit {
    pub(crate) records: u64,
    pub(crate) head: Vec<u8>,
}

impl Client {
    /// The newest `last` records, or all, oldest first. The chain is verified on the way.
    pub(crate) async fn audit_records(
        &self,
        last: Option<usize>,
    ) -> anyhow::Result<Vec<AuditEntry>> {
        let session = match self {
            Self::Here(session) => session,
            Self::There(server) => return server.audit_records(last).await,
        };
        let mut records = Vec::new();
        let vault = &session.vault;
        vault.walk_audit(|entry| records.push(entry)).await?;
        let skip = records.len().saturating_sub(last.unwrap_or(usize::MAX));
        Ok(records.split_off(skip))
    }

    /// Verifies the chain; `tick` is called on the way.
    pub(crate) async fn verify_audit(&self, tick: impl Fn()) -> anyhow::Result<VerifiedAudit> {
        match self {
            Self::Here(session) => {
                let verified = session.vault.walk_audit(|_entry| tick()).await?;
                Ok(VerifiedAudit {
                    records: verified.records,
                    head: verified.head.to_vec(),
                })
            }
            Self::There(server) => server.verify_audit().await,
        }
    }
}
