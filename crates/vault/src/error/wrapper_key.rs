//! What can go wrong while the wrapper key is rotated.

use strongroom_crypto::Fingerprint;
use strongroom_errors::{Category, Coded, ErrorCode};
use strongroom_store::DataKeyId;

use super::VaultError;

/// Why the wrapper key was not rotated, or a data key not removed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum WrapperKeyError {
    /// The wrapper key that was to come wraps the data key already.
    #[error("wrapper key id [{wrapper_key_id}] selected for rotation is already being used")]
    AlreadyInUse {
        /// The wrapper key.
        wrapper_key_id: String,
    },
    /// The KMS has no such wrapper key.
    #[error(
        "wrapper key id [{wrapper_key_id}] selected for rotation does not match an existing KMS key id"
    )]
    NotExist {
        /// The wrapper key.
        wrapper_key_id: String,
    },
    /// The wrapper key that was to come cannot be used.
    #[error(
        "wrapper key id [{wrapper_key_id}] selected for rotation cannot be used because key is disabled or set to be deleted"
    )]
    DisabledOrDeleted {
        /// The wrapper key.
        wrapper_key_id: String,
    },
    /// A rotation of the wrapper key was begun and not finished, or somebody is at it.
    #[error("a rotation of the wrapper key is under way")]
    RotationUnderWay,
    /// There is nothing to go on with.
    #[error("no rotation of the wrapper key is under way")]
    NoRotation,
    /// Several wraps could be meant.
    #[error(
        "the vault has several wraps{}: which wrapper key shall be replaced?",
        kms.as_ref().map(|kms| format!(" in {kms}")).unwrap_or_default()
    )]
    WhichWrap {
        /// The KMS that was asked for.
        kms: Option<String>,
    },
    /// A wrapper key of several regions cannot be replaced by one of another KMS, region by region.
    #[error("{wrapper_key_id} wraps in {kms} as well")]
    Replicated {
        /// The configured name of the other KMS.
        kms: String,
        /// The wrapper key.
        wrapper_key_id: String,
    },
    /// Another wrap of the vault could not be made for the new data key.
    #[error(
        "the new data key could not be wrapped by {wrapper_key_id} of {kms}: nothing has changed"
    )]
    WrapNotRenewed {
        /// The configured name of the KMS.
        kms: String,
        /// The wrapper key.
        wrapper_key_id: String,
        /// Why.
        source: Box<VaultError>,
    },
    /// A key did not move to the new data key.
    #[error(
        "{fingerprint} could not be moved to the new data key: the rotation has stopped, and the old wrapper key is still the current one"
    )]
    KeyNotMoved {
        /// The key.
        fingerprint: Fingerprint,
        /// Why.
        source: Box<VaultError>,
    },
    /// Something still needs a retired data key.
    #[error("data key {id} is still needed")]
    DataKeyNeeded {
        /// The data key.
        id: DataKeyId,
    },
    /// Those that shall be removed are not, or not all, of those that are retired.
    #[error("other data keys are retired now than those that were meant")]
    OtherDataKeys,
}

const fn code(name: &'static str, category: Category, advice: &'static str) -> ErrorCode {
    ErrorCode::new(name, category, advice)
}

// The first three are codes of Canton's vault service, with its categories.
const WRAPPER_KEY_ALREADY_IN_USE: ErrorCode = code(
    "WRAPPER_KEY_ALREADY_IN_USE_ERROR",
    Category::NotFound,
    "Name another wrapper key, or none: then a new one is made. Nothing has changed.",
);
const WRAPPER_KEY_NOT_EXIST: ErrorCode = code(
    "WRAPPER_KEY_NOT_EXIST_ERROR",
    Category::NotFound,
    "Check the id, the region and the account. Leave --to out to have a new one made. Nothing has changed.",
);
const WRAPPER_KEY_DISABLED_OR_DELETED: ErrorCode = code(
    "WRAPPER_KEY_DISABLED_OR_DELETED_ERROR",
    Category::NotFound,
    "Enable it in the KMS, or name another one. Nothing has changed.",
);
const WRAPPER_KEY_ROTATION_UNDER_WAY: ErrorCode = code(
    "WRAPPER_KEY_ROTATION_UNDER_WAY",
    Category::FailedPrecondition,
    "Go on with it: 'strongroom wrapper-key rotate --resume'. If another process is at it, wait until it is done.",
);
const NO_WRAPPER_KEY_ROTATION: ErrorCode = code(
    "NO_WRAPPER_KEY_ROTATION",
    Category::FailedPrecondition,
    "Nothing needs to be done: it was finished, or never begun. 'strongroom wrapper-key show' shows the wrapper keys.",
);
const WHICH_WRAP: ErrorCode = code(
    "WHICH_WRAP",
    Category::InvalidRequest,
    "Say which wrapper key is to be replaced, with --from: 'strongroom wrapper-key show' shows them.",
);
const WRAPPER_KEY_REPLICATED: ErrorCode = code(
    "WRAPPER_KEY_REPLICATED",
    Category::FailedPrecondition,
    "A replica is the same key. Take its wrap away first ('strongroom wrapper-key remove'), or choose a new wrapper key of the same KMS      that is replicated to the same regions.",
);
const WRAP_NOT_RENEWED: ErrorCode = code(
    "WRAP_NOT_RENEWED",
    Category::FailedPrecondition,
    "No row moves before every wrap covers the new data key. Wait until that KMS works again, or take its wrap away with      'strongroom wrapper-key remove' and add it anew later.",
);
const KEY_NOT_MOVED: ErrorCode = code(
    "KEY_NOT_MOVED",
    Category::FailedPrecondition,
    "Every key can be used as before; both wrapper keys are needed. Mend the cause, then 'strongroom wrapper-key rotate --resume'.",
);
const DATA_KEY_NEEDED: ErrorCode = code(
    "DATA_KEY_NEEDED",
    Category::FailedPrecondition,
    "A backup that is still kept, or a row, needs it: nothing was removed. Let the vault forget those backups that are gone ('strongroom backup forget ID --yes'), or take the danger with --danger-backups-become-worthless.",
);
const OTHER_DATA_KEYS: ErrorCode = code(
    "OTHER_DATA_KEYS",
    Category::FailedPrecondition,
    "A rotation has ended meanwhile, or somebody else has pruned. Look at which are retired ('strongroom wrapper-key show'), and ask again.",
);

impl WrapperKeyError {
    /// Every code of this domain.
    pub const CODES: &[ErrorCode] = &[
        WRAPPER_KEY_ALREADY_IN_USE,
        WRAPPER_KEY_NOT_EXIST,
        WRAPPER_KEY_DISABLED_OR_DELETED,
        WRAPPER_KEY_ROTATION_UNDER_WAY,
        NO_WRAPPER_KEY_ROTATION,
        WHICH_WRAP,
        WRAPPER_KEY_REPLICATED,
        WRAP_NOT_RENEWED,
        KEY_NOT_MOVED,
        DATA_KEY_NEEDED,
        OTHER_DATA_KEYS,
    ];
}

impl Coded for WrapperKeyError {
    fn code(&self) -> ErrorCode {
        match self {
            Self::AlreadyInUse { .. } => WRAPPER_KEY_ALREADY_IN_USE,
            Self::NotExist { .. } => WRAPPER_KEY_NOT_EXIST,
            Self::DisabledOrDeleted { .. } => WRAPPER_KEY_DISABLED_OR_DELETED,
            Self::RotationUnderWay => WRAPPER_KEY_ROTATION_UNDER_WAY,
            Self::NoRotation => NO_WRAPPER_KEY_ROTATION,
            Self::WhichWrap { .. } => WHICH_WRAP,
            Self::Replicated { .. } => WRAPPER_KEY_REPLICATED,
            Self::WrapNotRenewed { .. } => WRAP_NOT_RENEWED,
            Self::KeyNotMoved { .. } => KEY_NOT_MOVED,
            Self::DataKeyNeeded { .. } => DATA_KEY_NEEDED,
            Self::OtherDataKeys => OTHER_DATA_KEYS,
        }
    }
}
