//! Verifying that enough members of a group signed a message.
//!
//! Source: reference, session keys, section A.4.

use std::{
    collections::{BTreeSet, HashMap},
    num::NonZeroU32,
};

use strongroom_crypto::{Fingerprint, ProtocolSignature};
use strongroom_topology::{At, Member, OwnerToKeyMapping, StoreId, TopologyStore};
use tokio::task::yield_now;

use super::verify::{Signer, VerifyAt};
use crate::{
    error::{SignatureCheckError, VaultError},
    operations::protocol::knows_session_keys,
    vault::Vault,
};

/// Members of which so many must sign.
#[derive(Clone, Debug)]
pub struct SigningGroup {
    /// What it is called, for people.
    pub name: String,
    /// Its members.
    pub members: BTreeSet<Member>,
    /// How many of them must sign.
    pub threshold: NonZeroU32,
}

impl Vault {
    /// Verifies that enough members of a group signed a message of the protocol. Each signature counts for the member whose
    /// long-term key made it or let a session key make it, and each member once.
    ///
    /// Where enough are valid, invalid ones beside them are logged, and nothing more; further ones of a member that counts are not
    /// looked at. Returns how many members signed.
    ///
    /// # Errors
    /// [`SignatureCheckError::ThresholdNotReached`] with what is wrong with each signature that did not count; otherwise as
    /// [`Vault::verify_protocol`].
    pub async fn verify_protocol_group(
        &self,
        how: &VerifyAt,
        group: &SigningGroup,
        message: &[u8],
        signatures: &[ProtocolSignature],
    ) -> Result<usize, VaultError> {
        let how = &how.narrowed_by(self);
        let signers = self.signers(how, group, signatures).await?;
        let (mut signed, mut errors) = (BTreeSet::new(), Vec::new());
        for (signature, signer) in signatures.iter().zip(signers) {
            let checked = match signer {
                Ok((member, _)) if signed.contains(member) => continue,
                Ok((member, signer)) => {
                    // Each goes over all of the message. Others work in between.
                    yield_now().await;
                    let checked = self.check_signature(how, &signer, message, signature);
                    checked.map(|()| member)
                }
                Err(error) => Err(error),
            };
            match checked {
                Ok(member) => {
                    signed.insert(member);
                }
                Err(error) => errors.push(error),
            }
        }
        if signed.len() < group.threshold.get() as usize {
            return Err(SignatureCheckError::ThresholdNotReached {
                group: group.name.clone(),
                threshold: group.threshold.get(),
                signed: signed.len(),
                errors,
            }
            .into());
        }
        for error in &errors {
            tracing::warn!(
                group = group.name,
                error = error as &dyn std::error::Error,
                "enough members signed, and somebody sent an invalid signature beside theirs"
            );
        }
        Ok(signed.len())
    }

    /// Who made each signature, as the state says. Nobody who changes it waits while they are verified.
    async fn signers<'g>(
        &self,
        how: &VerifyAt,
        group: &'g SigningGroup,
        signatures: &[ProtocolSignature],
    ) -> Result<Vec<Result<(&'g Member, Signer), SignatureCheckError>>, VaultError> {
        let store = StoreId::Synchronizer(how.synchronizer.clone());
        let topology = self.topology(&store).await?;
        let owners = owners(how, &topology, group);
        let signers = signatures.iter().map(|signature| {
            let member = owner(how, &owners, signature.long_term_key())?;
            Ok((member, Signer::of(how, &topology, member, signature)?))
        });
        Ok(signers.collect())
    }
}

/// The members that each key belongs to, in their order.
fn owners<'g>(
    how: &VerifyAt,
    topology: &TopologyStore,
    group: &'g SigningGroup,
) -> HashMap<Fingerprint, Vec<&'g Member>> {
    let mut owners: HashMap<_, Vec<_>> = HashMap::new();
    for member in &group.members {
        let mapping = topology.owner_to_key(member, At::Time(how.at));
        for key in mapping.into_iter().flat_map(OwnerToKeyMapping::keys) {
            owners.entry(key.fingerprint()).or_default().push(member);
        }
    }
    owners
}

/// The member that a key belongs to. One that several have says nothing of who signed.
fn owner<'g>(
    how: &VerifyAt,
    owners: &HashMap<Fingerprint, Vec<&'g Member>>,
    key: Fingerprint,
) -> Result<&'g Member, SignatureCheckError> {
    match owners.get(&key).map_or(&[][..], Vec::as_slice) {
        [] => Err(SignatureCheckError::NobodysKey { key }),
        [_, _, ..] if knows_session_keys(how.synchronizer.protocol_version) => {
            Err(SignatureCheckError::SharedKey { key })
        }
        [owner, ..] => Ok(owner),
    }
}
