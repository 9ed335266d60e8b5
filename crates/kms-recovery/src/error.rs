//! What can go wrong with a recovery key.

use strongroom_crypto::RandomError;
use strongroom_errors::{Category, Coded, ErrorCode};
use strongroom_kms::{AnyError, KmsKeyIdError};

/// What can go wrong with a recovery key. Errors about a single wrap are [`KmsError`](strongroom_kms::KmsError)s.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum RecoveryError {
    /// The private half is not here.
    #[error("the private half of the recovery key {recipient} is kept offline")]
    Offline {
        /// The public half.
        recipient: String,
    },
    /// A text is no recipient.
    #[error("this is no age recipient")]
    NoRecipient,
    /// A file holds no recovery key, or no whole one.
    #[error("this file holds no recovery key behind a passphrase")]
    NoKeyFile,
    /// Wrong passphrase or damaged file: they cannot be told apart.
    #[error("wrong passphrase for the recovery key, or its file is damaged")]
    WrongPassphrase,
    /// An empty passphrase protects nothing.
    #[error("the passphrase is empty")]
    EmptyPassphrase,
    /// The private half is that of another public half.
    #[error("this is the private half of {found}, not of {expected}")]
    OtherKey {
        /// The public half that is configured or that the shares name.
        expected: String,
        /// The one that the private half has.
        found: String,
    },
    /// So many shares of so many cannot be made.
    #[error("{threshold} of {shares} is no way to share a key: 2 of 2 up to 255 of 255 are")]
    SharingInvalid {
        /// How many shares are to give the key back.
        threshold: u8,
        /// How many there are to be.
        shares: u8,
    },
    /// A text is no share, or was copied wrongly.
    #[error("this is no share of a recovery key: {what}")]
    ShareInvalid {
        /// What is wrong.
        what: &'static str,
    },
    /// Shares of two keys, or of two times that a key was shared.
    #[error("these shares do not belong together")]
    SharesDiffer,
    /// More shares are needed.
    #[error("{needed} different shares are needed, and {found} are here")]
    SharesTooFew {
        /// How many give the key back.
        needed: u8,
        /// How many there are, each counted once.
        found: usize,
    },
    /// No randomness.
    #[error("no random bytes for shares")]
    Random(#[from] RandomError),
    /// The library refuses to encrypt.
    #[error("encrypting to the recovery key failed")]
    Encrypt(#[source] AnyError),
    /// The library refuses to share.
    #[error("sharing the recovery key failed")]
    Share(#[source] AnyError),
    /// The recipient cannot be a key id: our bug.
    #[error("the recovery key has no id")]
    KeyId(#[from] KmsKeyIdError),
}

const OFFLINE: ErrorCode = ErrorCode::new(
    "RECOVERY_KEY_OFFLINE",
    Category::FailedPrecondition,
    "Bring its private half: --recovery-key FILE, or --recovery-share FILE for each of enough shares.",
);
const NO_RECIPIENT: ErrorCode = ErrorCode::new(
    "RECOVERY_RECIPIENT_INVALID",
    Category::InvalidRequest,
    "Copy the recipient that 'strongroom recovery create' printed: it begins with age1.",
);
const NO_KEY_FILE: ErrorCode = ErrorCode::new(
    "RECOVERY_KEY_INVALID",
    Category::InvalidRequest,
    "Name the file that 'strongroom recovery create' wrote, complete and unchanged.",
);
const WRONG_PASSPHRASE: ErrorCode = ErrorCode::new(
    "RECOVERY_PASSPHRASE_WRONG",
    Category::PermissionDenied,
    "Type the passphrase that the recovery key was made with.",
);
const EMPTY_PASSPHRASE: ErrorCode = ErrorCode::new(
    "RECOVERY_PASSPHRASE_EMPTY",
    Category::InvalidRequest,
    "Choose a passphrase that nobody guesses, six random words or more.",
);
const OTHER_KEY: ErrorCode = ErrorCode::new(
    "RECOVERY_KEY_OTHER",
    Category::InvalidRequest,
    "Bring the private half of the recipient that the configuration names.",
);
const SHARING_INVALID: ErrorCode = ErrorCode::new(
    "RECOVERY_SHARING_INVALID",
    Category::InvalidRequest,
    "Ask for at least 2 shares, and for no more than there are.",
);
const SHARE_INVALID: ErrorCode = ErrorCode::new(
    "RECOVERY_SHARE_INVALID",
    Category::InvalidRequest,
    "Copy the share again: it is one line, and its end checks the rest.",
);
const SHARES_DIFFER: ErrorCode = ErrorCode::new(
    "RECOVERY_SHARES_DIFFER",
    Category::InvalidRequest,
    "Bring shares that were made together: they name the same recipient and the same numbers.",
);
const SHARES_TOO_FEW: ErrorCode = ErrorCode::new(
    "RECOVERY_SHARES_TOO_FEW",
    Category::InvalidRequest,
    "Bring more shares, each once.",
);
const FAILED: ErrorCode = ErrorCode::new(
    "RECOVERY_FAILED",
    Category::Internal,
    "Report this with the whole message.",
);

impl RecoveryError {
    /// Every code that this crate gives out.
    pub const CODES: &'static [ErrorCode] = &[
        OFFLINE,
        NO_RECIPIENT,
        NO_KEY_FILE,
        WRONG_PASSPHRASE,
        EMPTY_PASSPHRASE,
        OTHER_KEY,
        SHARING_INVALID,
        SHARE_INVALID,
        SHARES_DIFFER,
        SHARES_TOO_FEW,
        FAILED,
    ];
}

impl Coded for RecoveryError {
    fn code(&self) -> ErrorCode {
        match self {
            Self::Offline { .. } => OFFLINE,
            Self::NoRecipient => NO_RECIPIENT,
            Self::NoKeyFile => NO_KEY_FILE,
            Self::WrongPassphrase => WRONG_PASSPHRASE,
            Self::EmptyPassphrase => EMPTY_PASSPHRASE,
            Self::OtherKey { .. } => OTHER_KEY,
            Self::SharingInvalid { .. } => SHARING_INVALID,
            Self::ShareInvalid { .. } => SHARE_INVALID,
            Self::SharesDiffer => SHARES_DIFFER,
            Self::SharesTooFew { .. } => SHARES_TOO_FEW,
            Self::Random(source) => source.code(),
            Self::Encrypt(_) | Self::Share(_) => FAILED,
            Self::KeyId(source) => source.code(),
        }
    }
}
