//! Whose signatures a change needs.
//!
//! Source: reference, topology rules, section 4.

use std::collections::BTreeSet;

use strongroom_crypto::{Fingerprint, SigningPublicKey};

use super::required::Required;
use crate::mapping::{
    DecentralizedNamespaceDefinition, HostingParticipant, Mapping, OwnerToKeyMapping,
    PartyToKeyMapping, PartyToParticipant, SigningKeysWithThreshold,
};

/// Whose signatures `mapping` needs where `previous`, of the same unique key, holds.
pub(super) fn required(mapping: &Mapping, previous: Option<&Mapping>, relaxed: bool) -> Required {
    match mapping {
        Mapping::DecentralizedNamespaceDefinition(it) => decentralized(it, previous),
        Mapping::OwnerToKeyMapping(it) => owner_to_key(it, previous),
        Mapping::PartyToKeyMapping(it) => party_to_key(it, previous),
        Mapping::PartyToParticipant(it) => party_to_participant(it, previous, relaxed),
        // Of all others their namespace: that of a delegation, a participant, a sequencer, or a synchronizer.
        other => Required::namespace(other.namespace()),
    }
}

/// Owners agree to own it; whom the owners of today let in or out is up to them.
fn decentralized(
    definition: &DecentralizedNamespaceDefinition,
    previous: Option<&Mapping>,
) -> Required {
    let Some(Mapping::DecentralizedNamespaceDefinition(previous)) = previous else {
        return Required::namespaces(definition.owners().iter().cloned());
    };
    let added = definition.owners() - previous.owners();
    Required::namespaces(added).and(Required::namespace(definition.namespace()))
}

fn owner_to_key(mapping: &OwnerToKeyMapping, previous: Option<&Mapping>) -> Required {
    let known = match previous {
        Some(Mapping::OwnerToKeyMapping(previous)) => fingerprints(previous.signing_keys()),
        _ => BTreeSet::new(),
    };
    Required::namespace(mapping.member().uid.namespace())
        .with_keys(&fingerprints(mapping.signing_keys()) - &known)
}

fn party_to_key(mapping: &PartyToKeyMapping, previous: Option<&Mapping>) -> Required {
    let known = match previous {
        Some(Mapping::PartyToKeyMapping(previous)) => fingerprints(previous.signing_keys.keys()),
        _ => BTreeSet::new(),
    };
    Required::namespace(mapping.party.namespace())
        .with_keys(&fingerprints(mapping.signing_keys.keys()) - &known)
}

fn fingerprints<'k>(keys: impl IntoIterator<Item = &'k SigningPublicKey>) -> BTreeSet<Fingerprint> {
    keys.into_iter()
        .map(SigningPublicKey::fingerprint)
        .collect()
}

fn party_to_participant(
    mapping: &PartyToParticipant,
    previous: Option<&Mapping>,
    relaxed: bool,
) -> Required {
    let previous = match previous {
        Some(Mapping::PartyToParticipant(previous)) => Some(previous),
        _ => None,
    };
    let party = || Required::namespace(mapping.party().namespace());
    let mut required: Option<Required> = None;
    let mut also = |more: Required| {
        required = Some(match required.take() {
            None => more,
            Some(required) => required.and(more),
        });
    };
    if previous.is_none_or(|previous| previous.threshold() != mapping.threshold()) {
        also(party());
    }
    let known_keys = previous.and_then(PartyToParticipant::signing_keys);
    if mapping.signing_keys() != known_keys {
        also(party().with_keys(added_keys(mapping.signing_keys(), known_keys)));
    }
    for hosting in mapping.participants() {
        let known = previous.and_then(|previous| previous.hosting(&hosting.participant));
        if let Some(change) = hosting_changed(hosting, known, &party, relaxed) {
            also(change);
        }
    }
    for known in previous.map_or(&[][..], PartyToParticipant::participants) {
        if mapping.hosting(&known.participant).is_none() {
            also(party().or(Required::namespace(known.participant.namespace())));
        }
    }
    // Nothing is changed by a removal, which is the party's.
    required.unwrap_or_else(party)
}

fn added_keys(
    keys: Option<&SigningKeysWithThreshold>,
    known: Option<&SigningKeysWithThreshold>,
) -> BTreeSet<Fingerprint> {
    let of = |keys: Option<&SigningKeysWithThreshold>| {
        keys.map_or_else(BTreeSet::new, |keys| fingerprints(keys.keys()))
    };
    &of(keys) - &of(known)
}

/// Who agrees to what changes for one participant.
fn hosting_changed(
    hosting: &HostingParticipant,
    known: Option<&HostingParticipant>,
    party: &impl Fn() -> Required,
    relaxed: bool,
) -> Option<Required> {
    let participant = Required::namespace(hosting.participant.namespace());
    let Some(known) = known else {
        return Some(party().and(participant));
    };
    let permission = match hosting.permission.cmp(&known.permission) {
        std::cmp::Ordering::Equal => None,
        std::cmp::Ordering::Greater if relaxed => Some(party()),
        std::cmp::Ordering::Greater => Some(party().and(participant.clone())),
        std::cmp::Ordering::Less => Some(party().or(participant.clone())),
    };
    let onboarding = match (known.onboarding, hosting.onboarding) {
        (true, false) => Some(participant),
        (false, true) => Some(party()),
        _ => None,
    };
    match (permission, onboarding) {
        (Some(one), Some(other)) => Some(one.and(other)),
        (one, other) => one.or(other),
    }
}
