//! Why a key was not moved to another place.

use strongroom_crypto::{Fingerprint, KeySpec};
use strongroom_errors::{Category, Coded, ErrorCode};

use super::VaultError;

/// Why a key was not moved to another place, or the copy of one not given up.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum MigrationError {
    /// Nothing but a KMS has the private key.
    #[error(
        "{fingerprint} is in the KMS {kms} and nowhere else, and a KMS gives no private key out"
    )]
    OnlyInKms {
        /// The key.
        fingerprint: Fingerprint,
        /// The configured name of the KMS.
        kms: String,
    },
    /// A KMS does the work of the key, and the sealed one beside it must do that again first.
    #[error("{fingerprint} is in use in the KMS {kms}, and a sealed copy of it is here")]
    TakeBackFirst {
        /// The key.
        fingerprint: Fingerprint,
        /// The configured name of the KMS.
        kms: String,
    },
    /// The KMS takes in no private keys of this spec.
    #[error(
        "the KMS {kms} takes in no private keys of the spec {spec}: {fingerprint} stays where it is"
    )]
    NotImportable {
        /// The key.
        fingerprint: Fingerprint,
        /// The configured name of the KMS.
        kms: String,
        /// The key's spec.
        spec: KeySpec,
    },
    /// The configuration does not keep such keys readable.
    #[error("the configuration keeps no keys like {fingerprint} readable")]
    ClearNotConfigured {
        /// The key.
        fingerprint: Fingerprint,
    },
    /// What the KMS took in does not do the work of the key.
    #[error("{key} of the KMS {kms} does not do the work of {fingerprint}: it stays where it is")]
    NotProved {
        /// The key of the vault.
        fingerprint: Fingerprint,
        /// The configured name of the KMS.
        kms: String,
        /// The key of the KMS.
        key: String,
        /// What it did instead.
        source: Box<VaultError>,
    },
    /// A key of the KMS was brought there from this vault, and is to do the work of the key that it was.
    #[error("{fingerprint} was on its way into the KMS {kms}")]
    UnderWay {
        /// The key of the vault.
        fingerprint: Fingerprint,
        /// The configured name of the KMS.
        kms: String,
    },
    /// The key is here, or was given up already.
    #[error("{fingerprint} has no copy beside a key in a KMS")]
    NoCopy {
        /// The key.
        fingerprint: Fingerprint,
    },
}

const fn code(name: &'static str, category: Category, advice: &'static str) -> ErrorCode {
    ErrorCode::new(name, category, advice)
}

const KEY_ONLY_IN_KMS: ErrorCode = code(
    "KEY_ONLY_IN_KMS",
    Category::FailedPrecondition,
    "Rotate it to a new key where you want one: 'strongroom keys rotate FINGERPRINT --to envelope', or '--to external --kms NAME'.",
);
const TAKE_BACK_FIRST: ErrorCode = code(
    "TAKE_BACK_FIRST",
    Category::FailedPrecondition,
    "Take it back ('strongroom keys migrate FINGERPRINT --to envelope'), and then move it to where you want it.",
);
const KEY_NOT_IMPORTABLE: ErrorCode = code(
    "KEY_NOT_IMPORTABLE",
    Category::Unsupported,
    "Have the KMS make a new key instead: 'strongroom keys rotate FINGERPRINT --to external --kms NAME'. A root key has no rotation: it stays.",
);
const CLEAR_NOT_CONFIGURED: ErrorCode = code(
    "CLEAR_NOT_CONFIGURED",
    Category::FailedPrecondition,
    "The next start would seal it again. To keep keys of its usage readable, say so in [custody] first.",
);
const MIGRATION_NOT_PROVED: ErrorCode = code(
    "MIGRATION_NOT_PROVED",
    Category::Internal,
    "Nothing was given up. If the KMS does its work already, take it back: 'strongroom keys migrate FINGERPRINT --to envelope'. If not, 'strongroom kms orphans' shows what it took in, and can delete that.",
);
const MIGRATION_UNDER_WAY: ErrorCode = code(
    "MIGRATION_UNDER_WAY",
    Category::FailedPrecondition,
    "Go on with it ('strongroom keys migrate FINGERPRINT --to external'), or delete the key of the KMS with 'strongroom kms orphans'.",
);
const NO_COPY: ErrorCode = code(
    "NO_COPY",
    Category::FailedPrecondition,
    "Nothing needs to be done: 'strongroom keys list' shows where each key is.",
);

impl MigrationError {
    /// Every code of this domain.
    pub const CODES: &[ErrorCode] = &[
        KEY_ONLY_IN_KMS,
        TAKE_BACK_FIRST,
        KEY_NOT_IMPORTABLE,
        CLEAR_NOT_CONFIGURED,
        MIGRATION_NOT_PROVED,
        MIGRATION_UNDER_WAY,
        NO_COPY,
    ];
}

impl Coded for MigrationError {
    fn code(&self) -> ErrorCode {
        match self {
            Self::OnlyInKms { .. } => KEY_ONLY_IN_KMS,
            Self::TakeBackFirst { .. } => TAKE_BACK_FIRST,
            Self::NotImportable { .. } => KEY_NOT_IMPORTABLE,
            Self::ClearNotConfigured { .. } => CLEAR_NOT_CONFIGURED,
            Self::NotProved { .. } => MIGRATION_NOT_PROVED,
            Self::UnderWay { .. } => MIGRATION_UNDER_WAY,
            Self::NoCopy { .. } => NO_COPY,
        }
    }
}
