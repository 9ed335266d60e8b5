//! `[replica]`: this process among those that share the vault's database.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::{duration, error::ConfigError};

/// This process among those that share the vault's database.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case", default)]
pub struct ReplicaConfig {
    /// What the others call it. None: the name of the machine.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// Whether it may become the one that writes.
    pub writes: bool,
    /// How often it looks for what others committed, told or not.
    #[serde(with = "duration")]
    pub look_every: Duration,
    /// How long it uses keys after it last looked.
    #[serde(with = "duration")]
    pub use_without_store: Duration,
    /// Whether every use of a key looks before it and after it.
    pub strict: bool,
    /// A writer that was not heard of for so long is taken for dead.
    #[serde(with = "duration")]
    pub silent_after: Duration,
    /// How long a change waits for a lease that another one has.
    #[serde(with = "duration")]
    pub wait_for_lease: Duration,
    /// A change that takes longer is stuck: another process may take over.
    #[serde(with = "duration")]
    pub longest_change: Duration,
}

impl Default for ReplicaConfig {
    fn default() -> Self {
        Self {
            name: None,
            writes: true,
            look_every: Duration::from_secs(1),
            use_without_store: Duration::from_secs(30),
            strict: false,
            silent_after: Duration::from_secs(5),
            wait_for_lease: Duration::from_secs(10),
            longest_change: Duration::from_secs(120),
        }
    }
}

impl ReplicaConfig {
    pub(crate) fn validate(&self) -> Result<(), ConfigError> {
        let bad = |field, expected| {
            Err(ConfigError::BadValue {
                section: "replica",
                field,
                expected,
            })
        };
        let is_name = |name: &String| {
            (1..=60).contains(&name.chars().count()) && !name.chars().any(char::is_control)
        };
        if !self.name.iter().all(is_name) {
            return bad("name", "1 to 60 characters");
        }
        let day = Duration::from_secs(86_400);
        let look = Duration::from_millis(100)..=Duration::from_secs(3600);
        if !look.contains(&self.look_every) {
            return bad("look-every", "a duration from '100ms' to '1h'");
        }
        // One look may be missed.
        if self.use_without_store < 2 * self.look_every || self.use_without_store > day {
            return bad(
                "use-without-store",
                "at least twice look-every, at most '1day'",
            );
        }
        if !(Duration::from_millis(300)..=Duration::from_secs(600)).contains(&self.silent_after) {
            return bad("silent-after", "a duration from '300ms' to '10m'");
        }
        if !(Duration::from_secs(1)..=day).contains(&self.longest_change) {
            return bad("longest-change", "a duration from '1s' to '1day'");
        }
        // What waits may hold up looks.
        if self.wait_for_lease > self.use_without_store / 2 {
            return bad("wait-for-lease", "at most half of use-without-store");
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_change_that_would_be_stuck_at_once_is_refused() {
        let config = ReplicaConfig {
            longest_change: Duration::from_millis(999),
            ..ReplicaConfig::default()
        };
        let error = config.validate().unwrap_err().to_string();
        assert!(error.contains("longest-change"), "{error}");
    }

    #[test]
    fn the_defaults_are_fine() {
        ReplicaConfig::default().validate().unwrap();
    }

    #[test]
    fn a_time_without_the_store_that_ends_before_the_next_look_is_refused() {
        let config = ReplicaConfig {
            look_every: Duration::from_secs(20),
            ..ReplicaConfig::default()
        };
        let error = config.validate().unwrap_err().to_string();
        assert!(error.contains("use-without-store"), "{error}");
    }

    #[test]
    fn a_name_is_short_and_readable() {
        for name in ["", "a\nb", &"x".repeat(61)] {
            let config = ReplicaConfig {
                name: Some(name.to_owned()),
                ..ReplicaConfig::default()
            };
            assert!(config.validate().is_err(), "{name:?}");
        }
    }
}
