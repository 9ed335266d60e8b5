use std::fmt;
use std::str::FromStr;

use super::PayloadError;

/// What a payload is for: 1 to 255 bytes of text without control characters. Whoever opens one says what they expect, so that
/// a payload that was made for one thing is not taken for another.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct PayloadPurpose(Box<str>);

impl PayloadPurpose {
    const MAX_LEN: usize = 255;

    /// Checks length and characters.
    ///
    /// # Errors
    /// [`PayloadError::Purpose`].
    pub fn try_new(purpose: impl Into<Box<str>>) -> Result<Self, PayloadError> {
        let purpose = purpose.into();
        let fits = (1..=Self::MAX_LEN).contains(&purpose.len());
        if fits && !purpose.chars().any(char::is_control) {
            Ok(Self(purpose))
        } else {
            Err(PayloadError::Purpose)
        }
    }

    /// The text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for PayloadPurpose {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl FromStr for PayloadPurpose {
    type Err = PayloadError;

    fn from_str(text: &str) -> Result<Self, PayloadError> {
        Self::try_new(text)
    }
}
