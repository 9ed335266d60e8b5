//! What can be wrong with a configuration.

use strongroom_errors::{Category, Coded, ErrorCode};

/// Why a configuration was refused.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ConfigError {
    /// Not TOML, an unknown field, or a value of the wrong type. No part of the text is repeated: somebody may have
    /// put a passphrase there.
    #[error("line {line}, column {column}: {reason}")]
    Syntax {
        /// Counted from 1.
        line: usize,
        /// Counted from 1, in characters.
        column: usize,
        /// What is wrong, without values.
        reason: String,
    },
    /// The configuration has no TOML form.
    #[error("the configuration cannot be written")]
    Unwritable {
        /// The reason.
        #[source]
        source: Box<toml::ser::Error>,
    },
    /// The text cannot be changed so that it says what is wanted. No part of it is repeated, as above.
    #[error("the configuration cannot be changed in place")]
    Uneditable,
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
    /// What `[session-signing-keys]` says does not go together. Texts are Canton's.
    #[error("session-signing-keys: {problem}")]
    SessionSigningKeys {
        /// What is wrong.
        problem: String,
    },
    /// A `[[callers]]` section is wrong.
    #[error("the caller {caller}: {problem}")]
    BadCaller {
        /// Its name.
        caller: String,
        /// What is wrong.
        problem: String,
    },
}

impl ConfigError {
    /// What `error` says about `text`, less the line that it quotes and the strings that it names.
    pub(crate) fn syntax(text: &str, error: &toml::de::Error) -> Self {
        let start = error.span().map_or(0, |span| span.start);
        let before = text.get(..start).unwrap_or(text);
        let line_start = before.rfind('\n').map_or(0, |newline| newline + 1);
        Self::Syntax {
            line: before.matches('\n').count() + 1,
            column: before.get(line_start..).unwrap_or_default().chars().count() + 1,
            reason: without_values(error.message()),
        }
    }
}

/// Serde names a value that it did not expect, as `string "..."` or as the name of a variant that there is not.
fn without_values(message: &str) -> String {
    let (before, from_value) = if let Some(expected) =
        message.strip_prefix("unknown variant `").and_then(|rest| {
            rest.rfind("`, expected")
                .and_then(|end| rest.get(end + 1..))
        }) {
        ("unknown variant", expected)
    } else if let (Some(first), Some(last)) = (message.find('"'), message.rfind('"')) {
        let before = message.get(..first).unwrap_or_default().trim_end();
        (before, message.get(last + 1..).unwrap_or_default())
    } else {
        (message, "")
    };
    format!("{before}{from_value}")
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

const CONFIG_UNEDITABLE: ErrorCode = ErrorCode::new(
    "CONFIG_UNEDITABLE",
    Category::FailedPrecondition,
    "Write 'protection' of the [[kms]] section as 'strongroom config example' shows it, and try again.",
);

impl ConfigError {
    /// Every code of this domain.
    pub const CODES: &[ErrorCode] = &[
        CONFIG_UNREADABLE,
        CONFIG_INVALID,
        CONFIG_UNWRITABLE,
        CONFIG_UNEDITABLE,
    ];
}

impl Coded for ConfigError {
    fn code(&self) -> ErrorCode {
        match self {
            Self::Syntax { .. } => CONFIG_UNREADABLE,
            Self::Unwritable { .. } => CONFIG_UNWRITABLE,
            Self::Uneditable => CONFIG_UNEDITABLE,
            Self::NoKms
            | Self::DuplicateKms { .. }
            | Self::BadValue { .. }
            | Self::SessionSigningKeys { .. }
            | Self::BadCaller { .. } => CONFIG_INVALID,
        }
    }
}
