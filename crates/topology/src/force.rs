use std::{fmt, str::FromStr};

use crate::error::TopologyError;

/// Dangers that a caller takes upon himself. A set; empty by default.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ForceFlags(u32);

/// One danger, by Canton's number and name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ForceFlag {
    /// To change what another node announces of itself.
    AlienMember,
    /// To sign with keys that may not sign it as far as the store knows.
    AllowUnvalidatedSigningKeys,
    /// To demand more confirmations of a party than it has participants.
    AllowConfirmingThresholdCannotBeMet,
}

impl ForceFlag {
    /// All of those that mean something here.
    pub const ALL: [Self; 3] = [
        Self::AlienMember,
        Self::AllowUnvalidatedSigningKeys,
        Self::AllowConfirmingThresholdCannotBeMet,
    ];

    /// The number on the wire.
    #[must_use]
    pub const fn number(self) -> u8 {
        match self {
            Self::AlienMember => 1,
            Self::AllowUnvalidatedSigningKeys => 7,
            Self::AllowConfirmingThresholdCannotBeMet => 14,
        }
    }

    /// The name: `alien-member`.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::AlienMember => "alien-member",
            Self::AllowUnvalidatedSigningKeys => "allow-unvalidated-signing-keys",
            Self::AllowConfirmingThresholdCannotBeMet => "allow-confirming-threshold-cannot-be-met",
        }
    }
}

impl FromStr for ForceFlag {
    type Err = TopologyError;

    fn from_str(text: &str) -> Result<Self, TopologyError> {
        let wanted = text.to_ascii_lowercase().replace('_', "-");
        Self::ALL
            .into_iter()
            .find(|flag| flag.name() == wanted)
            .ok_or_else(|| TopologyError::UnknownForceFlag {
                text: text.chars().take(80).collect(),
            })
    }
}

impl fmt::Display for ForceFlag {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl ForceFlags {
    /// Every danger.
    #[must_use]
    pub fn all() -> Self {
        Self::of(ForceFlag::ALL)
    }

    /// These dangers.
    #[must_use]
    pub fn of(flags: impl IntoIterator<Item = ForceFlag>) -> Self {
        Self(
            flags
                .into_iter()
                .fold(0, |bits, flag| bits | (1 << flag.number())),
        )
    }

    /// Whether the danger is taken.
    #[must_use]
    pub const fn contains(self, flag: ForceFlag) -> bool {
        self.0 & (1 << flag.number()) != 0
    }
}
