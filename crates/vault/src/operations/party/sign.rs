//! Signing for a party.

use std::sync::atomic::Ordering;

use strongroom_crypto::{Fingerprint, KeyUsage, KeyUsages, Signature, SigningPublicKey};
use strongroom_topology::{At, PartyId, SigningKeysWithThreshold, StoreId};

use crate::{
    caller::Caller,
    error::{PartyError, SignatureCheckError, VaultError},
    operations::protocol::PROTOCOL,
    vault::Vault,
};

/// Signatures for a party by keys of this vault.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct PartySignatures {
    /// One for each key, in the order in which topology lists the keys.
    pub signatures: Vec<Signature>,
    /// How many the party needs.
    pub threshold: u32,
}

impl PartySignatures {
    /// How many signatures others must still give.
    #[must_use]
    pub fn missing(&self) -> usize {
        (self.threshold as usize).saturating_sub(self.signatures.len())
    }
}

/// Keys of this vault that are about to sign for a party.
#[derive(Debug)]
pub struct PartySigners<'v> {
    vault: &'v Vault,
    keys: Vec<Fingerprint>,
    wanted: usize,
    threshold: u32,
}

impl PartySigners<'_> {
    /// How many signatures they will make.
    #[must_use]
    pub fn number(&self) -> usize {
        self.keys.len().min(self.wanted)
    }

    /// Signs, on behalf of the caller. `passed_over` hears of each key that fails and gives way to another one.
    ///
    /// Such a key is in the log and in [`Numbers`](crate::Numbers), where an alarm can go off before too few are left. It is no use on record:
    /// no signature of it leaves, and what a KMS was asked for stands in the log of its calls.
    ///
    /// # Errors
    /// As [`Vault::sign_for`], of the first key that failed and whose place no other took.
    pub async fn sign(
        self,
        caller: &Caller,
        message: &[u8],
        passed_over: impl Fn(),
    ) -> Result<PartySignatures, VaultError> {
        let mut spare = self.keys.len() - self.number();
        let mut signatures = Vec::with_capacity(self.number());
        for key in &self.keys {
            if signatures.len() == self.wanted {
                break;
            }
            let signing = self.vault.sign_for(caller, key, message, PROTOCOL);
            match signing.await {
                Ok(signature) => signatures.push(signature),
                Err(error) if spare > 0 => {
                    let error: &dyn std::error::Error = &error;
                    tracing::warn!(error, %key, "a key of the party does not sign: another one is asked");
                    let counter = self.vault.party_keys_passed_over();
                    counter.fetch_add(1, Ordering::Relaxed);
                    passed_over();
                    spare -= 1;
                }
                Err(error) => return Err(error),
            }
        }
        Ok(PartySignatures {
            signatures,
            threshold: self.threshold,
        })
    }
}

impl Vault {
    /// Signs for a party on behalf of the caller, for example the hash of a prepared submission (pass its multihash), with the
    /// party's keys as a store of topology announces them at a time: that at which the submission will take effect.
    ///
    /// With `keys`: these sign. Without: as many of those whose private halves are here as the party needs, and one that fails
    /// gives way to the next; where there are fewer, others must sign as well.
    ///
    /// # Errors
    /// [`SignatureCheckError::NoPartyKeys`], [`SignatureCheckError::NoKeyOfParty`]; [`SignatureCheckError::KeySpecNotAllowed`] of
    /// a key that is named and of which the synchronizer takes no signatures, or of the first one when it takes those of none;
    /// [`PartyError::NoKeyHere`] when the vault has none of them; otherwise as [`Vault::sign_for`], of the first key that failed and whose place no other took.
    pub async fn sign_for_party(
        &self,
        caller: &Caller,
        store: &StoreId,
        party: (&PartyId, At),
        message: &[u8],
        keys: &[Fingerprint],
    ) -> Result<PartySignatures, VaultError> {
        let allowed = |_: &Fingerprint| Ok::<_, VaultError>(());
        let signers = self.party_signers(store, party, keys, allowed).await?;
        signers.sign(caller, message, || ()).await
    }

    /// Those keys that would sign in [`Self::sign_for_party`] and that the caller may use, as `may` says of each before any of them is
    /// used. A key that is named and may not be used fails the call; of those that are not named others take its place.
    ///
    /// # Errors
    /// As [`Self::sign_for_party`], and what `may` says: of a key that is named, or of the first one when none is left.
    pub async fn party_signers<E: From<VaultError>>(
        &self,
        store: &StoreId,
        party: (&PartyId, At),
        keys: &[Fingerprint],
        may: impl Fn(&Fingerprint) -> Result<(), E>,
    ) -> Result<PartySigners<'_>, E> {
        let (party, at) = party;
        let announced = self.party_keys(store, party, at).await?;
        let signers = self.signers_for(store, party, &announced, keys)?;
        Ok(PartySigners {
            vault: self,
            keys: permitted(signers, keys, may)?,
            wanted: if keys.is_empty() {
                announced.threshold() as usize
            } else {
                keys.len()
            },
            threshold: announced.threshold(),
        })
    }

    /// The keys of a party as a store announces them: those beside its participants, or else those of the deprecated
    /// mapping.
    ///
    /// # Errors
    /// [`SignatureCheckError::NoPartyKeys`]; errors of the store.
    pub async fn party_keys(
        &self,
        store: &StoreId,
        party: &PartyId,
        at: At,
    ) -> Result<SigningKeysWithThreshold, VaultError> {
        let store = self.topology(store).await?;
        let keys = store.party_signing_keys(party, at).cloned();
        let none = || SignatureCheckError::NoPartyKeys {
            party: party.clone(),
        };
        Ok(keys.ok_or_else(none)?)
    }

    /// The keys that may sign: those that were requested, or else all that are here and of which the synchronizer takes signatures.
    fn signers_for(
        &self,
        store: &StoreId,
        party: &PartyId,
        announced: &SigningKeysWithThreshold,
        requested: &[Fingerprint],
    ) -> Result<Vec<Fingerprint>, VaultError> {
        if let Some(alien) = requested.iter().find(|key| announced.key(key).is_none()) {
            return Err(SignatureCheckError::NoKeyOfParty {
                party: party.clone(),
                key: *alien,
            }
            .into());
        }
        let is_wanted = |key: &&SigningPublicKey| {
            let fingerprint = key.fingerprint();
            if requested.is_empty() {
                signs_submissions(key.usages()) && self.may_sign(&fingerprint)
            } else {
                requested.contains(&fingerprint)
            }
        };
        let (mut signers, mut refused) = (Vec::new(), None);
        for key in announced.keys().iter().filter(is_wanted) {
            match self.check_signer(store, key) {
                Ok(()) => signers.push(key.fingerprint()),
                Err(refusal) if requested.is_empty() => {
                    refused.get_or_insert(refusal);
                }
                Err(refusal) => return Err(refusal.into()),
            }
        }
        match refused {
            _ if !signers.is_empty() => Ok(signers),
            Some(refusal) => Err(refusal.into()),
            None => Err(PartyError::NoKeyHere {
                party: party.clone(),
            }
            .into()),
        }
    }
}

fn signs_submissions(usages: KeyUsages) -> bool {
    usages.contains(KeyUsage::Protocol)
}

/// Those of `signers` that may be used: all of them if they were `requested`.
fn permitted<E>(
    signers: Vec<Fingerprint>,
    requested: &[Fingerprint],
    may: impl Fn(&Fingerprint) -> Result<(), E>,
) -> Result<Vec<Fingerprint>, E> {
    let (mut permitted, mut refused) = (Vec::with_capacity(signers.len()), None);
    for key in signers {
        match may(&key) {
            Ok(()) => permitted.push(key),
            Err(refusal) if requested.is_empty() => {
                refused.get_or_insert(refusal);
            }
            Err(refusal) => return Err(refusal),
        }
    }
    match refused {
        Some(refusal) if permitted.is_empty() => Err(refusal),
        _ => Ok(permitted),
    }
}
