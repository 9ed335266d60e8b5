//! Topology of a ledger: who signs for which namespace, and which keys a node has, as signed statements.
//!
//! Pure: no I/O, no clock, no randomness, no encoding. Bytes come in together with what was read in them, and are hashed as
//! they came. Source: reference, topology and topology rules.

mod identifier;
mod mapping;
mod signed;
mod store_id;
mod transaction;

pub use identifier::{
    IdentifierError, Member, MemberCode, Namespace, PartyId, PhysicalSynchronizerId,
    ProtocolVersion, SynchronizerId, UniqueIdentifier,
};
pub use mapping::{
    DecentralizedNamespaceDefinition, HostingParticipant, LsuAnnouncement,
    LsuSequencerConnectionSuccessor, MAX_KEYS, Mapping, MappingCode, MappingError,
    MediatorSynchronizerState, NamespaceDelegation, OwnerToKeyMapping, ParticipantPermission,
    ParticipantSynchronizerPermission, PartyHostingLimits, PartyToKeyMapping, PartyToParticipant,
    Restriction, SequencerSynchronizerState, SigningKeysWithThreshold, SynchronizerParameters,
    SynchronizerTrustCertificate, UniqueKey, VettedPackages,
};
pub use signed::{Covers, SignaturesError, SignedTransaction, TransactionSignature};
pub use store_id::{StoreId, StoreIdError, TemporaryName};
pub use transaction::{Draft, Operation, Serial, Transaction, TransactionHash};
