//! Units of work in which approvals come and go.

use std::sync::Arc;

use super::{Unit, contradicted};
use crate::{
    approvals::{Approval, NewApproval},
    committed::Change,
    error::VaultError,
    rows,
};

impl Unit<'_> {
    /// Puts an approval in, in the place of what is known of the one with its id.
    pub(crate) async fn put_approval(&mut self, new: &NewApproval) -> Result<(), VaultError> {
        let data_keys = Arc::clone(&self.data_keys);
        let mut record = new.record(data_keys.writing(), self.vault.random())?;
        record.mac = rows::tag_approval(&record, &data_keys)?;
        let approval = Approval::authentic(&record, &data_keys)?;
        self.transaction
            .put_approval(record)
            .await
            .map_err(contradicted)?;
        let current = data_keys.current();
        if let Some(before) = self.vault.approval_records().of(approval.id) {
            self.leave(&before.element(current));
        }
        self.enter(&approval.element(current));
        self.changes.push(Change::ApprovalPut(approval));
        Ok(())
    }

    /// Takes an approval away: it was used, or counts for nothing any more.
    pub(crate) async fn strike_approval(&mut self, approval: &Approval) -> Result<(), VaultError> {
        self.transaction
            .delete_approval(approval.id)
            .await
            .map_err(contradicted)?;
        self.leave(&approval.element(self.data_keys.current()));
        self.changes.push(Change::ApprovalStruck(approval.id));
        Ok(())
    }
}
