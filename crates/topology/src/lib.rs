//! Topology of a ledger: who signs for which namespace, and which keys a node has, as signed statements.
//!
//! Pure: no I/O, no clock, no randomness, no encoding. Bytes come in together with what was read in them, and are hashed as
//! they came. Source: reference, topology and topology rules.

mod active_keys;
mod authorization;
mod checks;
mod dangers;
mod draft;
mod error;
mod force;
mod graph;
mod identifier;
mod mapping;
mod process;
mod rejection;
mod rules;
mod signed;
mod signing_keys;
mod store;
mod store_id;
mod transaction;

pub use active_keys::{current_encryption_key, current_signing_key};
pub use dangers::check_dangers;
pub use draft::{Drafted, draft};
pub use error::TopologyError;
pub use force::{ForceFlag, ForceFlags};
pub use graph::{AuthorizationGraph, OtherNamespace};

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
pub use process::{Outcome, Processed};
pub use rejection::Rejection;
pub use rules::{GENESIS_SEQUENCED, KeySpecs, Rules};
pub use signed::{Covers, SignaturesError, SignedTransaction, TransactionSignature};
pub use signing_keys::{SelectedKey, signing_keys};
pub use store::{At, Delta, Reference, StoredTransaction, Times, TopologyStore};
pub use store_id::{StoreId, StoreIdError, TemporaryName};
pub use transaction::{Draft, Operation, Serial, Transaction, TransactionHash};
