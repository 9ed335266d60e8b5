//! Backups that the vault remembers.

use strongroom_server::access::Operation;
use strongroom_store::BackupId;

use super::Client;
use crate::{commands::backup::view::BackupView, output};

/// What a second person approves before a vault signs again, also where that is asked for together with the restoring.
pub(crate) const RELEASE: &str = "backup release";

/// The backups that a vault remembers.
pub(crate) struct Backups {
    /// The oldest first.
    pub(crate) all: Vec<BackupView>,
    /// When the newest verified one was made.
    pub(crate) last_verified: Option<String>,
}

/// A vault that signs again, or, if somebody was faster, has been restored anew.
pub(crate) struct Released {
    pub(crate) vault_id: String,
    pub(crate) quarantine: bool,
}

impl Client {
    pub(crate) async fn backups(&self) -> anyhow::Result<Backups> {
        match self {
            Self::Here(session) => Ok(Backups {
                all: session.vault.backups().iter().map(BackupView::of).collect(),
                last_verified: session.vault.last_verified_backup().map(output::moment),
            }),
            Self::There(server) => server.backups().await,
        }
    }

    /// Has the vault count on a backup no longer.
    pub(crate) async fn forget_backup(&self, id: BackupId) -> anyhow::Result<BackupView> {
        match self {
            Self::Here(session) => {
                let request = format!("backup forget {id}");
                session.approved(Operation::BackupForget, &request).await?;
                let (vault, caller) = (&session.vault, &session.caller);
                Ok(BackupView::of(&vault.forget_backup(caller, id).await?))
            }
            Self::There(server) => server.forget_backup(id).await,
        }
    }

    /// Ends the quarantine of a restored vault.
    pub(crate) async fn release(&self) -> anyhow::Result<Released> {
        match self {
            Self::Here(session) => {
                session.approved(Operation::BackupRelease, RELEASE).await?;
                session.vault.release(&session.caller).await?;
                Ok(Released {
                    vault_id: session.vault.id().to_string(),
                    quarantine: session.vault.is_quarantined(),
                })
            }
            Self::There(server) => server.release().await,
        }
    }
}
