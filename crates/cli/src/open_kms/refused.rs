//! A configured KMS that could not be opened, in a vault that others may open.

use std::sync::Arc;

use async_trait::async_trait;
use strongroom_config::KmsProviderConfig;
use strongroom_crypto::{EncryptionKeySpec, KeySpec, SecretBytes, SigningKeySpec};
use strongroom_errors::{Coded, ErrorCode};
use strongroom_kms::{
    Capabilities, ExternalKeyRequest, ExternalKeys, ExternalPublicKey, FoundKey, KeyFinder,
    KeyState, KeyTags, KeyWrapper, KmsError, KmsHealth, KmsKeyId, KmsProvider, WrapContext,
    WrappedKey, WrapperKeyRequest,
};

use crate::failure;

/// A configured KMS that could not be opened.
pub(crate) struct RefusedKms {
    pub(crate) name: String,
    /// As it is configured.
    pub(crate) config: KmsProviderConfig,
    pub(crate) error: anyhow::Error,
}

impl RefusedKms {
    /// What stands in its place: it answers every call with the reason.
    pub(super) fn stand_in(&self) -> Silent {
        let unavailable = || {
            let source = "it could not be opened".into();
            KmsError::Unavailable { source }.code()
        };
        let reason = NotOpened {
            code: failure::code_of(&self.error).unwrap_or_else(unavailable),
            reason: format!("{:#}", self.error),
        };
        // What it could do is not known: a key that it holds shall hear why it is not there.
        let mut capabilities = Capabilities {
            wrapper_keys: true,
            ..Capabilities::none(self.config.kind())
        };
        if !matches!(self.config, KmsProviderConfig::Recovery(_)) {
            capabilities.signing_specs = SigningKeySpec::ALL.to_vec();
            capabilities.encryption_specs = EncryptionKeySpec::ALL.to_vec();
            capabilities.import_specs = KeySpec::ALL.to_vec();
            capabilities.tags_keys = true;
        }
        Silent {
            reason,
            capabilities,
        }
    }
}

/// Answers every call with the reason why it could not be opened.
#[derive(Clone, Debug)]
pub(super) struct Silent {
    reason: NotOpened,
    capabilities: Capabilities,
}

#[derive(Clone, Debug, thiserror::Error)]
#[error("it could not be opened: {reason}")]
struct NotOpened {
    code: ErrorCode,
    reason: String,
}

impl Coded for NotOpened {
    fn code(&self) -> ErrorCode {
        self.code
    }
}

impl Silent {
    fn refuse<T>(&self) -> Result<T, KmsError> {
        Err(KmsError::provider(self.reason.clone()))
    }

    fn failed(&self) -> KmsHealth {
        KmsHealth::Failed {
            reason: self.reason.to_string(),
        }
    }
}

#[async_trait]
impl KmsProvider for Silent {
    fn capabilities(&self) -> &Capabilities {
        &self.capabilities
    }

    fn key_wrapper(&self) -> Option<Arc<dyn KeyWrapper>> {
        Some(Arc::new(self.clone()))
    }

    fn external_keys(&self) -> Option<Arc<dyn ExternalKeys>> {
        let holds_keys = !self.capabilities.signing_specs.is_empty();
        holds_keys.then(|| Arc::new(self.clone()) as Arc<dyn ExternalKeys>)
    }

    fn key_finder(&self) -> Option<Arc<dyn KeyFinder>> {
        Some(Arc::new(self.clone()))
    }

    fn key_tags(&self) -> Option<Arc<dyn KeyTags>> {
        let keeps_tags = self.capabilities.tags_keys;
        keeps_tags.then(|| Arc::new(self.clone()) as Arc<dyn KeyTags>)
    }

    async fn health(&self) -> KmsHealth {
        self.failed()
    }
}

#[async_trait]
impl KeyFinder for Silent {
    async fn find_keys(&self, _name: &str, _value: &str) -> Result<Vec<FoundKey>, KmsError> {
        self.refuse()
    }
}

#[async_trait]
impl KeyTags for Silent {
    async fn tag(&self, _key: &KmsKeyId, _name: &str) -> Result<Option<String>, KmsError> {
        self.refuse()
    }

    async fn set_tag(&self, _key: &KmsKeyId, _name: &str, _value: &str) -> Result<(), KmsError> {
        self.refuse()
    }
}

#[async_trait]
impl ExternalKeys for Silent {
    async fn generate_signing_key(
        &self,
        _spec: SigningKeySpec,
        _request: &ExternalKeyRequest,
    ) -> Result<KmsKeyId, KmsError> {
        self.refuse()
    }

    async fn generate_encryption_key(
        &self,
        _spec: EncryptionKeySpec,
        _request: &ExternalKeyRequest,
    ) -> Result<KmsKeyId, KmsError> {
        self.refuse()
    }

    async fn import_key(
        &self,
        _spec: KeySpec,
        _private_key: &SecretBytes,
        _request: &ExternalKeyRequest,
    ) -> Result<KmsKeyId, KmsError> {
        self.refuse()
    }

    async fn key_state(&self, _key: &KmsKeyId) -> Result<KeyState, KmsError> {
        self.refuse()
    }

    async fn public_key(&self, _key: &KmsKeyId) -> Result<ExternalPublicKey, KmsError> {
        self.refuse()
    }

    async fn sign(
        &self,
        _key: &KmsKeyId,
        _spec: SigningKeySpec,
        _message: &[u8],
    ) -> Result<Vec<u8>, KmsError> {
        self.refuse()
    }

    async fn decrypt(
        &self,
        _key: &KmsKeyId,
        _spec: EncryptionKeySpec,
        _ciphertext: &[u8],
    ) -> Result<SecretBytes, KmsError> {
        self.refuse()
    }

    async fn delete_key(&self, _key: &KmsKeyId) -> Result<(), KmsError> {
        self.refuse()
    }
}

#[async_trait]
impl KeyWrapper for Silent {
    async fn generate_wrapper_key(
        &self,
        _request: &WrapperKeyRequest,
    ) -> Result<KmsKeyId, KmsError> {
        self.refuse()
    }

    async fn wrapper_key_state(&self, _wrapper_key: &KmsKeyId) -> Result<KeyState, KmsError> {
        self.refuse()
    }

    async fn wrap_key(
        &self,
        _wrapper_key: &KmsKeyId,
        _context: &WrapContext,
        _key: &SecretBytes,
    ) -> Result<WrappedKey, KmsError> {
        self.refuse()
    }

    async fn unwrap_key(
        &self,
        _wrapped: &WrappedKey,
        _context: &WrapContext,
    ) -> Result<SecretBytes, KmsError> {
        self.refuse()
    }

    async fn rewrap_key(
        &self,
        _wrapped: &WrappedKey,
        _context: &WrapContext,
        _new_wrapper_key: &KmsKeyId,
    ) -> Result<WrappedKey, KmsError> {
        self.refuse()
    }

    fn seen(&self) -> KmsHealth {
        self.failed()
    }
}
