//! The audit log.

use strongroom_vault::AuditEntry;

use super::Client;

/// An audit log whose chain was verified.
pub(crate) struct VerifiedAudit {
    pub(crate) records: u64,
    pub(crate) head: Vec<u8>,
    /// The newest record that is a checkpoint, where it is known.
    pub(crate) checkpoint: Option<u64>,
}

impl Client {
    /// Hands over every record, or the `newest` ones if no more are wanted, oldest first. The chain is verified on the way.
    pub(crate) async fn walk_audit(
        &self,
        newest: Option<usize>,
        each: impl FnMut(AuditEntry),
    ) -> anyhow::Result<()> {
        match self {
            Self::Here(session) => {
                session.vault.walk_audit(each).await?;
                Ok(())
            }
            Self::There(server) => server.walk_audit(newest, each).await,
        }
    }

    /// Verifies the chain; `tick` is called on the way.
    pub(crate) async fn verify_audit(&self, tick: impl Fn()) -> anyhow::Result<VerifiedAudit> {
        match self {
            Self::Here(session) => {
                let verified = session.vault.walk_audit(|_entry| tick()).await?;
                Ok(VerifiedAudit {
                    records: verified.records,
                    head: verified.head.to_vec(),
                    checkpoint: verified.checkpoint.map(|checkpoint| checkpoint.sequence),
                })
            }
            Self::There(server) => server.verify_audit().await,
        }
    }
}
