//! `[session-encryption-keys]`: how long secrets of session encryption keys are used.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::{duration, error::ConfigError};

const SIZE: usize = 10_000;

/// How long secrets of session encryption keys are used: what they spare in calls of a KMS against how long they lie in memory.
/// Names and defaults are Canton's.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case", default)]
pub struct SessionEncryptionConfig {
    /// Whether secrets outlive the transaction that they were made or decrypted for.
    pub enabled: bool,
    /// Secrets that this node encrypts under.
    pub sender_cache: SessionCacheConfig,
    /// Secrets that this node has decrypted.
    pub receiver_cache: SessionCacheConfig,
}

/// Bounds of a cache of secrets.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct SessionCacheConfig {
    /// At most this many secrets.
    #[serde(default = "size")]
    pub maximum_size: usize,
    /// A secret is wiped so long after it came, used or not. Ten minutes if the cache is named without it, as in Canton.
    #[serde(with = "duration", default = "timeout_of_a_named_cache")]
    pub expire_after_timeout: Duration,
}

const fn size() -> usize {
    SIZE
}

const fn timeout_of_a_named_cache() -> Duration {
    Duration::from_secs(600)
}

impl Default for SessionCacheConfig {
    fn default() -> Self {
        Self {
            maximum_size: SIZE,
            expire_after_timeout: Duration::from_secs(10),
        }
    }
}

impl Default for SessionEncryptionConfig {
    fn default() -> Self {
        Self {
            enabled: true,
            sender_cache: SessionCacheConfig::default(),
            receiver_cache: SessionCacheConfig::default(),
        }
    }
}

impl SessionEncryptionConfig {
    pub(crate) fn validate(&self) -> Result<(), ConfigError> {
        self.sender_cache.validate()?;
        self.receiver_cache.validate()
    }
}

impl SessionCacheConfig {
    fn validate(&self) -> Result<(), ConfigError> {
        let bad = |field, expected| {
            Err(ConfigError::BadValue {
                section: "session-encryption-keys",
                field,
                expected,
            })
        };
        if !(1..=10_000_000).contains(&self.maximum_size) {
            return bad("maximum-size", "1 to 10000000");
        }
        let day = Duration::from_secs(86_400);
        if !(Duration::from_millis(100)..=day).contains(&self.expire_after_timeout) {
            return bad(
                "expire-after-timeout",
                "a duration from 100ms to a day, such as '10s'",
            );
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Config, EXAMPLE};

    fn with(section: &str) -> Result<SessionEncryptionConfig, ConfigError> {
        let (before, shown) = EXAMPLE.split_once("[session-encryption-keys]").unwrap();
        let after = shown.find("\n[").map_or("", |next| &shown[next..]);
        let config = Config::parse(&format!("{before}{section}\n{after}"))?;
        Ok(config.session_encryption_keys)
    }

    #[test]
    fn the_defaults_are_those_of_canton() {
        let config = with("").unwrap();
        assert!(config.enabled);
        for cache in [config.sender_cache, config.receiver_cache] {
            assert_eq!(cache.maximum_size, 10_000);
            assert_eq!(cache.expire_after_timeout, Duration::from_secs(10));
        }
    }

    #[test]
    fn a_cache_of_which_only_the_size_is_given_keeps_secrets_for_ten_minutes() {
        let config =
            with("[session-encryption-keys]\nsender-cache = { maximum-size = 7 }").unwrap();
        assert_eq!(config.sender_cache.maximum_size, 7);
        assert_eq!(
            config.sender_cache.expire_after_timeout,
            Duration::from_secs(600)
        );
        assert_eq!(config.receiver_cache, SessionCacheConfig::default());
    }

    #[test]
    fn sizes_and_times_out_of_bounds_are_refused() {
        for cache in [
            "{ maximum-size = 0 }",
            "{ expire-after-timeout = '1ms' }",
            "{ expire-after-timeout = '25h' }",
            "{ expire-after = '10s' }",
        ] {
            let section = format!("[session-encryption-keys]\nreceiver-cache = {cache}");
            assert!(with(&section).is_err(), "{cache}");
        }
    }
}
