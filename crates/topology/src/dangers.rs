use crate::{
    error::TopologyError,
    force::{ForceFlag, ForceFlags},
    identifier::{Member, UniqueIdentifier},
    mapping::{Mapping, PartyToParticipant, SigningKeysWithThreshold},
    transaction::{Operation, Transaction},
};

/// Stops a transaction that would do harm, unless the caller takes that danger.
///
/// `node` is the one that announces it. Source: reference, topology rules, section 6.
///
/// # Errors
/// [`TopologyError::AlienMember`]; [`TopologyError::SigningThresholdCannotBeReached`];
/// [`TopologyError::ConfirmingThresholdCannotBeReached`].
pub fn check_dangers(
    transaction: &Transaction,
    node: Option<&Member>,
    force: ForceFlags,
) -> Result<(), TopologyError> {
    let mapping = transaction.mapping();
    match mapping {
        Mapping::OwnerToKeyMapping(it) if node != Some(it.member()) => check_alien(mapping, force),
        Mapping::VettedPackages(it) if node.map(uid) != Some(&it.participant) => {
            check_alien(mapping, force)
        }
        _ if transaction.operation() == Operation::Remove => Ok(()),
        Mapping::PartyToKeyMapping(it) => check_signing(&it.signing_keys),
        Mapping::PartyToParticipant(it) => {
            it.signing_keys().map_or(Ok(()), check_signing)?;
            check_confirming(it, force)
        }
        _ => Ok(()),
    }
}

fn uid(member: &Member) -> &UniqueIdentifier {
    &member.uid
}

fn check_alien(mapping: &Mapping, force: ForceFlags) -> Result<(), TopologyError> {
    if force.contains(ForceFlag::AlienMember) {
        return Ok(());
    }
    Err(TopologyError::AlienMember {
        code: mapping.code(),
    })
}

fn check_signing(keys: &SigningKeysWithThreshold) -> Result<(), TopologyError> {
    let (threshold, count) = (keys.threshold(), keys.keys().len());
    if threshold as usize > count {
        return Err(TopologyError::SigningThresholdCannotBeReached {
            threshold,
            keys: count,
        });
    }
    Ok(())
}

fn check_confirming(it: &PartyToParticipant, force: ForceFlags) -> Result<(), TopologyError> {
    let (threshold, nodes) = (it.threshold(), it.participants().len());
    let reachable = nodes == 0 || threshold as usize <= nodes;
    if reachable || force.contains(ForceFlag::AllowConfirmingThresholdCannotBeMet) {
        return Ok(());
    }
    Err(TopologyError::ConfirmingThresholdCannotBeReached { threshold, nodes })
}
