//! A configured KMS that could not be opened, in a vault that others may open.

use async_trait::async_trait;
use strongroom_config::KmsProviderConfig;
use strongroom_crypto::SecretBytes;
use strongroom_errors::{Coded, ErrorCode};
use strongroom_kms::{
    KeyState, KeyWrapper, KmsError, KmsKeyId, WrapContext, WrappedKey, WrapperKeyRequest,
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
    pub(super) fn wrapper(&self) -> Silent {
        let unavailable = || {
            let source = "it could not be opened".into();
            KmsError::Unavailable { source }.code()
        };
        Silent(NotOpened {
            code: failure::code_of(&self.error).unwrap_or_else(unavailable),
            reason: format!("{:#}", self.error),
        })
    }
}

/// Answers every call with the reason why it could not be opened.
#[derive(Clone, Debug)]
pub(super) struct Silent(NotOpened);

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
        Err(KmsError::provider(self.0.clone()))
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
}
