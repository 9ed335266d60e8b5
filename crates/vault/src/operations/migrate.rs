//! Moving a private key to another place, with the same identity.
//!
//! A key that is sealed or readable here can be brought into a KMS that takes keys in. The KMS must show that it does the work
//! of the key before the vault relies on it, and even then the sealed key stays here until it is given up by a command of its
//! own. A KMS gives nothing out: what is only there is moved by a rotation.

mod bring;
mod copies;
mod prove;

use std::sync::Arc;

use strongroom_crypto::Fingerprint;
use strongroom_store::Custody;

use super::place::Place;
use crate::{
    caller::Caller,
    directory::KeyEntry,
    error::{MigrationError, VaultError},
    vault::Vault,
};

/// What moving a key to a place takes.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Move {
    /// Nothing: it is there.
    Nothing,
    /// It is readable, and is sealed. It stays marked as exposed.
    Seal,
    /// It is sealed, and is stored readable.
    Unseal,
    /// This KMS, by its configured name, takes it in. What is here stays, sealed, until it is given up
    /// ([`Vault::drop_copy`]).
    Bring(String),
    /// The sealed key that is still here does the work again, and what is in the KMS is left to be destroyed.
    TakeBack,
}

impl Move {
    /// The stable name: `nothing`, `seal`, `unseal`, `bring`, `take-back`.
    #[must_use]
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Nothing => "nothing",
            Self::Seal => "seal",
            Self::Unseal => "unseal",
            Self::Bring(_) => "bring",
            Self::TakeBack => "take-back",
        }
    }
}

impl Vault {
    /// What it takes to move a key to `place`. Asks nobody and changes nothing.
    ///
    /// # Errors
    /// [`VaultError::KeyNotFound`], [`VaultError::NoPrivateKey`]; [`MigrationError::OnlyInKms`],
    /// [`MigrationError::NotImportable`] and [`MigrationError::ClearNotConfigured`] when it cannot be moved there;
    /// [`VaultError::UnknownKms`], [`VaultError::NoExternalKms`].
    pub fn plan_move(&self, key: &Fingerprint, place: &Place) -> Result<Move, VaultError> {
        let (entry, fingerprint) = (self.key(key)?, *key);
        let half = entry.private.as_ref();
        let half = half.ok_or(VaultError::NoPrivateKey { fingerprint })?;
        if let Some(held) = &half.external {
            return match place {
                Place::Envelope if half.has_copy() => Ok(Move::TakeBack),
                Place::External { kms: None } => Ok(Move::Nothing),
                Place::External { kms: Some(kms) } if *kms == held.kms => Ok(Move::Nothing),
                _ => Err(MigrationError::OnlyInKms {
                    fingerprint,
                    kms: held.kms.clone(),
                }
                .into()),
            };
        }
        match (half.custody, place) {
            (Custody::Clear, Place::Envelope) => Ok(Move::Seal),
            (Custody::Envelope, Place::Clear) => {
                if self.custody_of(&entry.public) == Custody::Clear {
                    Ok(Move::Unseal)
                } else {
                    Err(MigrationError::ClearNotConfigured { fingerprint }.into())
                }
            }
            (_, Place::External { kms }) => {
                let named = self.maker(kms.as_deref())?.named;
                let (kms, spec) = (named.name.clone(), entry.spec());
                if named.provider.capabilities().imports(spec) {
                    Ok(Move::Bring(kms))
                } else {
                    Err(MigrationError::NotImportable {
                        fingerprint,
                        kms,
                        spec,
                    }
                    .into())
                }
            }
            _ => Ok(Move::Nothing),
        }
    }

    /// Moves a key to `place`, with the same identity, and says what that took. The key can be used all the while.
    ///
    /// Interrupted anywhere, the key is in its old place or in the new one, and the same call goes on: what a KMS has taken in
    /// already is taken up.
    ///
    /// # Errors
    /// Those of [`Vault::plan_move`]; [`VaultError::InQuarantine`]; [`MigrationError::NotProved`] when the KMS does not do the
    /// work of the key; [`VaultError::ExternalKeyInDoubt`] when it did not say whether it took the key in;
    /// [`VaultError::ChangedUnderneath`] when somebody moved it meanwhile; errors of KMS and store. The key is where it was.
    pub async fn migrate_key(
        &self,
        caller: &Caller,
        key: &Fingerprint,
        place: &Place,
    ) -> Result<(Move, Arc<KeyEntry>), VaultError> {
        self.check_released()?;
        // One at a time: two that bring the same key would leave one of their keys behind.
        let _turn = self.migration_turn().lock().await;
        self.try_settle().await?;
        let planned = self.plan_move(key, place)?;
        match &planned {
            Move::Nothing => {}
            Move::Seal => drop(self.seal_clear_key(caller, key).await?),
            Move::Unseal => self.unseal_keys(caller, &[*key]).await?,
            Move::Bring(kms) => self.bring(caller, key, kms).await?,
            Move::TakeBack => self.take_back(caller, key).await?,
        }
        Ok((planned, self.key(key)?))
    }
}
