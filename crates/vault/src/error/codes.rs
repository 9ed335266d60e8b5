//! The code, category and advice of each error.

use strongroom_errors::{Category, Coded, ErrorCode};

use super::VaultError;
use crate::operations::import::canton::CantonRowError;

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
const OTHER_ROWS_THERE: ErrorCode = code(
    "OTHER_ROWS_THERE",
    Category::FailedPrecondition,
    "Nothing was changed, and the vault is where it was. An interrupted move leaves a copy, which is of no use once the vault has \
     changed: remove the schema, or the file, that the vault was to be moved to, and move it again.",
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
    "A KMS takes no keys in. Choose custody 'envelope' for this usage, or register a key that was made in the KMS.",
);
const HELD_BY_KMS: ErrorCode = code(
    "HELD_BY_KMS",
    Category::FailedPrecondition,
    "Use it through the vault. To move it elsewhere, rotate it: the KMS does not give private keys out.",
);
const NOT_HELD_BY_KMS: ErrorCode = code(
    "NOT_HELD_BY_KMS",
    Category::FailedPrecondition,
    "Only keys of custody 'external' can stay in a KMS: delete this one without --keep-in-kms.",
);
const NO_EXTERNAL_KMS: ErrorCode = code(
    "NO_EXTERNAL_KMS",
    Category::FailedPrecondition,
    "Add a [[kms]] that holds keys to the configuration, or choose custody 'envelope' for this usage.",
);
const UNKNOWN_KMS: ErrorCode = code(
    "UNKNOWN_KMS",
    Category::FailedPrecondition,
    "If a warning says that it could not be opened, mend that. Else put the [[kms]] of this name back into the configuration: 'strongroom kms show' shows those that are there.",
);
const EXTERNAL_KEY_PURPOSE: ErrorCode = code(
    "EXTERNAL_KEY_PURPOSE",
    Category::FailedPrecondition,
    "Name another key of the KMS: 'keys register-signing' takes signing keys, 'keys register-encryption' those that decrypt.",
);
const EXTERNAL_KEY_SPEC: ErrorCode = code(
    "EXTERNAL_KEY_SPEC",
    Category::Internal,
    "Check that the endpoint is the KMS you mean. 'strongroom kms orphans' shows the key and deletes it.",
);
const EXTERNAL_KEY_EXCHANGED: ErrorCode = code(
    "EXTERNAL_KEY_EXCHANGED",
    Category::DataCorrupted,
    "Find out who changed the key, or the alias that the vault knows it by. Do not rely on this key until then.",
);
const EXTERNAL_KEY_IN_DOUBT: ErrorCode = code(
    "EXTERNAL_KEY_IN_DOUBT",
    Category::Unavailable,
    "Ask for the same key again: if it was made, it is taken up. 'strongroom kms orphans' shows what is there.",
);
const EXTERNAL_KEY_REMAINS: ErrorCode = code(
    "EXTERNAL_KEY_REMAINS",
    Category::Unavailable,
    "'strongroom kms orphans' shows the key and deletes it, once the KMS can be reached and allows it.",
);
const EXTERNAL_KEY_DISCARDED: ErrorCode = code(
    "EXTERNAL_KEY_DISCARDED",
    Category::FailedPrecondition,
    "Nobody can undo that here. A cloud may still keep the key, if its console is told to within some days; then register it.",
);
const NO_JOURNAL_ENTRY: ErrorCode = code(
    "NO_JOURNAL_ENTRY",
    Category::NotFound,
    "'strongroom kms orphans' shows what there is. A key that the journal does not know is registered by 'keys register-signing' or 'keys register-encryption'.",
);
const NOT_AN_ORPHAN: ErrorCode = code(
    "NOT_AN_ORPHAN",
    Category::FailedPrecondition,
    "A key of the vault is deleted by 'strongroom keys delete'. A key that was not made for this vault is left alone: delete it in the KMS itself if you are sure.",
);
const ORPHAN_REMAINS: ErrorCode = code(
    "ORPHAN_REMAINS",
    Category::FailedPrecondition,
    "Adopt or delete the key first: 'strongroom kms orphans --adopt' or '--delete'.",
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
    "Changing the configuration is not a rotation. After a rotation, wrapper-key-id in the [[kms]] section must name the stored wrapper \
     key, or be left out; else put the stored one back. 'strongroom wrapper-key rotate --to ID' rotates; 'strongroom wrapper-key add' lets \
     another one open the vault as well.",
);
const KMS_NOT_CONFIGURED: ErrorCode = code(
    "KMS_NOT_CONFIGURED",
    Category::NotFound,
    "Name one of the [[kms]] sections of the configuration, or add one: 'strongroom config example' shows how.",
);
const WRAPPER_KEY_NOT_CONFIGURED: ErrorCode = code(
    "WRAPPER_KEY_NOT_CONFIGURED",
    Category::FailedPrecondition,
    "Put the [[kms]] section back whose wrapper key sealed these keys: 'strongroom wrapper-key show' names it.",
);
const WRAP_EXISTS: ErrorCode = code(
    "WRAP_EXISTS",
    Category::AlreadyExists,
    "Nothing needs to be done: 'strongroom wrapper-key check' tries it.",
);
const WRAP_NOT_FOUND: ErrorCode = code(
    "WRAP_NOT_FOUND",
    Category::NotFound,
    "'strongroom wrapper-key show' lists the wraps that there are.",
);
const TOO_MANY_WRAPS: ErrorCode = code(
    "TOO_MANY_WRAPS",
    Category::FailedPrecondition,
    "Take one away that is not needed any more: 'strongroom wrapper-key remove'.",
);
const LAST_WRAP: ErrorCode = code(
    "LAST_WRAP",
    Category::FailedPrecondition,
    "Add another wrap first: 'strongroom wrapper-key add'. Without any, every key would be lost.",
);
const NO_OTHER_WRAP_OPENS: ErrorCode = code(
    "NO_OTHER_WRAP_OPENS",
    Category::FailedPrecondition,
    "'strongroom wrapper-key check' tries every wrap and says why it does not open. Mend one that is to stay, or add another.",
);
const WRAPPER_KEY_SEALS: ErrorCode = code(
    "WRAPPER_KEY_SEALS",
    Category::FailedPrecondition,
    "Keep this wrap: only its wrapper key opens those keys. Replace them by new keys first, or replicate the wrapper key to another \
     region and add a wrap there.",
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
    "The database was put back to an earlier day, or is a standby that lacks commits, whatever was written in it since. If that was you, \
     restoring a backup: 'strongroom anchor accept' takes its state as the latest, in quarantine. If not, find out who.",
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
const CALLED_OFF: ErrorCode = code(
    "CALLED_OFF",
    Category::FailedPrecondition,
    "What was done before stays done. To go on with the rest, ask for the same again, or for rotations resume them: 'strongroom keys \
     rotate --resume', 'strongroom wrapper-key rotate --resume'.",
);
const USE_NOT_RECORDED: ErrorCode = code(
    "AUDIT_LEVEL_NOT_KEPT",
    Category::Unavailable,
    "What comes below says why: mend that, and try again. Records are written by the process that writes: where several share the \
     database, ask that one, or lower 'signatures' in [audit].",
);
const TOPOLOGY_MISMATCH: ErrorCode = code("TOPOLOGY_MISMATCH", Category::DataCorrupted, RESTORE);
const NOT_IDENTIFIED: ErrorCode = code(
    "NOT_IDENTIFIED",
    Category::FailedPrecondition,
    "Make the node's identity with 'strongroom init --kind participant' (or sequencer, mediator); with --certificate \
     FILE if its root key is elsewhere.",
);
const OTHER_IDENTITY: ErrorCode = code(
    "OTHER_IDENTITY",
    Category::FailedPrecondition,
    "One vault keeps the keys of one node. Check --dir, the kind of node and its identifier.",
);
const PRIVATE_KEY_LOST: ErrorCode = code(
    "PRIVATE_KEY_LOST",
    Category::FailedPrecondition,
    "Import the private half with 'strongroom keys import', or delete the public one if the key is of no use.",
);
const NO_NAMESPACE_SIGNER: ErrorCode = code(
    "NO_NAMESPACE_SIGNER",
    Category::FailedPrecondition,
    "Give the certificate that delegates to a key of this vault as well, or import that key.",
);
const CERTIFICATE_MISMATCH: ErrorCode = code(
    "CERTIFICATE_MISMATCH",
    Category::InvalidRequest,
    "'strongroom topology root inspect FILE' shows what a certificate says. Give the ones of a single namespace.",
);
const NOT_A_CERTIFICATE: ErrorCode = code(
    "NOT_A_CERTIFICATE",
    Category::InvalidRequest,
    "Give the .cert files of the root key and of the delegation; 'strongroom topology root inspect FILE' shows what a file says.",
);
const KEY_ANNOUNCED: ErrorCode = code(
    "KEY_ANNOUNCED",
    Category::FailedPrecondition,
    "Others still verify with this key or encrypt to it. Rotate it first ('strongroom keys rotate'), withdraw it \
     ('strongroom keys withdraw'), or revoke what refers to it.",
);
const PERMANENT_KEY: ErrorCode = code(
    "PERMANENT_KEY",
    Category::FailedPrecondition,
    "A namespace lives and ends with its root key. Let it rest, and delegate to an intermediate key: 'strongroom topology delegate'.",
);
const ROTATION_UNDER_WAY: ErrorCode = code(
    "ROTATION_UNDER_WAY",
    Category::FailedPrecondition,
    "Finish it with 'strongroom keys rotate --resume', or give it up with 'strongroom keys rotate --abandon'.",
);
const ROTATION_STALE: ErrorCode = code(
    "ROTATION_STALE",
    Category::FailedPrecondition,
    "Give it up with 'strongroom keys rotate --abandon', take away what 'strongroom topology active-keys' shows too much \
     ('strongroom keys withdraw'), and begin anew.",
);
const NO_CURRENT_KEY: ErrorCode = code(
    "NO_CURRENT_KEY",
    Category::FailedPrecondition,
    "'strongroom topology active-keys' shows the announced keys. Announce one ('strongroom keys announce'), or import \
     its private half.",
);
const TOPOLOGY_STORE_NOT_EMPTY: ErrorCode = code(
    "TOPOLOGY_STORE_NOT_EMPTY",
    Category::FailedPrecondition,
    "Import a snapshot into a store of its own; add transactions to this one with 'strongroom topology apply'.",
);
const SEQUENCED_TOO_EARLY: ErrorCode = code(
    "SEQUENCED_TOO_EARLY",
    Category::InvalidRequest,
    "Give the transactions in the order in which they were sequenced.",
);
const VAULT_IN_QUARANTINE: ErrorCode = code(
    "VAULT_IN_QUARANTINE",
    Category::FailedPrecondition,
    "What it holds may be older than the last rotations: a key that was replaced since would sign again. Bring topology up to date \
     ('strongroom topology import'), retire what it no longer lists ('strongroom keys retire'), then run 'strongroom backup release'.",
);
const VAULT_NOT_IN_QUARANTINE: ErrorCode = code(
    "VAULT_NOT_IN_QUARANTINE",
    Category::FailedPrecondition,
    "Nothing needs to be done: the vault signs.",
);
const BACKUP_OLDER_THAN_ANCHOR: ErrorCode = code(
    "BACKUP_OLDER_THAN_ANCHOR",
    Category::FailedPrecondition,
    "Nothing was restored. Take a later backup if there is one. If this is the last one, --accept-older restores it: what was done \
     since is lost.",
);
const AUDIT_BROKEN: ErrorCode = code("AUDIT_BROKEN", Category::DataCorrupted, RESTORE);

impl VaultError {
    /// Every code of this domain that is its own.
    pub const CODES: &[ErrorCode] = &[
        VAULT_ALREADY_EXISTS,
        OTHER_ROWS_THERE,
        VAULT_NOT_INITIALIZED,
        KEY_NOT_FOUND,
        NO_PRIVATE_KEY,
        WRONG_KEY_PURPOSE,
        KEY_RETIRED,
        KEY_EXISTS,
        USAGE_OF_ENCRYPTION_KEYS,
        CUSTODY_UNSUPPORTED,
        HELD_BY_KMS,
        NOT_HELD_BY_KMS,
        NO_EXTERNAL_KMS,
        UNKNOWN_KMS,
        EXTERNAL_KEY_PURPOSE,
        EXTERNAL_KEY_SPEC,
        EXTERNAL_KEY_EXCHANGED,
        EXTERNAL_KEY_IN_DOUBT,
        EXTERNAL_KEY_REMAINS,
        EXTERNAL_KEY_DISCARDED,
        NO_JOURNAL_ENTRY,
        NOT_AN_ORPHAN,
        ORPHAN_REMAINS,
        NO_WRAPPER,
        NO_WRAP_OPENS,
        WRAPPER_KEY_CONTRADICTION,
        KMS_NOT_CONFIGURED,
        WRAPPER_KEY_NOT_CONFIGURED,
        WRAP_EXISTS,
        WRAP_NOT_FOUND,
        TOO_MANY_WRAPS,
        LAST_WRAP,
        NO_OTHER_WRAP_OPENS,
        WRAPPER_KEY_SEALS,
        OTHER_VAULT,
        DATA_KEY_SUBSTITUTED,
        UNKNOWN_DATA_KEY,
        ROW_NOT_AUTHENTIC,
        STATE_NOT_AUTHENTIC,
        STATE_MISMATCH,
        ROLLED_BACK,
        VAULT_IN_QUARANTINE,
        VAULT_NOT_IN_QUARANTINE,
        BACKUP_OLDER_THAN_ANCHOR,
        ANCHOR_OF_OTHER_VAULT,
        ANCHOR_MISSING,
        IN_DOUBT,
        ANCHOR_NOT_CONFIGURED,
        CHANGED_UNDERNEATH,
        UNKNOWN_FORMAT,
        AUDIT_BROKEN,
        CALLED_OFF,
        USE_NOT_RECORDED,
        TOPOLOGY_MISMATCH,
        NOT_IDENTIFIED,
        OTHER_IDENTITY,
        PRIVATE_KEY_LOST,
        NO_NAMESPACE_SIGNER,
        CERTIFICATE_MISMATCH,
        NOT_A_CERTIFICATE,
        KEY_ANNOUNCED,
        PERMANENT_KEY,
        ROTATION_UNDER_WAY,
        ROTATION_STALE,
        NO_CURRENT_KEY,
        TOPOLOGY_STORE_NOT_EMPTY,
        SEQUENCED_TOO_EARLY,
        CantonRowError::CODE,
    ];
}

impl Coded for VaultError {
    fn code(&self) -> ErrorCode {
        match self {
            Self::AlreadyExists => VAULT_ALREADY_EXISTS,
            Self::OtherRowsThere { .. } => OTHER_ROWS_THERE,
            Self::NotInitialized => VAULT_NOT_INITIALIZED,
            Self::KeyNotFound { .. } => KEY_NOT_FOUND,
            Self::NoPrivateKey { .. } => NO_PRIVATE_KEY,
            Self::WrongPurpose { .. } => WRONG_KEY_PURPOSE,
            Self::KeyRetired { .. } => KEY_RETIRED,
            Self::KeyExists { .. } => KEY_EXISTS,
            Self::UsageOfEncryptionKeys => USAGE_OF_ENCRYPTION_KEYS,
            Self::CustodyUnsupported { .. } => CUSTODY_UNSUPPORTED,
            Self::HeldByKms { .. } => HELD_BY_KMS,
            Self::NotHeldByKms { .. } => NOT_HELD_BY_KMS,
            Self::NoExternalKms => NO_EXTERNAL_KMS,
            Self::UnknownKms { .. } => UNKNOWN_KMS,
            Self::ExternalKeyPurpose { .. } => EXTERNAL_KEY_PURPOSE,
            Self::ExternalKeySpec { .. } => EXTERNAL_KEY_SPEC,
            Self::ExternalKeyExchanged { .. } => EXTERNAL_KEY_EXCHANGED,
            Self::ExternalKeyInDoubt { .. } => EXTERNAL_KEY_IN_DOUBT,
            Self::ExternalKeyRemains { .. } => EXTERNAL_KEY_REMAINS,
            Self::ExternalKeyDiscarded { .. } => EXTERNAL_KEY_DISCARDED,
            Self::NoJournalEntry { .. } | Self::NoSuchJournalEntry { .. } => NO_JOURNAL_ENTRY,
            Self::NotAnOrphan { .. } => NOT_AN_ORPHAN,
            Self::OrphanRemains { .. } => ORPHAN_REMAINS,
            Self::NoWrapper => NO_WRAPPER,
            Self::NoWrapOpens { .. } => NO_WRAP_OPENS,
            Self::WrapperKeyContradiction { .. } => WRAPPER_KEY_CONTRADICTION,
            Self::WrapperKey(source) => source.code(),
            Self::Announcement(source) => source.code(),
            Self::Migration(source) => source.code(),
            Self::Replica(source) => source.code(),
            Self::SessionKey(source) => source.code(),
            Self::SignatureCheck(source) => source.code(),
            Self::Delegation(source) => source.code(),
            Self::Party(source) => source.code(),
            Self::Approval(source) => source.code(),
            Self::CantonRow(refused) => refused.code(),
            Self::KmsNotConfigured { .. } => KMS_NOT_CONFIGURED,
            Self::WrapperKeyNotConfigured { .. } => WRAPPER_KEY_NOT_CONFIGURED,
            Self::WrapExists { .. } => WRAP_EXISTS,
            Self::WrapNotFound { .. } => WRAP_NOT_FOUND,
            Self::TooManyWraps { .. } => TOO_MANY_WRAPS,
            Self::LastWrap => LAST_WRAP,
            Self::NoOtherWrapOpens { .. } => NO_OTHER_WRAP_OPENS,
            Self::WrapperKeySeals { .. } => WRAPPER_KEY_SEALS,
            Self::OtherVault { .. } => OTHER_VAULT,
            Self::DataKeySubstituted { .. } => DATA_KEY_SUBSTITUTED,
            Self::UnknownDataKey { .. } => UNKNOWN_DATA_KEY,
            Self::RowNotAuthentic { .. } => ROW_NOT_AUTHENTIC,
            Self::StateNotAuthentic => STATE_NOT_AUTHENTIC,
            Self::StateMismatch { .. } => STATE_MISMATCH,
            Self::RolledBack { .. } => ROLLED_BACK,
            Self::CalledOff => CALLED_OFF,
            Self::InQuarantine => VAULT_IN_QUARANTINE,
            Self::NotInQuarantine => VAULT_NOT_IN_QUARANTINE,
            Self::BackupOlder { .. } => BACKUP_OLDER_THAN_ANCHOR,
            Self::AnchorOfOtherVault => ANCHOR_OF_OTHER_VAULT,
            Self::AnchorMissing { .. } => ANCHOR_MISSING,
            Self::InDoubt { .. } => IN_DOUBT,
            Self::AnchorNotConfigured => ANCHOR_NOT_CONFIGURED,
            Self::ChangedUnderneath => CHANGED_UNDERNEATH,
            Self::UnknownFormat { .. } => UNKNOWN_FORMAT,
            Self::AuditBroken { .. } => AUDIT_BROKEN,
            Self::UseNotRecorded { .. } => USE_NOT_RECORDED,
            Self::TopologyMismatch { .. } => TOPOLOGY_MISMATCH,
            Self::NotIdentified => NOT_IDENTIFIED,
            Self::OtherIdentity { .. } => OTHER_IDENTITY,
            Self::PrivateKeyLost { .. } => PRIVATE_KEY_LOST,
            Self::NoNamespaceSigner { .. } => NO_NAMESPACE_SIGNER,
            Self::CertificateMismatch { .. } => CERTIFICATE_MISMATCH,
            Self::NotACertificate { .. } => NOT_A_CERTIFICATE,
            Self::KeyAnnounced { .. } => KEY_ANNOUNCED,
            Self::PermanentKey { .. } => PERMANENT_KEY,
            Self::RotationUnderWay { .. } => ROTATION_UNDER_WAY,
            Self::RotationStale { .. } => ROTATION_STALE,
            Self::NoCurrentKey { .. } => NO_CURRENT_KEY,
            Self::StoreNotEmpty { .. } => TOPOLOGY_STORE_NOT_EMPTY,
            Self::SequencedTooEarly { .. } => SEQUENCED_TOO_EARLY,
            Self::Topology(source) => source.code(),
            Self::Mapping(source) => source.code(),
            Self::Identifier(source) => source.code(),
            Self::Name(source) => source.code(),
            Self::Usage(source) => source.code(),
            Self::Signatures(source) => source.code(),
            Self::File(source) => source.code(),
            Self::Backup(source) => source.code(),
            Self::Store(source) => source.code(),
            Self::Kms(source) => source.code(),
            Self::Anchor(source) => source.code(),
            Self::AnchorTag(source) => source.code(),
            Self::Key(source) => source.code(),
            Self::Sign(source) => source.code(),
            Self::Verify(source) => source.code(),
            Self::Encrypt(source) => source.code(),
            Self::Decrypt(source) => source.code(),
            Self::Payload(source) => source.code(),
            Self::PayloadUse(source) => source.code(),
            Self::Proto(source) => source.code(),
            Self::Random(source) => source.code(),
            Self::Seal(source) => source.code(),
        }
    }
}
