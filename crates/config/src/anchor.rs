//! `[anchor]`: a second anchor, in a tag of a wrapper key.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::{
    duration,
    error::ConfigError,
    kms::{KmsConfig, KmsProviderConfig},
};

/// A second anchor beside the file that `[vault]` names, or instead of it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case", default)]
pub struct AnchorConfig {
    /// The name of the KMS that wraps the vault's data key: a tag of its wrapper key holds the newest checkpoint. None: there
    /// is no such anchor.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub kms_tag: Option<String>,
    /// How often the tag is written at most while commits happen, with its unit; zero: when the vault is closed, and at acts
    /// that need it, only.
    #[serde(with = "duration")]
    pub kms_tag_every: Duration,
}

impl Default for AnchorConfig {
    fn default() -> Self {
        Self {
            kms_tag: None,
            kms_tag_every: Duration::from_secs(3600),
        }
    }
}

impl AnchorConfig {
    pub(crate) fn validate(&self, kms: &[KmsConfig]) -> Result<(), ConfigError> {
        let bad = |field, expected| ConfigError::BadValue {
            section: "anchor",
            field,
            expected,
        };
        let keeps_tags = |kms: &KmsConfig| {
            matches!(
                kms.provider,
                KmsProviderConfig::Aws(_) | KmsProviderConfig::Gcp(_) | KmsProviderConfig::Local(_)
            )
        };
        if let Some(name) = &self.kms_tag
            && !kms.iter().any(|kms| kms.name == *name && keeps_tags(kms))
        {
            let expected = "the name of a [[kms]] section of the type aws, gcp or local";
            return Err(bad("kms-tag", expected));
        }
        // Each writing is paid for, so seconds are refused as the slip that they are.
        let allowed = Duration::from_secs(60)..=Duration::from_secs(366 * 86_400);
        let every = self.kms_tag_every;
        if every.is_zero() || allowed.contains(&every) {
            return Ok(());
        }
        let expected = "a duration from a minute to a year, such as '1h', or '0s' for never";
        Err(bad("kms-tag-every", expected))
    }
}

#[cfg(test)]
mod tests {
    use crate::{Config, EXAMPLE};

    fn refusal(section: &str) -> Option<String> {
        let example = EXAMPLE.replace("[anchor]", "[ignored]");
        let begin = example.find("[ignored]").unwrap();
        let end = example[begin + 1..]
            .find("\n[")
            .map_or(example.len(), |end| begin + 1 + end);
        let text = format!("{}{section}{}", &example[..begin], &example[end..]);
        Config::parse(&text).err().map(|error| error.to_string())
    }

    #[test]
    fn a_tag_is_kept_by_a_configured_kms_that_keeps_tags() {
        assert_eq!(refusal(""), None);
        assert_eq!(refusal("[anchor]\nkms-tag = \"local\"\n"), None);
        let wrong = "kms-tag = \"nowhere\"";
        let refused = refusal(&format!("[anchor]\n{wrong}\n")).unwrap();
        assert!(refused.contains("kms-tag"), "{refused}");
    }

    #[test]
    fn writing_a_tag_every_second_is_a_slip_and_never_is_a_choice() {
        let every = |text: &str| refusal(&format!("[anchor]\nkms-tag-every = \"{text}\"\n"));
        for fine in ["0s", "1m", "1h", "8784h"] {
            assert_eq!(every(fine), None, "{fine}");
        }
        for wrong in ["1s", "59s", "8785h"] {
            assert!(every(wrong).unwrap().contains("kms-tag-every"), "{wrong}");
        }
    }
}
