//! `[custody]`: where new private keys are kept.

use serde::{Deserialize, Serialize};

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
