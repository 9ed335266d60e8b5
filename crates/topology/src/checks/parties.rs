use std::collections::{BTreeMap, BTreeSet};

use super::{Look, namespaces::revoked};
use crate::{
    identifier::{Member, MemberCode, PartyId, UniqueIdentifier},
    mapping::{
        HostingParticipant, Mapping, ParticipantPermission, PartyToParticipant,
        SynchronizerTrustCertificate, UniqueKey,
    },
    rejection::Rejection,
    store_id::StoreId,
};

impl Look<'_> {
    pub(super) fn check_trust(&self, it: &SynchronizerTrustCertificate) -> Result<(), Rejection> {
        if self.is_removal() {
            return Ok(());
        }
        let participant = as_participant(&it.participant);
        if self.was_removed() {
            return Err(Rejection::MemberHasLeft {
                member: participant,
            });
        }
        if self
            .hosting_of(&it.participant)
            .is_some_and(|party| !is_own_party(party))
        {
            return Err(Rejection::ParticipantIdConflictWithParty {
                party: it.participant.clone(),
            });
        }
        self.check_have_keys([participant])
    }

    pub(super) fn check_party_to_participant(
        &self,
        it: &PartyToParticipant,
    ) -> Result<(), Rejection> {
        if self.is_removal() {
            return Ok(());
        }
        if self.has_joined(it.party()) && !is_own_party(it) {
            return Err(Rejection::PartyIdConflictWithAdminParty {
                party: it.party().clone(),
            });
        }
        // Those that host the party already may have left since: that must not keep the others from changing it.
        let known = match self.previous() {
            Some(Mapping::PartyToParticipant(known)) => known.by_participant(),
            _ => BTreeMap::new(),
        };
        let added: Vec<Member> = it
            .participants()
            .iter()
            .map(|hosting| &hosting.participant)
            .filter(|uid| !known.contains_key(uid))
            .map(as_participant)
            .collect();
        let strangers = added.iter().filter(|member| !self.has_joined(&member.uid));
        let unknown: BTreeSet<Member> = strangers.cloned().collect();
        if !unknown.is_empty() {
            return Err(Rejection::UnknownMembers { members: unknown });
        }
        self.check_have_keys(added)?;
        let namespace = it.party().namespace();
        if it.self_authorizing_key().is_some() && self.is_revoked(namespace) {
            return Err(revoked(namespace));
        }
        Ok(())
    }

    /// Who hosts a party.
    fn hosting_of(&self, party: &PartyId) -> Option<&PartyToParticipant> {
        let key = UniqueKey::party_to_participant(party);
        match self.store.mapping_in_force(&key)? {
            Mapping::PartyToParticipant(it) => Some(it),
            _ => None,
        }
    }

    fn has_joined(&self, participant: &UniqueIdentifier) -> bool {
        match self.store.id() {
            StoreId::Synchronizer(id) => {
                let key = UniqueKey::trust_certificate(participant, &id.synchronizer);
                self.store.mapping_in_force(&key).is_some()
            }
            // A store that is looked at without its synchronizer's name.
            _ => self.store.trusts_anybody(participant),
        }
    }
}

fn as_participant(uid: &UniqueIdentifier) -> Member {
    Member {
        code: MemberCode::Participant,
        uid: uid.clone(),
    }
}

/// Whether it is the party that a participant has for itself: nobody else hosts it, and it may do everything.
fn is_own_party(it: &PartyToParticipant) -> bool {
    let is_own = |hosting: &HostingParticipant| {
        hosting.participant == *it.party()
            && hosting.permission == ParticipantPermission::Submission
    };
    it.threshold() == 1 && matches!(it.participants(), [only] if is_own(only))
}
