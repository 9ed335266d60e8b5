//! Whose signatures a change needs.
//!
//! Source: reference, topology rules, section 4.

use std::{cmp::Ordering, collections::BTreeSet};

use strongroom_crypto::{Fingerprint, SigningPublicKey};

use super::required::Needed;
use crate::{
    identifier::Namespace,
    mapping::{
        DecentralizedNamespaceDefinition, HostingParticipant, Mapping, OwnerToKeyMapping,
        PartyToKeyMapping, PartyToParticipant, SigningKeysWithThreshold,
    },
};

/// Whose signatures `mapping` needs where `previous`, of the same unique key, holds.
pub(super) fn needed(mapping: &Mapping, previous: Option<&Mapping>, relaxed: bool) -> Needed {
    match mapping {
        Mapping::DecentralizedNamespaceDefinition(it) => decentralized(it, previous),
        Mapping::OwnerToKeyMapping(it) => owner_to_key(it, previous),
        Mapping::PartyToKeyMapping(it) => party_to_key(it, previous),
        Mapping::PartyToParticipant(it) => party_to_participant(it, previous, relaxed),
        // Of all others their namespace: that of a delegation, a participant, a sequencer, or a synchronizer.
        other => Needed::namespace(other.namespace()),
    }
}

/// Owners agree to own it; whom the owners of today let in or out is up to them.
fn decentralized(
    definition: &DecentralizedNamespaceDefinition,
    previous: Option<&Mapping>,
) -> Needed {
    let Some(Mapping::DecentralizedNamespaceDefinition(previous)) = previous else {
        return Needed::namespaces(definition.owners());
    };
    let mut needed = Needed::namespaces(definition.owners().difference(previous.owners()));
    needed.add(definition.namespace());
    needed
}

fn owner_to_key(mapping: &OwnerToKeyMapping, previous: Option<&Mapping>) -> Needed {
    let known = match previous {
        Some(Mapping::OwnerToKeyMapping(previous)) => fingerprints(previous.signing_keys()),
        _ => BTreeSet::new(),
    };
    Needed::namespace(mapping.member().uid.namespace())
        .with_keys(&fingerprints(mapping.signing_keys()) - &known)
}

fn party_to_key(mapping: &PartyToKeyMapping, previous: Option<&Mapping>) -> Needed {
    let known = match previous {
        Some(Mapping::PartyToKeyMapping(previous)) => fingerprints(previous.signing_keys.keys()),
        _ => BTreeSet::new(),
    };
    Needed::namespace(mapping.party.namespace())
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
) -> Needed {
    let previous = match previous {
        Some(Mapping::PartyToParticipant(previous)) => Some(previous),
        _ => None,
    };
    let party = mapping.party().namespace();
    let mut needed = Needed::default();
    if previous.is_none_or(|previous| previous.threshold() != mapping.threshold()) {
        needed.add(party);
    }
    let known_keys = previous.and_then(PartyToParticipant::signing_keys);
    if mapping.signing_keys() != known_keys {
        needed.add(party);
        needed.add_keys(added_keys(mapping.signing_keys(), known_keys));
    }
    let known = previous.map(PartyToParticipant::by_participant);
    let known = known.unwrap_or_default();
    for hosting in mapping.participants() {
        let known = known.get(&hosting.participant).copied();
        add_hosting(&mut needed, hosting, known, party, relaxed);
    }
    // Most parties are new, and nobody leaves them.
    if !known.is_empty() {
        let still = mapping.by_participant();
        for participant in known.into_keys() {
            if !still.contains_key(participant) {
                needed.add_either(party, participant.namespace());
            }
        }
    }
    if needed.is_empty() {
        // Nothing is changed by a removal, which is the party's.
        return Needed::namespace(party);
    }
    needed
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

/// Adds who agrees to what changes for one participant.
fn add_hosting(
    needed: &mut Needed,
    hosting: &HostingParticipant,
    known: Option<&HostingParticipant>,
    party: &Namespace,
    relaxed: bool,
) {
    let participant = hosting.participant.namespace();
    let comparison = known.map(|known| hosting.permission.cmp(&known.permission));
    match comparison {
        Some(Ordering::Equal) => {}
        Some(Ordering::Greater) if relaxed => needed.add(party),
        Some(Ordering::Less) => needed.add_either(party, participant),
        Some(Ordering::Greater) | None => {
            needed.add(party);
            needed.add(participant);
        }
    }
    match known.map(|known| (known.onboarding, hosting.onboarding)) {
        Some((true, false)) => needed.add(participant),
        Some((false, true)) => needed.add(party),
        _ => {}
    }
}
