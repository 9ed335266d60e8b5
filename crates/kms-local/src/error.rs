//! What can go wrong with the key file.

use std::path::PathBuf;

use strongroom_crypto::encoding::EncodingError;
use strongroom_crypto::{
    Argon2Cost, KeyError, PasswordError, RandomError, SealError, SecretLengthError, SignError,
};
use strongroom_errors::{Category, Coded, ErrorCode};
use strongroom_files::FileError;
use strongroom_kms::{KmsError, KmsKeyId};

/// What can go wrong with the key file. Errors about a single key are
/// [`KmsError`](strongroom_kms::KmsError)s.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum LocalKmsError {
    /// The cost is outside of what Argon2 has or of what we accept.
    #[error(
        "{} KiB, {} iterations and {} lanes are no cost for a passphrase here",
        .cost.memory_kib, .cost.iterations, .cost.lanes
    )]
    CostInvalid {
        /// The cost.
        cost: Argon2Cost,
    },
    /// A deletion can be scheduled for 7 to 30 days ahead.
    #[error("a deletion is scheduled {min} to {max} days ahead, not {days}")]
    DeletionWindowInvalid {
        /// What was asked for.
        days: u32,
        /// The shortest.
        min: u32,
        /// The longest.
        max: u32,
    },
    /// An empty passphrase protects nothing.
    #[error("the passphrase is empty")]
    EmptyPassphrase,
    /// The file system refuses.
    #[error("the key file cannot be used")]
    File(#[from] FileError),
    /// Another process gave the file another protection, or put another file into its place, while we had it open.
    #[error("{} was replaced by another process", .path.display())]
    KeyFileChanged {
        /// The key file.
        path: PathBuf,
    },
    /// Not a key file, or cut, or its plain part is garbled.
    #[error("{} is not a sound key file", .path.display())]
    KeyFileDamaged {
        /// The key file.
        path: PathBuf,
        /// What is wrong with it.
        #[source]
        damage: Damage,
    },
    /// Creating would overwrite the keys of somebody.
    #[error("{} exists already", .path.display())]
    KeyFileExists {
        /// The key file.
        path: PathBuf,
    },
    /// There is no such file.
    #[error("{} does not exist", .path.display())]
    KeyFileMissing {
        /// The key file.
        path: PathBuf,
    },
    /// Written by a later version of this program.
    #[error("{} has format {found}, this program knows formats up to {known}", .path.display())]
    KeyFileNewer {
        /// The key file.
        path: PathBuf,
        /// Its format.
        found: u8,
        /// The latest we know.
        known: u8,
    },
    /// A key in the file cannot be used, or a new one not be made.
    #[error("the key material cannot be used")]
    KeyMaterial(#[from] KeyError),
    /// Nothing to cancel.
    #[error("KMS key {id} is not scheduled for deletion")]
    NotPendingDeletion {
        /// The key.
        id: KmsKeyId,
    },
    /// A passphrase was given, but the file needs none: it may have been put into the place of the protected one.
    #[error("{} is not protected by a passphrase, but one was given", .path.display())]
    NotProtected {
        /// The key file.
        path: PathBuf,
    },
    /// No key could be derived from the passphrase: not enough memory.
    #[error("no key can be derived from the passphrase")]
    Passphrase(#[from] PasswordError),
    /// The file is protected by a passphrase and none was given.
    #[error("{} is protected by a passphrase", .path.display())]
    PassphraseRequired {
        /// The key file.
        path: PathBuf,
    },
    /// No randomness.
    #[error("no random bytes for a key")]
    Random(#[from] RandomError),
    /// The library refuses to seal.
    #[error("sealing failed")]
    Seal(#[from] SealError),
    /// The key that should seal the file has a wrong length: our bug.
    #[error("the key of the key file is unusable")]
    SealingKey(#[from] SecretLengthError),
    /// The library refuses to sign.
    #[error("signing failed")]
    Sign(#[from] SignError),
    /// Wrong passphrase or damaged file: they cannot be told apart.
    #[error("wrong passphrase for {}, or the file is damaged", .path.display())]
    WrongPassphrase {
        /// The key file.
        path: PathBuf,
    },
}

/// What is wrong with a damaged key file.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Damage {
    /// What should be authentic is not. The file needs no passphrase, so it was changed.
    #[error("the content does not match its seal")]
    Altered,
    /// The sealed part has another length than the header says.
    #[error("the sealed part has {found} bytes instead of {expected}")]
    BodyLength {
        /// What the header says.
        expected: i64,
        /// What is there.
        found: usize,
    },
    /// The header names a cost outside of our limits.
    #[error("the header names an unacceptable Argon2 cost")]
    Cost,
    /// A value does not have the form that it must have.
    #[error("a value is malformed")]
    Encoding(#[from] EncodingError),
    /// A file of another kind.
    #[error("it does not begin like a key file")]
    NotAKeyFile,
    /// The authentic content holds something that was never written.
    #[error("the content holds an impossible {what}")]
    Value {
        /// What kind of value.
        what: &'static str,
    },
}

impl LocalKmsError {
    /// Every code that is this crate's own; wrapped errors keep theirs.
    pub const CODES: &'static [ErrorCode] = &[
        code::COST_INVALID,
        code::DELETION_WINDOW_INVALID,
        code::EMPTY_PASSPHRASE,
        code::KEY_FILE_CHANGED,
        code::KEY_FILE_DAMAGED,
        code::KEY_FILE_EXISTS,
        code::KEY_FILE_MISSING,
        code::KEY_FILE_NEWER,
        code::NOT_PENDING_DELETION,
        code::NOT_PROTECTED,
        code::PASSPHRASE_REQUIRED,
        code::WRONG_PASSPHRASE,
    ];
}

impl Coded for LocalKmsError {
    fn code(&self) -> ErrorCode {
        match self {
            Self::CostInvalid { .. } => code::COST_INVALID,
            Self::DeletionWindowInvalid { .. } => code::DELETION_WINDOW_INVALID,
            Self::EmptyPassphrase => code::EMPTY_PASSPHRASE,
            Self::File(source) => source.code(),
            Self::KeyFileChanged { .. } => code::KEY_FILE_CHANGED,
            Self::KeyFileDamaged { .. } => code::KEY_FILE_DAMAGED,
            Self::KeyFileExists { .. } => code::KEY_FILE_EXISTS,
            Self::KeyFileMissing { .. } => code::KEY_FILE_MISSING,
            Self::KeyFileNewer { .. } => code::KEY_FILE_NEWER,
            Self::KeyMaterial(source) => source.code(),
            Self::NotPendingDeletion { .. } => code::NOT_PENDING_DELETION,
            Self::NotProtected { .. } => code::NOT_PROTECTED,
            Self::Passphrase(source) => source.code(),
            Self::PassphraseRequired { .. } => code::PASSPHRASE_REQUIRED,
            Self::Random(source) => source.code(),
            Self::Seal(source) => source.code(),
            Self::SealingKey(source) => source.code(),
            Self::Sign(source) => source.code(),
            Self::WrongPassphrase { .. } => code::WRONG_PASSPHRASE,
        }
    }
}

impl From<LocalKmsError> for KmsError {
    fn from(error: LocalKmsError) -> Self {
        Self::provider(error)
    }
}

mod code {
    use super::{Category, ErrorCode};

    pub(super) const COST_INVALID: ErrorCode = ErrorCode::new(
        "KMS_LOCAL_COST_INVALID",
        Category::InvalidRequest,
        "Choose at most 1 GiB of memory, 1000 iterations and 16 lanes with at least 8 KiB each, and memory times \
         iterations of at most 8 GiB; 64 MiB, 3 iterations and 1 lane are a good choice.",
    );
    pub(super) const DELETION_WINDOW_INVALID: ErrorCode = ErrorCode::new(
        "KMS_LOCAL_DELETION_WINDOW_INVALID",
        Category::InvalidRequest,
        "Choose a waiting time of 7 to 30 days, in which the deletion can be cancelled.",
    );
    pub(super) const EMPTY_PASSPHRASE: ErrorCode = ErrorCode::new(
        "KMS_LOCAL_EMPTY_PASSPHRASE",
        Category::InvalidRequest,
        "Give a passphrase. A key file without one must be asked for by its own name.",
    );
    pub(super) const KEY_FILE_CHANGED: ErrorCode = ErrorCode::new(
        "KMS_LOCAL_KEY_FILE_CHANGED",
        Category::FailedPrecondition,
        "Find out who changed the key file or its passphrase, then open it anew.",
    );
    pub(super) const KEY_FILE_DAMAGED: ErrorCode = ErrorCode::new(
        "KMS_LOCAL_KEY_FILE_DAMAGED",
        Category::DataCorrupted,
        "Check the path; if it is right, restore the key file from its backup. Nothing was changed.",
    );
    pub(super) const KEY_FILE_EXISTS: ErrorCode = ErrorCode::new(
        "KMS_LOCAL_KEY_FILE_EXISTS",
        Category::AlreadyExists,
        "Open the existing key file, or choose another path. Do not remove it before you know which vaults need it.",
    );
    pub(super) const KEY_FILE_MISSING: ErrorCode = ErrorCode::new(
        "KMS_LOCAL_KEY_FILE_MISSING",
        Category::NotFound,
        "Check the path, or restore the key file from its backup: without it no vault that depends on it opens.",
    );
    pub(super) const KEY_FILE_NEWER: ErrorCode = ErrorCode::new(
        "KMS_LOCAL_KEY_FILE_NEWER",
        Category::FailedPrecondition,
        "Use the version of the program that wrote the key file, or a later one.",
    );
    pub(super) const NOT_PENDING_DELETION: ErrorCode = ErrorCode::new(
        "KMS_LOCAL_NOT_PENDING_DELETION",
        Category::FailedPrecondition,
        "Nothing to do: the key is not scheduled for deletion.",
    );
    pub(super) const NOT_PROTECTED: ErrorCode = ErrorCode::new(
        "KMS_LOCAL_NOT_PROTECTED",
        Category::FailedPrecondition,
        "Check that this is your key file and not one put into its place; then open it without a passphrase, or add one.",
    );
    pub(super) const PASSPHRASE_REQUIRED: ErrorCode = ErrorCode::new(
        "KMS_LOCAL_PASSPHRASE_REQUIRED",
        Category::InvalidRequest,
        "Give the passphrase by file, by environment variable or at the prompt.",
    );
    pub(super) const WRONG_PASSPHRASE: ErrorCode = ErrorCode::new(
        "KMS_LOCAL_WRONG_PASSPHRASE",
        Category::PermissionDenied,
        "Try the passphrase again. If you are sure of it, restore the key file from its backup: a wrong passphrase and \
         a damaged file cannot be told apart.",
    );
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn codes_are_distinct_and_say_which_kms() {
        let names: BTreeSet<_> = LocalKmsError::CODES.iter().map(ErrorCode::name).collect();
        assert_eq!(names.len(), LocalKmsError::CODES.len());
        assert!(names.iter().all(|name| name.starts_with("KMS_LOCAL_")));
    }
}
