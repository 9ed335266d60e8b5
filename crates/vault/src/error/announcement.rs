//! Why a key was not announced, or not withdrawn.

use strongroom_crypto::Fingerprint;
use strongroom_errors::{Category, Coded, ErrorCode};

/// Why a key was not announced as one of the node's, or not withdrawn.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum AnnouncementError {
    /// The key is not among those that are announced for the node. The text is Canton's.
    #[error("The key {fingerprint} does not exist")]
    NotAnnounced {
        /// The key.
        fingerprint: Fingerprint,
    },
    /// The key is in the vault, but not among those that are announced for its node.
    #[error("{fingerprint} is not announced by this node")]
    NotAnnouncedHere {
        /// The key.
        fingerprint: Fingerprint,
    },
    /// The key is among those that are announced for the node.
    #[error("{fingerprint} is announced by this node already")]
    AlreadyAnnounced {
        /// The key.
        fingerprint: Fingerprint,
    },
    /// A node neither signs messages nor authenticates with such a key.
    #[error("{fingerprint} signs for namespaces only: no node announces it as its own")]
    NotANodeKey {
        /// The key.
        fingerprint: Fingerprint,
    },
    /// A node announces no more keys than this.
    #[error("{limit} keys are announced, and no node announces more")]
    TooManyAnnounced {
        /// The most that a node may announce.
        limit: usize,
    },
    /// Without the key the node could not do its work.
    #[error("{fingerprint} is the last announced key for {wanted}")]
    LastAnnounced {
        /// The key.
        fingerprint: Fingerprint,
        /// What nothing would be left for.
        wanted: &'static str,
    },
}

const fn code(name: &'static str, category: Category, advice: &'static str) -> ErrorCode {
    ErrorCode::new(name, category, advice)
}

const KEY_NOT_ANNOUNCED: ErrorCode = code(
    "KEY_NOT_ANNOUNCED",
    Category::NotFound,
    "'strongroom topology active-keys' shows the keys of the node. Namespace keys are replaced by a new delegation, not rotated.",
);
const KEY_ALREADY_ANNOUNCED: ErrorCode = code(
    "KEY_ALREADY_ANNOUNCED",
    Category::AlreadyExists,
    "Nothing needs to be done: 'strongroom topology active-keys' shows it.",
);
const NOT_A_NODE_KEY: ErrorCode = code(
    "NOT_A_NODE_KEY",
    Category::FailedPrecondition,
    "Announce a key for protocol messages, for authentication or for encryption. To let this one sign for the namespace: \
     'strongroom topology delegate'.",
);
const TOO_MANY_ANNOUNCED_KEYS: ErrorCode = code(
    "TOO_MANY_ANNOUNCED_KEYS",
    Category::FailedPrecondition,
    "Take one that is not needed any more away first: 'strongroom keys withdraw'.",
);
const LAST_ANNOUNCED_KEY: ErrorCode = code(
    "LAST_ANNOUNCED_KEY",
    Category::FailedPrecondition,
    "Put a new key into its place with 'strongroom keys rotate', or announce another one first: 'strongroom keys announce'.",
);

impl AnnouncementError {
    /// Every code of this domain.
    pub const CODES: &[ErrorCode] = &[
        KEY_NOT_ANNOUNCED,
        KEY_ALREADY_ANNOUNCED,
        NOT_A_NODE_KEY,
        TOO_MANY_ANNOUNCED_KEYS,
        LAST_ANNOUNCED_KEY,
    ];
}

impl Coded for AnnouncementError {
    fn code(&self) -> ErrorCode {
        match self {
            Self::NotAnnounced { .. } | Self::NotAnnouncedHere { .. } => KEY_NOT_ANNOUNCED,
            Self::AlreadyAnnounced { .. } => KEY_ALREADY_ANNOUNCED,
            Self::NotANodeKey { .. } => NOT_A_NODE_KEY,
            Self::TooManyAnnounced { .. } => TOO_MANY_ANNOUNCED_KEYS,
            Self::LastAnnounced { .. } => LAST_ANNOUNCED_KEY,
        }
    }
}
