//! The audit log.

use std::path::Path;

use strongroom_vault::{AuditEntry, AuditHead, AuditKeyUse};

use super::Client;
use crate::{new_file::NewFile, session::Session};

/// An audit log whose chain was verified.
pub(crate) struct VerifiedAudit {
    pub(crate) records: u64,
    pub(crate) head: Vec<u8>,
    /// The newest record that is a checkpoint, where it is known.
    pub(crate) checkpoint: Option<u64>,
}

/// An audit log that was written to a file.
pub(crate) struct ExportedAudit {
    /// The last record.
    pub(crate) head: AuditHead,
    pub(crate) audit_keys: Vec<AuditKeyUse>,
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

    /// Writes the log to a new file.
    pub(crate) async fn export_audit(&self, path: &Path) -> anyhow::Result<ExportedAudit> {
        let file = NewFile::begin(path);
        let exported = match self {
            Self::Here(session) => export(session, &file).await,
            Self::There(server) => server.export_audit(&file).await,
        };
        match exported {
            Ok(exported) => file.end().await.map(|()| exported),
            Err(error) => {
                file.give_up().await;
                Err(error)
            }
        }
    }
}

async fn export(session: &Session, file: &NewFile) -> anyhow::Result<ExportedAudit> {
    let mut export = session.vault.export_audit(&session.caller).await?;
    while let Some(lines) = export.next().await? {
        if !file.add(lines).await {
            break;
        }
    }
    Ok(ExportedAudit {
        head: export.head(),
        audit_keys: export.keys(),
    })
}
