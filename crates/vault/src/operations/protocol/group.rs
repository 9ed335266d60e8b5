//! Verifying that enough members of a group signed a message.
//!
//! Source: reference, session keys, section A.4.

use std::{collections::BTreeSet, num::NonZeroU32};

use strongroom_crypto::{Fingerprint, ProtocolSignature};
use strongroom_topology::{At, Member, StoreId, TopologyStore};

use super::verify::VerifyAt;
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
    /// Where enough are valid, invalid ones beside them are logged, and nothing more. Returns how many members signed.
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
        let store = StoreId::Synchronizer(how.synchronizer.clone());
        let topology = self.topology(&store).await?;
        let how = &how.narrowed_by(self);
        let (mut signed, mut errors) = (BTreeSet::new(), Vec::new());
        for signature in signatures {
            let checked =
                owner(how, &topology, group, signature.long_term_key()).and_then(|member| {
                    self.check_member(how, &topology, member, message, signature)?;
                    Ok(member)
                });
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
}

/// The member that a key belongs to. One that several have says nothing of who signed.
fn owner<'g>(
    how: &VerifyAt,
    topology: &TopologyStore,
    group: &'g SigningGroup,
    key: Fingerprint,
) -> Result<&'g Member, SignatureCheckError> {
    let has_it = |member: &&Member| {
        let mapping = topology.owner_to_key(member, At::Time(how.at));
        mapping.is_some_and(|mapping| mapping.contains(&key))
    };
    let mut owners = group.members.iter().filter(has_it);
    let owner = owners.next();
    let owner = owner.ok_or(SignatureCheckError::NobodysKey { key })?;
    if knows_session_keys(how.synchronizer.protocol_version) && owners.next().is_some() {
        return Err(SignatureCheckError::SharedKey { key });
    }
    Ok(owner)
}
