use std::collections::BTreeSet;

use super::Look;
use crate::{
    identifier::{Member, MemberCode, UniqueIdentifier},
    mapping::{
        Mapping, MappingCode, MediatorSynchronizerState, SequencerSynchronizerState, UniqueKey,
    },
    rejection::Rejection,
    store_id::StoreId,
};

impl<'s> Look<'s> {
    /// Rejects everything but the upgrade itself while one is announced.
    pub(super) fn check_frozen(&self) -> Result<(), Rejection> {
        let code = self.transaction.mapping().code();
        let of_upgrade = [
            MappingCode::LsuAnnouncement,
            MappingCode::SequencerConnectionSuccessor,
        ];
        let StoreId::Synchronizer(id) = self.store.id() else {
            return Ok(());
        };
        if of_upgrade.contains(&code) {
            return Ok(());
        }
        let key = UniqueKey::of_synchronizer(MappingCode::LsuAnnouncement, &id.synchronizer);
        match self.store.mapping_in_force(&key) {
            Some(Mapping::LsuAnnouncement(announcement)) => Err(Rejection::Frozen {
                successor: announcement.successor.to_string(),
            }),
            _ => Ok(()),
        }
    }

    pub(super) fn check_parameters(&self) -> Result<(), Rejection> {
        if self.is_removal() {
            let code = self.transaction.mapping().code();
            return Err(Rejection::CannotRemoveMapping { code });
        }
        Ok(())
    }

    pub(super) fn check_mediators(&self, it: &MediatorSynchronizerState) -> Result<(), Rejection> {
        if self.is_removal() {
            return Ok(());
        }
        let known = match self.previous() {
            Some(Mapping::MediatorSynchronizerState(previous)) => {
                members(&previous.active, &previous.observers)
            }
            _ => BTreeSet::new(),
        };
        self.check_added(
            MemberCode::Mediator,
            known,
            members(&it.active, &it.observers),
        )
    }

    pub(super) fn check_sequencers(
        &self,
        it: &SequencerSynchronizerState,
    ) -> Result<(), Rejection> {
        if self.is_removal() {
            return Ok(());
        }
        let known = match self.previous() {
            Some(Mapping::SequencerSynchronizerState(previous)) => {
                members(&previous.active, &previous.observers)
            }
            _ => BTreeSet::new(),
        };
        self.check_added(
            MemberCode::Sequencer,
            known,
            members(&it.active, &it.observers),
        )
    }

    /// Nodes that join need keys, and must not have left before.
    fn check_added(
        &self,
        code: MemberCode,
        known: BTreeSet<&UniqueIdentifier>,
        members: BTreeSet<&UniqueIdentifier>,
    ) -> Result<(), Rejection> {
        let added = members.difference(&known).map(|uid| Member {
            code,
            uid: UniqueIdentifier::clone(uid),
        });
        let added: Vec<Member> = added.collect();
        // There was a time when nodes could join before they had announced keys.
        if !self.rules.relaxed {
            self.check_have_keys(added.iter().cloned())?;
        }
        if !self.rules.preliminary {
            return Ok(());
        }
        match added.into_iter().find(|member| self.was_there(member)) {
            None => Ok(()),
            Some(member) => Err(Rejection::MemberHasLeft { member }),
        }
    }

    /// Whether the node was ever named by a mapping of this kind.
    fn was_there(&self, member: &Member) -> bool {
        let Member { code, uid } = member;
        let accepted = self.store.rows().iter().filter(|row| row.is_accepted());
        accepted
            .filter_map(|row| row.stated())
            .any(|mapping| match mapping {
                Mapping::MediatorSynchronizerState(it) if *code == MemberCode::Mediator => {
                    members(&it.active, &it.observers).contains(uid)
                }
                Mapping::SequencerSynchronizerState(it) if *code == MemberCode::Sequencer => {
                    members(&it.active, &it.observers).contains(uid)
                }
                _ => false,
            })
    }
}

fn members<'m>(
    active: &'m [UniqueIdentifier],
    observers: &'m [UniqueIdentifier],
) -> BTreeSet<&'m UniqueIdentifier> {
    active.iter().chain(observers).collect()
}
