//! What a rotation would do, without doing it; and what there is to move.

use std::collections::BTreeMap;

use strongroom_store::{DataKeyId, Sealing};

use super::machine::{self, Choice, RotationPlan, RotationRequest, RowsToMove, Survey};
use crate::{
    error::{VaultError, WrapperKeyError},
    vault::Vault,
};

impl Vault {
    /// What [`Vault::rotate_wrapper_key`] would do: which wraps are renewed, how many rows move, and how many calls each KMS
    /// gets. No KMS is asked, and nothing is changed.
    ///
    /// # Errors
    /// Those of an impossible request, as far as no KMS need be asked; errors of the store.
    pub async fn plan_wrapper_key_rotation(
        &self,
        request: &RotationRequest,
    ) -> Result<RotationPlan, VaultError> {
        let data_keys = self.data_keys();
        if data_keys.incoming().is_some() {
            return Err(WrapperKeyError::RotationUnderWay.into());
        }
        let wraps = self.wrap_names(data_keys.current().id);
        let choice = Choice::of(&wraps, request)?;
        self.configured_wrapper(&choice.kms)?;
        let topology = self.loaded_topology().await?.rows_not_under(NONE);
        let mut direct = BTreeMap::new();
        for (_key, wrapper_key_id) in self.direct_keys() {
            if wrapper_key_id == choice.replaced.1
                && let Some(holder) = self.holders_of(&wrapper_key_id).first()
            {
                *direct.entry(holder.name.clone()).or_default() += 1;
            }
        }
        let mut rows = self.rows_not_under(NONE, topology);
        let moving = direct.values().sum();
        // Those that another wrapper key sealed stay sealed, and are authenticated anew.
        rows.tagged += rows.direct - moving;
        rows.direct = moving;
        let inside = self.environment().kms.iter();
        let inside = inside.filter(|named| named.provider.capabilities().rewraps_inside);
        Ok(machine::plan(&Survey {
            choice: &choice,
            rows,
            direct,
            rewrap_inside: inside.map(|named| named.name.clone()).collect(),
        }))
    }

    /// Counts the rows that are not under `data_key`; those of topology were counted before.
    pub(super) fn rows_not_under(&self, data_key: DataKeyId, topology: u64) -> RowsToMove {
        let wrapper_keys = self.wrapper_keys_of(data_key);
        let mut rows = RowsToMove {
            topology,
            ..RowsToMove::default()
        };
        self.directory().for_each(|entry| {
            if entry.is_under(data_key, &wrapper_keys) {
                return;
            }
            match entry.private.as_ref() {
                Some(half) if half.sealing == Sealing::DataKey => rows.sealed += 1,
                Some(half) if half.is_sealed_by_other_than(&wrapper_keys) => rows.direct += 1,
                _ => rows.tagged += 1,
            }
        });
        let identity = self.identity().into_iter().map(|row| row.data_key);
        let rotations = self.rotations().into_iter().map(|row| row.data_key);
        let journal = self.journal().entries().into_iter().map(|row| row.data_key);
        let backups = self.backups().into_iter().map(|row| row.data_key);
        let approvals = self.approvals().into_iter().map(|row| row.data_key);
        let named = identity.chain(rotations).chain(journal);
        let named = named.chain(backups).chain(approvals);
        rows.node = named.filter(|id| *id != data_key).map(|_| 1).sum();
        rows
    }
}

/// No data key has this id: every row is under another one.
const NONE: DataKeyId = DataKeyId::from_bytes([0; 16]);
