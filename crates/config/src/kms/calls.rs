//! `[kms.calls]`: how long, how often and how fast a KMS is called.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::bad_value;
use crate::{duration, error::ConfigError};

/// How long, how often and how fast a KMS is called. The defaults fit a cloud whose quotas are not known.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case", default)]
pub struct CallsConfig {
    /// What a caller waits at most, with queues, pauses and repetitions.
    #[serde(with = "duration")]
    pub deadline: Duration,
    /// What one attempt may take.
    #[serde(with = "duration")]
    pub attempt_deadline: Duration,
    /// How often a call that failed is sent in all; 1: it is not repeated.
    pub attempts: u32,
    /// When a second call is sent beside a slow one; none: never.
    #[serde(with = "duration::optional", skip_serializing_if = "Option::is_none")]
    pub hedge_after: Option<Duration>,
    /// How many calls may be sent.
    #[serde(skip_serializing_if = "CallBudgetConfig::is_unlimited")]
    pub budget: CallBudgetConfig,
    /// When a KMS that is down is left alone.
    pub breaker: BreakerConfig,
}

impl Default for CallsConfig {
    fn default() -> Self {
        Self {
            deadline: Duration::from_secs(30),
            attempt_deadline: Duration::from_secs(10),
            attempts: 5,
            hedge_after: None,
            budget: CallBudgetConfig::default(),
            breaker: BreakerConfig::default(),
        }
    }
}

/// How many calls may be sent, by the classes that clouds limit. A class without a quota is not limited.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case", default)]
pub struct CallBudgetConfig {
    /// Wrapping and unwrapping.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub symmetric: Option<QuotaConfig>,
    /// Decrypting with RSA.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rsa: Option<QuotaConfig>,
    /// Signing on curves and with ML-DSA.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ecc: Option<QuotaConfig>,
    /// Making, describing and deleting keys, and reading public halves.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub administration: Option<QuotaConfig>,
    /// One quota for all calls, as a token or a driver has it; stands alone.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub shared: Option<QuotaConfig>,
}

/// A quota.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct QuotaConfig {
    /// Calls per second in the long run.
    pub per_second: u32,
    /// Calls at once after a quiet time; none: a tenth of a second's. Clouds count by the second, so that a burst comes on
    /// top of what they grant.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub burst: Option<u32>,
}

/// When a KMS that is down is left alone.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case", default)]
pub struct BreakerConfig {
    /// Whether there is a breaker.
    pub enabled: bool,
    /// Opens after so many faults of the KMS in a row.
    pub failures: u32,
    /// How long nothing is sent before one call tries.
    #[serde(with = "duration")]
    pub open_for: Duration,
    /// The same after tries that failed: it doubles each time up to this.
    #[serde(with = "duration")]
    pub open_for_at_most: Duration,
}

impl Default for BreakerConfig {
    fn default() -> Self {
        Self {
            enabled: true,
            failures: 5,
            open_for: Duration::from_secs(5),
            open_for_at_most: Duration::from_secs(60),
        }
    }
}

impl QuotaConfig {
    /// Calls at once, the default filled in.
    #[must_use]
    pub fn burst(&self) -> u32 {
        self.burst.unwrap_or((self.per_second / 10).max(1))
    }
}

const HOUR: Duration = Duration::from_secs(3600);

impl CallsConfig {
    pub(super) fn validate(&self) -> Result<(), ConfigError> {
        if !(Duration::from_millis(100)..=HOUR).contains(&self.deadline) {
            let expected = "a duration from 100ms to an hour, such as '30s'";
            return Err(bad_value("calls.deadline", expected));
        }
        if !(Duration::from_millis(10)..=self.deadline).contains(&self.attempt_deadline) {
            let expected = "a duration from 10ms up to calls.deadline, such as '10s'";
            return Err(bad_value("calls.attempt-deadline", expected));
        }
        if !(1..=100).contains(&self.attempts) {
            return Err(bad_value("calls.attempts", "1 to 100"));
        }
        let hedges_in_time = |after: Duration| !after.is_zero() && after < self.attempt_deadline;
        if !self.hedge_after.is_none_or(hedges_in_time) {
            let expected =
                "a duration above nothing and below calls.attempt-deadline, such as '200ms'";
            return Err(bad_value("calls.hedge-after", expected));
        }
        self.budget.validate()?;
        self.breaker.validate()
    }
}

impl CallBudgetConfig {
    /// Whether nothing is limited.
    #[must_use]
    pub fn is_unlimited(&self) -> bool {
        *self == Self::default()
    }

    const fn of_classes(&self) -> [Option<QuotaConfig>; 4] {
        [self.symmetric, self.rsa, self.ecc, self.administration]
    }

    fn validate(&self) -> Result<(), ConfigError> {
        let possible = |quota: &QuotaConfig| {
            (1..=1_000_000).contains(&quota.per_second) && (1..=1_000_000).contains(&quota.burst())
        };
        let quotas = self.of_classes().into_iter().chain([self.shared]);
        if !quotas.flatten().all(|quota| possible(&quota)) {
            let expected = "quotas with per-second and burst from 1 to 1000000";
            return Err(bad_value("calls.budget", expected));
        }
        if self.shared.is_some() && self.of_classes().iter().any(Option::is_some) {
            let expected = "either 'shared' or quotas of classes: a call is counted once";
            return Err(bad_value("calls.budget", expected));
        }
        Ok(())
    }
}

impl BreakerConfig {
    fn validate(&self) -> Result<(), ConfigError> {
        if !(1..=1000).contains(&self.failures) {
            return Err(bad_value("calls.breaker.failures", "1 to 1000"));
        }
        if !(Duration::from_millis(10)..=HOUR).contains(&self.open_for) {
            let expected = "a duration from 10ms to an hour, such as '5s'";
            return Err(bad_value("calls.breaker.open-for", expected));
        }
        if !(self.open_for..=HOUR).contains(&self.open_for_at_most) {
            let expected = "a duration from calls.breaker.open-for to an hour, such as '1m'";
            return Err(bad_value("calls.breaker.open-for-at-most", expected));
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Config, EXAMPLE, KmsConfig};

    /// The example, whose one KMS has these tables beside.
    fn read(tables: &str) -> Result<Config, ConfigError> {
        let at = EXAMPLE.find("\n# AWS KMS.").unwrap();
        let (before, after) = EXAMPLE.split_at(at);
        Config::parse(&format!("{before}\n{tables}\n{after}"))
    }

    fn calls(tables: &str) -> Result<CallsConfig, ConfigError> {
        read(tables).map(|config| config.kms[0].calls.clone())
    }

    #[test]
    fn what_is_left_out_has_its_default_and_is_not_written() {
        assert_eq!(calls("").unwrap(), CallsConfig::default());
        assert_eq!(calls("[kms.calls]").unwrap(), CallsConfig::default());
        let written = read("").unwrap().to_toml().unwrap();
        assert!(!written.contains("deadline"), "{written}");
    }

    #[test]
    fn what_is_chosen_is_read_and_written_again() {
        let text = "[kms.calls]\ndeadline = \"1m\"\nattempt-deadline = \"2s\"\nattempts = 3\nhedge-after = \"150ms\"\n\
                    [kms.calls.budget]\nsymmetric = { per-second = 1000 }\necc = { per-second = 300, burst = 20 }\n\
                    [kms.calls.breaker]\nenabled = false\n";
        let config = read(text).unwrap();
        let calls: &CallsConfig = &config.kms[0].calls;
        assert_eq!(calls.deadline, Duration::from_secs(60));
        assert_eq!(calls.hedge_after, Some(Duration::from_millis(150)));
        assert_eq!(calls.budget.symmetric.unwrap().burst(), 100);
        assert_eq!(calls.budget.ecc.unwrap().burst(), 20);
        assert!(!calls.breaker.enabled);
        assert_eq!(Config::parse(&config.to_toml().unwrap()).unwrap(), config);
    }

    #[test]
    fn what_cannot_be_is_refused_and_named() {
        for (text, field) in [
            ("[kms.calls]\ndeadline = \"0s\"", "calls.deadline"),
            ("[kms.calls]\ndeadline = \"2h\"", "calls.deadline"),
            (
                "[kms.calls]\nattempt-deadline = \"31s\"",
                "calls.attempt-deadline",
            ),
            ("[kms.calls]\nattempts = 0", "calls.attempts"),
            ("[kms.calls]\nhedge-after = \"0s\"", "calls.hedge-after"),
            ("[kms.calls]\nhedge-after = \"10s\"", "calls.hedge-after"),
            (
                "[kms.calls.budget]\nrsa = { per-second = 0 }",
                "calls.budget",
            ),
            (
                "[kms.calls.budget]\nshared = { per-second = 5 }\nrsa = { per-second = 5 }",
                "calls.budget",
            ),
            (
                "[kms.calls.breaker]\nfailures = 0",
                "calls.breaker.failures",
            ),
            (
                "[kms.calls.breaker]\nopen-for = \"0s\"",
                "calls.breaker.open-for",
            ),
            (
                "[kms.calls.breaker]\nopen-for-at-most = \"1s\"",
                "calls.breaker.open-for-at-most",
            ),
        ] {
            let error = calls(text).unwrap_err().to_string();
            assert!(
                error.starts_with(&format!("kms.{field} must be ")),
                "{text}: {error}"
            );
        }
    }

    #[test]
    fn a_misspelt_field_is_refused_in_each_table() {
        for table in ["kms.calls", "kms.calls.budget", "kms.calls.breaker"] {
            let error = calls(&format!("[{table}]\nsurprise = 1")).unwrap_err();
            assert!(matches!(error, ConfigError::Syntax { .. }), "{table}");
        }
    }

    #[test]
    fn the_example_shows_the_defaults_of_calls() {
        let shown: String = EXAMPLE
            .lines()
            .skip_while(|line| *line != "# [kms.calls]")
            .take_while(|line| line.starts_with('#'))
            .filter_map(|line| {
                line.strip_prefix("# ")
                    .filter(|line| !line.contains("hedge"))
            })
            .filter(|line| line.contains(" = ") && !line.starts_with(' ') || line.starts_with('['))
            .map(|line| line.replace("[kms.", "[") + "\n")
            .collect();
        let section = format!("name = \"k\"\ntype = \"aws\"\n{shown}");
        let kms: KmsConfig = toml::from_str(&section).unwrap_or_else(|e| panic!("{e}\n{section}"));
        kms.validate().unwrap();
        let CallsConfig { budget, .. } = kms.calls;
        let unlimited = CallsConfig {
            budget: CallBudgetConfig::default(),
            ..kms.calls
        };
        assert_eq!(unlimited, CallsConfig::default(), "{section}");
        assert!(!budget.is_unlimited(), "{section}");
    }
}
