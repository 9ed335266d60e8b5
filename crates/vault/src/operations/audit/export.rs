//! Exporting the audit log.

use super::AuditWalk;
use crate::{
    audit::{
        AuditHead,
        export::{AuditKeyUse, AuditKeys, Line},
    },
    caller::Caller,
    error::VaultError,
    recall::safe_point,
    vault::Vault,
};

/// An export of the audit log on its way: lines of JSON, some at a time.
pub struct AuditExport {
    walk: AuditWalk,
    keys: AuditKeys,
    beginning: Option<Line>,
    ended: bool,
}

impl std::fmt::Debug for AuditExport {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("AuditExport").finish_non_exhaustive()
    }
}

impl Vault {
    /// Exports the audit log as it is now. First a checkpoint is signed, if the newest record is none: only what a checkpoint
    /// vouches for can be verified elsewhere.
    ///
    /// # Errors
    /// As [`Vault::sign_audit_checkpoint`].
    pub async fn export_audit(&self, caller: &Caller) -> Result<AuditExport, VaultError> {
        self.sign_audit_checkpoint(caller).await?;
        Ok(AuditExport {
            walk: self.audit_walk(AuditHead::default()).await?,
            keys: AuditKeys::default(),
            beginning: Some(Line::beginning(self.id(), self.now())),
            ended: false,
        })
    }
}

impl AuditExport {
    /// The next lines, each with its end; none after the last. The log is verified on the way.
    ///
    /// # Errors
    /// As [`Vault::walk_audit`].
    pub async fn next(&mut self) -> Result<Option<Vec<u8>>, VaultError> {
        if self.ended {
            return Ok(None);
        }
        let mut text = Vec::new();
        if let Some(beginning) = self.beginning.take() {
            beginning.write_to(&mut text)?;
        }
        safe_point()?;
        let page = self.walk.page().await?;
        for walked in &page {
            self.keys.look_at(&walked.entry, walked.checkpoint.as_ref());
            Line::record(&walked.row)?.write_to(&mut text)?;
        }
        if page.is_empty() {
            self.ended = true;
            Line::end(self.head().records, &self.keys).write_to(&mut text)?;
        }
        Ok(Some(text))
    }

    /// The last record that was handed out.
    #[must_use]
    pub fn head(&self) -> AuditHead {
        self.walk.walk.head()
    }

    /// The audit keys that signed checkpoints so far.
    #[must_use]
    pub fn keys(&self) -> Vec<AuditKeyUse> {
        self.keys.uses()
    }
}
