//! `[vault]`: the vault itself.

use std::{path::PathBuf, time::Duration};

use serde::{Deserialize, Serialize};

use crate::{duration, error::ConfigError};

/// The vault itself.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct VaultConfig {
    /// The vault's identity, 32 lower-case hex digits, chosen at random by `init`.
    pub id: String,
    /// The node's name: the prefix of the names of its keys.
    #[serde(default = "default_node")]
    pub node: String,
    /// The file that remembers the latest generation, out of reach of whoever can write the database. None: a
    /// rollback of the whole database goes unnoticed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub anchor: Option<PathBuf>,
    /// So far ahead of the clock of this machine the time of a payload may be.
    #[serde(
        with = "duration",
        default = "default_clock_tolerance",
        skip_serializing_if = "is_default_clock_tolerance"
    )]
    pub clock_tolerance: Duration,
}

const fn default_clock_tolerance() -> Duration {
    VaultConfig::CLOCK_TOLERANCE
}

fn is_default_clock_tolerance(tolerance: &Duration) -> bool {
    *tolerance == VaultConfig::CLOCK_TOLERANCE
}

fn default_node() -> String {
    "node".to_owned()
}

impl VaultConfig {
    /// [`Self::clock_tolerance`] where nothing else is said.
    pub const CLOCK_TOLERANCE: Duration = Duration::from_secs(300);

    /// The identity, 16 bytes.
    ///
    /// # Errors
    /// [`ConfigError::BadValue`] when it is not 32 lower-case hex digits.
    pub fn id_bytes(&self) -> Result<[u8; 16], ConfigError> {
        let bad = || ConfigError::BadValue {
            section: "vault",
            field: "id",
            expected: "32 lower-case hex digits",
        };
        let decoded = data_encoding::HEXLOWER.decode(self.id.as_bytes());
        decoded
            .ok()
            .and_then(|bytes| bytes.try_into().ok())
            .ok_or_else(bad)
    }

    pub(crate) fn validate(&self) -> Result<(), ConfigError> {
        self.id_bytes()?;
        if self.node.is_empty() || self.node.chars().count() > 185 {
            return Err(ConfigError::BadValue {
                section: "vault",
                field: "node",
                expected: "1 to 185 characters",
            });
        }
        if self.anchor.as_ref().is_some_and(|path| !path.is_absolute()) {
            return Err(ConfigError::BadValue {
                section: "vault",
                field: "anchor",
                expected: "an absolute path",
            });
        }
        Ok(())
    }
}
