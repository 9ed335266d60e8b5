//! Why a row cannot be taken.

use std::sync::Arc;

use strongroom_crypto::{Fingerprint, FingerprintError, NameError};
use strongroom_errors::{Category, Coded, ErrorCode};
use strongroom_kms::KmsError;
use strongroom_proto::ProtoError;

use crate::error::VaultError;

/// A row of Canton whose key cannot be taken.
#[derive(Debug, thiserror::Error)]
#[error("row {row} of {table} cannot be taken")]
#[non_exhaustive]
pub struct RefusedCantonRow {
    /// Canton's name of the table.
    pub table: &'static str,
    /// The row, by the fingerprint that it names.
    pub row: String,
    /// Why not.
    pub source: Box<CantonRowError>,
}

impl Coded for RefusedCantonRow {
    fn code(&self) -> ErrorCode {
        self.source.code()
    }
}

/// Why the key of a row of Canton cannot be taken.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum CantonRowError {
    /// The row is not named by a fingerprint.
    #[error("it is not named by a fingerprint")]
    KeyId(#[from] FingerprintError),
    /// The bytes are not the message that they should be, or hold no sound key.
    #[error("its contents cannot be read")]
    Contents(#[from] ProtoError),
    /// The label is none that a key can have.
    #[error("its name cannot be kept")]
    Name(#[from] NameError),
    /// The key is another than the row says.
    #[error("the key in it is {found}")]
    OtherKey {
        /// Computed from the key.
        found: Fingerprint,
    },
    /// The public half, the purpose or the usages are others than those of the public row.
    #[error(
        "the row of its public half says something else of it: another purpose or other usages"
    )]
    PublicRowDiffers,
    /// A signing key of a KMS without usages, or an encryption key with some.
    #[error("usages belong to signing keys and only to them")]
    UsagesMisplaced,
    /// The key is said to be in the database and in a KMS.
    #[error("the key is in two tables: in the database and in a KMS")]
    InTwoTables,
    /// A KMS does not open it, does not have it, or does not answer.
    #[error("the key management system does not give it")]
    Kms(#[from] KmsError),
    /// No configured KMS has the wrapper key, or lets it be used. Says nothing of the row: with the right one it may open.
    #[error("no configured key management system opens it")]
    NotOpened(#[source] Arc<KmsError>),
    /// The vault does not take it.
    #[error("the vault does not take it")]
    Vault(#[source] Box<VaultError>),
}

const UNREADABLE: ErrorCode = ErrorCode::new(
    "CANTON_ROW_UNREADABLE",
    Category::FailedPrecondition,
    "Find out why: nothing was taken. --skip-unreadable takes the other rows and lists this one.",
);

impl CantonRowError {
    pub(crate) const CODE: ErrorCode = UNREADABLE;

    /// Whether another row might still be taken: false if a KMS is down or refuses us, or the vault itself fails.
    #[must_use]
    pub fn is_about_the_row(&self) -> bool {
        match self {
            Self::Kms(error) => matches!(
                error,
                KmsError::UnwrapFailed { .. }
                    | KmsError::InvalidKeyId(_)
                    | KmsError::KeyNotFound { .. }
                    | KmsError::KeyDisabled { .. }
                    | KmsError::KeyPendingDeletion { .. }
                    | KmsError::PayloadTooLarge { .. }
                    | KmsError::UnsupportedSpec { .. }
                    | KmsError::WrongPurpose { .. }
            ),
            Self::NotOpened(_) => false,
            Self::Vault(error) => matches!(
                **error,
                VaultError::KeyExists { .. }
                    | VaultError::Key(_)
                    | VaultError::ExternalKeyPurpose { .. }
            ),
            _ => true,
        }
    }
}

impl From<VaultError> for CantonRowError {
    fn from(error: VaultError) -> Self {
        match error {
            VaultError::Kms(error) => Self::Kms(error),
            other => Self::Vault(Box::new(other)),
        }
    }
}

impl Coded for CantonRowError {
    fn code(&self) -> ErrorCode {
        match self {
            Self::Kms(source) => source.code(),
            Self::NotOpened(source) => source.code(),
            Self::Vault(source) => source.code(),
            _ => UNREADABLE,
        }
    }
}
