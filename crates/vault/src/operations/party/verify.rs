//! Verifying that a party signed.

use std::collections::BTreeSet;

use strongroom_crypto::Signature;
use strongroom_topology::{At, PartyId, SigningKeysWithThreshold, StoreId};
use tokio::task::yield_now;

use crate::{
    error::{SignatureCheckError, VaultError},
    operations::protocol::PROTOCOL,
    schemes::RequiredSchemes,
    vault::Vault,
};

impl Vault {
    /// Verifies that a party signed, with as many different keys as it needs, by what a store of topology says at a time.
    /// Invalid signatures beside enough valid ones change nothing, and further ones of a key that counts are not looked at. Returns how
    /// many keys signed.
    ///
    /// # Errors
    /// [`SignatureCheckError::NoPartyKeys`]; [`SignatureCheckError::ThresholdNotReached`] with what is wrong with each signature
    /// that did not count; errors of the store.
    pub async fn verify_for_party(
        &self,
        store: &StoreId,
        party: &PartyId,
        at: At,
        message: &[u8],
        signatures: &[Signature],
    ) -> Result<usize, VaultError> {
        let announced = self.party_keys(store, party, at).await?;
        let known = self.schemes(store);
        let taken = known.map_or_else(RequiredSchemes::default, |known| known.signing.clone());
        let (mut signed, mut errors) = (BTreeSet::new(), Vec::new());
        for signature in signatures {
            if signed.contains(&signature.signed_by) {
                continue;
            }
            // Each goes over all of the message. Others work in between.
            yield_now().await;
            match check(party, &announced, &taken, message, signature) {
                Ok(()) => {
                    signed.insert(signature.signed_by);
                }
                Err(error) => errors.push(error),
            }
        }
        if signed.len() < announced.threshold() as usize {
            return Err(SignatureCheckError::ThresholdNotReached {
                group: party.to_string(),
                threshold: announced.threshold(),
                signed: signed.len(),
                errors,
            }
            .into());
        }
        Ok(signed.len())
    }
}

fn check(
    party: &PartyId,
    announced: &SigningKeysWithThreshold,
    taken: &RequiredSchemes,
    message: &[u8],
    signature: &Signature,
) -> Result<(), SignatureCheckError> {
    let key = announced.key(&signature.signed_by);
    let key = key.ok_or_else(|| SignatureCheckError::NoKeyOfParty {
        party: party.clone(),
        key: signature.signed_by,
    })?;
    taken.check(key, signature.format)?;
    key.verify_restricted(message, signature, PROTOCOL, taken.algorithms)
        .map_err(|source| SignatureCheckError::Signature { source })
}
