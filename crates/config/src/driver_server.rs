//! The configuration of a driver that this program is itself: one KMS, and where it is offered.

use serde::{Deserialize, Serialize};

use crate::{
    driver::DriverConfig, error::ConfigError, is_default, kms::KmsConfig, kms::bad_value,
    kms_log::KmsLogConfig,
};

/// An example with every field of its own, which [`DriverServerConfig::parse`] accepts.
pub const DRIVER_EXAMPLE: &str = include_str!("../../../config/driver.example.toml");

/// A KMS, and where it is offered to vaults.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct DriverServerConfig {
    /// Where it listens, in the words of the vault's configuration; `user` is the user that it must run as.
    pub listen: DriverConfig,
    /// The KMS that is offered.
    pub kms: KmsConfig,
    /// Where its calls are written down.
    #[serde(default, skip_serializing_if = "is_default")]
    pub kms_log: KmsLogConfig,
}

impl DriverServerConfig {
    /// Reads and validates a configuration.
    ///
    /// # Errors
    /// [`ConfigError::Syntax`] names line and column; the other variants name the field that is wrong.
    pub fn parse(text: &str) -> Result<Self, ConfigError> {
        let config: Self =
            toml::from_str(text).map_err(|error| ConfigError::syntax(text, &error))?;
        config.kms.validate()?;
        config.kms_log.validate()?;
        match config.listen.wrong() {
            Some((field, expected)) => Err(bad_value(field, expected)),
            None => Ok(config),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::KmsProviderConfig;

    #[test]
    fn the_example_offers_a_token_on_a_socket() {
        let config = DriverServerConfig::parse(DRIVER_EXAMPLE).unwrap();
        assert!(matches!(config.listen, DriverConfig::Socket { .. }));
        assert!(matches!(config.kms.provider, KmsProviderConfig::Pkcs11(_)));
        assert!(config.kms_log.file.is_some());
    }

    #[test]
    fn it_is_refused_with_a_vault_with_two_kms_or_with_relative_paths() {
        let vault = format!("{DRIVER_EXAMPLE}\n[vault]\nid = \"00\"\n");
        let second = DRIVER_EXAMPLE.replace("[kms]", "[[kms]]");
        let relative = DRIVER_EXAMPLE.replace("\"/run/", "\"run/");
        for wrong in [vault, second, relative] {
            assert!(DriverServerConfig::parse(&wrong).is_err(), "{wrong}");
        }
    }
}
