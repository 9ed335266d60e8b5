//! Labels that operators give to keys.

use std::fmt;
use std::str::FromStr;

use strongroom_errors::{Category, Coded, ErrorCode};

/// A label that an operator gave to a key: 1 to 300 characters without control characters, not unique, not secret.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct KeyName(Box<str>);

/// A text that cannot be a key name.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum NameError {
    /// No characters.
    #[error("a key name must not be empty")]
    Empty,
    /// More than [`KeyName::MAX_LENGTH`] characters.
    #[error(
        "a key name has at most {} characters, this one has {length}",
        KeyName::MAX_LENGTH
    )]
    TooLong {
        /// How many characters were given.
        length: usize,
    },
    /// A control character, which could rewrite a terminal that shows the name; PostgreSQL does not store NUL at all.
    #[error("a key name has no control characters, this one has U+{code_point:04X}")]
    ControlCharacter {
        /// Which one.
        code_point: u32,
    },
}

impl NameError {
    /// Every code of this type.
    pub const CODES: &'static [ErrorCode] = &[Self::EMPTY, Self::TOO_LONG, Self::CONTROL_CHARACTER];

    const EMPTY: ErrorCode = ErrorCode::new(
        "KEY_NAME_EMPTY",
        Category::InvalidRequest,
        "Give a name, or leave the name out altogether.",
    );
    const TOO_LONG: ErrorCode = ErrorCode::new(
        "KEY_NAME_TOO_LONG",
        Category::InvalidRequest,
        "Give a name of at most 300 characters.",
    );
    const CONTROL_CHARACTER: ErrorCode = ErrorCode::new(
        "KEY_NAME_CONTROL_CHARACTER",
        Category::InvalidRequest,
        "Give a name without line ends, tabs, escapes and the like.",
    );
}

impl Coded for NameError {
    fn code(&self) -> ErrorCode {
        match self {
            Self::Empty => Self::EMPTY,
            Self::TooLong { .. } => Self::TOO_LONG,
            Self::ControlCharacter { .. } => Self::CONTROL_CHARACTER,
        }
    }
}

impl KeyName {
    /// The longest name, in UTF-16 code units: Canton counts them like this, so that a name accepted here is
    /// accepted there.
    pub const MAX_LENGTH: usize = 300;

    /// Checks the length and the characters of `name`.
    ///
    /// # Errors
    /// [`NameError`] if it is empty or too long, or has control characters.
    pub fn try_new(name: impl Into<Box<str>>) -> Result<Self, NameError> {
        let name = name.into();
        if name.is_empty() {
            return Err(NameError::Empty);
        }
        let length = name.encode_utf16().count();
        if length > Self::MAX_LENGTH {
            return Err(NameError::TooLong { length });
        }
        if let Some(control) = name.chars().find(|character| character.is_control()) {
            return Err(NameError::ControlCharacter {
                code_point: control.into(),
            });
        }
        Ok(Self(name))
    }

    /// As [`Self::try_new`], but the empty text means that there is no name, as in Canton's messages.
    ///
    /// # Errors
    /// [`NameError::TooLong`] and [`NameError::ControlCharacter`].
    pub fn parse_optional(name: &str) -> Result<Option<Self>, NameError> {
        if name.is_empty() {
            Ok(None)
        } else {
            Self::try_new(name).map(Some)
        }
    }

    /// The name as it was given.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for KeyName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl AsRef<str> for KeyName {
    fn as_ref(&self) -> &str {
        &self.0
    }
}

impl FromStr for KeyName {
    type Err = NameError;

    fn from_str(name: &str) -> Result<Self, NameError> {
        Self::try_new(name)
    }
}

impl TryFrom<String> for KeyName {
    type Error = NameError;

    fn try_from(name: String) -> Result<Self, NameError> {
        Self::try_new(name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_of_300_characters_is_the_longest() {
        assert!(KeyName::try_new("n".repeat(300)).is_ok());
        assert_eq!(
            KeyName::try_new("n".repeat(301)),
            Err(NameError::TooLong { length: 301 })
        );
    }

    #[test]
    fn characters_are_counted_as_canton_counts_them() {
        assert!(KeyName::try_new("é".repeat(300)).is_ok());
        assert_eq!(
            KeyName::try_new("🔑".repeat(151)),
            Err(NameError::TooLong { length: 302 })
        );
    }

    #[test]
    fn a_name_has_no_control_characters() {
        for (name, code_point) in [
            ("a\0b", 0),
            ("a\nb", 0x0a),
            ("\u{1b}[2J", 0x1b),
            ("a\u{7f}", 0x7f),
            ("\u{9b}2J", 0x9b),
        ] {
            assert_eq!(
                KeyName::try_new(name),
                Err(NameError::ControlCharacter { code_point })
            );
            assert!(KeyName::parse_optional(name).is_err());
        }
        assert!(KeyName::try_new("Schlüssel der Börse 🔑").is_ok());
    }

    #[test]
    fn the_empty_name_means_no_name_only_where_asked() {
        assert_eq!(KeyName::parse_optional(""), Ok(None));
        assert_eq!(KeyName::try_new(""), Err(NameError::Empty));
        assert_eq!(
            KeyName::parse_optional("node").unwrap().unwrap().as_str(),
            "node"
        );
    }
}
