//! `[[kms]]`: a key management system.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use crate::{error::ConfigError, secret::SecretSource};

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
#[serde(
    tag = "type",
    deny_unknown_fields,
    rename_all = "kebab-case",
    rename_all_fields = "kebab-case"
)]
pub enum KmsProviderConfig {
    /// The embedded one: keys in a protected file.
    Local {
        /// The key file. Keep it out of the vault's folder, so that copying the database does not copy its key.
        key_file: PathBuf,
        /// What guards it.
        protection: Protection,
    },
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
    /// Names another protection of the key file.
    pub(crate) fn protect(&mut self, wanted: Protection) {
        let Self::Local { protection, .. } = self;
        *protection = wanted;
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
        let KmsProviderConfig::Local {
            key_file,
            protection,
        } = &self.provider;
        if !key_file.is_absolute() {
            return Err(ConfigError::BadValue {
                section: "kms",
                field: "key-file",
                expected: "an absolute path",
            });
        }
        match protection {
            Protection::Passphrase {
                from: SecretSource::File(path),
            } if !path.is_absolute() => Err(ConfigError::BadValue {
                section: "kms",
                field: "protection.from.file",
                expected: "an absolute path",
            }),
            _ => Ok(()),
        }
    }
}
