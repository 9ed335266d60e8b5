//! Mappings in few words.

use std::collections::BTreeSet;

use strongroom_crypto::{PublicKey, Timestamp};
use strongroom_topology::{
    DecentralizedNamespaceDefinition, HostingParticipant, LsuAnnouncement, Mapping, MappingCode,
    MediatorSynchronizerState, Member, MemberCode, Namespace, NamespaceDelegation,
    OwnerToKeyMapping, ParticipantPermission, PartyToKeyMapping, PartyToParticipant,
    PhysicalSynchronizerId, Restriction, SequencerSynchronizerState, SigningKeysWithThreshold,
    SynchronizerParameters, SynchronizerTrustCertificate, UniqueIdentifier, VettedPackages,
};

use super::keys::{Key, encryption_key, namespace_key};

pub(crate) const ALL: Restriction = Restriction::AllMappings;
pub(crate) const NO_DELEGATIONS: Restriction = Restriction::AllButNamespaceDelegations;

pub(crate) fn only(codes: &[MappingCode]) -> Restriction {
    Restriction::SpecificMappings(codes.iter().copied().collect())
}

/// `target` may sign for the namespace of `root`.
pub(crate) fn delegation(root: Key, target: Key, restriction: Restriction) -> Mapping {
    let target = target.public.clone();
    let it = NamespaceDelegation::try_new(root.namespace(), target, restriction).unwrap();
    Mapping::NamespaceDelegation(it)
}

/// What makes the namespace of `root` be.
pub(crate) fn root_certificate(root: Key) -> Mapping {
    delegation(root, root, ALL)
}

/// A decentralized namespace with the name that its first `owners` give it.
pub(crate) fn decentralized(threshold: i32, owners: &[Key]) -> Mapping {
    decentralized_as(&decentralized_name(owners), threshold, owners)
}

pub(crate) fn decentralized_name(owners: &[Key]) -> Namespace {
    let owners = owners.iter().map(|owner| owner.namespace()).collect();
    DecentralizedNamespaceDefinition::derive_namespace(&owners)
}

pub(crate) fn decentralized_as(name: &Namespace, threshold: i32, owners: &[Key]) -> Mapping {
    let owners: BTreeSet<_> = owners.iter().map(|owner| owner.namespace()).collect();
    let it = DecentralizedNamespaceDefinition::try_new(name.clone(), threshold, owners).unwrap();
    Mapping::DecentralizedNamespaceDefinition(it)
}

pub(crate) fn uid(identifier: &str, namespace: impl Into<Namespace>) -> UniqueIdentifier {
    UniqueIdentifier::try_new(identifier, namespace.into()).unwrap()
}

pub(crate) fn participant(root: Key) -> Member {
    member(MemberCode::Participant, "participant", root)
}

pub(crate) fn member(code: MemberCode, identifier: &str, root: Key) -> Member {
    Member {
        code,
        uid: uid(identifier, root.namespace()),
    }
}

/// The keys of a node: these signing keys, then these encryption keys.
pub(crate) fn node_keys(member: &Member, signing: &[Key], encryption: &[u64]) -> Mapping {
    let signing = signing.iter().map(|key| key.public.clone().into());
    let encryption = encryption.iter().map(|number| encryption_key(*number));
    node_keys_in_order(member, signing.chain(encryption).collect())
}

pub(crate) fn node_keys_in_order(member: &Member, keys: Vec<PublicKey>) -> Mapping {
    Mapping::OwnerToKeyMapping(OwnerToKeyMapping::try_new(member.clone(), keys).unwrap())
}

pub(crate) fn keys_with_threshold(threshold: u32, keys: &[Key]) -> SigningKeysWithThreshold {
    let keys = keys.iter().map(|key| key.public.clone()).collect();
    SigningKeysWithThreshold::try_new(keys, threshold).unwrap()
}

pub(crate) fn party_keys(party: &UniqueIdentifier, threshold: u32, keys: &[Key]) -> Mapping {
    Mapping::PartyToKeyMapping(PartyToKeyMapping {
        party: party.clone(),
        signing_keys: keys_with_threshold(threshold, keys),
    })
}

/// A participant that hosts a party with this permission.
pub(crate) fn hosting(
    participant: &UniqueIdentifier,
    permission: ParticipantPermission,
) -> HostingParticipant {
    HostingParticipant {
        participant: participant.clone(),
        permission,
        onboarding: false,
    }
}

pub(crate) fn onboarding(hosting: HostingParticipant) -> HostingParticipant {
    HostingParticipant {
        onboarding: true,
        ..hosting
    }
}

pub(crate) fn hosted(
    party: &UniqueIdentifier,
    threshold: u32,
    participants: &[HostingParticipant],
    keys: Option<SigningKeysWithThreshold>,
) -> Mapping {
    let participants = participants.to_vec();
    let it = PartyToParticipant::try_new(party.clone(), threshold, participants, keys).unwrap();
    Mapping::PartyToParticipant(it)
}

pub(crate) fn vetted(participant: &UniqueIdentifier, package: &str) -> Mapping {
    Mapping::VettedPackages(VettedPackages {
        participant: participant.clone(),
        package_ids: vec![package.to_owned()],
        packages: Vec::new(),
    })
}

/// The root key of the synchronizer's namespace.
pub(crate) fn synchronizer_root() -> Key {
    namespace_key(900)
}

pub(crate) fn synchronizer() -> UniqueIdentifier {
    uid("synchronizer", synchronizer_root().namespace())
}

pub(crate) fn physical(serial: u32) -> PhysicalSynchronizerId {
    format!("{}::34-{serial}", synchronizer()).parse().unwrap()
}

pub(crate) fn trust(participant: &UniqueIdentifier) -> Mapping {
    trust_in(participant, &synchronizer())
}

pub(crate) fn trust_in(participant: &UniqueIdentifier, synchronizer: &UniqueIdentifier) -> Mapping {
    Mapping::SynchronizerTrustCertificate(SynchronizerTrustCertificate {
        participant: participant.clone(),
        synchronizer: synchronizer.clone(),
        feature_flags: Vec::new(),
    })
}

pub(crate) fn mediators(group: u32, active: &[&Member]) -> Mapping {
    Mapping::MediatorSynchronizerState(MediatorSynchronizerState {
        synchronizer: synchronizer(),
        group,
        threshold: 1,
        active: active.iter().map(|node| node.uid.clone()).collect(),
        observers: Vec::new(),
    })
}

pub(crate) fn sequencers(active: &[&Member]) -> Mapping {
    Mapping::SequencerSynchronizerState(SequencerSynchronizerState {
        synchronizer: synchronizer(),
        threshold: 1,
        active: active.iter().map(|node| node.uid.clone()).collect(),
        observers: Vec::new(),
    })
}

pub(crate) fn parameters(value: &[u8]) -> Mapping {
    Mapping::SynchronizerParametersState(SynchronizerParameters {
        synchronizer: synchronizer(),
        parameters: Some(value.into()),
    })
}

pub(crate) fn upgrade(serial: u32) -> Mapping {
    Mapping::LsuAnnouncement(LsuAnnouncement {
        successor: physical(serial),
        upgrade_time: Timestamp::from_micros(i64::MAX),
    })
}
