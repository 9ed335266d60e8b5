use std::{fmt, str::FromStr};

use super::{DELIMITER, IdentifierError, SynchronizerId, excerpt};

/// The version of the protocol that a synchronizer speaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ProtocolVersion {
    /// A released one, such as 34.
    Number(u32),
    /// The one under development: `dev`.
    Dev,
}

/// A synchronizer at one version of its protocol: `identifier::namespace::34-0`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PhysicalSynchronizerId {
    /// The logical synchronizer.
    pub synchronizer: SynchronizerId,
    /// The version of its protocol.
    pub protocol_version: ProtocolVersion,
    /// Counts the synchronizers of one name and version, at most 2^31 - 1.
    pub serial: u32,
}

impl FromStr for PhysicalSynchronizerId {
    type Err = IdentifierError;

    fn from_str(text: &str) -> Result<Self, IdentifierError> {
        let malformed = || IdentifierError::PhysicalSynchronizer {
            text: excerpt(text),
        };
        let (synchronizer, version) = text.rsplit_once(DELIMITER).ok_or_else(malformed)?;
        let (version, serial) = version.rsplit_once('-').ok_or_else(malformed)?;
        let protocol_version = match version {
            "dev" => ProtocolVersion::Dev,
            number => ProtocolVersion::Number(parse_number(number).ok_or_else(malformed)?),
        };
        Ok(Self {
            synchronizer: synchronizer.parse()?,
            protocol_version,
            serial: parse_number(serial).ok_or_else(malformed)?,
        })
    }
}

/// Decimal digits without a sign or leading zeros, up to 2^31 - 1: one number has one text.
fn parse_number(text: &str) -> Option<u32> {
    let number: u32 = text.parse().ok()?;
    (i32::try_from(number).is_ok() && number.to_string() == text).then_some(number)
}

impl fmt::Display for ProtocolVersion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Number(number) => number.fmt(f),
            Self::Dev => f.write_str("dev"),
        }
    }
}

impl fmt::Display for PhysicalSynchronizerId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{}{DELIMITER}{}-{}",
            self.synchronizer, self.protocol_version, self.serial
        )
    }
}
