//! Randomness as an argument: whoever needs random bytes takes a [`Random`].

use std::fmt::Debug;

use strongroom_errors::{Category, Coded, ErrorCode};
use thiserror::Error;

/// A source of random bytes that nobody can predict.
///
/// Keys, nonces and salts come from here, so an implementation outside of tests must be a cryptographically
/// secure generator. AWS-LC draws ECDSA nonces and RSA primes from a generator of its own, which it does not let
/// anybody replace.
pub trait Random: Send + Sync + Debug {
    /// Fills all of `buffer`.
    ///
    /// # Errors
    /// [`RandomError`] when the source has nothing to give; the content of `buffer` is then undefined and must
    /// not be used.
    fn fill(&self, buffer: &mut [u8]) -> Result<(), RandomError>;
}

/// The generator of AWS-LC, seeded by the operating system.
#[derive(Clone, Copy, Debug, Default)]
pub struct SystemRandom;

impl Random for SystemRandom {
    fn fill(&self, buffer: &mut [u8]) -> Result<(), RandomError> {
        aws_lc_rs::rand::fill(buffer).map_err(RandomError::Source)
    }
}

/// Why no random bytes could be had.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum RandomError {
    /// The generator reported a failure.
    #[error("the random number generator failed")]
    Source(#[source] aws_lc_rs::error::Unspecified),
    /// The generator gives bytes, but none of many draws was usable: it is broken.
    #[error("the random number generator repeats itself")]
    Broken,
}

impl RandomError {
    /// Every code of this error.
    pub const CODES: &'static [ErrorCode] = &[Self::FAILED];

    const FAILED: ErrorCode = ErrorCode::new(
        "RANDOM_SOURCE_FAILED",
        Category::Unavailable,
        "The operating system gives no usable random numbers. Check /dev/urandom and the sandbox of the process.",
    );
}

impl Coded for RandomError {
    fn code(&self) -> ErrorCode {
        match self {
            Self::Source(_) | Self::Broken => Self::FAILED,
        }
    }
}
