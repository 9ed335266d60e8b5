//! What the rows add up to, from what the vault knows of them.

use strongroom_store::{DataKeyRecord, VaultRecord};

use crate::{
    authenticate::{self, Found},
    data_keys::OpenedDataKey,
    error::VaultError,
    vault::Vault,
};

impl Vault {
    /// The sum over all rows but keys and topology, as it is when `current` is the current data key and `records` are the rows
    /// of all.
    pub(crate) fn sum_beside_keys(
        &self,
        current: &OpenedDataKey,
        records: &[DataKeyRecord],
    ) -> Result<Found, VaultError> {
        let vault = VaultRecord {
            id: self.id(),
            created_at: self.created_at(),
            current_data_key: current.id,
            state: Vec::new(),
        };
        let wraps = [self.wrap_records().all(), self.wrap_records().of_retired()];
        let mut found = authenticate::metadata(&vault, records, &wraps.concat(), current)?;
        let identity = self.identity().into_iter();
        let rotations = self.rotations().into_iter();
        let journal = self.journal().entries().into_iter();
        let backups = self.backups().into_iter();
        let approvals = self.approvals().into_iter();
        identity
            .map(|row| row.element(current))
            .chain(rotations.map(|row| row.element(current)))
            .chain(journal.map(|row| row.element(current)))
            .chain(backups.map(|row| row.element(current)))
            .chain(approvals.map(|row| row.element(current)))
            .for_each(|element| found.add(&element));
        Ok(found)
    }
}
