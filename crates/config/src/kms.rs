//! `[[kms]]`: a key management system.

use std::{collections::BTreeMap, path::PathBuf};

use serde::{Deserialize, Serialize};

use crate::{driver::DriverConfig, error::ConfigError, secret::SecretSource};

/// A key management system under a name that stays the same for the life of the vault.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct KmsConfig {
    /// The name; stored wraps refer to it.
    pub name: String,
    /// The wrapper key that the vault must be sealed under; none takes the one in the store.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub wrapper_key_id: Option<String>,
    /// The provider and what it needs.
    #[serde(flatten)]
    pub provider: KmsProviderConfig,
}

/// A provider and what it needs.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "kebab-case")]
pub enum KmsProviderConfig {
    /// AWS KMS.
    Aws(AwsConfig),
    /// Any other, which a driver reaches for us.
    Driver(DriverConfig),
    /// The embedded one: keys in a protected file.
    Local(LocalConfig),
    /// A PKCS#11 token.
    Pkcs11(Pkcs11Config),
}

/// A PKCS#11 token, by its label or its serial number.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Pkcs11Config {
    /// The library of the token's vendor.
    pub module: PathBuf,
    /// The token by its label.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub token_label: Option<String>,
    /// The token by its serial number.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub token_serial: Option<String>,
    /// Where the PIN of the token's user is.
    pub pin: SecretSource,
}

/// The embedded KMS.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct LocalConfig {
    /// The key file. Keep it out of the vault's folder, so that copying the database does not copy its key.
    pub key_file: PathBuf,
    /// What guards it.
    pub protection: Protection,
}

/// AWS KMS. No credentials stand here: they come from the standard chain of AWS.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct AwsConfig {
    /// The region; none takes that of the environment.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub region: Option<String>,
    /// The URL of a proxy, a private endpoint or a simulator; none is that of AWS.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub endpoint: Option<String>,
    /// Made-up credentials, for a simulator on this machine.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub rehearsal: bool,
    /// Tags of new keys.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub tags: BTreeMap<String, String>,
}

/// What guards the key file of the embedded KMS.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(
    tag = "type",
    deny_unknown_fields,
    rename_all = "kebab-case",
    rename_all_fields = "kebab-case"
)]
pub enum Protection {
    /// A passphrase, through Argon2id.
    Passphrase {
        /// Where the passphrase is.
        from: SecretSource,
    },
    /// Nothing but the file's permissions: who can read the file can read every key.
    UnprotectedKeyFile {},
}

impl KmsProviderConfig {
    /// The name of the kind, as in the file.
    #[must_use]
    pub const fn kind(&self) -> &'static str {
        match self {
            Self::Aws(_) => "aws",
            Self::Driver(_) => "driver",
            Self::Local(_) => "local",
            Self::Pkcs11(_) => "pkcs11",
        }
    }

    /// The embedded KMS, if it is one.
    #[must_use]
    pub fn local(&self) -> Option<&LocalConfig> {
        match self {
            Self::Local(local) => Some(local),
            _ => None,
        }
    }

    /// The same, to be changed.
    pub fn local_mut(&mut self) -> Option<&mut LocalConfig> {
        match self {
            Self::Local(local) => Some(local),
            _ => None,
        }
    }
}

impl KmsConfig {
    pub(crate) fn validate(&self) -> Result<(), ConfigError> {
        let plain =
            |character: char| character.is_ascii_alphanumeric() || "-_.".contains(character);
        if self.name.is_empty() || self.name.len() > 64 || !self.name.chars().all(plain) {
            return Err(ConfigError::BadValue {
                section: "kms",
                field: "name",
                expected: "1 to 64 letters, digits, '-', '_' or '.'",
            });
        }
        match &self.provider {
            KmsProviderConfig::Aws(aws) => aws.validate(),
            KmsProviderConfig::Driver(driver) => match driver.wrong() {
                Some((field, expected)) => Err(bad_value(field, expected)),
                None => Ok(()),
            },
            KmsProviderConfig::Local(local) => local.validate(),
            KmsProviderConfig::Pkcs11(token) => token.validate(),
        }
    }
}

impl LocalConfig {
    fn validate(&self) -> Result<(), ConfigError> {
        if !self.key_file.is_absolute() {
            return Err(bad_value("key-file", "an absolute path"));
        }
        match &self.protection {
            Protection::Passphrase {
                from: SecretSource::File(path),
            } if !path.is_absolute() => Err(bad_value("protection.from.file", "an absolute path")),
            _ => Ok(()),
        }
    }
}

impl Pkcs11Config {
    fn validate(&self) -> Result<(), ConfigError> {
        if !self.module.is_absolute() {
            return Err(bad_value("module", "an absolute path"));
        }
        if self.token_label.is_some() == self.token_serial.is_some() {
            let expected = "exactly one of token-label and token-serial";
            return Err(bad_value("token-label", expected));
        }
        match &self.pin {
            SecretSource::File(path) if !path.is_absolute() => {
                Err(bad_value("pin.file", "an absolute path"))
            }
            _ => Ok(()),
        }
    }
}

impl AwsConfig {
    fn validate(&self) -> Result<(), ConfigError> {
        let is_url = |text: &str| text.starts_with("https://") || text.starts_with("http://");
        if !self.endpoint.as_deref().is_none_or(is_url) {
            return Err(bad_value(
                "endpoint",
                "a URL that begins with https:// or http://",
            ));
        }
        // The limits of AWS, so that a key is not asked for in vain; its own prefix is refused by it as well.
        let fits = |(name, value): (&String, &String)| {
            (1..=128).contains(&name.chars().count())
                && value.chars().count() <= 256
                && !name.starts_with("aws:")
        };
        if self.tags.len() > 40 || !self.tags.iter().all(fits) {
            let expected = "at most 40 tags, names of 1 to 128 characters without the prefix aws:, values of up to 256";
            return Err(bad_value("tags", expected));
        }
        Ok(())
    }
}

const fn bad_value(field: &'static str, expected: &'static str) -> ConfigError {
    ConfigError::BadValue {
        section: "kms",
        field,
        expected,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Config, EXAMPLE};

    fn aws(fields: &str) -> Result<KmsConfig, String> {
        let text = format!("name = \"cloud\"\ntype = \"aws\"\n{fields}");
        let config: KmsConfig = toml::from_str(&text).map_err(|error| error.to_string())?;
        config.validate().map_err(|error| error.to_string())?;
        Ok(config)
    }

    #[test]
    fn aws_needs_nothing_and_is_written_as_it_is_read() {
        for fields in [
            "",
            "region = \"eu-central-1\"\nendpoint = \"https://kms.example\"\n",
            "endpoint = \"http://127.0.0.1:5055\"\nrehearsal = true\n\n[tags]\nteam = \"ledger\"\n",
        ] {
            let read = aws(fields).unwrap();
            let written = toml::to_string(&read).unwrap();
            assert_eq!(toml::from_str::<KmsConfig>(&written).unwrap(), read);
        }
    }

    #[test]
    fn credentials_of_aws_have_no_place_in_the_file() {
        for fields in [
            "access-key-id = \"AKIA\"",
            "secret-access-key = \"hunter2\"",
            "profile = \"x\"",
            "credentials = { secret = \"hunter2\" }",
        ] {
            let error = aws(fields).unwrap_err();
            assert!(error.contains("unknown field"), "{error}");
        }
    }

    #[test]
    fn a_token_has_one_name_and_a_pin_that_stands_elsewhere() {
        let token = |fields: &str| {
            let section = format!("[[kms]]\nname = \"hsm\"\ntype = \"pkcs11\"\n{fields}");
            let config = Config::parse(&format!("{EXAMPLE}\n{section}"));
            config.map_err(|error| format!("{error} {error:?}"))
        };
        let module = "module = \"/usr/lib/softhsm/libsofthsm2.so\"";
        let pin = "pin = { file = \"/run/secrets/pin\" }";
        let sound = format!("{module}\ntoken-label = \"vault\"\n{pin}\n");
        let read = token(&sound).unwrap();
        assert_eq!(Config::parse(&read.to_toml().unwrap()).unwrap(), read);
        for wrong in [
            format!("{module}\n{pin}"),
            format!("{sound}token-serial = \"1\""),
            sound.replace("/usr", "usr"),
            sound.replace("/run", "run"),
            sound.replace(pin, "pin = \"1234\""),
        ] {
            let error = token(&wrong).unwrap_err();
            assert!(!error.contains("1234"), "{error}");
        }
    }

    #[test]
    fn what_aws_would_refuse_is_refused_here() {
        for fields in [
            "endpoint = \"kms.example\"",
            "tags = { \"aws:team\" = \"ledger\" }",
            "tags = { \"\" = \"ledger\" }",
        ] {
            assert!(aws(fields).is_err(), "{fields}");
        }
    }
}
