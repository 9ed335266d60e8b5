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
    recall::safe_point,
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
                _ if half.has_copy() => {
                    let kms = held.kms.clone();
                    Err(MigrationError::TakeBackFirst { fingerprint, kms }.into())
                }
                _ => {
                    let kms = held.kms.clone();
                    Err(MigrationError::OnlyInKms { fingerprint, kms }.into())
                }
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

    /// Moves a key to `place`, with the same identity, and says what that took: [`Vault::migrate_keys`] for one.
    ///
    /// # Errors
    /// Those of [`Vault::plan_move`] and of [`Vault::migrate_keys`].
    pub async fn migrate_key(
        &self,
        caller: &Caller,
        key: &Fingerprint,
        place: &Place,
    ) -> Result<(Move, Arc<KeyEntry>), VaultError> {
        let mut outcome = Ok(Move::Nothing);
        let hears = |_key: &Fingerprint, moved| outcome = moved;
        self.migrate_keys(caller, &[*key], place, hears).await?;
        Ok((outcome?, self.key(key)?))
    }

    /// Moves keys to `place`, with the same identity. They can be used all the while. `hears` is told what each took, once it
    /// is done, or why it cannot be moved there: that keeps no other from it.
    ///
    /// Interrupted anywhere, or called off ([`Recall`](crate::Recall)), each key is in its old place or in the new one, and the same call goes on: what a KMS has taken in
    /// already is taken up. In the end old bytes of keys that were stored readable are scrubbed from the store's files.
    ///
    /// # Errors
    /// [`VaultError::KeyNotFound`], [`VaultError::NoPrivateKey`]; [`VaultError::InQuarantine`];
    /// [`MigrationError::NotProved`] when the KMS does not do the work of a key; [`VaultError::ExternalKeyInDoubt`] when it did
    /// not say whether it took one in; [`VaultError::ChangedUnderneath`] when somebody moved one meanwhile; errors of KMS and
    /// store. Keys of which `hears` was told have moved, the others are where they were; if it was told of all, old bytes may
    /// still be in the files, and calling this again ends that.
    pub async fn migrate_keys(
        &self,
        caller: &Caller,
        keys: &[Fingerprint],
        place: &Place,
        mut hears: impl FnMut(&Fingerprint, Result<Move, MigrationError>),
    ) -> Result<(), VaultError> {
        self.check_released()?;
        // One at a time: two that bring the same key would leave one of their keys behind.
        let _turn = self.migration_turn().lock().await;
        self.try_settle().await?;
        let mut plan = Plan::default();
        for key in keys {
            match self.plan_move(key, place) {
                Ok(planned) => plan.add(*key, planned, self.was_readable(key)),
                Err(VaultError::Migration(why)) => hears(key, Err(why)),
                Err(error) => return Err(error),
            }
        }
        let moved = self.follow(caller, &plan, &mut hears).await;
        // Also of those that moved before one failed, of which is told first.
        let scrubbed = match plan.leaves_traces {
            true => self.environment().store.scrub().await,
            false => Ok(()),
        };
        moved?;
        Ok(scrubbed?)
    }

    async fn follow(
        &self,
        caller: &Caller,
        plan: &Plan,
        hears: &mut impl FnMut(&Fingerprint, Result<Move, MigrationError>),
    ) -> Result<(), VaultError> {
        // Many of them are one commit.
        if !plan.seal.is_empty() {
            self.seal_clear_keys(caller, &plan.seal).await?;
            plan.seal.iter().for_each(|key| hears(key, Ok(Move::Seal)));
        }
        if !plan.unseal.is_empty() {
            safe_point()?;
            self.unseal_keys(caller, &plan.unseal).await?;
            let unsealed = plan.unseal.iter();
            unsealed.for_each(|key| hears(key, Ok(Move::Unseal)));
        }
        for (key, planned) in &plan.others {
            safe_point()?;
            match planned {
                Move::Bring(kms) => self.bring(caller, key, kms).await?,
                Move::TakeBack => self.take_back(caller, key).await?,
                Move::Nothing | Move::Seal | Move::Unseal => {}
            }
            hears(key, Ok(planned.clone()));
        }
        Ok(())
    }

    /// Whether old bytes of a key may be in the store's files, from when it was stored readable.
    fn was_readable(&self, key: &Fingerprint) -> bool {
        let entry = self.directory().entry(key);
        let half = entry.as_ref().and_then(|entry| entry.private.as_ref());
        half.is_some_and(|half| half.exposed)
    }
}

/// What is to be done with many keys.
#[derive(Default)]
struct Plan {
    seal: Vec<Fingerprint>,
    unseal: Vec<Fingerprint>,
    others: Vec<(Fingerprint, Move)>,
    /// The files are to be scrubbed in the end.
    leaves_traces: bool,
}

impl Plan {
    fn add(&mut self, key: Fingerprint, planned: Move, was_readable: bool) {
        match planned {
            // Sealing scrubs by itself.
            Move::Seal => self.seal.push(key),
            Move::Unseal => self.unseal.push(key),
            other => {
                self.leaves_traces |= was_readable;
                self.others.push((key, other));
            }
        }
    }
}
