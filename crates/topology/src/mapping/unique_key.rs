use std::fmt;

use strongroom_crypto::{Fingerprint, Hash, HashBuilder, HashPurpose};

use super::{Mapping, MappingCode};
use crate::identifier::{DELIMITER, MemberCode, Namespace, UniqueIdentifier};

/// What a mapping is about: a hash, 32 bytes. At most one mapping of a unique key is in force at a time.
///
/// Source: reference, topology, section 7. No published known answer exists for it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct UniqueKey(Hash);

impl UniqueKey {
    pub(super) fn of(mapping: &Mapping) -> Self {
        let code = mapping.code();
        match mapping {
            Mapping::NamespaceDelegation(it) => {
                Self::namespace_delegation(it.namespace(), &it.target().fingerprint())
            }
            Mapping::DecentralizedNamespaceDefinition(it) => {
                Self::decentralized_namespace(it.namespace())
            }
            Mapping::OwnerToKeyMapping(it) => Self::owner_to_key(&it.member().uid),
            Mapping::PartyToKeyMapping(it) => Self::party_to_key(&it.party),
            Mapping::PartyToParticipant(it) => Self::party_to_participant(it.party()),
            Mapping::SynchronizerTrustCertificate(it) => {
                Self::trust_certificate(&it.participant, &it.synchronizer)
            }
            Mapping::ParticipantSynchronizerPermission(it) => Self::about(code, |hash| {
                participant(hash.string(it.synchronizer.as_str()), &it.participant)
            }),
            Mapping::PartyHostingLimits(it) => Self::about(code, |hash| {
                hash.string(it.synchronizer.as_str())
                    .string(it.party.as_str())
            }),
            Mapping::VettedPackages(it) => {
                Self::about(code, |hash| participant(hash, &it.participant))
            }
            Mapping::SynchronizerParametersState(it)
            | Mapping::DynamicSequencingParametersState(it) => {
                Self::of_synchronizer(code, &it.synchronizer)
            }
            Mapping::SequencerSynchronizerState(it) => {
                Self::of_synchronizer(code, &it.synchronizer)
            }
            Mapping::LsuAnnouncement(it) => Self::of_synchronizer(code, &it.successor.synchronizer),
            Mapping::MediatorSynchronizerState(it) => Self::about(code, |hash| {
                // Group numbers have 31 bits where they come from.
                hash.string(it.synchronizer.as_str())
                    .int(it.group.cast_signed())
            }),
            Mapping::LsuSequencerConnectionSuccessor(it) => Self::about(code, |hash| {
                hash.string(it.sequencer.as_str())
                    .string(it.successor.synchronizer.as_str())
            }),
        }
    }

    /// That of the keys of a node.
    #[must_use]
    pub fn owner_to_key(member: &UniqueIdentifier) -> Self {
        Self::about(MappingCode::OwnerToKeyMapping, |hash| {
            hash.string(member.as_str())
        })
    }

    /// That of the delegation of a namespace to a key.
    #[must_use]
    pub fn namespace_delegation(namespace: &Namespace, target: &Fingerprint) -> Self {
        Self::about(MappingCode::NamespaceDelegation, |hash| {
            of_namespace(hash, namespace).bytes(&target.to_hex())
        })
    }

    /// That of the definition of a decentralized namespace.
    #[must_use]
    pub fn decentralized_namespace(namespace: &Namespace) -> Self {
        Self::about(MappingCode::DecentralizedNamespaceDefinition, |hash| {
            of_namespace(hash, namespace)
        })
    }

    /// That of the participants of a party.
    #[must_use]
    pub fn party_to_participant(party: &UniqueIdentifier) -> Self {
        Self::about(MappingCode::PartyToParticipant, |hash| {
            hash.string(party.as_str())
        })
    }

    /// That of the keys of a party in the deprecated form.
    #[must_use]
    pub fn party_to_key(party: &UniqueIdentifier) -> Self {
        Self::about(MappingCode::PartyToKeyMapping, |hash| {
            hash.string(party.as_str())
        })
    }

    /// That of the trust of a participant in a synchronizer.
    #[must_use]
    pub fn trust_certificate(
        participant_uid: &UniqueIdentifier,
        synchronizer: &UniqueIdentifier,
    ) -> Self {
        Self::about(MappingCode::SynchronizerTrustCertificate, |hash| {
            participant(hash, participant_uid).string(synchronizer.as_str())
        })
    }

    /// That of the parameters of a synchronizer.
    #[must_use]
    pub fn synchronizer_parameters(synchronizer: &UniqueIdentifier) -> Self {
        Self::of_synchronizer(MappingCode::SynchronizerParametersState, synchronizer)
    }

    /// That of one of the things of which a synchronizer has one of each kind.
    pub(crate) fn of_synchronizer(code: MappingCode, synchronizer: &UniqueIdentifier) -> Self {
        Self::about(code, |hash| hash.string(synchronizer.as_str()))
    }

    fn about(code: MappingCode, fields: impl FnOnce(HashBuilder) -> HashBuilder) -> Self {
        let hash = fields(HashBuilder::new(HashPurpose::TopologyMappingUniqueKey));
        Self(hash.int(code.number().into()).finish())
    }

    /// The 32 bytes of the hash.
    #[must_use]
    pub const fn as_bytes(&self) -> &[u8; 32] {
        self.0.as_bytes()
    }
}

/// Feeds a participant in the form with the member's code in front.
fn participant(hash: HashBuilder, uid: &UniqueIdentifier) -> HashBuilder {
    let code = MemberCode::Participant.code();
    hash.string_of(&[code, DELIMITER, uid.as_str()])
}

/// Feeds the text of a namespace.
fn of_namespace(hash: HashBuilder, namespace: &Namespace) -> HashBuilder {
    match namespace.fingerprint() {
        Some(fingerprint) => hash.bytes(&fingerprint.to_hex()),
        None => hash.string(&namespace.to_string()),
    }
}

impl fmt::Display for UniqueKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}
