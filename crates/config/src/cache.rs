//! `[cache]`: how long opened keys stay in memory.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::{duration, error::ConfigError};

/// How long opened keys stay in memory.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case", default)]
pub struct CacheConfig {
    /// At most this many opened keys of each purpose.
    pub capacity: usize,
    /// An opened key that nobody used for this long is wiped; with its unit, as in `1h 30m`.
    #[serde(with = "duration")]
    pub expire_after: Duration,
    /// A key that its KMS sealed itself is kept for this long after its last use, for the time when the KMS is down.
    #[serde(with = "duration")]
    pub keep_while_kms_is_down: Duration,
}

impl Default for CacheConfig {
    fn default() -> Self {
        Self {
            capacity: 10_000,
            expire_after: Duration::from_secs(3600),
            keep_while_kms_is_down: Duration::ZERO,
        }
    }
}

impl CacheConfig {
    pub(crate) fn validate(&self) -> Result<(), ConfigError> {
        if self.capacity == 0 || self.capacity > 10_000_000 {
            return Err(ConfigError::BadValue {
                section: "cache",
                field: "capacity",
                expected: "1 to 10000000",
            });
        }
        if self.expire_after < Duration::from_millis(100)
            || self.expire_after > Duration::from_secs(366 * 86_400)
        {
            return Err(ConfigError::BadValue {
                section: "cache",
                field: "expire-after",
                expected: "a duration from 100ms to a year, such as '1h'",
            });
        }
        if self.keep_while_kms_is_down > Duration::from_secs(366 * 86_400) {
            return Err(ConfigError::BadValue {
                section: "cache",
                field: "keep-while-kms-is-down",
                expected: "a duration of at most a year, such as '12h'",
            });
        }
        Ok(())
    }
}
