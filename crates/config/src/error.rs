//! What can be wrong with a configuration.

use strongroom_errors::{Category, Coded, ErrorCode};

/// Why a configuration was refused.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ConfigError {
    /// Not TOML, an unknown field, or a value of the wrong type.
    #[error("the configuration cannot be read")]
    Syntax {
        /// Line, column and reason.
        #[source]
        source: Box<toml::de::Error>,
    },
    /// The configuration has no TOML form.
    #[error("the configuration cannot be written")]
    Unwritable {
        /// The reason.
        #[source]
        source: Box<toml::ser::Error>,
    },
    /// No `[[kms]]` section.
    #[error("there is no [[kms]] section")]
    NoKms,
    /// Two `[[kms]]` sections with one name.
    #[error("two [[kms]] sections are called {name}")]
    DuplicateKms {
        /// The name.
        name: String,
    },
    /// A field has a value that it cannot have.
    #[error("{section}.{field} must be {expected}")]
    BadValue {
        /// The section.
        section: &'static str,
        /// The field.
        field: &'static str,
        /// What it must be.
        expected: &'static str,
    },
}

const ADVICE: &str = "'strongroom config example' prints a configuration with every field; 'strongroom config check' tries yours.";
const CONFIG_UNREADABLE: ErrorCode =
    ErrorCode::new("CONFIG_UNREADABLE", Category::InvalidRequest, ADVICE);
const CONFIG_INVALID: ErrorCode =
    ErrorCode::new("CONFIG_INVALID", Category::InvalidRequest, ADVICE);
const CONFIG_UNWRITABLE: ErrorCode = ErrorCode::new(
    "CONFIG_UNWRITABLE",
    Category::Internal,
    "Report this as a bug, without any secret in it.",
);

impl ConfigError {
    /// Every code of this domain.
    pub const CODES: &[ErrorCode] = &[CONFIG_UNREADABLE, CONFIG_INVALID, CONFIG_UNWRITABLE];
}

impl Coded for ConfigError {
    fn code(&self) -> ErrorCode {
        match self {
            Self::Syntax { .. } => CONFIG_UNREADABLE,
            Self::Unwritable { .. } => CONFIG_UNWRITABLE,
            Self::NoKms | Self::DuplicateKms { .. } | Self::BadValue { .. } => CONFIG_INVALID,
        }
    }
}
