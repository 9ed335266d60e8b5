//! Destroying keys.

use std::collections::BTreeMap;

use strongroom_crypto::Fingerprint;
use strongroom_store::Custody;

use crate::{
    audit::{AuditOperation, key_details},
    caller::Caller,
    directory::KeyEntry,
    error::VaultError,
    topology::TopologyTurn,
    unit::Unit,
    vault::Vault,
};

/// What shall become of a key in the KMS that holds it.
#[derive(Clone, Copy, PartialEq, Eq)]
enum InKms {
    /// It is destroyed, after some days in which that can be cancelled.
    Destroyed,
    Kept,
}

impl Vault {
    /// Destroys a key that no topology refers to, both halves, and wipes it from memory. It cannot be undone but from a
    /// backup.
    ///
    /// The bytes of a key that was stored in clear are scrubbed from the store's files. A key that a KMS holds leaves the vault
    /// first; the KMS destroys it some days later ([`CustodyDefaults::destroy_after`](crate::CustodyDefaults)), by
    /// [`Vault::destroy_due`] or by its own schedule. Until then [`Vault::keep_key`] cancels that, and [`Vault::release_key`]
    /// leaves it there from the beginning.
    ///
    /// # Errors
    /// [`VaultError::ExternalKeyRemains`] when the key left the vault and the KMS did not destroy it; [`VaultError::KeyAnnounced`] while others may verify with it or encrypt to it; [`VaultError::KeyNotFound`]; errors of
    /// the store, and then the key is still there.
    pub async fn delete_key(
        &self,
        caller: &Caller,
        fingerprint: &Fingerprint,
    ) -> Result<(), VaultError> {
        self.delete_unannounced(caller, fingerprint, InKms::Destroyed)
            .await
    }

    /// Takes a key that a KMS holds out of the vault, both halves, and leaves it in the KMS, from where it can be registered
    /// again.
    ///
    /// # Errors
    /// [`VaultError::NotHeldByKms`]; as [`Vault::delete_key`].
    pub async fn release_key(
        &self,
        caller: &Caller,
        fingerprint: &Fingerprint,
    ) -> Result<(), VaultError> {
        let entry = self.key(fingerprint)?;
        if !entry.is_held_by_kms() {
            return Err(VaultError::NotHeldByKms {
                fingerprint: *fingerprint,
            });
        }
        self.delete_unannounced(caller, fingerprint, InKms::Kept)
            .await
    }

    async fn delete_unannounced(
        &self,
        caller: &Caller,
        fingerprint: &Fingerprint,
        in_kms: InKms,
    ) -> Result<(), VaultError> {
        // Held until the key is gone, so that nobody announces it meanwhile.
        let turn = TopologyTurn::begin(self).await?;
        let places = turn.topology().references(fingerprint, self.now());
        if !places.is_empty() {
            return Err(VaultError::KeyAnnounced {
                fingerprint: *fingerprint,
                places,
            });
        }
        self.delete(caller, turn, fingerprint, in_kms, key_details)
            .await
    }

    /// As [`Vault::delete_key`], even if topology refers to the key: signatures that others ask of it can then never be
    /// given again, and what they encrypt to it is lost. The audit record says where it was announced.
    ///
    /// # Errors
    /// As [`Vault::delete_key`], without [`VaultError::KeyAnnounced`].
    pub async fn danger_delete_announced_key(
        &self,
        caller: &Caller,
        fingerprint: &Fingerprint,
    ) -> Result<(), VaultError> {
        let turn = TopologyTurn::begin(self).await?;
        let places = turn.topology().references(fingerprint, self.now());
        let details = |entry: &KeyEntry| {
            let mut details = key_details(entry);
            details.insert("announced".to_owned(), places.join(", "));
            details
        };
        self.delete(caller, turn, fingerprint, InKms::Destroyed, details)
            .await
    }

    async fn delete(
        &self,
        caller: &Caller,
        turn: TopologyTurn<'_>,
        fingerprint: &Fingerprint,
        in_kms: InKms,
        details: impl FnOnce(&KeyEntry) -> BTreeMap<String, String>,
    ) -> Result<(), VaultError> {
        let mut unit = Unit::begin(self).await?;
        let entry = self.key(fingerprint)?;
        let rotating = self.rotations().into_iter();
        if let Some(rotation) = rotating
            .into_iter()
            .find(|rotation| [rotation.old, rotation.new].contains(fingerprint))
        {
            return Err(VaultError::RotationUnderWay { old: rotation.old });
        }
        unit.delete_key(&entry).await?;
        let half = entry.private.as_ref();
        let held = half.and_then(|half| half.external.as_deref());
        let discarded = match held {
            Some(held) if in_kms == InKms::Destroyed => {
                Some(self.discard(&mut unit, &entry, held).await?)
            }
            _ => None,
        };
        unit.audit(
            caller,
            AuditOperation::DeleteKey,
            Some(*fingerprint),
            details(&entry),
        )
        .await?;
        unit.commit().await?;
        // What a KMS, or the disk, has still to do about it keeps nobody from topology.
        drop(turn);
        if let (Some(discarded), Some(held)) = (&discarded, held) {
            let destroyed = self.destroy(caller, discarded).await;
            return destroyed.map_err(|source| VaultError::ExternalKeyRemains {
                fingerprint: *fingerprint,
                kms: held.kms.clone(),
                key: held.key_id.clone(),
                source: Box::new(source),
            });
        }
        let was_clear = half.is_some_and(|private| private.custody == Custody::Clear);
        if was_clear && let Err(error) = self.environment().store.scrub().await {
            // The key is gone from its table. Its bytes leave the rest of the files when the store closes.
            tracing::warn!(
                error = &error as &dyn std::error::Error,
                "the store could not be scrubbed of a deleted clear key"
            );
        }
        Ok(())
    }
}
