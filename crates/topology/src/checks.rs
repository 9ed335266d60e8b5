//! Whether a mapping fits to the others that hold.
//!
//! Those of the mappings that this program announces are looked at in depth; others pass through. Source: reference,
//! topology rules, section 6.

mod namespaces;
mod nodes;
mod parties;
mod synchronizers;

use std::collections::BTreeSet;

use crate::{
    graph::is_root,
    identifier::{Member, MemberCode},
    mapping::{Mapping, MappingCode, UniqueKey},
    rejection::Rejection,
    rules::Rules,
    signed::SignedTransaction,
    store::{StoredTransaction, TopologyStore},
    transaction::{Operation, Serial, Transaction},
};

/// A look at a transaction, and at what holds.
struct Look<'s> {
    store: &'s TopologyStore,
    transaction: &'s Transaction,
    rules: &'s Rules,
}

/// Rejects a transaction that contradicts what holds.
pub(crate) fn check(
    store: &TopologyStore,
    signed: &SignedTransaction,
    rules: &Rules,
) -> Result<(), Rejection> {
    let look = Look {
        store,
        transaction: signed.transaction(),
        rules,
    };
    match look.transaction.operation() {
        Operation::Remove => look.check_removal(signed)?,
        Operation::AddReplace if look.transaction.serial() == Serial::MAX => {
            return Err(Rejection::InvalidMapping {
                reason: "the last serial is for a removal".to_owned(),
            });
        }
        Operation::AddReplace => {}
    }
    look.check_frozen()?;
    match look.transaction.mapping() {
        Mapping::NamespaceDelegation(it) => look.check_delegation(it),
        Mapping::DecentralizedNamespaceDefinition(it) => look.check_decentralized(it),
        Mapping::OwnerToKeyMapping(it) => look.check_owner_to_key(it),
        Mapping::SynchronizerTrustCertificate(it) => look.check_trust(it),
        Mapping::PartyToParticipant(it) => look.check_party_to_participant(it),
        Mapping::MediatorSynchronizerState(it) => look.check_mediators(it),
        Mapping::SequencerSynchronizerState(it) => look.check_sequencers(it),
        Mapping::SynchronizerParametersState(_) => look.check_parameters(),
        _ => Ok(()),
    }
}

impl<'s> Look<'s> {
    fn is_removal(&self) -> bool {
        self.transaction.operation() == Operation::Remove
    }

    /// The row in force about the same unique key, a removal included.
    fn in_store(&self) -> Option<&'s StoredTransaction> {
        self.store.in_store(&self.transaction.unique_key())
    }

    /// The statement of the same unique key that holds.
    fn previous(&self) -> Option<&'s Mapping> {
        self.in_store()?.stated()
    }

    /// Whether the last word about the unique key was a removal.
    fn was_removed(&self) -> bool {
        self.in_store().is_some_and(|row| row.stated().is_none())
    }

    fn check_removal(&self, signed: &SignedTransaction) -> Result<(), Rejection> {
        // A removal may follow a removal, and more signatures may come to one.
        let mapping = |row: &'s StoredTransaction| row.signed.transaction().mapping();
        match self.in_store().map(mapping) {
            // A namespace can be burnt before it is used.
            None if is_root(signed) => Ok(()),
            None => Err(Rejection::NoCorrespondingActiveTransaction),
            // A trust certificate may be taken back whatever features it announces.
            Some(Mapping::SynchronizerTrustCertificate(_)) => Ok(()),
            Some(before) if before == self.transaction.mapping() => Ok(()),
            Some(_) => Err(Rejection::RemoveMustNotChangeMapping),
        }
    }

    /// Whether a node announces keys.
    fn has_keys(&self, member: &Member) -> bool {
        let announced = self
            .store
            .mapping_in_force(&UniqueKey::owner_to_key(&member.uid));
        matches!(announced, Some(Mapping::OwnerToKeyMapping(it)) if it.member() == member)
    }

    /// Rejects if any of the nodes does not announce keys. That they suffice was looked at when they were announced.
    fn check_have_keys(&self, members: impl IntoIterator<Item = Member>) -> Result<(), Rejection> {
        let lacking: BTreeSet<_> = members
            .into_iter()
            .filter(|member| !self.has_keys(member))
            .collect();
        if lacking.is_empty() {
            Ok(())
        } else {
            Err(Rejection::InsufficientKeys { members: lacking })
        }
    }
}

/// What refers to a node, so that it cannot take its keys back.
fn refers_to_node(store: &TopologyStore, member: &Member) -> Option<MappingCode> {
    let code = match member.code {
        MemberCode::Participant => MappingCode::SynchronizerTrustCertificate,
        MemberCode::Mediator => MappingCode::MediatorSynchronizerState,
        MemberCode::Sequencer => MappingCode::SequencerSynchronizerState,
    };
    let refers = |mapping: &Mapping| match mapping {
        Mapping::SynchronizerTrustCertificate(it) => it.participant == member.uid,
        Mapping::MediatorSynchronizerState(it) => {
            it.active.contains(&member.uid) || it.observers.contains(&member.uid)
        }
        Mapping::SequencerSynchronizerState(it) => {
            it.active.contains(&member.uid) || it.observers.contains(&member.uid)
        }
        _ => false,
    };
    store.mappings_in_force(code).any(refers).then_some(code)
}
