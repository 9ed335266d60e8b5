//! Units of work in which entries of the journal of KMS keys come and go.

use super::{Unit, contradicted};
use crate::{committed::Change, error::VaultError, journal::JournalEntry};

impl Unit<'_> {
    /// What leaves the digest must be what stands in it. Asked within the unit, when everything before it is settled.
    fn known_journal_entry(&self, entry: &JournalEntry) -> Result<JournalEntry, VaultError> {
        let known = self.vault.journal().same(entry);
        known.ok_or(VaultError::ChangedUnderneath)
    }

    /// Puts an entry into the journal of KMS keys, in the place of `before`.
    pub(crate) async fn put_journal(
        &mut self,
        before: Option<&JournalEntry>,
        entry: JournalEntry,
    ) -> Result<(), VaultError> {
        let (entry, record) = entry.under(self.data_keys.writing().id, &self.data_keys)?;
        self.transaction
            .put_kms_journal(record)
            .await
            .map_err(contradicted)?;
        if let Some(before) = before {
            let known = self.known_journal_entry(before)?;
            self.leave(&known.element(self.data_keys.current()));
        }
        self.enter(&entry.element(self.data_keys.current()));
        self.changes.push(Change::Journalled(entry));
        Ok(())
    }

    /// Strikes an entry out of the journal of KMS keys.
    pub(crate) async fn end_journal(&mut self, entry: &JournalEntry) -> Result<(), VaultError> {
        let known = self.known_journal_entry(entry)?;
        self.transaction
            .delete_kms_journal(entry.id())
            .await
            .map_err(contradicted)?;
        self.leave(&known.element(self.data_keys.current()));
        self.changes.push(Change::Struck(entry.id()));
        Ok(())
    }

    /// Lets the time begin anew after which keys that left the vault are destroyed.
    pub(crate) async fn postpone_destructions(&mut self) -> Result<(), VaultError> {
        for entry in self.vault.journal().entries() {
            if let Some(postponed) = entry.postponed(self.vault.destruction_due()) {
                self.put_journal(Some(&entry), postponed).await?;
            }
        }
        Ok(())
    }
}
