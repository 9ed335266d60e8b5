//! `[audit]`: how the audit log is kept.

use std::{num::NonZeroU64, time::Duration};

use serde::{Deserialize, Serialize};

use crate::{duration, error::ConfigError};

/// How the audit log is kept.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case", default)]
pub struct AuditConfig {
    /// Which records there are of signatures and decryptions.
    pub signatures: SignatureRecordsName,
    /// For how long they are counted before a record is written, where they are batched.
    #[serde(with = "duration")]
    pub window: Duration,
    /// After so many records the audit key signs a checkpoint.
    pub records_per_checkpoint: NonZeroU64,
    /// So often a server has one signed, if there are new records.
    #[serde(with = "duration")]
    pub checkpoint_every: Duration,
}

/// Which records there are of signatures and decryptions.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum SignatureRecordsName {
    /// None.
    #[default]
    Off,
    /// Counts, written from time to time.
    Batched,
    /// One for each, durable before the answer leaves.
    Each,
}

impl Default for AuditConfig {
    fn default() -> Self {
        Self {
            signatures: SignatureRecordsName::Off,
            window: Duration::from_secs(10),
            records_per_checkpoint: NonZeroU64::new(4096).unwrap_or(NonZeroU64::MIN),
            checkpoint_every: Duration::from_secs(3600),
        }
    }
}

impl AuditConfig {
    pub(crate) fn validate(&self) -> Result<(), ConfigError> {
        let bad = |field, expected| {
            Err(ConfigError::BadValue {
                section: "audit",
                field,
                expected,
            })
        };
        if !(Duration::from_millis(100)..=Duration::from_secs(3600)).contains(&self.window) {
            return bad("window", "a duration from '100ms' to '1h'");
        }
        let day = Duration::from_secs(86_400);
        if !(Duration::from_secs(1)..=31 * day).contains(&self.checkpoint_every) {
            return bad("checkpoint-every", "a duration from '1s' to '31days'");
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_defaults_are_fine() {
        AuditConfig::default().validate().unwrap();
    }

    #[test]
    fn times_out_of_range_are_refused() {
        let window = AuditConfig {
            window: Duration::from_secs(7200),
            ..AuditConfig::default()
        };
        let checkpoint = AuditConfig {
            checkpoint_every: Duration::ZERO,
            ..AuditConfig::default()
        };
        for config in [window, checkpoint] {
            config.validate().unwrap_err();
        }
    }
}
