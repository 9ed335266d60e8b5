//! `[kms-log]`: where every call of a KMS is written down.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use crate::error::ConfigError;

/// Where every call of a KMS is written down, in Canton's lines. The names are Canton's, from its environment variables.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case", default)]
pub struct KmsLogConfig {
    /// The file; none: lines of a KMS with `audit-logging` go to the log of the process.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub file: Option<PathBuf>,
    /// When a new file begins.
    pub rolling_pattern: RollingPattern,
    /// How many files of past days or hours are kept; 0: all.
    pub history: u32,
    /// Whether each line is written at once, so that a crash loses none.
    pub immediate_flush: bool,
}

/// When a new file begins: when the date so written changes, in UTC.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum RollingPattern {
    /// Every day.
    #[default]
    #[serde(rename = "yyyy-MM-dd")]
    Daily,
    /// Every hour.
    #[serde(rename = "yyyy-MM-dd-HH")]
    Hourly,
}

impl Default for KmsLogConfig {
    fn default() -> Self {
        Self {
            file: None,
            rolling_pattern: RollingPattern::Daily,
            history: 0,
            immediate_flush: true,
        }
    }
}

impl KmsLogConfig {
    pub(crate) fn validate(&self) -> Result<(), ConfigError> {
        let named = |path: &PathBuf| path.is_absolute() && path.file_name().is_some();
        if !self.file.as_ref().is_none_or(named) {
            return Err(ConfigError::BadValue {
                section: "kms-log",
                field: "file",
                expected: "an absolute path",
            });
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use crate::{Config, ConfigError, EXAMPLE, RollingPattern};

    #[test]
    fn the_log_is_read_and_written_again() {
        let text = format!(
            "{EXAMPLE}\n[kms-log]\nfile = \"/var/log/kms.log\"\nrolling-pattern = \"yyyy-MM-dd-HH\"\nhistory = 48\n"
        );
        let config = Config::parse(&text).unwrap();
        assert_eq!(config.kms_log.rolling_pattern, RollingPattern::Hourly);
        assert_eq!(
            (config.kms_log.history, config.kms_log.immediate_flush),
            (48, true)
        );
        assert_eq!(Config::parse(&config.to_toml().unwrap()).unwrap(), config);
    }

    #[test]
    fn a_relative_path_and_an_unknown_pattern_are_refused() {
        let with = |line: &str| Config::parse(&format!("{EXAMPLE}\n[kms-log]\n{line}\n"));
        let relative = with("file = \"kms.log\"");
        assert!(matches!(
            relative,
            Err(ConfigError::BadValue {
                section: "kms-log",
                ..
            })
        ));
        let weekly = with("rolling-pattern = \"yyyy-ww\"");
        assert!(matches!(weekly, Err(ConfigError::Syntax { .. })));
    }
}
