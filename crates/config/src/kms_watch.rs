//! `[kms-watch]`: how key management systems are watched while a vault is open.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::{duration, error::ConfigError};

/// How key management systems are watched while a vault is open.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case", default)]
pub struct KmsWatchConfig {
    /// How often the state of each wrapper key in use is asked for, with its unit; zero: never.
    #[serde(with = "duration")]
    pub check_wrapper_keys_every: Duration,
}

impl Default for KmsWatchConfig {
    fn default() -> Self {
        Self {
            check_wrapper_keys_every: Duration::from_secs(3600),
        }
    }
}

impl KmsWatchConfig {
    /// Each check is paid for, so seconds are refused as the slip that they are.
    pub(crate) fn validate(&self) -> Result<(), ConfigError> {
        let allowed = Duration::from_secs(60)..=Duration::from_secs(366 * 86_400);
        let every = self.check_wrapper_keys_every;
        if every.is_zero() || allowed.contains(&every) {
            return Ok(());
        }
        Err(ConfigError::BadValue {
            section: "kms-watch",
            field: "check-wrapper-keys-every",
            expected: "a duration from a minute to a year, such as '1h', or '0s' for never",
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_check_every_second_is_a_slip_and_none_at_all_is_a_choice() {
        let every = |seconds| KmsWatchConfig {
            check_wrapper_keys_every: Duration::from_secs(seconds),
        };
        for fine in [0, 60, 3600, 366 * 86_400] {
            every(fine).validate().unwrap();
        }
        for wrong in [1, 59, 366 * 86_400 + 1] {
            let error = every(wrong).validate().unwrap_err().to_string();
            assert!(error.contains("check-wrapper-keys-every"), "{error}");
        }
    }
}
