//! What a signing key may sign (reference: keys-and-schemes, section 5).

mod set;

use std::fmt;
use std::str::FromStr;

use strongroom_errors::{Category, Coded, ErrorCode};

pub use self::set::KeyUsages;

/// One thing that a signing key may sign.
///
/// Not `#[non_exhaustive]`: a new usage must break every `match` of the workspace.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum KeyUsage {
    /// Topology transactions of a namespace.
    Namespace,
    /// The challenge with which a member authenticates itself to a sequencer.
    SequencerAuthentication,
    /// Messages of the transaction protocol, and transactions of external parties.
    Protocol,
    /// The statement that its holder has the key; given to keys by [`KeyUsages::try_new`], not by people.
    ProofOfOwnership,
}

impl KeyUsage {
    /// Every usage, in the order of their numbers.
    pub const ALL: [Self; 4] = [
        Self::Namespace,
        Self::SequencerAuthentication,
        Self::Protocol,
        Self::ProofOfOwnership,
    ];

    /// Canton's identifier of the usage, part of its default key names: protocol keys are called `signing`
    /// there. For people, display the usage instead.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Namespace => "namespace",
            Self::SequencerAuthentication => "sequencer-auth",
            Self::Protocol => "signing",
            Self::ProofOfOwnership => "proof-of-ownership",
        }
    }

    /// The usage in words: `protocol`, `sequencer-authentication`.
    #[must_use]
    pub const fn label(self) -> &'static str {
        match self {
            Self::Namespace => "namespace",
            Self::SequencerAuthentication => "sequencer-authentication",
            Self::Protocol => "protocol",
            Self::ProofOfOwnership => "proof-of-ownership",
        }
    }

    /// The number in Canton's messages, which also enters hashes; 2 was identity delegation and is gone.
    #[must_use]
    pub const fn number(self) -> i32 {
        match self {
            Self::Namespace => 1,
            Self::SequencerAuthentication => 3,
            Self::Protocol => 4,
            Self::ProofOfOwnership => 5,
        }
    }

    /// A bit of [`KeyUsages::bits`]: one less than [`Self::number`], which is also the number that Canton's
    /// database uses.
    pub(crate) const fn bit(self) -> u8 {
        match self {
            Self::Namespace => 1,
            Self::SequencerAuthentication => 1 << 2,
            Self::Protocol => 1 << 3,
            Self::ProofOfOwnership => 1 << 4,
        }
    }
}

impl fmt::Display for KeyUsage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.label())
    }
}

impl FromStr for KeyUsage {
    type Err = UsageError;

    /// Takes what [`Self::name`] and [`Self::label`] give, with `_` for `-` and in any case.
    fn from_str(name: &str) -> Result<Self, UsageError> {
        let plain = name.to_ascii_lowercase().replace('_', "-");
        Self::ALL
            .into_iter()
            .find(|usage| plain == usage.name() || plain == usage.label())
            .ok_or_else(|| UsageError::Unknown {
                name: name.to_owned(),
            })
    }
}

/// Usages that no signing key can have.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum UsageError {
    /// No usage at all.
    #[error("a signing key needs at least one usage")]
    Empty,
    /// Proof of ownership alone or with namespace only.
    #[error("no key may have exactly the usages {usages}")]
    InvalidSet {
        /// What was asked for.
        usages: KeyUsages,
    },
    /// No usage has this name.
    #[error(
        "there is no key usage {name:?}; valid are namespace, sequencer-authentication and protocol"
    )]
    Unknown {
        /// What was given.
        name: String,
    },
    /// Stored bits that stand for no usage.
    #[error("the stored usage bits {bits:#04x} are unknown")]
    UnknownBits {
        /// What was stored.
        bits: u8,
    },
}

impl UsageError {
    /// Every code of this type.
    pub const CODES: &'static [ErrorCode] = &[
        Self::EMPTY,
        Self::INVALID_SET,
        Self::UNKNOWN,
        Self::UNKNOWN_BITS,
    ];

    const EMPTY: ErrorCode = ErrorCode::new(
        "KEY_USAGE_MISSING",
        Category::InvalidRequest,
        "Name what the key is to sign: namespace, sequencer-authentication or protocol.",
    );
    const INVALID_SET: ErrorCode = ErrorCode::new(
        "KEY_USAGE_SET_INVALID",
        Category::InvalidRequest,
        "Leave proof-of-ownership out: it is added where it is allowed.",
    );
    const UNKNOWN: ErrorCode = ErrorCode::new(
        "KEY_USAGE_UNKNOWN",
        Category::InvalidRequest,
        "Use namespace, sequencer-authentication or protocol.",
    );
    const UNKNOWN_BITS: ErrorCode = ErrorCode::new(
        "KEY_USAGE_STORED_UNKNOWN",
        Category::DataCorrupted,
        "The row was damaged or written by a newer release: upgrade, or restore a backup.",
    );
}

impl Coded for UsageError {
    fn code(&self) -> ErrorCode {
        match self {
            Self::Empty => Self::EMPTY,
            Self::InvalidSet { .. } => Self::INVALID_SET,
            Self::Unknown { .. } => Self::UNKNOWN,
            Self::UnknownBits { .. } => Self::UNKNOWN_BITS,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_usage_parses_from_its_identifier_and_from_its_words() {
        for usage in KeyUsage::ALL {
            assert_eq!(usage.name().parse(), Ok(usage));
            assert_eq!(usage.label().parse(), Ok(usage));
        }
        assert_eq!(
            "SEQUENCER_AUTHENTICATION".parse(),
            Ok(KeyUsage::SequencerAuthentication)
        );
        assert_eq!(
            "encryption".parse::<KeyUsage>().unwrap_err().code().name(),
            "KEY_USAGE_UNKNOWN"
        );
    }

    #[test]
    fn a_stored_bit_is_the_number_of_cantons_database() {
        for usage in KeyUsage::ALL {
            assert_eq!(i32::from(usage.bit()), 1 << (usage.number() - 1));
        }
    }
}
