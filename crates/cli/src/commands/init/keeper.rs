//! What keeps the wrapper key of a new vault: a key file, or a KMS elsewhere.

use std::path::{Path, PathBuf};

use clap::{Args, ValueEnum};
use strongroom_config::{
    AwsConfig, KmsConfig, KmsProviderConfig, LocalConfig, PromptTag, Protection, SecretSource,
};

/// The name of the embedded KMS in new configurations.
const LOCAL: &str = "local";

/// That of AWS KMS.
const AWS: &str = "aws";

/// What guards the key file; exactly one.
#[derive(Args, Debug)]
#[group(required = true, multiple = false)]
pub(crate) struct ProtectionArgs {
    /// Protect the key file by the passphrase in this file.
    #[arg(long, value_name = "FILE")]
    passphrase_file: Option<PathBuf>,
    /// Protect the key file by the passphrase in this environment variable.
    #[arg(long, value_name = "VARIABLE")]
    passphrase_env: Option<String>,
    /// Protect the key file by a passphrase typed at the terminal.
    #[arg(long)]
    passphrase_prompt: bool,
    /// Protect the key file by file permissions only.
    #[arg(long)]
    unprotected_key_file: bool,
}

impl ProtectionArgs {
    /// As it stands in the configuration.
    pub(crate) fn to_config(&self) -> anyhow::Result<Protection> {
        let from = if let Some(path) = &self.passphrase_file {
            SecretSource::File(std::path::absolute(path)?)
        } else if let Some(variable) = &self.passphrase_env {
            SecretSource::Environment(variable.clone())
        } else if self.passphrase_prompt {
            SecretSource::Prompt(PromptTag {})
        } else {
            return Ok(Protection::UnprotectedKeyFile {});
        };
        Ok(Protection::Passphrase { from })
    }
}

/// A KMS that keeps the wrapper key, instead of a key file.
#[derive(Args, Debug)]
#[group(skip)]
pub(crate) struct KmsArgs {
    /// Have this kind of KMS keep the wrapper key.
    #[arg(long, value_enum, group = "ProtectionArgs")]
    kms: Option<KmsKind>,
    /// The region of the KMS [default: that of the environment].
    #[arg(long, requires = "kms")]
    region: Option<String>,
    /// The URL of the KMS: a proxy, a private endpoint or a simulator.
    #[arg(long, value_name = "URL", requires = "kms")]
    endpoint: Option<String>,
    /// An existing wrapper key, by id, ARN or alias [default: a new one].
    #[arg(long, value_name = "KEY", requires = "kms")]
    wrapper_key: Option<String>,
    /// Use made-up credentials, for a simulator on this machine.
    #[arg(long, requires = "endpoint")]
    rehearsal: bool,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum KmsKind {
    /// AWS KMS, with the credentials of the standard chain.
    Aws,
}

/// What keeps the wrapper key of a new vault.
#[derive(Clone, PartialEq, Eq)]
pub(crate) enum Keeper {
    /// The embedded KMS, whose key file is protected so.
    KeyFile(Protection),
    /// AWS KMS, and the wrapper key there if it is not to be a new one.
    Aws(AwsConfig, Option<String>),
}

impl Keeper {
    pub(super) fn of(protection: &ProtectionArgs, kms: &KmsArgs) -> anyhow::Result<Self> {
        let Some(KmsKind::Aws) = kms.kms else {
            return Ok(Self::KeyFile(protection.to_config()?));
        };
        let aws = AwsConfig {
            region: kms.region.clone(),
            endpoint: kms.endpoint.clone(),
            rehearsal: kms.rehearsal,
            ..AwsConfig::default()
        };
        Ok(Self::Aws(aws, kms.wrapper_key.clone()))
    }

    /// Whether a configured KMS is kept so.
    ///
    /// # Errors
    /// In which respect it is not, in words.
    pub(super) fn check(&self, begun: &KmsConfig) -> Result<(), &'static str> {
        match (self, &begun.provider) {
            (Self::KeyFile(wanted), KmsProviderConfig::Local(local)) => {
                if *wanted == local.protection {
                    Ok(())
                } else {
                    Err("protection")
                }
            }
            (Self::Aws(wanted, key), KmsProviderConfig::Aws(aws))
                if wanted == aws && (key.is_none() || *key == begun.wrapper_key_id) =>
            {
                Ok(())
            }
            _ => Err("KMS"),
        }
    }

    /// The section of a new configuration; `keys` is the folder of the key file.
    pub(super) fn section(keeper: Option<&Self>, keys: &Path) -> KmsConfig {
        let protection = match keeper {
            Some(Self::Aws(aws, wrapper_key)) => {
                return KmsConfig {
                    name: AWS.to_owned(),
                    wrapper_key_id: wrapper_key.clone(),
                    provider: KmsProviderConfig::Aws(aws.clone()),
                };
            }
            Some(Self::KeyFile(protection)) => protection.clone(),
            None => Protection::UnprotectedKeyFile {},
        };
        KmsConfig {
            name: LOCAL.to_owned(),
            wrapper_key_id: None,
            provider: KmsProviderConfig::Local(LocalConfig {
                key_file: keys.join("kms.key"),
                protection,
            }),
        }
    }
}
