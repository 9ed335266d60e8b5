//! Mappings that pass through: their fields are read, and what is not tabled in them is kept as bytes.
//!
//! Source: reference, topology, section 4.7.

use strongroom_crypto::Timestamp;

use super::ParticipantPermission;
use crate::identifier::{PartyId, PhysicalSynchronizerId, SynchronizerId, UniqueIdentifier};

/// A participant trusts a synchronizer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SynchronizerTrustCertificate {
    /// The participant.
    pub participant: UniqueIdentifier,
    /// The synchronizer.
    pub synchronizer: SynchronizerId,
    /// Features that the participant announces, by their numbers on the wire.
    pub feature_flags: Vec<i32>,
}

/// What a participant may do on a synchronizer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ParticipantSynchronizerPermission {
    /// The synchronizer.
    pub synchronizer: SynchronizerId,
    /// The participant.
    pub participant: UniqueIdentifier,
    /// What it may do.
    pub permission: ParticipantPermission,
    /// Its limits, a message as received.
    pub limits: Option<Box<[u8]>>,
    /// Not to be let in before this time.
    pub login_after: Option<Timestamp>,
}

/// How a party may be hosted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PartyHostingLimits {
    /// The synchronizer.
    pub synchronizer: SynchronizerId,
    /// The party.
    pub party: PartyId,
}

/// The packages that a participant accepts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct VettedPackages {
    /// The participant.
    pub participant: UniqueIdentifier,
    /// The deprecated list: packages without times.
    pub package_ids: Vec<String>,
    /// The packages, each a message as received.
    pub packages: Vec<Box<[u8]>>,
}

/// Parameters of a synchronizer, or of its sequencing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SynchronizerParameters {
    /// The synchronizer.
    pub synchronizer: SynchronizerId,
    /// The parameters, a message as received.
    pub parameters: Option<Box<[u8]>>,
}

/// A group of mediators.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MediatorSynchronizerState {
    /// The synchronizer.
    pub synchronizer: SynchronizerId,
    /// The group's number.
    pub group: u32,
    /// How many of them must agree.
    pub threshold: u32,
    /// Those that take part.
    pub active: Vec<UniqueIdentifier>,
    /// Those that look on.
    pub observers: Vec<UniqueIdentifier>,
}

/// The sequencers of a synchronizer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SequencerSynchronizerState {
    /// The synchronizer.
    pub synchronizer: SynchronizerId,
    /// How many of them must agree.
    pub threshold: u32,
    /// Those that take part.
    pub active: Vec<UniqueIdentifier>,
    /// Those that look on.
    pub observers: Vec<UniqueIdentifier>,
}

/// An upgrade of a synchronizer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LsuAnnouncement {
    /// What it becomes.
    pub successor: PhysicalSynchronizerId,
    /// When.
    pub upgrade_time: Timestamp,
}

/// Where a sequencer is reached after an upgrade.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LsuSequencerConnectionSuccessor {
    /// The sequencer.
    pub sequencer: UniqueIdentifier,
    /// What the synchronizer becomes.
    pub successor: PhysicalSynchronizerId,
    /// Where, a message as received.
    pub connection: Option<Box<[u8]>>,
}
