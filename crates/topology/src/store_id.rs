use std::{fmt, str::FromStr};

use crate::identifier::{IdentifierError, PhysicalSynchronizerId};

/// The most characters of the name of a temporary store.
const NAME_LIMIT: usize = 185;

/// Names a store of topology. As text: `authorized`, `temporary:NAME`, `synchronizer:ID::NAMESPACE::34-0`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum StoreId {
    /// What this node itself has authorized.
    Authorized,
    /// In memory, to look at topology without following it.
    Temporary(TemporaryName),
    /// What a synchronizer has sequenced.
    Synchronizer(PhysicalSynchronizerId),
}

/// The name of a temporary store: 1 to 185 characters without control characters.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TemporaryName(Box<str>);

impl TemporaryName {
    /// The name.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for TemporaryName {
    type Err = StoreIdError;

    fn from_str(text: &str) -> Result<Self, StoreIdError> {
        let length = text.chars().count();
        if (1..=NAME_LIMIT).contains(&length) && !text.chars().any(char::is_control) {
            Ok(Self(text.into()))
        } else {
            Err(StoreIdError::TemporaryName { length })
        }
    }
}

/// A text that names no store.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum StoreIdError {
    /// None of the three forms.
    #[error("{text:?} is no topology store: authorized, temporary:NAME or synchronizer:ID")]
    Unknown {
        /// What was given, cut to 80 characters.
        text: String,
    },
    /// Too long, empty, or with control characters.
    #[error("the name of a temporary store has 1 to {NAME_LIMIT} plain characters, not {length}")]
    TemporaryName {
        /// How many characters it has.
        length: usize,
    },
    /// Not a synchronizer's name.
    #[error("the synchronizer of the store was refused")]
    Synchronizer(#[from] IdentifierError),
}

impl StoreIdError {
    /// Every code of this type; errors of identifiers bring their own.
    pub const CODES: &'static [strongroom_errors::ErrorCode] = &[Self::STORE_ID_INVALID];

    const STORE_ID_INVALID: strongroom_errors::ErrorCode = strongroom_errors::ErrorCode::new(
        "TOPOLOGY_STORE_ID_INVALID",
        strongroom_errors::Category::InvalidRequest,
        "Write authorized, temporary:NAME, or synchronizer:NAME::NAMESPACE::VERSION-SERIAL. 'strongroom topology stores' shows \
         those that there are.",
    );
}

impl strongroom_errors::Coded for StoreIdError {
    fn code(&self) -> strongroom_errors::ErrorCode {
        match self {
            Self::Unknown { .. } | Self::TemporaryName { .. } => Self::STORE_ID_INVALID,
            Self::Synchronizer(source) => source.code(),
        }
    }
}

const AUTHORIZED: &str = "authorized";
const TEMPORARY: &str = "temporary:";
const SYNCHRONIZER: &str = "synchronizer:";

impl FromStr for StoreId {
    type Err = StoreIdError;

    fn from_str(text: &str) -> Result<Self, StoreIdError> {
        if text == AUTHORIZED {
            Ok(Self::Authorized)
        } else if let Some(name) = text.strip_prefix(TEMPORARY) {
            Ok(Self::Temporary(name.parse()?))
        } else if let Some(id) = text.strip_prefix(SYNCHRONIZER) {
            Ok(Self::Synchronizer(id.parse()?))
        } else {
            Err(StoreIdError::Unknown {
                text: text.chars().take(80).collect(),
            })
        }
    }
}

impl fmt::Display for StoreId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Authorized => f.write_str(AUTHORIZED),
            Self::Temporary(name) => write!(f, "{TEMPORARY}{}", name.as_str()),
            Self::Synchronizer(id) => write!(f, "{SYNCHRONIZER}{id}"),
        }
    }
}
