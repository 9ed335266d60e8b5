use std::collections::BTreeSet;

use super::{Look, has_both_keys, namespaces::revoked};
use crate::{
    identifier::UniqueIdentifier,
    mapping::{Mapping, MappingCode, PartyToParticipant, SynchronizerTrustCertificate, UniqueKey},
    rejection::Rejection,
    store_id::StoreId,
};

impl Look<'_> {
    pub(super) fn check_trust(&self, it: &SynchronizerTrustCertificate) -> Result<(), Rejection> {
        if self.is_removal() {
            return Ok(());
        }
        self.check_have_keys([&it.participant], has_both_keys)
    }

    pub(super) fn check_party_to_participant(
        &self,
        it: &PartyToParticipant,
    ) -> Result<(), Rejection> {
        if self.is_removal() {
            return Ok(());
        }
        let namespace = it.party().namespace();
        if it.self_authorizing_key().is_some() && self.is_revoked(namespace) {
            return Err(revoked(namespace));
        }
        let participants = || it.participants().iter().map(|hosting| &hosting.participant);
        self.check_known(participants())?;
        self.check_have_keys(participants(), has_both_keys)
    }

    /// Rejects participants that have not joined the synchronizer.
    fn check_known<'u>(
        &self,
        participants: impl Iterator<Item = &'u UniqueIdentifier>,
    ) -> Result<(), Rejection> {
        if self.rules.relaxed {
            return Ok(());
        }
        let unknown: BTreeSet<_> = participants
            .filter(|participant| !self.has_joined(participant))
            .cloned()
            .collect();
        if unknown.is_empty() {
            Ok(())
        } else {
            Err(Rejection::UnknownMembers { members: unknown })
        }
    }

    fn has_joined(&self, participant: &UniqueIdentifier) -> bool {
        if let StoreId::Synchronizer(id) = self.store.id() {
            let key = UniqueKey::trust_certificate(participant, &id.synchronizer);
            return self.store.mapping_in_force(&key).is_some();
        }
        // A store that is looked at without its synchronizer's name.
        let mut certificates = self
            .store
            .mappings_in_force(MappingCode::SynchronizerTrustCertificate);
        certificates.any(|mapping| {
            matches!(mapping, Mapping::SynchronizerTrustCertificate(it) if it.participant == *participant)
        })
    }
}
