//! Why a process that is not alone did not do what it was asked.

use std::time::Duration;

use strongroom_errors::{Category, Coded, ErrorCode};
use strongroom_store::DataKeyId;

use super::VaultError;

/// Why a process that is not the only one on its store did not do what it was asked.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ReplicaError {
    /// Nobody knows whether a key was retired or deleted meanwhile, so none is used.
    #[error("this process has not seen the store for {} seconds", silence.as_secs())]
    OutOfTouch {
        /// Since it last looked.
        silence: Duration,
        /// Why it cannot look now; none when there was no answer.
        #[source]
        source: Option<Box<VaultError>>,
    },
    /// Another process changed the vault before this change began.
    #[error("another process has changed the vault meanwhile")]
    Behind,
    /// The lease was given up on request, and is left to the others for a while.
    #[error("this process was asked to leave writing to another one")]
    SteppedDown,
    /// Nobody who had a data key that is known here made the one that is current.
    #[error("nothing shows that data key {id} came after one that is known here")]
    NotVouched {
        /// The data key.
        id: DataKeyId,
    },
}

const fn code(name: &'static str, category: Category, advice: &'static str) -> ErrorCode {
    ErrorCode::new(name, category, advice)
}

const OUT_OF_TOUCH: ErrorCode = code(
    "REPLICA_OUT_OF_TOUCH",
    Category::Unavailable,
    "Bring the database back into reach; the process goes on by itself then. Until then ask another replica.",
);
const BEHIND: ErrorCode = code(
    "REPLICA_BEHIND",
    Category::Contention,
    "Nothing was changed: try again.",
);
const STEPPED_DOWN: ErrorCode = code(
    "REPLICA_STEPPED_DOWN",
    Category::Unavailable,
    "Ask the replica that writes now. A rotation, a migration or a backup that was under way goes on there when it is begun again.",
);
const NOT_VOUCHED: ErrorCode = code(
    "DATA_KEY_NOT_VOUCHED",
    Category::DataCorrupted,
    "If the old data key was pruned since this process was last there, that is why: make sure that the wrapper key was rotated by your people, remove the anchor file of this process, and accept the state with 'strongroom anchor accept'. If not, the database was exchanged.",
);

impl ReplicaError {
    /// Every code of this domain.
    pub const CODES: &[ErrorCode] = &[OUT_OF_TOUCH, BEHIND, STEPPED_DOWN, NOT_VOUCHED];
}

impl Coded for ReplicaError {
    fn code(&self) -> ErrorCode {
        match self {
            Self::OutOfTouch { .. } => OUT_OF_TOUCH,
            Self::Behind => BEHIND,
            Self::SteppedDown => STEPPED_DOWN,
            Self::NotVouched { .. } => NOT_VOUCHED,
        }
    }
}
