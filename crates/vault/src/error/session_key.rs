//! Why no session key was to be had.

use strongroom_errors::{Category, Coded, ErrorCode};

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
}

const UNAVAILABLE: ErrorCode = ErrorCode::new(
    "SESSION_KEY_UNAVAILABLE",
    Category::Unavailable,
    "The KMS that holds the node's key does not answer: 'strongroom kms show' and 'strongroom doctor' tell more. Try again when it does.",
);

impl SessionKeyError {
    /// Every code of this domain.
    pub const CODES: &[ErrorCode] = &[UNAVAILABLE];
}

impl Coded for SessionKeyError {
    fn code(&self) -> ErrorCode {
        match self {
            Self::RetriesExhausted { .. } => UNAVAILABLE,
        }
    }
}
