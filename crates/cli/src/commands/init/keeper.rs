//! What keeps the wrapper key of a new vault: a key file, or a KMS elsewhere.

mod driver;

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
};

use clap::{Args, ValueEnum};
use strongroom_config::{
    AwsConfig, CustodyName, GcpConfig, KmsConfig, KmsProviderConfig, LocalConfig, Pkcs11Config,
    PromptTag, Protection, ProtectionLevel, SecretSource,
};

use self::driver::DriverArgs;
use crate::failure::CliError;

/// The name of the embedded KMS in new configurations.
const LOCAL: &str = "local";

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

/// Where the keys of a new vault are kept.
#[derive(Args, Debug)]
pub(crate) struct CustodyArgs {
    /// Where private keys are kept [default: envelope].
    #[arg(long, value_enum)]
    custody: Option<CustodyArg>,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum CustodyArg {
    /// Sealed in the database; the wrapper key opens them.
    Envelope,
    /// In the KMS, which signs and decrypts.
    External,
}

impl CustodyArgs {
    pub(crate) fn name(&self) -> Option<CustodyName> {
        Some(match self.custody? {
            CustodyArg::Envelope => CustodyName::Envelope,
            CustodyArg::External => CustodyName::External,
        })
    }
}

/// A KMS that keeps the wrapper key, instead of a key file.
#[derive(Args, Debug)]
#[group(skip)]
pub(crate) struct KmsArgs {
    /// Have this kind of KMS keep the wrapper key.
    #[arg(long, value_enum, group = "ProtectionArgs")]
    kms: Option<KmsKind>,
    /// An existing wrapper key, by its id there [default: a new one].
    #[arg(long, value_name = "KEY", requires = "kms")]
    wrapper_key: Option<String>,
    /// AWS: the region [default: that of the environment].
    #[arg(long, requires = "kms")]
    region: Option<String>,
    /// AWS: make keys that can be replicated to other regions.
    #[arg(long, requires = "kms")]
    multi_region: bool,
    /// GCP: the project of the key ring.
    #[arg(long, requires = "kms")]
    project: Option<String>,
    /// GCP: the location of the key ring.
    #[arg(long, requires = "kms")]
    location: Option<String>,
    /// GCP: the key ring, which must be there.
    #[arg(long, value_name = "RING", requires = "kms")]
    key_ring: Option<String>,
    /// GCP: where new keys compute [default: hsm].
    #[arg(long, value_name = "LEVEL", value_enum, requires = "kms")]
    protection_level: Option<Level>,
    /// AWS, GCP: the URL of a proxy, a private endpoint or a simulator.
    #[arg(long, value_name = "URL", requires = "kms")]
    kms_endpoint: Option<String>,
    /// AWS, GCP: without real credentials, for a simulator on this machine.
    #[arg(long, requires = "kms_endpoint")]
    rehearsal: bool,
    /// PKCS#11: the library of the token's vendor.
    #[arg(long, value_name = "FILE", requires = "kms")]
    module: Option<PathBuf>,
    /// PKCS#11: the token, by its label.
    #[arg(
        long,
        value_name = "LABEL",
        requires = "kms",
        conflicts_with = "token_serial"
    )]
    token: Option<String>,
    /// PKCS#11: the token, by its serial number.
    #[arg(long, value_name = "SERIAL", requires = "kms")]
    token_serial: Option<String>,
    /// PKCS#11: the file with the PIN [default: the PIN is typed].
    #[arg(
        long,
        value_name = "FILE",
        requires = "kms",
        conflicts_with = "pin_env"
    )]
    pin_file: Option<PathBuf>,
    /// PKCS#11: the environment variable with the PIN.
    #[arg(long, value_name = "VARIABLE", requires = "kms")]
    pin_env: Option<String>,
    #[command(flatten)]
    driver: DriverArgs,
}

/// A kind of KMS elsewhere.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum KmsKind {
    /// AWS KMS, with the credentials of the standard chain.
    Aws,
    /// Any KMS, through a driver: a program that speaks its language.
    Driver,
    /// Google Cloud KMS, with the Application Default Credentials.
    Gcp,
    /// A PKCS#11 token.
    Pkcs11,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum Level {
    /// In a hardware security module.
    Hsm,
    /// In software of Google.
    Software,
}

impl KmsArgs {
    fn to_config(&self, kind: KmsKind) -> anyhow::Result<KmsProviderConfig> {
        match kind {
            KmsKind::Aws => Ok(KmsProviderConfig::Aws(AwsConfig {
                region: self.region.clone(),
                endpoint: self.kms_endpoint.clone(),
                rehearsal: self.rehearsal,
                multi_region: self.multi_region,
                ..AwsConfig::default()
            })),
            KmsKind::Gcp => Ok(KmsProviderConfig::Gcp(GcpConfig {
                project: given(&self.project, "--project")?,
                location: given(&self.location, "--location")?,
                key_ring: given(&self.key_ring, "--key-ring")?,
                protection_level: match self.protection_level {
                    None | Some(Level::Hsm) => ProtectionLevel::Hsm,
                    Some(Level::Software) => ProtectionLevel::Software,
                },
                endpoint: self.kms_endpoint.clone(),
                rehearsal: self.rehearsal,
                labels: BTreeMap::new(),
            })),
            KmsKind::Driver => Ok(KmsProviderConfig::Driver(self.driver.to_config()?)),
            KmsKind::Pkcs11 => {
                let Some(module) = &self.module else {
                    return Err(CliError::FlagMissing { flag: "--module" }.into());
                };
                if self.token.is_none() && self.token_serial.is_none() {
                    return Err(CliError::FlagMissing { flag: "--token" }.into());
                }
                Ok(KmsProviderConfig::Pkcs11(Pkcs11Config {
                    module: std::path::absolute(module)?,
                    token_label: self.token.clone(),
                    token_serial: self.token_serial.clone(),
                    pin: self.pin()?,
                }))
            }
        }
    }

    /// The kind that was asked for.
    pub(crate) const fn kind(&self) -> Option<KmsKind> {
        self.kms
    }

    /// The library of a token, if one was named.
    pub(crate) fn module(&self) -> Option<&Path> {
        self.module.as_deref()
    }

    fn pin(&self) -> anyhow::Result<SecretSource> {
        Ok(match (&self.pin_file, &self.pin_env) {
            (Some(path), _) => SecretSource::File(std::path::absolute(path)?),
            (None, Some(variable)) => SecretSource::Environment(variable.clone()),
            (None, None) => SecretSource::Prompt(PromptTag {}),
        })
    }
}

/// What a flag says that the chosen kind of KMS needs.
fn given(value: &Option<String>, flag: &'static str) -> Result<String, CliError> {
    value.clone().ok_or(CliError::FlagMissing { flag })
}

/// What keeps the wrapper key of a new vault.
#[derive(Clone, PartialEq, Eq)]
pub(crate) enum Keeper {
    /// The embedded KMS, whose key file is protected so.
    KeyFile(Protection),
    /// Another KMS, and the wrapper key there if it is not to be a new one.
    Kms(KmsProviderConfig, Option<String>),
}

impl Keeper {
    pub(super) fn of(protection: &ProtectionArgs, kms: &KmsArgs) -> anyhow::Result<Self> {
        match Self::elsewhere(kms)? {
            Some(keeper) => Ok(keeper),
            None => Ok(Self::KeyFile(protection.to_config()?)),
        }
    }

    /// The KMS that was asked for, if one was.
    pub(crate) fn elsewhere(kms: &KmsArgs) -> anyhow::Result<Option<Self>> {
        let Some(kind) = kms.kms else {
            return Ok(None);
        };
        let provider = kms.to_config(kind)?;
        Ok(Some(Self::Kms(provider, kms.wrapper_key.clone())))
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
            (Self::Kms(wanted, key), provider)
                if wanted == provider && (key.is_none() || *key == begun.wrapper_key_id) =>
            {
                Ok(())
            }
            _ => Err("KMS"),
        }
    }

    /// The section of a new configuration; `keys` is the folder of the key file. Another KMS than the embedded one is called
    /// by its kind.
    pub(super) fn section(keeper: Option<&Self>, keys: &Path) -> KmsConfig {
        let protection = match keeper {
            Some(Self::Kms(provider, wrapper_key)) => {
                return KmsConfig {
                    wrapper_key_id: wrapper_key.clone(),
                    ..KmsConfig::new(provider.kind(), provider.clone())
                };
            }
            Some(Self::KeyFile(protection)) => protection.clone(),
            None => Protection::UnprotectedKeyFile {},
        };
        let local = LocalConfig {
            key_file: keys.join("kms.key"),
            protection,
        };
        KmsConfig::new(LOCAL, KmsProviderConfig::Local(local))
    }
}
