//! What can go wrong in a use case.

mod anchor_tag;
mod announcement;
mod approval;
mod attempt;
mod codes;
mod instant;
mod migration;
mod party;
mod payload;
mod replica;
mod session_key;
mod signature_check;
mod wrapper_key;

use std::sync::Arc;

use strongroom_backup::BackupError;
use strongroom_crypto::{
    DecryptError, DelegationError, EncryptError, Fingerprint, KeyError, KeyPurpose, KeySpec,
    NameError, PayloadError, RandomError, SealError, SecretLengthError, SignError, Timestamp,
    UsageError, VerifyError,
};
use strongroom_files::FileError;
use strongroom_kms::KmsError;
use strongroom_proto::ProtoError;
use strongroom_store::{Custody, DataKeyId, JournalId, StoreError, VaultId};
use strongroom_topology::{
    IdentifierError, MappingError, Member, Namespace, SignaturesError, TopologyError,
};

pub use self::{
    anchor_tag::AnchorTagError,
    announcement::AnnouncementError,
    approval::ApprovalError,
    attempt::WrapAttempt,
    migration::MigrationError,
    party::PartyError,
    payload::PayloadUseError,
    replica::ReplicaError,
    session_key::SessionKeyError,
    signature_check::{SignatureCheckError, UnsupportedDelegation},
    wrapper_key::WrapperKeyError,
};
pub(crate) use self::{attempt::in_words, instant::instant};
use crate::{anchor::AnchorError, operations::import::canton::RefusedCantonRow};

/// Why a use case of the vault failed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum VaultError {
    /// The store holds a vault already.
    #[error("there is a vault already")]
    AlreadyExists,
    /// The store that a vault is moved into has rows that are not this vault's, or are no longer.
    #[error("there are rows already where the vault is to be moved, and they are not its own")]
    OtherRowsThere {
        /// What is wrong with them.
        #[source]
        source: Box<VaultError>,
    },
    /// The store holds no vault.
    #[error("there is no vault yet")]
    NotInitialized,
    /// No key of the vault has this fingerprint.
    #[error("no key {fingerprint} in the vault")]
    KeyNotFound {
        /// What was asked for.
        fingerprint: Fingerprint,
    },
    /// The vault has only the public half.
    #[error("the vault has only the public half of {fingerprint}")]
    NoPrivateKey {
        /// The key.
        fingerprint: Fingerprint,
    },
    /// A signing key where an encryption key is needed, or the other way round.
    #[error("{fingerprint} is not a key for {wanted}")]
    WrongPurpose {
        /// The key.
        fingerprint: Fingerprint,
        /// What was to be done with it.
        wanted: KeyPurpose,
    },
    /// A retired key signs and encrypts nothing.
    #[error("{fingerprint} is retired")]
    KeyRetired {
        /// The key.
        fingerprint: Fingerprint,
    },
    /// The key of a row of Canton's tables cannot be taken.
    #[error(transparent)]
    CantonRow(#[from] RefusedCantonRow),
    /// The key is in the vault under another name or with other usages.
    #[error("{fingerprint} is in the vault already, with other attributes")]
    KeyExists {
        /// The key.
        fingerprint: Fingerprint,
        /// The name that it has in the vault.
        existing_name: Option<String>,
    },
    /// A filter that contradicts itself.
    #[error("cannot specify a usage when listing encryption keys")]
    UsageOfEncryptionKeys,
    /// This vault keeps no keys of that custody.
    #[error("custody {custody} is not offered for this")]
    CustodyUnsupported {
        /// The custody.
        custody: Custody,
    },
    /// The private key is in a KMS, and cannot be had.
    #[error("the private key of {fingerprint} is in the KMS {kms} and never leaves it")]
    HeldByKms {
        /// The key.
        fingerprint: Fingerprint,
        /// The configured name of the KMS.
        kms: String,
    },
    /// No KMS holds the private key.
    #[error("no key management system holds the private key of {fingerprint}")]
    NotHeldByKms {
        /// The key.
        fingerprint: Fingerprint,
    },
    /// No configured KMS holds external keys.
    #[error("no key management system is configured that holds keys")]
    NoExternalKms,
    /// No KMS of this name is there that holds external keys.
    #[error("there is no open key management system {kms} that holds keys")]
    UnknownKms {
        /// The name.
        kms: String,
    },
    /// A key of a KMS does not do what it is to be used for.
    #[error("key {key} of the KMS {kms} is for {found}, not for {wanted}")]
    ExternalKeyPurpose {
        /// The configured name of the KMS.
        kms: String,
        /// The key, as the KMS calls it.
        key: String,
        /// What it does.
        found: KeyPurpose,
        /// What it was to do.
        wanted: KeyPurpose,
    },
    /// The KMS made a key of another spec than it was asked for.
    #[error("the KMS {kms} made key {key} with the spec {found}, not {wanted}")]
    ExternalKeySpec {
        /// The configured name of the KMS.
        kms: String,
        /// The key, as the KMS calls it.
        key: String,
        /// Its spec.
        found: KeySpec,
        /// The spec that was asked for.
        wanted: KeySpec,
    },
    /// The KMS has another key under the id of this one.
    #[error("the KMS {kms} has another key in the place of {fingerprint}")]
    ExternalKeyExchanged {
        /// The key.
        fingerprint: Fingerprint,
        /// The configured name of the KMS.
        kms: String,
    },
    /// A KMS was asked to make a key, and nobody knows whether it did.
    #[error("the KMS {kms} did not say whether it made the key")]
    ExternalKeyInDoubt {
        /// The configured name of the KMS.
        kms: String,
        /// What it said.
        source: KmsError,
    },
    /// A key left the vault, and the KMS did not destroy it.
    #[error("{fingerprint} is no longer in the vault, but key {key} remains in the KMS {kms}")]
    ExternalKeyRemains {
        /// The key that left.
        fingerprint: Fingerprint,
        /// The configured name of the KMS.
        kms: String,
        /// The key, as the KMS calls it.
        key: String,
        /// Why.
        source: Box<Self>,
    },
    /// A key of a KMS was decided to be destroyed, and may be by now.
    #[error("key {key} of the KMS {kms} is being destroyed")]
    ExternalKeyDiscarded {
        /// The configured name of the KMS.
        kms: String,
        /// The key, as the KMS calls it.
        key: String,
    },
    /// The journal says nothing of a key of a KMS.
    #[error("the journal says nothing of key {key} of the KMS {kms}")]
    NoJournalEntry {
        /// The configured name of the KMS.
        kms: String,
        /// The key, as the KMS calls it.
        key: String,
    },
    /// The journal has no entry of this id, or it is worked on.
    #[error("the journal of KMS keys has no entry {id} that nobody works on")]
    NoSuchJournalEntry {
        /// The id.
        id: JournalId,
    },
    /// A key of a KMS is one of this vault, or was not made for it.
    #[error("key {key} of the KMS {kms} is no orphan of this vault")]
    NotAnOrphan {
        /// The configured name of the KMS.
        kms: String,
        /// The key, as the KMS calls it.
        key: String,
    },
    /// The KMS has a key that was to be forgotten.
    #[error("key {key} of the KMS {kms} exists")]
    OrphanRemains {
        /// The configured name of the KMS.
        kms: String,
        /// The key, as the KMS calls it.
        key: String,
    },
    /// No configured KMS can wrap.
    #[error("no key management system is configured that offers wrapper keys")]
    NoWrapper,
    /// The data key has no wrap that any configured KMS can open.
    #[error("no wrapper key opens this vault")]
    NoWrapOpens {
        /// One line per wrap that was tried: the KMS, the wrapper key, the code of the failure.
        attempts: Vec<WrapAttempt>,
    },
    /// The configuration names another wrapper key than the vault is sealed under.
    #[error(
        "the configuration names wrapper key {configured}, but the vault is sealed under {stored}"
    )]
    WrapperKeyContradiction {
        /// From the configuration.
        configured: String,
        /// From the store.
        stored: String,
    },
    /// No configured KMS has this name, or the one that has it offers no wrapper keys.
    #[error("no key management system {kms} with wrapper keys is configured")]
    KmsNotConfigured {
        /// The name that was asked for.
        kms: String,
    },
    /// A key was sealed by a wrapper key of a KMS that is not configured any more.
    #[error("no configured key management system holds the wrapper key {wrapper_key_id}")]
    WrapperKeyNotConfigured {
        /// The wrapper key.
        wrapper_key_id: String,
    },
    /// The wrapper key wraps the data keys already.
    #[error("the vault has a wrap by {wrapper_key_id} of {kms} already")]
    WrapExists {
        /// The configured name of the KMS.
        kms: String,
        /// The wrapper key.
        wrapper_key_id: String,
    },
    /// The wrapper key does not wrap the data keys.
    #[error("the vault has no wrap by {wrapper_key_id}")]
    WrapNotFound {
        /// The wrapper key.
        wrapper_key_id: String,
    },
    /// The vault has as many wraps in one KMS as are ever tried.
    #[error("the vault has as many wraps in {kms} as it may have")]
    TooManyWraps {
        /// The configured name of the KMS.
        kms: String,
    },
    /// Nothing would open the vault any more.
    #[error("this is the last wrap of the vault")]
    LastWrap,
    /// None of the wraps that would stay opens the vault now.
    #[error("no other wrap opens the vault now")]
    NoOtherWrapOpens {
        /// One line per wrap that was tried.
        attempts: Vec<WrapAttempt>,
    },
    /// Keys are sealed by the wrapper key itself.
    #[error("{keys} private keys are sealed by {wrapper_key_id} itself")]
    WrapperKeySeals {
        /// The wrapper key.
        wrapper_key_id: String,
        /// How many.
        keys: usize,
    },
    /// The wrapper key could not be rotated.
    #[error(transparent)]
    WrapperKey(#[from] WrapperKeyError),
    /// Another vault than the configuration names.
    #[error("this is vault {found}, the configuration names {configured}")]
    OtherVault {
        /// From the configuration.
        configured: VaultId,
        /// From the store.
        found: VaultId,
    },
    /// What the KMS unwrapped is not the data key of this vault.
    #[error("data key {id} is not the one this vault commits to")]
    DataKeySubstituted {
        /// The data key.
        id: DataKeyId,
        /// Set when it is no data key at all.
        #[source]
        source: Option<SecretLengthError>,
    },
    /// A row names a data key that the vault does not have.
    #[error("no data key {id} in the vault")]
    UnknownDataKey {
        /// The data key.
        id: DataKeyId,
    },
    /// A row was edited, swapped with another, cut, or brought from another vault.
    #[error("a row of {table} is not authentic: {row}")]
    RowNotAuthentic {
        /// The table.
        table: &'static str,
        /// The row's key.
        row: String,
    },
    /// The state record was edited or brought from another vault.
    #[error("the state record is not authentic")]
    StateNotAuthentic,
    /// Every row is authentic, but together they are not this vault at its latest commit.
    #[error("the rows do not add up to the state record: a row was dropped, revived, or put back")]
    StateMismatch {
        /// Keys, wraps and data keys that the last commit left.
        expected_entries: u64,
        /// Those that are there.
        found_entries: u64,
    },
    /// The whole store is older than the anchor remembers, or lacks what that state had.
    #[error(
        "the store is at generation {found}, the anchor remembers {}generation {remembered}",
        if found >= remembered { "another state of " } else { "" }
    )]
    RolledBack {
        /// From the anchor.
        remembered: u64,
        /// From the store.
        found: u64,
    },
    /// The anchor is there for another vault, or for another data key.
    #[error("the anchor does not belong to this vault")]
    AnchorOfOtherVault,
    /// The vault has an anchor configured, and it is gone.
    #[error("the anchor {location} is missing")]
    AnchorMissing {
        /// Where it should be.
        location: String,
    },
    /// The key was being changed by a commit of which nobody knows whether it was done.
    #[error("it is not known whether {fingerprint} was deleted or retired")]
    InDoubt {
        /// The key.
        fingerprint: Fingerprint,
    },
    /// The vault was anchored, and the configuration names no anchor.
    #[error("the vault was anchored, but no anchor is configured")]
    AnchorNotConfigured,
    /// Another process, or an operator, changed the store under an open vault.
    #[error("the store was changed by somebody else while the vault was open")]
    ChangedUnderneath,
    /// A stored form of a later version of Strongroom.
    #[error("unknown version {version} of a {what}")]
    UnknownFormat {
        /// What has the version.
        what: &'static str,
        /// The version.
        version: u8,
    },
    /// An audit record was removed, changed or put in another place.
    #[error("the audit chain is broken at record {sequence}")]
    AuditBroken {
        /// The first record that does not fit.
        sequence: u64,
    },
    /// Every row of topology is authentic, but together they are not what the last commit left.
    #[error(
        "the rows of topology do not add up to the state record: a row was dropped, revived, or put back"
    )]
    TopologyMismatch {
        /// Rows that the last commit left.
        expected_rows: u64,
        /// Those that are there.
        found_rows: u64,
    },
    /// No node's identity was made or taken in yet.
    #[error("the vault has no node's identity yet")]
    NotIdentified,
    /// The vault is another node's.
    #[error("the vault is {found}, not {wanted}")]
    OtherIdentity {
        /// Whose it is.
        found: Box<Member>,
        /// Whose it should be.
        wanted: Box<Member>,
    },
    /// A key of the node is there by name, but only its public half. The text is Canton's.
    #[error("Broken private key store: Could not find {purpose} key {fingerprint} of {name}")]
    PrivateKeyLost {
        /// The key.
        fingerprint: Fingerprint,
        /// Signing or encryption.
        purpose: KeyPurpose,
        /// Its name.
        name: String,
    },
    /// None of the keys that may sign for the namespace is in the vault.
    #[error("No signing key found locally for the provided namespace {namespace}")]
    NoNamespaceSigner {
        /// The namespace.
        namespace: Namespace,
    },
    /// Certificates are about another namespace, or about two.
    #[error("the namespace {wanted} does not match the certificate of {certified}")]
    CertificateMismatch {
        /// The one that was expected.
        wanted: Namespace,
        /// The one in the certificate.
        certified: Namespace,
    },
    /// A transaction that announces no delegation.
    #[error("a certificate that announces a namespace delegation was expected, found {found}")]
    NotACertificate {
        /// What it is instead.
        found: String,
    },
    /// Topology still refers to the key.
    #[error("{fingerprint} is still announced: {places}", places = .places.join(", "))]
    KeyAnnounced {
        /// The key.
        fingerprint: Fingerprint,
        /// Where: store, mapping, serial.
        places: Vec<String>,
    },
    /// The root key of the namespace is the identity itself.
    #[error("{fingerprint} is the permanent key of the namespace: it has no rotation")]
    PermanentKey {
        /// The key.
        fingerprint: Fingerprint,
    },
    /// Rotations are done one after the other.
    #[error("the rotation of {old} is not finished")]
    RotationUnderWay {
        /// The key that leaves.
        old: Fingerprint,
    },
    /// The announced keys were changed by hand while a rotation was under way.
    #[error("the rotation of {old} to {new} cannot go on: neither of them is announced any more")]
    RotationStale {
        /// The key that leaves.
        old: Fingerprint,
        /// Its successor.
        new: Fingerprint,
    },
    /// No announced key of the node fits, or none whose private half is here.
    #[error("no announced key for {wanted} is in the vault")]
    NoCurrentKey {
        /// What it was wanted for.
        wanted: &'static str,
    },
    /// History cannot be put under what is there.
    #[error("the topology store {store} is not empty")]
    StoreNotEmpty {
        /// The store.
        store: String,
    },
    /// The time of a synchronizer goes on.
    #[error("sequenced at {}, but the store has seen {}", instant(*.sequenced), instant(*.last))]
    SequencedTooEarly {
        /// The time that was given.
        sequenced: Timestamp,
        /// The last one in the store.
        last: Timestamp,
    },
    /// A rule of topology forbids it.
    #[error("topology does not allow it")]
    Topology(#[from] TopologyError),
    /// A mapping that cannot be.
    #[error("the mapping was refused")]
    Mapping(#[from] MappingError),
    /// A name on the ledger that cannot be.
    #[error("the identifier was refused")]
    Identifier(#[from] IdentifierError),
    /// A key name that cannot be.
    #[error("the key name was refused")]
    Name(#[from] NameError),
    /// Usages that no key can have.
    #[error("the usages were refused")]
    Usage(#[from] UsageError),
    /// Signatures that no transaction can have.
    #[error(transparent)]
    Signatures(#[from] SignaturesError),
    /// The vault was restored, and nobody has said that it may sign again.
    #[error("the vault was restored or put back, and is in quarantine")]
    InQuarantine,
    /// The vault is in no quarantine that could be ended.
    #[error("the vault is not in quarantine")]
    NotInQuarantine,
    /// The anchor remembers a later state of the vault than the backup holds.
    #[error(
        "the backup is of generation {found}, the anchor remembers {}generation {remembered}",
        if found == remembered { "another state of " } else { "" }
    )]
    BackupOlder {
        /// From the anchor.
        remembered: u64,
        /// In the backup.
        found: u64,
    },
    /// The file of a backup failed.
    #[error("the file of the backup failed")]
    File(#[from] FileError),
    /// A backup cannot be written or read.
    #[error("the backup failed")]
    Backup(#[from] BackupError),
    /// Somebody called the work off: what it did before is durable.
    #[error("it was called off before it was done")]
    CalledOff,
    /// The store failed.
    #[error("the store failed")]
    Store(#[from] StoreError),
    /// The KMS failed.
    #[error("the key management system failed")]
    Kms(#[from] KmsError),
    /// The anchor failed.
    #[error("the anchor failed")]
    Anchor(#[from] AnchorError),
    /// The tag of a wrapper key did not do as an anchor.
    #[error(transparent)]
    AnchorTag(#[from] AnchorTagError),
    /// A key is not valid.
    #[error("the key was refused")]
    Key(#[from] KeyError),
    /// A key was not announced, or not withdrawn.
    #[error(transparent)]
    Announcement(#[from] AnnouncementError),
    /// Signing failed.
    #[error("signing failed")]
    Sign(#[from] SignError),
    /// The signature was refused.
    #[error("the signature was refused")]
    Verify(#[from] VerifyError),
    /// Encryption failed.
    #[error("encryption failed")]
    Encrypt(#[from] EncryptError),
    /// Decryption failed.
    #[error("decryption failed")]
    Decrypt(#[from] DecryptError),
    /// A payload was not sealed or not opened.
    #[error("the payload was refused")]
    Payload(#[from] PayloadError),
    /// A payload is not for those, or not from the one, it should be.
    #[error(transparent)]
    PayloadUse(#[from] PayloadUseError),
    /// A message of the wire format is malformed.
    #[error("the message is malformed")]
    Proto(#[from] ProtoError),
    /// The random source failed.
    #[error("the random source failed")]
    Random(#[from] RandomError),
    /// Sealing failed.
    #[error("sealing failed")]
    Seal(#[from] SealError),
    /// A key was not moved to another place.
    #[error(transparent)]
    Migration(#[from] MigrationError),
    /// The use of a key could not be put on record, so its result was withheld.
    #[error("the use of the key could not be put on record as the audit level asks")]
    UseNotRecorded {
        /// Why; none when whoever wrote for several was interrupted again and again.
        #[source]
        source: Option<Arc<VaultError>>,
    },
    /// This process is not the only one, and not up to date.
    #[error(transparent)]
    Replica(#[from] ReplicaError),
    /// No session key was to be had.
    #[error(transparent)]
    SessionKey(#[from] SessionKeyError),
    /// A signature is not accepted, by the state of a synchronizer.
    #[error(transparent)]
    SignatureCheck(#[from] SignatureCheckError),
    /// Something was not done for a party.
    #[error(transparent)]
    Party(#[from] PartyError),
    /// A delegation cannot be.
    #[error("the delegation was refused")]
    Delegation(#[from] DelegationError),
    /// Another person is needed.
    #[error(transparent)]
    Approval(#[from] ApprovalError),
}
