//! `[backup]`: backups that the server makes by itself.

use std::{num::NonZeroUsize, path::PathBuf, time::Duration};

use serde::{Deserialize, Serialize};

use crate::{duration, error::ConfigError, secret::SecretSource};

/// Backups that the server makes by itself.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case", default)]
pub struct BackupConfig {
    /// When; none: it makes none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub schedule: Option<BackupScheduleConfig>,
}

/// When backups are made by themselves, where to, and for whom.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct BackupScheduleConfig {
    /// The folder for the files; it is there.
    pub folder: PathBuf,
    /// How old the newest backup may become, with its unit.
    #[serde(with = "duration", default = "a_day")]
    pub every: Duration,
    /// How many are kept.
    #[serde(default = "two_weeks_of_days")]
    pub keep: NonZeroUsize,
    /// Whether each is opened, and every key in it used.
    #[serde(default = "yes")]
    pub verify: bool,
    /// Who can read them.
    pub protection: BackupProtection,
}

/// Who can read the backups.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(
    tag = "type",
    deny_unknown_fields,
    rename_all = "kebab-case",
    rename_all_fields = "kebab-case"
)]
pub enum BackupProtection {
    /// The holders of the secret keys of age that belong to these public ones.
    Recipients {
        /// Public keys.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        keys: Vec<String>,
        /// More of them, one on a line.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        file: Option<PathBuf>,
        /// The secret key of one of them, with which the backups are verified.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        identity_file: Option<PathBuf>,
    },
    /// Whoever knows the passphrase.
    Passphrase {
        /// Where the passphrase is.
        from: SecretSource,
    },
    /// Everybody: names of keys, topology and the audit log are readable; private keys stay sealed.
    Unencrypted {},
}

const fn a_day() -> Duration {
    Duration::from_secs(86_400)
}

const fn two_weeks_of_days() -> NonZeroUsize {
    NonZeroUsize::MIN.saturating_add(13)
}

const fn yes() -> bool {
    true
}

impl BackupConfig {
    pub(crate) fn validate(&self) -> Result<(), ConfigError> {
        match &self.schedule {
            Some(schedule) => schedule.validate(),
            None => Ok(()),
        }
    }
}

fn bad(field: &'static str, expected: &'static str) -> Result<(), ConfigError> {
    Err(ConfigError::BadValue {
        section: "backup.schedule",
        field,
        expected,
    })
}

impl BackupScheduleConfig {
    fn validate(&self) -> Result<(), ConfigError> {
        if !self.folder.is_absolute() {
            return bad("folder", "an absolute path");
        }
        let allowed = Duration::from_secs(60)..=Duration::from_secs(366 * 86_400);
        if !allowed.contains(&self.every) {
            return bad("every", "a duration from a minute to a year, such as '24h'");
        }
        if self.keep.get() > 10_000 {
            return bad("keep", "1 to 10000");
        }
        self.protection.validate(self.verify)
    }
}

impl BackupProtection {
    fn validate(&self, verify: bool) -> Result<(), ConfigError> {
        let absolute = |path: &Option<PathBuf>| path.as_ref().is_none_or(|path| path.is_absolute());
        match self {
            Self::Recipients {
                keys,
                file,
                identity_file,
            } => {
                if keys.is_empty() && file.is_none() {
                    return bad("protection", "for some recipient: give 'keys' or a 'file'");
                }
                if !absolute(file) || !absolute(identity_file) {
                    return bad("protection", "given with absolute paths");
                }
                if verify && identity_file.is_none() {
                    return bad(
                        "verify",
                        "false, or the protection has an 'identity-file': nobody verifies what nobody here can read",
                    );
                }
                if !verify && identity_file.is_some() {
                    return bad(
                        "protection",
                        "without an 'identity-file' where nothing is verified: who has it reads the backups",
                    );
                }
                Ok(())
            }
            Self::Passphrase { from } => match from {
                SecretSource::File(path) if !path.is_absolute() => {
                    bad("protection", "given with absolute paths")
                }
                SecretSource::Prompt(_) => bad(
                    "protection",
                    "a passphrase from a file or the environment: nobody is asked at night",
                ),
                SecretSource::File(_) | SecretSource::Environment(_) => Ok(()),
            },
            Self::Unencrypted {} => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Config, EXAMPLE};

    fn with(lines: &str) -> Result<Config, ConfigError> {
        Config::parse(&format!("{EXAMPLE}\n[backup.schedule]\n{lines}\n"))
    }

    const PLAIN: &str = "protection = { type = \"unencrypted\" }";

    #[test]
    fn a_schedule_is_daily_kept_for_two_weeks_and_verified_unless_it_says_otherwise() {
        let config = with(&format!("folder = \"/backups\"\n{PLAIN}")).unwrap();
        let schedule = config.backup.schedule.clone().unwrap();
        assert_eq!(schedule.every, Duration::from_secs(86_400));
        assert_eq!((schedule.keep.get(), schedule.verify), (14, true));
        assert_eq!(Config::parse(&config.to_toml().unwrap()).unwrap(), config);
    }

    #[test]
    fn every_kind_of_protection_is_read_and_written_again() {
        for protection in [
            r#"{ type = "recipients", keys = ["age1abc"], file = "/keys", identity-file = "/key" }"#,
            r#"{ type = "passphrase", from = { file = "/secret" } }"#,
            r#"{ type = "passphrase", from = { environment = "BACKUP" } }"#,
        ] {
            let config =
                with(&format!("folder = \"/backups\"\nprotection = {protection}")).unwrap();
            assert_eq!(Config::parse(&config.to_toml().unwrap()).unwrap(), config);
        }
    }

    #[test]
    fn what_makes_no_sense_is_refused_and_named() {
        let recipients = r#"protection = { type = "recipients", keys = ["age1abc"] }"#;
        for (field, lines) in [
            ("folder", format!("folder = \"backups\"\n{PLAIN}")),
            (
                "every",
                format!("folder = \"/backups\"\nevery = \"1s\"\n{PLAIN}"),
            ),
            (
                "keep",
                format!("folder = \"/backups\"\nkeep = 10001\n{PLAIN}"),
            ),
            ("verify", format!("folder = \"/backups\"\n{recipients}")),
        ] {
            let error = with(&lines).unwrap_err();
            assert!(matches!(error, ConfigError::BadValue { .. }), "{error:?}");
            let named = error.to_string();
            assert!(
                named.starts_with(&format!("backup.schedule.{field}")),
                "{named}"
            );
        }
        for protection in [
            r#"{ type = "recipients" }"#,
            r#"{ type = "recipients", file = "keys", identity-file = "/key" }"#,
            r#"{ type = "recipients", file = "/keys", identity-file = "key" }"#,
            r#"{ type = "passphrase", from = { file = "secret" } }"#,
            r#"{ type = "passphrase", from = { prompt = {} } }"#,
        ] {
            let lines = format!("folder = \"/backups\"\nprotection = {protection}");
            let error = with(&lines).unwrap_err().to_string();
            assert!(error.starts_with("backup.schedule.protection"), "{error}");
        }
        let unread = r#"{ type = "recipients", file = "/keys", identity-file = "/key" }"#;
        let lines = format!("folder = \"/backups\"\nverify = false\nprotection = {unread}");
        let error = with(&lines).unwrap_err().to_string();
        assert!(error.contains("identity-file"), "{error}");
        for unreadable in [
            format!("folder = \"/backups\"\nkeep = 0\n{PLAIN}"),
            "folder = \"/backups\"".to_owned(),
            format!("folder = \"/backups\"\nsurprise = 1\n{PLAIN}"),
            "folder = \"/b\"\nprotection = { type = \"unencrypted\", surprise = 1 }".to_owned(),
        ] {
            let error = with(&unreadable).unwrap_err();
            assert!(matches!(error, ConfigError::Syntax { .. }), "{unreadable}");
        }
    }
}
