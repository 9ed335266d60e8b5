//! `[[kms]]`: a key management system.

mod calls;
mod prices;

use std::{collections::BTreeMap, path::PathBuf};

use serde::{Deserialize, Serialize};

use crate::{driver::DriverConfig, error::ConfigError, is_default, secret::SecretSource};

pub use calls::{BreakerConfig, CallBudgetConfig, CallsConfig, QuotaConfig};
pub use prices::{ClassPricesConfig, Dollars, PricesConfig};

/// A key management system under a name that stays the same for the life of the vault.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct KmsConfig {
    /// The name; stored wraps refer to it.
    pub name: String,
    /// The wrapper key that the vault must be sealed under; none takes the one in the store.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub wrapper_key_id: Option<String>,
    /// Whether every call is written to the KMS log; none: if that has a file.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub audit_logging: Option<bool>,
    /// How it is called.
    #[serde(default, skip_serializing_if = "is_default")]
    pub calls: CallsConfig,
    /// What it charges; none: what calls cost is not estimated.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub prices: Option<PricesConfig>,
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
    /// Google Cloud KMS.
    Gcp(GcpConfig),
    /// The embedded one: keys in a protected file.
    Local(LocalConfig),
    /// A PKCS#11 token.
    Pkcs11(Pkcs11Config),
    /// A public key whose private half is kept offline.
    Recovery(RecoveryConfig),
}

/// A recovery key: the vault opens by it when its private half is brought.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct RecoveryConfig {
    /// The public half, an age recipient.
    pub recipient: String,
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
    /// New keys can be replicated to other regions: decided when they are made, for good.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub multi_region: bool,
    /// Tags of new keys.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub tags: BTreeMap<String, String>,
}

/// Google Cloud KMS. No credentials stand here: they are the Application Default Credentials of Google.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct GcpConfig {
    /// The project of the key ring.
    pub project: String,
    /// The location of the key ring.
    pub location: String,
    /// The key ring in which keys are made.
    pub key_ring: String,
    /// Where new keys compute.
    #[serde(default)]
    pub protection_level: ProtectionLevel,
    /// The URL of a proxy, a private endpoint or a simulator; none is that of Google.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub endpoint: Option<String>,
    /// No credentials, for a simulator on this machine.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub rehearsal: bool,
    /// Labels of new keys.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub labels: BTreeMap<String, String>,
}

/// Where keys of Google Cloud KMS compute.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ProtectionLevel {
    /// In a hardware security module.
    #[default]
    Hsm,
    /// In software of Google.
    Software,
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
            Self::Gcp(_) => "gcp",
            Self::Local(_) => "local",
            Self::Pkcs11(_) => "pkcs11",
            Self::Recovery(_) => "recovery",
        }
    }

    /// Whether it is a simulator, which guards nothing.
    #[must_use]
    pub const fn is_rehearsal(&self) -> bool {
        match self {
            Self::Aws(aws) => aws.rehearsal,
            Self::Gcp(gcp) => gcp.rehearsal,
            Self::Driver(_) | Self::Local(_) | Self::Pkcs11(_) | Self::Recovery(_) => false,
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
    /// A provider under a name, called as the defaults say.
    #[must_use]
    pub fn new(name: impl Into<String>, provider: KmsProviderConfig) -> Self {
        Self {
            name: name.into(),
            wrapper_key_id: None,
            audit_logging: None,
            calls: CallsConfig::default(),
            prices: None,
            provider,
        }
    }

    /// The part of a configuration that it takes, `[[kms]]`.
    ///
    /// # Errors
    /// [`ConfigError::Unwritable`] when it has no TOML form.
    pub fn to_section(&self) -> Result<String, ConfigError> {
        #[derive(Serialize)]
        struct Section<'a> {
            kms: [&'a KmsConfig; 1],
        }
        toml::to_string(&Section { kms: [self] }).map_err(|source| ConfigError::Unwritable {
            source: Box::new(source),
        })
    }

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
        self.calls.validate()?;
        if let Some(prices) = &self.prices {
            prices.validate()?;
        }
        match &self.provider {
            KmsProviderConfig::Aws(aws) => aws.validate(),
            KmsProviderConfig::Driver(driver) => match driver.wrong() {
                Some((field, expected)) => Err(bad_value(field, expected)),
                None => Ok(()),
            },
            KmsProviderConfig::Gcp(gcp) => gcp.validate(),
            KmsProviderConfig::Local(local) => local.validate(),
            KmsProviderConfig::Pkcs11(token) => token.validate(),
            KmsProviderConfig::Recovery(recovery) => recovery.validate(),
        }
    }
}

impl RecoveryConfig {
    /// Whether the check at its end fits is seen when it is opened.
    fn validate(&self) -> Result<(), ConfigError> {
        if self.recipient.starts_with("age1") {
            return Ok(());
        }
        Err(bad_value("recipient", "an age recipient, age1..."))
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
        check_endpoint(self.endpoint.as_deref())?;
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

impl GcpConfig {
    fn validate(&self) -> Result<(), ConfigError> {
        check_endpoint(self.endpoint.as_deref())?;
        let is_id = |text: &str| {
            let plain = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '_';
            (1..=63).contains(&text.len()) && text.chars().all(plain)
        };
        // Old projects belong to a domain: `example.com:ledger`.
        let is_project = |text: &str| is_id(&text.replace([':', '.'], "-"));
        if !is_project(&self.project) {
            return Err(bad_value("project", "the id of a project"));
        }
        if !is_id(&self.location) {
            return Err(bad_value("location", "a location such as europe-west3"));
        }
        if !is_id(&self.key_ring) {
            return Err(bad_value("key-ring", "1 to 63 letters, digits, '-' or '_'"));
        }
        // The limits of Google, so that a key is not asked for in vain.
        let allowed = |c: char| c.is_lowercase() || c.is_numeric() || c == '_' || c == '-';
        let fits = |text: &str| text.chars().count() <= 63 && text.chars().all(allowed);
        let begins = |name: &str| name.chars().next().is_some_and(char::is_lowercase);
        let mut labels = self.labels.iter();
        if labels.len() > 50
            || !labels.all(|(name, value)| begins(name) && fits(name) && fits(value))
        {
            let expected = "at most 50 labels of up to 63 small letters, digits, '-' and '_', names beginning with a letter";
            return Err(bad_value("labels", expected));
        }
        Ok(())
    }
}

fn check_endpoint(endpoint: Option<&str>) -> Result<(), ConfigError> {
    let is_url = |text: &str| text.starts_with("https://") || text.starts_with("http://");
    if endpoint.is_none_or(is_url) {
        return Ok(());
    }
    let expected = "a URL that begins with https:// or http://";
    Err(bad_value("endpoint", expected))
}

pub(crate) const fn bad_value(field: &'static str, expected: &'static str) -> ConfigError {
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

    fn gcp(fields: &str) -> Result<KmsConfig, String> {
        let text = format!(
            "name = \"cloud\"\ntype = \"gcp\"\nproject = \"ledger\"\nlocation = \"europe-west3\"\n{fields}"
        );
        let config: KmsConfig = toml::from_str(&text).map_err(|error| error.to_string())?;
        config.validate().map_err(|error| error.to_string())?;
        Ok(config)
    }

    #[test]
    fn gcp_needs_a_key_ring_and_is_written_as_it_is_read() {
        for fields in [
            "key-ring = \"vaults\"",
            "key-ring = \"vaults\"\nprotection-level = \"software\"\nendpoint = \"https://kms.example\"",
            "key-ring = \"v\"\nendpoint = \"http://127.0.0.1:5055\"\nrehearsal = true\n\n[labels]\nteam = \"ledger\"\n",
        ] {
            let read = gcp(fields).unwrap();
            let written = toml::to_string(&read).unwrap();
            assert_eq!(toml::from_str::<KmsConfig>(&written).unwrap(), read);
        }
        for fields in [
            "",
            "key-ring = \"\"",
            "key-ring = \"a/b\"",
            "key-ring = \"v\"\nprotection-level = \"external\"",
            "key-ring = \"v\"\nendpoint = \"kms.example\"",
            "key-ring = \"v\"\nlabels = { Team = \"ledger\" }",
            "key-ring = \"v\"\nlabels = { team = \"The Ledger\" }",
            "key-ring = \"v\"\ncredentials = { file = \"key.json\" }",
            "key-ring = \"v\"\naccess-token = \"hunter2\"",
        ] {
            assert!(gcp(fields).is_err(), "{fields}");
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
