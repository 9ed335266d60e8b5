//! What a simulator is started with.

use serde::{Deserialize, Serialize};

use crate::weather::Weather;

/// What a simulator is started with; as a TOML file, every field may be left out.
///
/// ```
/// use strongroom_kms_sim::Scenario;
/// let scenario = Scenario::from_toml(r#"
///     seed = 7
///     [weather]
///     latency = { median-ms = 8.0, p99-ms = 60.0 }
///     [[weather.outages]]
///     kind = "hang"
///     from-ms = 1000
///     until-ms = 5000
/// "#)?;
/// assert_eq!(scenario.seed, 7);
/// # Ok::<(), strongroom_kms_sim::ScenarioError>(())
/// ```
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case", default)]
pub struct Scenario {
    /// The port on 127.0.0.1; 0 for any that is free.
    pub port: u16,
    /// The port of the second, never refusing, listener on 127.0.0.1 that serves `/control/` only; 0 for any.
    pub control_port: u16,
    /// What the weather's chances begin with: the same seed and the same calls meet the same weather.
    pub seed: u64,
    /// The account of all callers: 12 digits.
    pub account: String,
    /// How much the cloud gives this account.
    pub limits: Limits,
    /// The weather at the start.
    pub weather: Weather,
}

impl Default for Scenario {
    fn default() -> Self {
        Self {
            port: 0,
            control_port: 0,
            seed: 0,
            account: "111122223333".to_owned(),
            limits: Limits::default(),
            weather: Weather::default(),
        }
    }
}

impl Scenario {
    /// Reads a scenario.
    ///
    /// # Errors
    /// [`ScenarioError`] if it is no TOML, or has a field that is unknown or out of range.
    pub fn from_toml(text: &str) -> Result<Self, ScenarioError> {
        let scenario: Self = toml::from_str(text)?;
        scenario.check()?;
        Ok(scenario)
    }

    pub(crate) fn check(&self) -> Result<(), ScenarioError> {
        let digits = self.account.bytes().all(|digit| digit.is_ascii_digit());
        if self.account.len() != 12 || !digits {
            return Err(ScenarioError::Account {
                account: self.account.clone(),
            });
        }
        self.weather.check()
    }
}

/// How much the cloud gives one account. The defaults are those of AWS.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case", default)]
pub struct Limits {
    /// Keys in one region.
    pub keys: usize,
    /// Aliases of one key.
    pub aliases_per_key: usize,
    /// Rotations on demand in the life of one key.
    pub rotations_on_demand: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            keys: 100_000,
            aliases_per_key: 50,
            rotations_on_demand: 25,
        }
    }
}

/// Why a text is no scenario.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ScenarioError {
    /// An account is not written like this.
    #[error("the account \"{account}\" is not 12 digits")]
    Account {
        /// What was given.
        account: String,
    },
    /// Numbers of the weather that cannot be.
    #[error("the weather is impossible: {0}")]
    Weather(&'static str),
    /// The text is no TOML, or has fields that a scenario has not.
    #[error("the scenario cannot be read")]
    Syntax(#[from] toml::de::Error),
}
