//! The audit log.

use std::{path::Path, time::Duration};

use strongroom_vault::{AuditEntry, AuditHead, AuditKeyUse, Role, Vault};

use super::Client;
use crate::{failure::CliError, new_file::NewFile, remote::FollowedAudit, session::Session};

/// How often new records are looked for.
const LOOK_EVERY: Duration = Duration::from_secs(1);

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

/// The public half of the audit key.
pub(crate) struct ShownAuditKey {
    pub(crate) fingerprint: String,
    pub(crate) spec: String,
    /// As PEM.
    pub(crate) public_key: String,
}

/// An audit log as it grows.
pub(crate) enum Following<'c> {
    Here { vault: &'c Vault, seen: AuditHead },
    There(FollowedAudit),
}

impl Following<'_> {
    /// The next records, in their order; waits until there are some.
    pub(crate) async fn next(&mut self) -> anyhow::Result<Vec<AuditEntry>> {
        let (vault, seen) = match self {
            Self::Here { vault, seen } => (vault, seen),
            Self::There(followed) => return followed.next().await,
        };
        loop {
            tokio::time::sleep(LOOK_EVERY).await;
            vault.catch_up().await?;
            let (news, place) = vault.next_audit_records(*seen).await?;
            *seen = place;
            if !news.is_empty() {
                return Ok(news);
            }
        }
    }
}

impl Client {
    /// Hands over what is there, as [`Self::walk_audit`] does, and then follows: nothing is missed, and nothing comes twice.
    pub(crate) async fn follow_audit(
        &self,
        newest: Option<usize>,
        each: impl FnMut(AuditEntry),
    ) -> anyhow::Result<Following<'_>> {
        let session = match self {
            Self::Here(session) => session,
            Self::There(server) => {
                let followed = server.follow_audit(newest, each).await?;
                return Ok(Following::There(followed));
            }
        };
        let vault = &session.vault;
        // A process that is alone would wait for itself.
        if vault.standing().await.role == Role::Alone {
            return Err(CliError::FollowsNobody.into());
        }
        let seen = vault.walk_audit(each).await?.place();
        Ok(Following::Here { vault, seen })
    }

    pub(crate) async fn audit_key(&self) -> anyhow::Result<ShownAuditKey> {
        match self {
            Self::Here(session) => {
                let key = session.vault.audit_key()?;
                Ok(ShownAuditKey {
                    fingerprint: key.fingerprint().to_string(),
                    spec: key.spec().name().to_owned(),
                    public_key: key.to_pem(),
                })
            }
            Self::There(server) => server.audit_key().await,
        }
    }

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
            Err(error) => Err(file.give_up().await.unwrap_or(error)),
        }
    }
}

async fn export(session: &Session, file: &NewFile) -> anyhow::Result<ExportedAudit> {
    let mut export = session.vault.export_audit(&session.caller).await?;
    while let Some(lines) = export.next().await? {
        file.add(lines).await?;
    }
    Ok(ExportedAudit {
        head: export.head(),
        audit_keys: export.keys(),
    })
}
