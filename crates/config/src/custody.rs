//! `[custody]`: where new private keys are kept.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::error::ConfigError;

/// Where new private keys are kept.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case", default)]
pub struct CustodyConfig {
    /// Every key that has no field of its own here.
    pub default: CustodyName,
    /// Keys that sign for the namespace.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub namespace: Option<CustodyName>,
    /// Keys that authenticate to sequencers.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sequencer_auth: Option<CustodyName>,
    /// Keys that sign protocol messages.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub protocol: Option<CustodyName>,
    /// Encryption keys.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub encryption: Option<CustodyName>,
    /// How keys of custody `envelope` are sealed.
    pub sealing: SealingName,
    /// The KMS that makes new keys of custody `external`, by its name; none takes the first that holds keys.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub external_kms: Option<String>,
    /// How long a key that left the vault stays in a KMS that destroys at once when it is told to; until then it can be kept. `0s`
    /// does not wait.
    #[serde(
        skip_serializing_if = "Option::is_none",
        with = "crate::duration::optional"
    )]
    pub destroy_after: Option<Duration>,
    /// Sealed keys whose custody is `clear` are stored readable at the next start. Without this they stay sealed.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub reverted: bool,
}

impl CustodyConfig {
    pub(crate) fn validate(&self) -> Result<(), ConfigError> {
        let named = [
            Some(self.default),
            self.namespace,
            self.sequencer_auth,
            self.protocol,
            self.encryption,
        ];
        // Whoever says that keys shall be readable says which: half of it alone may be a mistake.
        if self.reverted && !named.contains(&Some(CustodyName::Clear)) {
            return Err(ConfigError::BadValue {
                section: "custody",
                field: "reverted",
                expected: "true only beside a custody 'clear', for the keys that are to be readable",
            });
        }
        Ok(())
    }
}

/// A custody, by name.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum CustodyName {
    /// Readable in the database. It protects nothing.
    Clear,
    /// Sealed in the database; a wrapper key in a KMS opens it.
    #[default]
    Envelope,
    /// In a KMS, which signs and decrypts.
    External,
}

impl CustodyName {
    /// The name, as in the file.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Clear => "clear",
            Self::Envelope => "envelope",
            Self::External => "external",
        }
    }
}

/// A way of sealing, by name.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum SealingName {
    /// Under the vault's data key: one KMS call opens the vault.
    #[default]
    DataKey,
    /// By the KMS itself: one KMS call, audited there, for each key.
    Direct,
}
