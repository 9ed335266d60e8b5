use std::{fmt, str::FromStr};

use super::MappingError;

/// The kinds of mappings.
///
/// Orders by number. Source: reference, topology, section 4.1.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum MappingCode {
    /// `nsd`: Who may sign for a namespace.
    NamespaceDelegation,
    /// `dnd`: A namespace that several others own together.
    DecentralizedNamespaceDefinition,
    /// `otk`: The keys of a node.
    OwnerToKeyMapping,
    /// `dtc`: A participant trusts a synchronizer.
    SynchronizerTrustCertificate,
    /// `pdp`: What a participant may do on a synchronizer.
    ParticipantPermission,
    /// `phl`: How a party may be hosted.
    PartyHostingLimits,
    /// `vtp`: The packages that a participant accepts.
    VettedPackages,
    /// `ptp`: The participants that host a party, and its signing keys.
    PartyToParticipant,
    /// `dop`: Parameters of a synchronizer.
    SynchronizerParametersState,
    /// `mds`: A group of mediators.
    MediatorSynchronizerState,
    /// `sds`: The sequencers of a synchronizer.
    SequencerSynchronizerState,
    /// `sep`: Parameters of sequencing.
    SequencingDynamicParametersState,
    /// `ptk`: The signing keys of a party, in the deprecated form.
    PartyToKeyMapping,
    /// `lsu`: An upgrade of a synchronizer.
    LsuAnnouncement,
    /// `scs`: Where a sequencer is reached after an upgrade.
    SequencerConnectionSuccessor,
}

impl MappingCode {
    /// All of them, by number.
    pub const ALL: [Self; 15] = [
        Self::NamespaceDelegation,
        Self::DecentralizedNamespaceDefinition,
        Self::OwnerToKeyMapping,
        Self::SynchronizerTrustCertificate,
        Self::ParticipantPermission,
        Self::PartyHostingLimits,
        Self::VettedPackages,
        Self::PartyToParticipant,
        Self::SynchronizerParametersState,
        Self::MediatorSynchronizerState,
        Self::SequencerSynchronizerState,
        Self::SequencingDynamicParametersState,
        Self::PartyToKeyMapping,
        Self::LsuAnnouncement,
        Self::SequencerConnectionSuccessor,
    ];

    /// The value of the enumeration on the wire. The number of the field that holds such a mapping is not always the
    /// same.
    #[must_use]
    pub const fn number(self) -> u8 {
        match self {
            Self::NamespaceDelegation => 1,
            Self::DecentralizedNamespaceDefinition => 3,
            Self::OwnerToKeyMapping => 4,
            Self::SynchronizerTrustCertificate => 5,
            Self::ParticipantPermission => 6,
            Self::PartyHostingLimits => 7,
            Self::VettedPackages => 8,
            Self::PartyToParticipant => 9,
            Self::SynchronizerParametersState => 11,
            Self::MediatorSynchronizerState => 12,
            Self::SequencerSynchronizerState => 13,
            Self::SequencingDynamicParametersState => 17,
            Self::PartyToKeyMapping => 18,
            Self::LsuAnnouncement => 19,
            Self::SequencerConnectionSuccessor => 20,
        }
    }

    /// The three letters that logs use.
    #[must_use]
    pub const fn short(self) -> &'static str {
        match self {
            Self::NamespaceDelegation => "nsd",
            Self::DecentralizedNamespaceDefinition => "dnd",
            Self::OwnerToKeyMapping => "otk",
            Self::SynchronizerTrustCertificate => "dtc",
            Self::ParticipantPermission => "pdp",
            Self::PartyHostingLimits => "phl",
            Self::VettedPackages => "vtp",
            Self::PartyToParticipant => "ptp",
            Self::SynchronizerParametersState => "dop",
            Self::MediatorSynchronizerState => "mds",
            Self::SequencerSynchronizerState => "sds",
            Self::SequencingDynamicParametersState => "sep",
            Self::PartyToKeyMapping => "ptk",
            Self::LsuAnnouncement => "lsu",
            Self::SequencerConnectionSuccessor => "scs",
        }
    }

    /// The name on the wire, without its prefix: `OWNER_TO_KEY_MAPPING`.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::NamespaceDelegation => "NAMESPACE_DELEGATION",
            Self::DecentralizedNamespaceDefinition => "DECENTRALIZED_NAMESPACE_DEFINITION",
            Self::OwnerToKeyMapping => "OWNER_TO_KEY_MAPPING",
            Self::SynchronizerTrustCertificate => "SYNCHRONIZER_TRUST_CERTIFICATE",
            Self::ParticipantPermission => "PARTICIPANT_PERMISSION",
            Self::PartyHostingLimits => "PARTY_HOSTING_LIMITS",
            Self::VettedPackages => "VETTED_PACKAGES",
            Self::PartyToParticipant => "PARTY_TO_PARTICIPANT",
            Self::SynchronizerParametersState => "SYNCHRONIZER_PARAMETERS_STATE",
            Self::MediatorSynchronizerState => "MEDIATOR_SYNCHRONIZER_STATE",
            Self::SequencerSynchronizerState => "SEQUENCER_SYNCHRONIZER_STATE",
            Self::SequencingDynamicParametersState => "SEQUENCING_DYNAMIC_PARAMETERS_STATE",
            Self::PartyToKeyMapping => "PARTY_TO_KEY_MAPPING",
            Self::LsuAnnouncement => "LSU_ANNOUNCEMENT",
            Self::SequencerConnectionSuccessor => "SEQUENCER_CONNECTION_SUCCESSOR",
        }
    }

    /// The kind with this number.
    #[must_use]
    pub fn from_number(number: i32) -> Option<Self> {
        Self::ALL
            .into_iter()
            .find(|code| i32::from(code.number()) == number)
    }
}

impl FromStr for MappingCode {
    type Err = MappingError;

    /// Takes the name and the three letters, in either case.
    fn from_str(text: &str) -> Result<Self, MappingError> {
        let wanted = text.replace('-', "_");
        Self::ALL
            .into_iter()
            .find(|code| {
                wanted.eq_ignore_ascii_case(code.name())
                    || wanted.eq_ignore_ascii_case(code.short())
            })
            .ok_or_else(|| MappingError::UnknownCode {
                text: text.chars().take(80).collect(),
            })
    }
}

impl fmt::Display for MappingCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}
