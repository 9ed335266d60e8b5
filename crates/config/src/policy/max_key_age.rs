//! `[policy.max-key-age]`: how old keys in use may become.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::{duration::optional, error::ConfigError};

/// How old keys in use may become, by what they are for; what is left out has no limit.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case", default)]
pub struct MaxKeyAgeConfig {
    /// Keys that sign topology for a namespace.
    #[serde(with = "optional", skip_serializing_if = "Option::is_none")]
    pub namespace: Option<Duration>,
    /// Keys with which the node authenticates itself to sequencers.
    #[serde(with = "optional", skip_serializing_if = "Option::is_none")]
    pub sequencer_auth: Option<Duration>,
    /// Keys that sign messages of the protocol.
    #[serde(with = "optional", skip_serializing_if = "Option::is_none")]
    pub protocol: Option<Duration>,
    /// Keys that others encrypt to.
    #[serde(with = "optional", skip_serializing_if = "Option::is_none")]
    pub encryption: Option<Duration>,
    /// Wrapper keys, and the data keys that they wrap.
    #[serde(with = "optional", skip_serializing_if = "Option::is_none")]
    pub wrapper_key: Option<Duration>,
}

impl MaxKeyAgeConfig {
    pub(super) fn validate(&self) -> Result<(), ConfigError> {
        let allowed = Duration::from_secs(3600)..=Duration::from_secs(100 * 366 * 86_400);
        for (field, age) in [
            ("max-key-age.namespace", self.namespace),
            ("max-key-age.sequencer-auth", self.sequencer_auth),
            ("max-key-age.protocol", self.protocol),
            ("max-key-age.encryption", self.encryption),
            ("max-key-age.wrapper-key", self.wrapper_key),
        ] {
            if age.is_some_and(|age| !allowed.contains(&age)) {
                return Err(ConfigError::BadValue {
                    section: "policy",
                    field,
                    expected: "a duration from an hour to a hundred years, such as '8760h' for a year",
                });
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use crate::{Config, EXAMPLE, MaxKeyAgeConfig};
    use std::time::Duration;

    fn with(policy: &str) -> String {
        format!("{EXAMPLE}\n[policy.max-key-age]\n{policy}\n")
    }

    #[test]
    fn what_is_left_out_has_no_limit() {
        let config = Config::parse(EXAMPLE).unwrap();
        assert_eq!(config.policy.max_key_age, MaxKeyAgeConfig::default());
        let text = with("protocol = \"8760h\"\nwrapper-key = \"17520h\"");
        let config = Config::parse(&text).unwrap();
        let year = Duration::from_secs(365 * 86_400);
        let expected = MaxKeyAgeConfig {
            protocol: Some(year),
            wrapper_key: Some(2 * year),
            ..MaxKeyAgeConfig::default()
        };
        assert_eq!(config.policy.max_key_age, expected);
        assert_eq!(Config::parse(&config.to_toml().unwrap()).unwrap(), config);
    }

    #[test]
    fn an_age_that_is_a_slip_is_refused_and_named() {
        for field in [
            "namespace",
            "sequencer-auth",
            "protocol",
            "encryption",
            "wrapper-key",
        ] {
            for wrong in ["59m", "0s", "1000000h"] {
                let error = Config::parse(&with(&format!("{field} = \"{wrong}\""))).unwrap_err();
                let told = error.to_string();
                assert!(told.contains(&format!("max-key-age.{field}")), "{told}");
            }
        }
        assert!(Config::parse(&with("signing = \"1h\"")).is_err());
    }
}
