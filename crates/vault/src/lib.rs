//! The use cases of the vault: create, open, generate, sign, decrypt, import, export, delete, audit.
//!
//! A [`Vault`] keeps the private keys of a ledger node in a store that its operator may read and write without
//! learning or changing a key: every private key is sealed under a data key that only a key management system can
//! unwrap, and what each row *means* is authenticated too. Opening a vault costs one KMS call, however many keys
//! it holds; keys are parsed when they are first used and stay in a bounded cache that forgets.
//!
//! This crate picks no adapter: the store, the KMS, the clock, the randomness and the anchor come in through
//! [`Environment`].
//!
//! ```no_run
//! # async fn example(environment: strongroom_vault::Environment) -> Result<(), strongroom_vault::VaultError> {
//! use strongroom_crypto::{KeyUsage, KeyUsages, SigningKeySpec};
//! use strongroom_vault::{Caller, NewSigningKey, Settings, Vault};
//!
//! let vault = Vault::open(environment, Settings::default()).await?;
//! let key = vault
//!     .generate_signing_key(
//!         &Caller::new("operator"),
//!         NewSigningKey { spec: SigningKeySpec::EcCurve25519, usages: KeyUsages::only(KeyUsage::Protocol), name: None },
//!     )
//!     .await?;
//! let signature = vault.sign(&key.fingerprint(), b"message", KeyUsages::only(KeyUsage::Protocol)).await?;
//! # Ok(()) }
//! ```
//!
//! `examples/embed.rs` in the folder of this crate is a whole program: it makes the environment from a database, a key file and an
//! anchor, makes a vault, uses it, and opens it again.

// The vault as whoever embeds it sees it. Each use case is a file of `operations`; files of the same name here keep what it works on.
mod caller;
mod environment;
mod error;
mod operations;
mod settings;
mod vault;

// What is remembered of the rows, so that nobody asks the store.
mod approvals;
mod backups;
mod configuration;
mod data_keys;
mod directory;
mod fingerprints;
mod journal;
mod node;
mod topology;
mod wraps;

// What makes rows believable: MACs, their sum, and what is kept where the operator of the database cannot write.
mod anchor;
mod anchor_tag;
mod audit;
mod authenticate;
mod digest;
mod history;
mod rows;
mod state;
mod succession;
mod sums;

// How a change becomes durable, here and for other processes.
mod committed;
mod replica;
mod unit;
mod uses;

// Private keys at work: opened, cached, and keys in memory in their place.
mod cache;
mod opening;
mod schemes;
mod sealing;
mod session_encryption;
mod session_signing;

// What several want and one does, what goes on by itself, and what is called off.
mod background;
mod gates;
mod kms_watch;
mod recall;
mod turns;
mod wrapper_key_watch;
mod write_watch;

// Work without a vault.
mod replay;
mod yardstick;

pub use anchor::{
    Anchor, AnchorError, AnchorRecord, AnchoredDataKey, Checkpoint, FileAnchor, NoAnchor, Restoring,
};
pub use anchor_tag::{ANCHOR_TAG_PREFIX, AnchorTag, StoredTag, TagFailure};
pub use approvals::{Approval, Verdict};
pub use audit::export::{AuditExportError, AuditKeyUse, VerifiedAuditExport, verify_audit_export};
pub use audit::{
    AuditCheckpoint, AuditEntry, AuditHead, AuditOperation, AuditOutcome, AuditVerification,
    NotAnAuditHead,
};
pub use backups::Backup;
pub use caller::Caller;
pub use configuration::{CHANGE_OF_CONFIGURATION, ConfigurationGuard, ConfigurationMark};
pub use directory::{KeyEntry, PrivateHalf};
pub use environment::{Environment, NamedKms, NamedWrapper};
pub use error::{
    AnchorTagError, AnnouncementError, ApprovalError, MigrationError, PartyError, PayloadUseError,
    ReplicaError, SessionKeyError, SignatureCheckError, UnsupportedDelegation, VaultError,
    WrapAttempt, WrapperKeyError,
};
pub use journal::{JOURNAL_TAG, JournalEntry, Progress};
pub use kms_watch::KmsCondition;
pub use node::{Identity, Rotation};
pub use operations::act::ServerAct;
pub use operations::ages::{AgedKey, KeyAge, KeyClass};
pub use operations::approvals::Ask;
pub use operations::audit::export::AuditExport;
pub use operations::backup::{
    create::{CreatedBackup, NewBackup},
    restore::{Restore, Restored},
    schedule::{BackupDue, BackupMeans, BackupRoundDone, BackupSchedule, BackupTurn, BackupWork},
    verify::{BackupReport, KeysUsed},
};
pub use operations::configuration::ConfigurationProposal;
pub use operations::create::{NewVault, VAULT_TAG};
pub use operations::custody::CustodyChanges;
pub use operations::export::ExportForm;
pub use operations::external::journal::{Orphan, Orphans};
pub use operations::external::register::Registration;
pub use operations::findings::{Finding, FindingLimits, Severity};
pub use operations::generate::{NewEncryptionKey, NewSigningKey};
pub use operations::import::canton::{
    CantonImport, CantonOrigin, CantonOutcome, CantonRow, CantonRowError, RefusedCantonRow,
};
pub use operations::import::{ImportedKey, PublicKeyImport};
pub use operations::incident::{
    Act, Affected, AffectedBackup, AffectedKey, AffectedPrivateKey, AffectedRoot, AffectedWrap,
    AffectedWrapperKey, Condition, Export, IncidentPlan, KeyRole, Loss, SealedUnder, Step, Suspect,
};
pub use operations::inspect::Inspection;
pub use operations::list::KeyFilter;
pub use operations::migrate::Move;
pub use operations::moving::Destination;
pub use operations::numbers::{Ages, Numbers};
pub use operations::party::{
    PartySigning,
    rotate::{PartySuccessor, RotatedPartyKey},
    sign::{PartySignatures, PartySigners},
};
pub use operations::payload::{
    open::{OpenedPayload, PayloadExpectation, PayloadSender},
    seal::{PayloadOrder, PlannedPayload, SealedPayload},
};
pub use operations::place::Place;
pub use operations::protocol::{group::SigningGroup, verify::VerifyAt};
pub use operations::readiness::{KmsReadiness, Readiness};
pub use operations::session_encryption::{SessionEncryption, SessionSnapshot, SessionView};
pub use operations::topology::add::Added;
pub use operations::topology::authorize::{Authorized, HashProposal, Proposal};
pub use operations::topology::identity::{NewIdentity, NodeKeys};
pub use operations::topology::rotate::{
    RotationStep,
    begin::{Rotate, Successor},
};
pub use operations::wraps::check::{ProviderLoss, WrapCheck, WrapStatus};
pub use operations::wraps::list::{Opening, Wrap};
pub use operations::wraps::rotate::machine::{
    NewWrapperKey, PlannedCalls, RotationPlan, RotationRequest, RowsToMove,
};
pub use operations::wraps::rotate::{
    OnProgress, RotatedWrapperKey, RotationProgress, WrapperKeyRotation,
};
pub use operations::wraps::rotated::RotatedInKms;
pub use operations::wraps::wrapper_keys::{WrapperKeyState, WrapperKeyStatus};
pub use recall::Recall;
pub use replay::{
    DEFAULT_REPLAY_LIMIT, MemoryLimit, Replay, ReplayError, ReplayReport, ReplaySettings,
    ReplayedReason, ReplayedRejection, SignatureCounts,
};
pub use replica::{Role, Standing};
pub use schemes::{RequiredEncryption, RequiredSchemes, SynchronizerSchemes};
pub use session_encryption::{RecipientsTree, SessionEncryptionKey, SessionEncryptionNumbers};
pub use session_signing::SigningTime;
pub use settings::{
    AnchorTagSettings, ApprovalSettings, AuditSettings, CacheSettings, CustodyDefaults,
    KeyAgeLimits, KmsWatchSettings, ReplicaSettings, RotationSettings, SessionCacheBounds,
    SessionEncryptionSettings, SessionSigningSettings, Settings, UseRecords,
};
pub use topology::TopologyView;
pub use uses::AuditLag;
pub use vault::Vault;
pub use wrapper_key_watch::{Unusable, WrapperKeyAlarm};
#[doc(hidden)]
pub use yardstick::Yardstick;
