//! The configuration file of a vault: sections, validation, references to secrets.
//!
//! The file is TOML. Unknown fields are refused, durations carry units, and no secret stands in it: a secret is
//! named by a [`SecretSource`], which the command line resolves.
//!
//! ```
//! let config = strongroom_config::Config::parse(strongroom_config::EXAMPLE)?;
//! assert_eq!(config.kms[0].name, "local");
//! # Ok::<(), strongroom_config::ConfigError>(())
//! ```

mod anchor;
mod approvals;
mod audit;
mod backup;
mod cache;
mod callers;
mod client;
mod custody;
mod driver;
mod driver_server;
mod duration;
mod edit;
mod error;
mod kms;
mod kms_log;
mod kms_watch;
mod policy;
mod replica;
mod secret;
mod server;
mod session_encryption;
mod session_signing_keys;
mod store;
mod synchronizers;
mod vault;
mod watched;

use serde::{Deserialize, Serialize};

pub use anchor::AnchorConfig;
pub use approvals::ApprovalsConfig;
pub use audit::{AuditConfig, SignatureRecordsName};
pub use backup::{BackupConfig, BackupProtection, BackupScheduleConfig};
pub use cache::CacheConfig;
pub use callers::{CallerConfig, GrantConfig, UnixUserConfig};
pub use client::ClientConfig;
pub use custody::{CustodyConfig, CustodyName, SealingName};
pub use driver::{DriverConfig, DriverTlsConfig};
pub use driver_server::{DRIVER_EXAMPLE, DriverServerConfig};
pub use edit::{with_protection, with_replica, with_store};
pub use error::ConfigError;
pub use kms::{
    AwsConfig, BreakerConfig, CallBudgetConfig, CallsConfig, ClassPricesConfig, Dollars, GcpConfig,
    KmsConfig, KmsProviderConfig, LocalConfig, Pkcs11Config, PricesConfig, Protection,
    ProtectionLevel, QuotaConfig, RecoveryConfig,
};
pub use kms_log::{KmsLogConfig, RollingPattern};
pub use kms_watch::KmsWatchConfig;
pub use policy::{MaxKeyAgeConfig, PolicyConfig};
pub use replica::ReplicaConfig;
pub use secret::{PromptTag, SecretSource};
pub use server::{
    ClientCertificates, NodeKindName, ServerConfig, ServerTlsConfig, TlsVersion, TokenServiceConfig,
};
pub use session_encryption::{SessionCacheConfig, SessionEncryptionConfig};
pub use session_signing_keys::SessionSigningKeysConfig;
pub use store::StoreConfig;
pub use synchronizers::{RequiredSpecsConfig, SynchronizerConfig};
pub use vault::VaultConfig;
pub use watched::WatchedSections;

/// An example with every field and its meaning, which [`Config::parse`] accepts.
pub const EXAMPLE: &str = include_str!("../../../config/strongroom.example.toml");

/// The configuration of a vault.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Config {
    /// The vault itself.
    pub vault: VaultConfig,
    /// The database, where it is not the file in the vault's folder.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub store: Option<StoreConfig>,
    /// This process among those that share the database.
    #[serde(default, skip_serializing_if = "is_default")]
    pub replica: ReplicaConfig,
    /// Where the vault is offered over the network.
    #[serde(default, skip_serializing_if = "is_default")]
    pub server: ServerConfig,
    /// Who may come over the network, and what each may do; none: everybody on this machine may do everything.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub callers: Vec<CallerConfig>,
    /// What needs a second person.
    #[serde(default, skip_serializing_if = "is_default")]
    pub approvals: ApprovalsConfig,
    /// A second anchor, in a tag of a wrapper key.
    #[serde(default, skip_serializing_if = "is_default")]
    pub anchor: AnchorConfig,
    /// How the audit log is kept.
    #[serde(default, skip_serializing_if = "is_default")]
    pub audit: AuditConfig,
    /// The key management systems, in the order in which opening tries them.
    pub kms: Vec<KmsConfig>,
    /// Where calls of key management systems are written down.
    #[serde(default, skip_serializing_if = "is_default")]
    pub kms_log: KmsLogConfig,
    /// How key management systems are watched while the vault is open.
    #[serde(default, skip_serializing_if = "is_default")]
    pub kms_watch: KmsWatchConfig,
    /// Backups that the server makes by itself.
    #[serde(default, skip_serializing_if = "is_default")]
    pub backup: BackupConfig,
    /// What the operators of the vault owe it.
    #[serde(default, skip_serializing_if = "is_default")]
    pub policy: PolicyConfig,
    /// Where new private keys are kept.
    #[serde(default)]
    pub custody: CustodyConfig,
    /// How long opened keys stay in memory.
    #[serde(default)]
    pub cache: CacheConfig,
    /// How long secrets of session encryption keys are used.
    #[serde(default, skip_serializing_if = "is_default")]
    pub session_encryption_keys: SessionEncryptionConfig,
    /// Keys in memory that sign for keys which a KMS holds.
    #[serde(default, skip_serializing_if = "is_default")]
    pub session_signing_keys: SessionSigningKeysConfig,
    /// What synchronizers take of signatures and encryptions.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub synchronizers: Vec<SynchronizerConfig>,
}

impl Config {
    /// The configuration of this vault, whose keys this key management system guards, and that says nothing else.
    #[must_use]
    pub fn new(vault: VaultConfig, kms: KmsConfig) -> Self {
        Self {
            vault,
            store: None,
            replica: ReplicaConfig::default(),
            server: ServerConfig::default(),
            callers: Vec::new(),
            approvals: ApprovalsConfig::default(),
            anchor: AnchorConfig::default(),
            audit: AuditConfig::default(),
            kms: vec![kms],
            kms_log: KmsLogConfig::default(),
            kms_watch: KmsWatchConfig::default(),
            backup: BackupConfig::default(),
            policy: PolicyConfig::default(),
            custody: CustodyConfig::default(),
            cache: CacheConfig::default(),
            session_encryption_keys: SessionEncryptionConfig::default(),
            session_signing_keys: SessionSigningKeysConfig::default(),
            synchronizers: Vec::new(),
        }
    }

    /// Reads and validates a configuration.
    ///
    /// # Errors
    /// [`ConfigError::Syntax`] names line and column; the other variants name the field that is wrong.
    pub fn parse(text: &str) -> Result<Self, ConfigError> {
        let config: Self =
            toml::from_str(text).map_err(|error| ConfigError::syntax(text, &error))?;
        config.validate()?;
        Ok(config)
    }

    /// The configuration as text that [`Config::parse`] reads.
    ///
    /// # Errors
    /// [`ConfigError::Unwritable`] when it has no TOML form.
    pub fn to_toml(&self) -> Result<String, ConfigError> {
        toml::to_string(self).map_err(|source| ConfigError::Unwritable {
            source: Box::new(source),
        })
    }

    /// Checks what types cannot say.
    ///
    /// # Errors
    /// The first field that is wrong.
    pub fn validate(&self) -> Result<(), ConfigError> {
        self.vault.validate()?;
        if let Some(store) = &self.store {
            store.validate()?;
        }
        self.replica.validate()?;
        self.audit.validate()?;
        callers::validate(&self.callers)?;
        self.server.validate(&self.callers)?;
        self.approvals.validate()?;
        if self.kms.is_empty() {
            return Err(ConfigError::NoKms);
        }
        for (index, kms) in self.kms.iter().enumerate() {
            kms.validate()?;
            if self
                .kms
                .iter()
                .take(index)
                .any(|other| other.name == kms.name)
            {
                return Err(ConfigError::DuplicateKms {
                    name: kms.name.clone(),
                });
            }
        }
        let maker = self.custody.external_kms.as_deref();
        if maker.is_some_and(|maker| self.kms.iter().all(|kms| kms.name != maker)) {
            return Err(ConfigError::BadValue {
                section: "custody",
                field: "external-kms",
                expected: "the name of a [[kms]] section",
            });
        }
        self.anchor.validate(&self.kms)?;
        self.custody.validate()?;
        self.kms_log.validate()?;
        self.kms_watch.validate()?;
        self.backup.validate()?;
        self.policy.validate()?;
        self.session_encryption_keys.validate()?;
        self.session_signing_keys.validate(&self.kms)?;
        synchronizers::validate(&self.synchronizers)?;
        self.cache.validate()
    }
}

/// What is as it is by default is not written.
fn is_default<T: Default + PartialEq>(value: &T) -> bool {
    *value == T::default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_example_is_valid_and_shows_the_defaults() {
        let config = Config::parse(EXAMPLE).unwrap();
        assert_eq!(config.cache, CacheConfig::default());
        assert_eq!(config.custody, CustodyConfig::default());
        assert_eq!(
            config.session_encryption_keys,
            SessionEncryptionConfig::default()
        );
    }

    #[test]
    fn external_keys_are_made_by_a_configured_kms() {
        let text = |name: &str| {
            let section = format!("[custody]\nexternal-kms = \"{name}\"\n");
            EXAMPLE.replace("[custody]\n", &section)
        };
        let config = Config::parse(&text("local")).unwrap();
        assert_eq!(config.custody.external_kms.as_deref(), Some("local"));
        let error = Config::parse(&text("elsewhere")).unwrap_err();
        assert!(error.to_string().contains("external-kms"), "{error}");
    }

    #[test]
    fn what_is_written_is_read_again() {
        let config = Config::parse(EXAMPLE).unwrap();
        assert_eq!(Config::parse(&config.to_toml().unwrap()).unwrap(), config);
    }

    #[test]
    fn an_unknown_field_is_refused_and_named() {
        let text = EXAMPLE.replace("[cache]", "[cache]\ncapacty = 7");
        let error = Config::parse(&text).unwrap_err();
        assert!(matches!(error, ConfigError::Syntax { .. }), "{error:?}");
        assert!(error.to_string().contains("capacty"), "{error}");
        let line = text.lines().position(|line| line.contains("capacty"));
        let place = format!("line {}, column 1: ", line.unwrap() + 1);
        assert!(error.to_string().starts_with(&place), "{error}");
    }

    #[test]
    fn unknown_fields_are_refused_in_every_section() {
        let protection = r#"{ type = "unprotected-key-file" }"#;
        let cases = [
            ("[vault]", "[vault]\nsurprise = 1"),
            ("[[kms]]", "[[kms]]\nsurprise = 1"),
            ("[custody]", "[custody]\nsurprise = 1"),
            ("[cache]", "[cache]\nsurprise = 1"),
            ("[vault]", "surprise = 1\n[vault]"),
            ("[vault]", "[surprise]\n[vault]"),
            (
                protection,
                r#"{ type = "unprotected-key-file", surprise = 1 }"#,
            ),
            (
                protection,
                r#"{ type = "passphrase", surprise = 1, from = { prompt = {} } }"#,
            ),
            (
                protection,
                r#"{ type = "passphrase", from = { prompt = { surprise = 1 } } }"#,
            ),
            (
                protection,
                r#"{ type = "passphrase", from = { prompt = {}, surprise = 1 } }"#,
            ),
        ];
        for (part, changed) in cases {
            let at = EXAMPLE.rfind(part).unwrap();
            let (before, after) = EXAMPLE.split_at(at);
            let text = format!("{before}{}", after.replacen(part, changed, 1));
            let error = Config::parse(&text).unwrap_err();
            assert!(matches!(error, ConfigError::Syntax { .. }), "{changed}");
        }
    }

    #[test]
    fn an_error_does_not_repeat_what_stands_in_the_file() {
        let protection = r#"{ type = "unprotected-key-file" }"#;
        for wrong in [
            r#""hunter2""#,
            r#"{ type = "passphrase", passphrase = "hunter2" }"#,
            r#"{ type = "passphrase", from = "hunter2" }"#,
            r#"{ type = "passphrase", from = { text = "hunter2" } }"#,
            r#"{ type = "passphrase", from = { prompt = "hunter2" } }"#,
            r#"{ type = "passphrase", from = { file = "hunter2" }"#,
        ] {
            let at = EXAMPLE.rfind(protection).unwrap();
            let (before, after) = EXAMPLE.split_at(at);
            let text = format!("{before}{}", after.replacen(protection, wrong, 1));
            let error = Config::parse(&text).unwrap_err();
            assert!(!error.to_string().contains("hunter2"), "{error}");
            assert!(!format!("{error:?}").contains("hunter2"), "{error:?}");
        }
    }

    #[test]
    fn paths_are_absolute_since_commands_run_anywhere() {
        for (absolute, relative) in [
            (
                r#"anchor = "/home/operator/.config/strongroom/participant1/anchor.json""#,
                r#"anchor = "anchor.json""#,
            ),
            (
                r#"key-file = "/home/operator/.config/strongroom/participant1/kms.key""#,
                r#"key-file = "kms.key""#,
            ),
            (
                r#"{ type = "unprotected-key-file" }"#,
                r#"{ type = "passphrase", from = { file = "secret" } }"#,
            ),
        ] {
            let text = EXAMPLE.replace(absolute, relative);
            let error = Config::parse(&text).unwrap_err();
            assert!(matches!(error, ConfigError::BadValue { .. }), "{error:?}");
        }
    }

    #[test]
    fn a_configuration_without_a_kms_is_refused() {
        let mut config = Config::parse(EXAMPLE).unwrap();
        config.kms.clear();
        assert!(matches!(config.validate(), Err(ConfigError::NoKms)));
    }

    #[test]
    fn two_kms_of_one_name_are_refused() {
        let mut config = Config::parse(EXAMPLE).unwrap();
        config.kms.push(config.kms[0].clone());
        assert!(matches!(
            config.validate(),
            Err(ConfigError::DuplicateKms { .. })
        ));
    }

    #[test]
    fn a_reversal_is_taken_only_beside_the_custody_that_it_reverts_to() {
        let alone = EXAMPLE.replace("[custody]", "[custody]\nreverted = true");
        let error = Config::parse(&alone).unwrap_err();
        assert!(matches!(error, ConfigError::BadValue { .. }), "{error:?}");
        let both = alone.replace("[custody]", "[custody]\nprotocol = \"clear\"");
        let config = Config::parse(&both).unwrap();
        assert!(config.custody.reverted);
        assert_eq!(Config::parse(&config.to_toml().unwrap()).unwrap(), config);
    }

    #[test]
    fn a_passphrase_in_the_file_is_refused() {
        let text = EXAMPLE.replace(
            r#"protection = { type = "unprotected-key-file" }"#,
            r#"protection = { type = "passphrase", from = { text = "secret" } }"#,
        );
        assert_ne!(text, EXAMPLE);
        let error = Config::parse(&text).unwrap_err();
        assert!(matches!(error, ConfigError::Syntax { .. }), "{error:?}");
    }
}
