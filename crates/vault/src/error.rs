//! What can go wrong in a use case.

use strongroom_crypto::{
    DecryptError, EncryptError, Fingerprint, KeyError, KeyPurpose, RandomError, SealError,
    SecretLengthError, SignError, VerifyError,
};
use strongroom_errors::{Category, Coded, ErrorCode};
use strongroom_kms::KmsError;
use strongroom_proto::ProtoError;
use strongroom_store::{Custody, DataKeyId, StoreError, VaultId};

use crate::anchor::AnchorError;

/// Why a use case of the vault failed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum VaultError {
    /// The store holds a vault already.
    #[error("there is a vault already")]
    AlreadyExists,
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
    /// The whole store is older than the anchor remembers.
    #[error(
        "the store is at generation {found}, the anchor remembers {}generation {remembered}",
        if found == remembered { "another state of " } else { "" }
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
    /// The store failed.
    #[error("the store failed")]
    Store(#[from] StoreError),
    /// The KMS failed.
    #[error("the key management system failed")]
    Kms(#[from] KmsError),
    /// The anchor failed.
    #[error("the anchor failed")]
    Anchor(#[from] AnchorError),
    /// A key is not valid.
    #[error("the key was refused")]
    Key(#[from] KeyError),
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
    /// A message of the wire format is malformed.
    #[error("the message is malformed")]
    Proto(#[from] ProtoError),
    /// The random source failed.
    #[error("the random source failed")]
    Random(#[from] RandomError),
    /// Sealing failed.
    #[error("sealing failed")]
    Seal(#[from] SealError),
}

/// One wrap that did not open the vault.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct WrapAttempt {
    /// The configured name of the KMS.
    pub kms: String,
    /// The wrapper key.
    pub wrapper_key_id: String,
    /// The code of the failure.
    pub code: &'static str,
    /// What happened, in words.
    pub reason: String,
}

const fn code(name: &'static str, category: Category, advice: &'static str) -> ErrorCode {
    ErrorCode::new(name, category, advice)
}

const RESTORE: &str = "Somebody changed the database by hand, or the disk did. Do not go on with this database: find out who, then restore \
                       a backup. 'strongroom doctor' shows what is wrong.";

const VAULT_ALREADY_EXISTS: ErrorCode = code(
    "VAULT_ALREADY_EXISTS",
    Category::AlreadyExists,
    "Choose another folder, or use the vault that is there.",
);
const VAULT_NOT_INITIALIZED: ErrorCode = code(
    "VAULT_NOT_INITIALIZED",
    Category::FailedPrecondition,
    "Make one with 'strongroom init --dir DIR', or check the folder.",
);
const KEY_NOT_FOUND: ErrorCode = code(
    "KEY_NOT_FOUND",
    Category::NotFound,
    "'strongroom keys list' shows the keys that are there.",
);
const NO_PRIVATE_KEY: ErrorCode = code(
    "NO_PRIVATE_KEY",
    Category::FailedPrecondition,
    "Import the private half with 'strongroom keys import', or use another key.",
);
const WRONG_KEY_PURPOSE: ErrorCode = code(
    "WRONG_KEY_PURPOSE",
    Category::FailedPrecondition,
    "Use a signing key to sign and an encryption key to encrypt: 'strongroom keys list' shows the purpose.",
);
const KEY_RETIRED: ErrorCode = code(
    "KEY_RETIRED",
    Category::FailedPrecondition,
    "Use the key that replaced it. A retired key only verifies and decrypts what is old.",
);
const KEY_EXISTS: ErrorCode = code(
    "KEY_EXISTS",
    Category::AlreadyExists,
    "'strongroom keys show FINGERPRINT' shows the key that is there. Delete it first if you mean to replace it.",
);
const USAGE_OF_ENCRYPTION_KEYS: ErrorCode = code(
    "USAGE_OF_ENCRYPTION_KEYS",
    Category::InvalidRequest,
    "Encryption keys have no usage: leave out --usage, or ask for --purpose signing.",
);
const CUSTODY_UNSUPPORTED: ErrorCode = code(
    "CUSTODY_UNSUPPORTED",
    Category::Unsupported,
    "Use custody 'envelope' (or 'clear', which protects nothing).",
);
const NO_WRAPPER: ErrorCode = code(
    "NO_WRAPPER",
    Category::FailedPrecondition,
    "Add a [[kms]] section to the configuration: 'strongroom config example' shows one.",
);
const NO_WRAP_OPENS: ErrorCode = code(
    "NO_WRAP_OPENS",
    Category::FailedPrecondition,
    "Check that the key management system is the one the vault was made with, that its wrapper key is enabled, and that you may use it.",
);
const WRAPPER_KEY_CONTRADICTION: ErrorCode = code(
    "WRAPPER_KEY_CONTRADICTION",
    Category::FailedPrecondition,
    "Changing the configuration is not a rotation. Put the stored wrapper key id back, or leave it out.",
);
const OTHER_VAULT: ErrorCode = code(
    "OTHER_VAULT",
    Category::DataCorrupted,
    "Check --dir and --config. If both are right, the database was exchanged: find out who, then restore a backup.",
);
const DATA_KEY_SUBSTITUTED: ErrorCode =
    code("DATA_KEY_SUBSTITUTED", Category::DataCorrupted, RESTORE);
const UNKNOWN_DATA_KEY: ErrorCode = code("UNKNOWN_DATA_KEY", Category::DataCorrupted, RESTORE);
const ROW_NOT_AUTHENTIC: ErrorCode = code("ROW_NOT_AUTHENTIC", Category::DataCorrupted, RESTORE);
const STATE_NOT_AUTHENTIC: ErrorCode =
    code("STATE_NOT_AUTHENTIC", Category::DataCorrupted, RESTORE);
const STATE_MISMATCH: ErrorCode = code("STATE_MISMATCH", Category::DataCorrupted, RESTORE);
const ROLLED_BACK: ErrorCode = code(
    "ROLLED_BACK",
    Category::DataCorrupted,
    "The database was put back to an earlier day. If that was you, restoring a backup: 'strongroom anchor accept' takes its state as the \
     latest. If not, find out who.",
);
const ANCHOR_OF_OTHER_VAULT: ErrorCode = code(
    "ANCHOR_OF_OTHER_VAULT",
    Category::DataCorrupted,
    "Check 'anchor' in the configuration. If the anchor is the right one, the database was exchanged.",
);
const ANCHOR_MISSING: ErrorCode = code(
    "ANCHOR_MISSING",
    Category::FailedPrecondition,
    "Restore the anchor file. If it is lost for good and you trust the database, 'strongroom anchor accept' makes a new one.",
);
const IN_DOUBT: ErrorCode = code(
    "IN_DOUBT",
    Category::Unavailable,
    "The database does not answer. Make it answer and try again, or open the vault anew.",
);
const ANCHOR_NOT_CONFIGURED: ErrorCode = code(
    "ANCHOR_NOT_CONFIGURED",
    Category::FailedPrecondition,
    "Put 'anchor' back into the configuration: without it a database put back to an earlier day goes unnoticed, and somebody may have \
     removed it for that. If you mean to go without, 'strongroom anchor accept' makes it so.",
);
const CHANGED_UNDERNEATH: ErrorCode = code(
    "CHANGED_UNDERNEATH",
    Category::Contention,
    "Open the vault again; nothing of this operation was done.",
);
const UNKNOWN_FORMAT: ErrorCode = code(
    "UNKNOWN_FORMAT",
    Category::Unsupported,
    "Use the version of strongroom that wrote this vault, or a newer one.",
);
const AUDIT_BROKEN: ErrorCode = code("AUDIT_BROKEN", Category::DataCorrupted, RESTORE);

impl VaultError {
    /// Every code of this domain that is its own.
    pub const CODES: &[ErrorCode] = &[
        VAULT_ALREADY_EXISTS,
        VAULT_NOT_INITIALIZED,
        KEY_NOT_FOUND,
        NO_PRIVATE_KEY,
        WRONG_KEY_PURPOSE,
        KEY_RETIRED,
        KEY_EXISTS,
        USAGE_OF_ENCRYPTION_KEYS,
        CUSTODY_UNSUPPORTED,
        NO_WRAPPER,
        NO_WRAP_OPENS,
        WRAPPER_KEY_CONTRADICTION,
        OTHER_VAULT,
        DATA_KEY_SUBSTITUTED,
        UNKNOWN_DATA_KEY,
        ROW_NOT_AUTHENTIC,
        STATE_NOT_AUTHENTIC,
        STATE_MISMATCH,
        ROLLED_BACK,
        ANCHOR_OF_OTHER_VAULT,
        ANCHOR_MISSING,
        IN_DOUBT,
        ANCHOR_NOT_CONFIGURED,
        CHANGED_UNDERNEATH,
        UNKNOWN_FORMAT,
        AUDIT_BROKEN,
    ];
}

impl Coded for VaultError {
    fn code(&self) -> ErrorCode {
        match self {
            Self::AlreadyExists => VAULT_ALREADY_EXISTS,
            Self::NotInitialized => VAULT_NOT_INITIALIZED,
            Self::KeyNotFound { .. } => KEY_NOT_FOUND,
            Self::NoPrivateKey { .. } => NO_PRIVATE_KEY,
            Self::WrongPurpose { .. } => WRONG_KEY_PURPOSE,
            Self::KeyRetired { .. } => KEY_RETIRED,
            Self::KeyExists { .. } => KEY_EXISTS,
            Self::UsageOfEncryptionKeys => USAGE_OF_ENCRYPTION_KEYS,
            Self::CustodyUnsupported { .. } => CUSTODY_UNSUPPORTED,
            Self::NoWrapper => NO_WRAPPER,
            Self::NoWrapOpens { .. } => NO_WRAP_OPENS,
            Self::WrapperKeyContradiction { .. } => WRAPPER_KEY_CONTRADICTION,
            Self::OtherVault { .. } => OTHER_VAULT,
            Self::DataKeySubstituted { .. } => DATA_KEY_SUBSTITUTED,
            Self::UnknownDataKey { .. } => UNKNOWN_DATA_KEY,
            Self::RowNotAuthentic { .. } => ROW_NOT_AUTHENTIC,
            Self::StateNotAuthentic => STATE_NOT_AUTHENTIC,
            Self::StateMismatch { .. } => STATE_MISMATCH,
            Self::RolledBack { .. } => ROLLED_BACK,
            Self::AnchorOfOtherVault => ANCHOR_OF_OTHER_VAULT,
            Self::AnchorMissing { .. } => ANCHOR_MISSING,
            Self::InDoubt { .. } => IN_DOUBT,
            Self::AnchorNotConfigured => ANCHOR_NOT_CONFIGURED,
            Self::ChangedUnderneath => CHANGED_UNDERNEATH,
            Self::UnknownFormat { .. } => UNKNOWN_FORMAT,
            Self::AuditBroken { .. } => AUDIT_BROKEN,
            Self::Store(source) => source.code(),
            Self::Kms(source) => source.code(),
            Self::Anchor(source) => source.code(),
            Self::Key(source) => source.code(),
            Self::Sign(source) => source.code(),
            Self::Verify(source) => source.code(),
            Self::Encrypt(source) => source.code(),
            Self::Decrypt(source) => source.code(),
            Self::Proto(source) => source.code(),
            Self::Random(source) => source.code(),
            Self::Seal(source) => source.code(),
        }
    }
}
