//! Units of work in which wraps come and go.

use strongroom_store::{Sealing, WrapRecord};

use super::{Unit, contradicted};
use crate::{
    committed::Change,
    data_keys::{OpenedBy, OpenedDataKey},
    error::VaultError,
    rows,
};

impl Unit<'_> {
    /// Whether the wraps of the data keys in use are still those that an act was planned with, before it asked KMSs. A data key that came
    /// or went shows here too: each has wraps.
    pub(crate) fn expect_wraps(&self, planned: &[WrapRecord]) -> Result<(), VaultError> {
        let now = self.vault.wrap_records().all();
        // Whoever caught up with others knows them in another order.
        if now.len() == planned.len() && now.iter().all(|wrap| planned.contains(wrap)) {
            Ok(())
        } else {
            Err(VaultError::ChangedUnderneath)
        }
    }

    /// Puts a wrap of a data key in.
    pub(crate) async fn insert_wrap(&mut self, record: WrapRecord) -> Result<(), VaultError> {
        self.transaction
            .insert_wrap(record.clone())
            .await
            .map_err(contradicted)?;
        self.enter(&wrap_element(&record, self.data_keys.current()));
        self.changes.push(Change::WrapAdded(record));
        Ok(())
    }

    /// Takes a wrap away, which must still be the row that was authenticated.
    pub(crate) async fn remove_wrap(&mut self, record: WrapRecord) -> Result<(), VaultError> {
        let stored = self.transaction.wraps(record.data_key_id).await?;
        if !stored.contains(&record) {
            return Err(VaultError::ChangedUnderneath);
        }
        self.transaction
            .delete_wrap(record.data_key_id, &record.kms, &record.wrapper_key_id)
            .await
            .map_err(contradicted)?;
        self.leave(&wrap_element(&record, self.data_keys.current()));
        self.changes.push(Change::WrapRemoved(record));
        Ok(())
    }

    /// Puts a wrap in the place of another, by which the vault may have been opened.
    pub(crate) async fn replace_wrap(
        &mut self,
        before: WrapRecord,
        after: WrapRecord,
    ) -> Result<(), VaultError> {
        let opened_by = self.data_keys.named(&before.data_key_id)?.opened_by();
        if *before.kms == *opened_by.kms && *before.wrapper_key_id == *opened_by.wrapper_key_id {
            let change = Change::Rewrapped(after.data_key_id, OpenedBy::new(&after));
            self.changes.push(change);
        }
        self.remove_wrap(before).await?;
        self.insert_wrap(after).await
    }

    /// A key that was sealed by its KMS just when the wrap of that wrapper key was taken away would be an orphan: nobody
    /// could tell any more which KMS opens it.
    pub(super) fn check_direct_keys(&self) -> Result<(), VaultError> {
        for change in &self.changes {
            if let Change::Put(entry) = change
                && let Some(private) = &entry.private
                && private.sealing == Sealing::Direct
                && let Some(wrapper_key_id) = &private.wrapper_key_id
                && !self.vault.wrap_records().know(wrapper_key_id)
            {
                return Err(VaultError::WrapNotFound {
                    wrapper_key_id: wrapper_key_id.as_ref().to_owned(),
                });
            }
        }
        Ok(())
    }
}

pub(super) fn wrap_element(record: &WrapRecord, current: &OpenedDataKey) -> rows::Tag {
    current.element(&rows::tag_wrap(record, current))
}
