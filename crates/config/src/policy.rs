//! `[policy]`: what the operators of a vault owe it.

mod max_key_age;

use std::time::Duration;

use serde::{Deserialize, Serialize};

pub use self::max_key_age::MaxKeyAgeConfig;
use crate::{duration, error::ConfigError, is_default};

/// What the operators of a vault owe it; whoever does not keep it is warned.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case", default)]
pub struct PolicyConfig {
    /// How old the last verified backup may be, with its unit.
    #[serde(with = "duration")]
    pub max_backup_age: Duration,
    /// How old keys in use may become.
    #[serde(skip_serializing_if = "is_default")]
    pub max_key_age: MaxKeyAgeConfig,
}

impl Default for PolicyConfig {
    /// A week for backups; no limit for keys.
    fn default() -> Self {
        Self {
            max_backup_age: Duration::from_secs(7 * 86_400),
            max_key_age: MaxKeyAgeConfig::default(),
        }
    }
}

impl PolicyConfig {
    pub(crate) fn validate(&self) -> Result<(), ConfigError> {
        let allowed = Duration::from_secs(60)..=Duration::from_secs(366 * 86_400);
        if allowed.contains(&self.max_backup_age) {
            return self.max_key_age.validate();
        }
        Err(ConfigError::BadValue {
            section: "policy",
            field: "max-backup-age",
            expected: "a duration from a minute to a year, such as '168h'",
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_backup_is_as_old_as_a_minute_to_a_year() {
        let age = |seconds| PolicyConfig {
            max_backup_age: Duration::from_secs(seconds),
            ..PolicyConfig::default()
        };
        for fine in [60, 7 * 86_400, 366 * 86_400] {
            age(fine).validate().unwrap();
        }
        for wrong in [0, 59, 366 * 86_400 + 1] {
            let error = age(wrong).validate().unwrap_err().to_string();
            assert!(error.contains("max-backup-age"), "{error}");
        }
    }
}
