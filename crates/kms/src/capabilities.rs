//! What a provider can do.

use strongroom_crypto::{EncryptionKeySpec, KeySpec, SigningKeySpec};

use crate::error::KmsError;
use crate::provider::{MAX_MESSAGE_BYTES, MAX_PLAINTEXT_BYTES};

/// What a provider can do, known before the first use: the caller checks here instead of trying and failing.
///
/// Build it from [`Self::none`] with a struct update, so that a later field finds its provider unable.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Capabilities {
    /// The kind of KMS for people and logs: `local`, `aws`, the configured name of a driver.
    pub provider: String,
    /// It offers a [`KeyWrapper`](crate::KeyWrapper).
    pub wrapper_keys: bool,
    /// It can make wrapper keys that a second region can use too.
    pub multi_region: bool,
    /// [`KeyWrapper::rewrap_key`](crate::KeyWrapper::rewrap_key) happens inside the KMS: the key is not seen here.
    pub rewraps_inside: bool,
    /// The largest key that can be wrapped, in bytes.
    pub max_wrap_bytes: usize,
    /// Signing keys that [`ExternalKeys`](crate::ExternalKeys) can hold; empty: none.
    pub signing_specs: Vec<SigningKeySpec>,
    /// Encryption keys that [`ExternalKeys`](crate::ExternalKeys) can hold; empty: none.
    pub encryption_specs: Vec<EncryptionKeySpec>,
    /// Private keys that [`ExternalKeys::import_key`](crate::ExternalKeys::import_key) takes in; empty: none. It holds
    /// each of them.
    pub import_specs: Vec<KeySpec>,
    /// It keeps tags of keys: it offers [`KeyTags`](crate::KeyTags).
    pub tags_keys: bool,
    /// [`ExternalKeys::delete_key`](crate::ExternalKeys::delete_key) destroys nothing for some days, in which the KMS can be told
    /// to keep the key.
    pub delays_deletion: bool,
    /// The largest message that can be signed, in bytes.
    pub max_message_bytes: usize,
}

impl Capabilities {
    /// A provider that can do nothing yet, with the limits that all KMSs share.
    #[must_use]
    pub fn none(provider: impl Into<String>) -> Self {
        Self {
            provider: provider.into(),
            wrapper_keys: false,
            multi_region: false,
            rewraps_inside: false,
            max_wrap_bytes: MAX_PLAINTEXT_BYTES,
            signing_specs: Vec::new(),
            encryption_specs: Vec::new(),
            import_specs: Vec::new(),
            tags_keys: false,
            delays_deletion: false,
            max_message_bytes: MAX_MESSAGE_BYTES,
        }
    }

    /// What is said of keys of a spec that it cannot hold.
    #[must_use]
    pub fn unsupported(&self, spec: impl Into<KeySpec>) -> KmsError {
        KmsError::UnsupportedSpec {
            provider: self.provider.clone(),
            spec: spec.into(),
        }
    }

    /// Whether it takes in private keys of this spec.
    #[must_use]
    pub fn imports(&self, spec: KeySpec) -> bool {
        self.import_specs.contains(&spec)
    }

    /// Whether it can hold keys of this spec.
    #[must_use]
    pub fn holds(&self, spec: KeySpec) -> bool {
        match spec {
            KeySpec::Signing(spec) => self.signing_specs.contains(&spec),
            KeySpec::Encryption(spec) => self.encryption_specs.contains(&spec),
        }
    }
}
