//! Reading and verifying the audit log.

use crate::{
    audit::{AuditEntry, AuditVerification, ChainWalk},
    error::VaultError,
    vault::Vault,
};

/// Records read at a time.
const PAGE: usize = 1024;

impl Vault {
    /// Walks the audit log from its beginning, hands each record to `visit`, and verifies the chain on the way.
    ///
    /// # Errors
    /// [`VaultError::AuditBroken`] names the first record that was removed, changed or put in another place; a cut tail
    /// counts as such. Errors of the store.
    pub async fn walk_audit(
        &self,
        mut visit: impl FnMut(AuditEntry),
    ) -> Result<AuditVerification, VaultError> {
        // The state of this moment: records that others append meanwhile are beyond it.
        let state = self.committed().lock().await.state.clone();
        let mut snapshot = self.environment().store.read().await?;
        let mut walk = ChainWalk::default();
        while walk.records() < state.audit_records {
            let rows = snapshot.audit_after(walk.records(), PAGE).await?;
            if rows.is_empty() {
                return Err(VaultError::AuditBroken {
                    sequence: walk.records() + 1,
                });
            }
            let left = usize::try_from(state.audit_records - walk.records()).unwrap_or(usize::MAX);
            for row in rows.iter().take(left) {
                visit(walk.step(row)?);
            }
        }
        if walk.head() != &state.audit_head {
            return Err(VaultError::AuditBroken {
                sequence: walk.records(),
            });
        }
        Ok(AuditVerification::new(&walk))
    }
}
