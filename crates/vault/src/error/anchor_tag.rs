//! What can go wrong with the tag of a wrapper key that is the anchor.

use strongroom_errors::{Category, Coded, ErrorCode};
use strongroom_kms::KmsError;

use super::in_words;

/// Why the tag of a wrapper key did not do as an anchor.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum AnchorTagError {
    /// The configured KMS is not there, or keeps no tags.
    #[error("{kms} cannot be the anchor: it is not configured, or keeps no tags of keys")]
    Unsupported {
        /// The configured name of the KMS.
        kms: String,
    },
    /// The vault was anchored in a tag, and the configuration names none.
    #[error("the vault was anchored in the tag of a wrapper key, but none is configured")]
    NotConfigured,
    /// The configured KMS wraps nothing of this vault, or would wrap nothing any more.
    #[error("the vault is anchored in {kms}, which has no wrap of it")]
    NoWrap {
        /// The configured name of the KMS.
        kms: String,
    },
    /// The vault was anchored, and the wrapper key has no such tag.
    #[error("the wrapper key {wrapper_key_id} of {kms} has no tag of this vault")]
    Missing {
        /// The configured name of the KMS.
        kms: String,
        /// The wrapper key.
        wrapper_key_id: String,
    },
    /// The tag is not what Strongroom writes.
    #[error("the tag of the wrapper key {wrapper_key_id} of {kms} is no checkpoint")]
    Damaged {
        /// The configured name of the KMS.
        kms: String,
        /// The wrapper key.
        wrapper_key_id: String,
    },
    /// The tag names another data key.
    #[error("the tag of the wrapper key {wrapper_key_id} of {kms} names another data key")]
    OtherDataKey {
        /// The configured name of the KMS.
        kms: String,
        /// The wrapper key.
        wrapper_key_id: String,
    },
    /// A tag that is to be written is of a later generation.
    #[error("the tag in {kms} is of generation {remembered}, the vault of generation {found}")]
    Newer {
        /// The configured name of the KMS.
        kms: String,
        /// From the tag.
        remembered: u64,
        /// Of the vault.
        found: u64,
    },
    /// The tag could not be read.
    #[error(
        "the tag of the wrapper key {wrapper_key_id} of {kms} cannot be read: {}",
        in_words(source)
    )]
    Unreadable {
        /// The configured name of the KMS.
        kms: String,
        /// The wrapper key.
        wrapper_key_id: String,
        /// What the KMS said.
        source: KmsError,
    },
    /// The tag could not be written.
    #[error(
        "the tag of the wrapper key {wrapper_key_id} of {kms} cannot be written: {}",
        in_words(source)
    )]
    Unwritable {
        /// The configured name of the KMS.
        kms: String,
        /// The wrapper key.
        wrapper_key_id: String,
        /// What the KMS said.
        source: KmsError,
    },
}

const fn code(name: &'static str, category: Category, advice: &'static str) -> ErrorCode {
    ErrorCode::new(name, category, advice)
}

const UNSUPPORTED: ErrorCode = code(
    "ANCHOR_TAG_UNSUPPORTED",
    Category::FailedPrecondition,
    "Name a [[kms]] section of the type aws, gcp or local as 'kms-tag' in [anchor].",
);
const NOT_CONFIGURED: ErrorCode = code(
    "ANCHOR_TAG_NOT_CONFIGURED",
    Category::FailedPrecondition,
    "Put 'kms-tag' back into [anchor] of the configuration: without it a database put back to an earlier day goes unnoticed, and \
     somebody may have removed it for that. If you mean to go without, 'strongroom anchor accept' makes it so.",
);
const NO_WRAP: ErrorCode = code(
    "ANCHOR_TAG_WITHOUT_WRAP",
    Category::FailedPrecondition,
    "The tag is kept on a wrapper key that wraps the vault's data key. Add a wrap in that KMS before you take this one away, or name \
     another KMS as 'kms-tag' and take the state for the right one with 'strongroom anchor accept'.",
);
const MISSING: ErrorCode = code(
    "ANCHOR_TAG_MISSING",
    Category::FailedPrecondition,
    "Clouds show a tag some seconds after it was written: try again. If it is gone, somebody who administers the KMS took it away: \
     find out who. If you trust the database, 'strongroom anchor accept' writes a new one.",
);
const DAMAGED: ErrorCode = code(
    "ANCHOR_TAG_DAMAGED",
    Category::DataCorrupted,
    "Somebody wrote the tag by other means, or a later version of Strongroom did. If you trust the database, 'strongroom anchor accept' \
     writes a new one.",
);
const OTHER_DATA_KEY: ErrorCode = code(
    "ANCHOR_TAG_OF_OTHER_DATA_KEY",
    Category::DataCorrupted,
    "The database holds a data key that the tag does not name: it was exchanged, or is from before a rotation. Clouds show a tag some \
     seconds after it was written: after a rotation, try again. 'strongroom anchor accept' does not overrule this. If you know that the \
     data key is yours, an administrator of the KMS removes the tag first.",
);
const NEWER: ErrorCode = code(
    "ANCHOR_TAG_NEWER",
    Category::Contention,
    "The tag was not written. Another process works on this vault, or the database was put back: open the vault again. If you had just \
     accepted a state, accept it once more.",
);
const UNREADABLE: ErrorCode = code(
    "ANCHOR_TAG_UNREADABLE",
    Category::Unavailable,
    "Without the tag nobody knows whether this is the latest state, so the vault stays closed. Wait until the KMS answers, or allow the \
     node to read tags: 'strongroom kms policy' shows what it needs. If that KMS is lost, take 'kms-tag' out of the configuration and \
     'strongroom anchor accept'.",
);
const UNWRITABLE: ErrorCode = code(
    "ANCHOR_TAG_UNWRITABLE",
    Category::Unavailable,
    "The act needs the tag to be written first; nothing was committed. Wait until the KMS answers, or allow the node to write this tag: \
     'strongroom kms policy' shows what it needs.",
);

impl AnchorTagError {
    /// Every code of this domain.
    pub const CODES: &[ErrorCode] = &[
        UNSUPPORTED,
        NOT_CONFIGURED,
        NO_WRAP,
        MISSING,
        DAMAGED,
        OTHER_DATA_KEY,
        NEWER,
        UNREADABLE,
        UNWRITABLE,
    ];
}

impl Coded for AnchorTagError {
    fn code(&self) -> ErrorCode {
        match self {
            Self::Unsupported { .. } => UNSUPPORTED,
            Self::NotConfigured => NOT_CONFIGURED,
            Self::NoWrap { .. } => NO_WRAP,
            Self::Missing { .. } => MISSING,
            Self::Damaged { .. } => DAMAGED,
            Self::OtherDataKey { .. } => OTHER_DATA_KEY,
            Self::Newer { .. } => NEWER,
            Self::Unreadable { .. } => UNREADABLE,
            Self::Unwritable { .. } => UNWRITABLE,
        }
    }
}
