//! Mappings: the statements that topology transactions make.

mod code;
mod decentralized_namespace;
mod error;
mod namespace_delegation;
mod others;
mod owner_to_key;
mod party;
mod unique_key;

pub use code::MappingCode;
pub use decentralized_namespace::DecentralizedNamespaceDefinition;
pub use error::MappingError;
pub use namespace_delegation::{NamespaceDelegation, Restriction};
pub use others::{
    LsuAnnouncement, LsuSequencerConnectionSuccessor, MediatorSynchronizerState,
    ParticipantSynchronizerPermission, PartyHostingLimits, SequencerSynchronizerState,
    SynchronizerParameters, SynchronizerTrustCertificate, VettedPackages,
};
pub use owner_to_key::OwnerToKeyMapping;
pub use party::{
    HostingParticipant, ParticipantPermission, PartyToKeyMapping, PartyToParticipant,
    SigningKeysWithThreshold,
};
pub use unique_key::UniqueKey;

use strongroom_crypto::{Fingerprint, SigningPublicKey};

use crate::identifier::{Namespace, SynchronizerId, UniqueIdentifier};

/// The most keys that a mapping lists.
pub const MAX_KEYS: usize = 20;

/// A statement. Mappings with the same [`UniqueKey`] replace each other.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Mapping {
    /// Who may sign for a namespace.
    NamespaceDelegation(NamespaceDelegation),
    /// A namespace that several others own together.
    DecentralizedNamespaceDefinition(DecentralizedNamespaceDefinition),
    /// The keys of a node.
    OwnerToKeyMapping(OwnerToKeyMapping),
    /// A participant trusts a synchronizer.
    SynchronizerTrustCertificate(SynchronizerTrustCertificate),
    /// What a participant may do on a synchronizer.
    ParticipantSynchronizerPermission(ParticipantSynchronizerPermission),
    /// How a party may be hosted.
    PartyHostingLimits(PartyHostingLimits),
    /// The packages that a participant accepts.
    VettedPackages(VettedPackages),
    /// The participants that host a party, and its signing keys.
    PartyToParticipant(PartyToParticipant),
    /// Parameters of a synchronizer.
    SynchronizerParametersState(SynchronizerParameters),
    /// A group of mediators.
    MediatorSynchronizerState(MediatorSynchronizerState),
    /// The sequencers of a synchronizer.
    SequencerSynchronizerState(SequencerSynchronizerState),
    /// Parameters of sequencing.
    DynamicSequencingParametersState(SynchronizerParameters),
    /// The signing keys of a party, in the deprecated form.
    PartyToKeyMapping(PartyToKeyMapping),
    /// An upgrade of a synchronizer.
    LsuAnnouncement(LsuAnnouncement),
    /// Where a sequencer is reached after an upgrade.
    LsuSequencerConnectionSuccessor(LsuSequencerConnectionSuccessor),
}

/// Whose statement a mapping is.
enum Subject<'a> {
    Namespace(&'a Namespace),
    Uid(&'a UniqueIdentifier),
}

impl Mapping {
    /// Its kind.
    #[must_use]
    pub const fn code(&self) -> MappingCode {
        use MappingCode as Code;
        match self {
            Self::NamespaceDelegation(_) => Code::NamespaceDelegation,
            Self::DecentralizedNamespaceDefinition(_) => Code::DecentralizedNamespaceDefinition,
            Self::OwnerToKeyMapping(_) => Code::OwnerToKeyMapping,
            Self::SynchronizerTrustCertificate(_) => Code::SynchronizerTrustCertificate,
            Self::ParticipantSynchronizerPermission(_) => Code::ParticipantPermission,
            Self::PartyHostingLimits(_) => Code::PartyHostingLimits,
            Self::VettedPackages(_) => Code::VettedPackages,
            Self::PartyToParticipant(_) => Code::PartyToParticipant,
            Self::SynchronizerParametersState(_) => Code::SynchronizerParametersState,
            Self::MediatorSynchronizerState(_) => Code::MediatorSynchronizerState,
            Self::SequencerSynchronizerState(_) => Code::SequencerSynchronizerState,
            Self::DynamicSequencingParametersState(_) => Code::SequencingDynamicParametersState,
            Self::PartyToKeyMapping(_) => Code::PartyToKeyMapping,
            Self::LsuAnnouncement(_) => Code::LsuAnnouncement,
            Self::LsuSequencerConnectionSuccessor(_) => Code::SequencerConnectionSuccessor,
        }
    }

    /// The namespace whose statement it is.
    #[must_use]
    pub fn namespace(&self) -> &Namespace {
        match self.subject() {
            Subject::Namespace(namespace) => namespace,
            Subject::Uid(uid) => uid.namespace(),
        }
    }

    /// The node, party or synchronizer whose statement it is; none for statements about a namespace itself.
    #[must_use]
    pub fn uid(&self) -> Option<&UniqueIdentifier> {
        match self.subject() {
            Subject::Namespace(_) => None,
            Subject::Uid(uid) => Some(uid),
        }
    }

    /// The identifier of [`Self::uid`].
    #[must_use]
    pub fn identifier(&self) -> Option<&str> {
        self.uid().map(UniqueIdentifier::identifier)
    }

    fn subject(&self) -> Subject<'_> {
        match self {
            Self::NamespaceDelegation(it) => Subject::Namespace(it.namespace()),
            Self::DecentralizedNamespaceDefinition(it) => Subject::Namespace(it.namespace()),
            Self::OwnerToKeyMapping(it) => Subject::Uid(&it.member().uid),
            Self::SynchronizerTrustCertificate(it) => Subject::Uid(&it.participant),
            Self::ParticipantSynchronizerPermission(it) => Subject::Uid(&it.synchronizer),
            Self::PartyHostingLimits(it) => Subject::Uid(&it.synchronizer),
            Self::VettedPackages(it) => Subject::Uid(&it.participant),
            Self::PartyToParticipant(it) => Subject::Uid(it.party()),
            Self::SynchronizerParametersState(it) | Self::DynamicSequencingParametersState(it) => {
                Subject::Uid(&it.synchronizer)
            }
            Self::MediatorSynchronizerState(it) => Subject::Uid(&it.synchronizer),
            Self::SequencerSynchronizerState(it) => Subject::Uid(&it.synchronizer),
            Self::PartyToKeyMapping(it) => Subject::Uid(&it.party),
            Self::LsuAnnouncement(it) => Subject::Uid(&it.successor.synchronizer),
            Self::LsuSequencerConnectionSuccessor(it) => Subject::Uid(&it.sequencer),
        }
    }

    /// The synchronizer that it is bound to; none for statements that hold everywhere.
    #[must_use]
    pub fn synchronizer(&self) -> Option<&SynchronizerId> {
        match self {
            Self::SynchronizerTrustCertificate(it) => Some(&it.synchronizer),
            Self::ParticipantSynchronizerPermission(it) => Some(&it.synchronizer),
            Self::PartyHostingLimits(it) => Some(&it.synchronizer),
            Self::SynchronizerParametersState(it) | Self::DynamicSequencingParametersState(it) => {
                Some(&it.synchronizer)
            }
            Self::MediatorSynchronizerState(it) => Some(&it.synchronizer),
            Self::SequencerSynchronizerState(it) => Some(&it.synchronizer),
            Self::LsuAnnouncement(it) => Some(&it.successor.synchronizer),
            Self::LsuSequencerConnectionSuccessor(it) => Some(&it.successor.synchronizer),
            Self::NamespaceDelegation(_)
            | Self::DecentralizedNamespaceDefinition(_)
            | Self::OwnerToKeyMapping(_)
            | Self::VettedPackages(_)
            | Self::PartyToParticipant(_)
            | Self::PartyToKeyMapping(_) => None,
        }
    }

    /// The signing key with this fingerprint among those that it lists for a node or a party.
    #[must_use]
    pub fn signing_key(&self, key: &Fingerprint) -> Option<&SigningPublicKey> {
        match self {
            Self::OwnerToKeyMapping(it) => {
                it.signing_keys().find(|known| known.fingerprint() == *key)
            }
            Self::PartyToKeyMapping(it) => it.signing_keys.key(key),
            Self::PartyToParticipant(it) => it.signing_keys()?.key(key),
            _ => None,
        }
    }

    /// What it replaces, and is replaced by.
    #[must_use]
    pub fn unique_key(&self) -> UniqueKey {
        UniqueKey::of(self)
    }
}
