//! Why no session key was to be had.

use std::time::Duration;

use strongroom_crypto::Timestamp;
use strongroom_errors::{Category, Coded, ErrorCode};

use super::instant;

/// Why no session key was to be had.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum SessionKeyError {
    /// Others tried to make it and failed, and this caller has waited for long enough.
    #[error(
        "exhausted retries for a session key: {attempts} attempts failed, the last with {code}: {reason}"
    )]
    RetriesExhausted {
        /// How many attempts of others this caller has waited for.
        attempts: u32,
        /// The code of the last failure.
        code: &'static str,
        /// What happened, in words.
        reason: String,
    },
    /// A session key that is valid then would lie in memory now, and the state of then nobody knows.
    #[error(
        "no session key signs as of {}, and it is {} now: clocks may be {tolerance:?} apart",
        instant(*.at), instant(*.now)
    )]
    OfTheFuture {
        /// The time of the message.
        at: Timestamp,
        /// The time here.
        now: Timestamp,
        /// How far ahead it may be.
        tolerance: Duration,
    },
}

const UNAVAILABLE: ErrorCode = ErrorCode::new(
    "SESSION_KEY_UNAVAILABLE",
    Category::Unavailable,
    "The KMS that holds the node's key does not answer: 'strongroom kms show' and 'strongroom doctor' tell more. Try again when it does.",
);

const OF_THE_FUTURE: ErrorCode = ErrorCode::new(
    "SESSION_KEY_OF_THE_FUTURE",
    Category::FailedPrecondition,
    "Set the clocks right, here and where the time of the message comes from. To sign all the same, raise 'clock-tolerance' in [vault].",
);

impl SessionKeyError {
    /// Every code of this domain.
    pub const CODES: &[ErrorCode] = &[UNAVAILABLE, OF_THE_FUTURE];
}

impl Coded for SessionKeyError {
    fn code(&self) -> ErrorCode {
        match self {
            Self::RetriesExhausted { .. } => UNAVAILABLE,
            Self::OfTheFuture { .. } => OF_THE_FUTURE,
        }
    }
}
