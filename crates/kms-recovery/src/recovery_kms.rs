use std::{fmt, iter, sync::Arc};

use age::{Decryptor, Identity};
use async_trait::async_trait;
use strongroom_crypto::HashBuilder;
use strongroom_kms::{
    Capabilities, ExternalKeys, FoundKey, KeyFinder, KeyState, KeyWrapper, KmsError, KmsHealth,
    KmsKeyId, KmsOperation, KmsProvider, MAX_CIPHERTEXT_BYTES, MAX_PLAINTEXT_BYTES, WrapContext,
    WrappedKey, WrapperKeyRequest, check_size, rewrap_outside,
};
use strongroom_memory::{SecretBytes, SecretWriter};

use crate::{Recipient, RecoveryError, RecoveryKey, read};

/// The first byte of what is encrypted.
const VERSION: u8 = 1;
/// Version and digest of the context.
const HEAD_BYTES: usize = 1 + 32;

/// Wraps under a recovery key; its one wrapper key has the recipient as its id. Clones share the private half.
///
/// A wrap is an age file of `01 ‖ SHA-256 of the wrap context(32) ‖ key`: age binds no context of ours, so what binds it is
/// inside, where nobody changes it without knowing the key.
#[derive(Clone)]
pub struct RecoveryKms {
    recipient: Recipient,
    key: Option<Arc<RecoveryKey>>,
    capabilities: Capabilities,
}

impl fmt::Debug for RecoveryKms {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RecoveryKms")
            .field("recipient", &self.recipient)
            .field("online", &self.key.is_some())
            .finish_non_exhaustive()
    }
}

impl RecoveryKms {
    /// It wraps, and unwraps nothing.
    #[must_use]
    pub fn offline(recipient: Recipient) -> Self {
        Self {
            recipient,
            key: None,
            capabilities: Capabilities {
                wrapper_keys: true,
                ..Capabilities::none("recovery")
            },
        }
    }

    /// It unwraps as well, for as long as it lives.
    ///
    /// # Errors
    /// [`RecoveryError::OtherKey`] if the halves do not fit.
    pub fn with_key(recipient: Recipient, key: RecoveryKey) -> Result<Self, RecoveryError> {
        key.expect(&recipient)?;
        Ok(Self {
            key: Some(Arc::new(key)),
            ..Self::offline(recipient)
        })
    }

    /// The id of its one wrapper key.
    ///
    /// # Errors
    /// None that happens: recipients are short and plain.
    pub fn key_id(&self) -> Result<KmsKeyId, RecoveryError> {
        Ok(KmsKeyId::try_new(self.recipient.to_string())?)
    }

    fn check(&self, id: &KmsKeyId) -> Result<(), KmsError> {
        if id.as_str() == self.recipient.to_string() {
            Ok(())
        } else {
            Err(KmsError::KeyNotFound { id: id.clone() })
        }
    }

    fn decrypt(&self, ciphertext: &[u8]) -> Result<Option<SecretBytes>, KmsError> {
        let Some(key) = &self.key else {
            let recipient = self.recipient.to_string();
            return Err(KmsError::provider(RecoveryError::Offline { recipient }));
        };
        let identity: &dyn Identity = key.identity();
        let Ok(decryptor) = Decryptor::new(ciphertext) else {
            return Ok(None);
        };
        let Ok(mut reader) = decryptor.decrypt(iter::once(identity)) else {
            return Ok(None);
        };
        // The ciphertext is longer than what is in it.
        Ok(read::to_end(&mut reader, ciphertext.len()).ok())
    }
}

fn digest(context: &WrapContext) -> [u8; 32] {
    let hash = HashBuilder::without_purpose().raw(&context.to_bytes());
    *hash.finish().as_bytes()
}

/// What was wrapped, if it was wrapped under this context.
fn unseal(opened: &SecretBytes, context: &WrapContext) -> Option<SecretBytes> {
    // EXPOSE: the key leaves in a memory of its own.
    let (version, rest) = opened.expose().split_first()?;
    let (found, key) = rest.split_first_chunk::<32>()?;
    (*version == VERSION && *found == digest(context)).then(|| SecretBytes::from_slice(key))
}

#[async_trait]
impl KmsProvider for RecoveryKms {
    fn capabilities(&self) -> &Capabilities {
        &self.capabilities
    }

    fn key_wrapper(&self) -> Option<Arc<dyn KeyWrapper>> {
        Some(Arc::new(self.clone()))
    }

    fn external_keys(&self) -> Option<Arc<dyn ExternalKeys>> {
        None
    }

    /// There are none to be found: keys are not made here.
    fn key_finder(&self) -> Option<Arc<dyn KeyFinder>> {
        Some(Arc::new(self.clone()))
    }

    async fn health(&self) -> KmsHealth {
        KmsHealth::Ok
    }
}

#[async_trait]
impl KeyFinder for RecoveryKms {
    async fn find_keys(&self, _name: &str, _value: &str) -> Result<Vec<FoundKey>, KmsError> {
        Ok(Vec::new())
    }
}

#[async_trait]
impl KeyWrapper for RecoveryKms {
    /// The one that there is: it was made elsewhere, where its private half stays.
    async fn generate_wrapper_key(
        &self,
        request: &WrapperKeyRequest,
    ) -> Result<KmsKeyId, KmsError> {
        if request.multi_region {
            return Err(KmsError::UnsupportedRequest {
                provider: self.capabilities.provider.clone(),
                property: "multi-region",
            });
        }
        self.key_id().map_err(KmsError::provider)
    }

    async fn wrapper_key_state(&self, wrapper_key: &KmsKeyId) -> Result<KeyState, KmsError> {
        self.check(wrapper_key)?;
        Ok(KeyState::Enabled)
    }

    async fn wrap_key(
        &self,
        wrapper_key: &KmsKeyId,
        context: &WrapContext,
        key: &SecretBytes,
    ) -> Result<WrappedKey, KmsError> {
        self.check(wrapper_key)?;
        check_size(KmsOperation::WrapKey, key.len(), MAX_PLAINTEXT_BYTES)?;
        let mut sealed = SecretWriter::with_capacity(HEAD_BYTES + key.len());
        sealed.push(&[VERSION]);
        sealed.push(&digest(context));
        // EXPOSE: it is encrypted.
        sealed.push(key.expose());
        let sealed = sealed.finish();
        // EXPOSE: this is the encryption.
        let ciphertext = age::encrypt(self.recipient.as_age(), sealed.expose())
            .map_err(|error| KmsError::provider(RecoveryError::Encrypt(error.into())))?;
        Ok(WrappedKey {
            wrapper_key_id: wrapper_key.clone(),
            ciphertext,
        })
    }

    async fn unwrap_key(
        &self,
        wrapped: &WrappedKey,
        context: &WrapContext,
    ) -> Result<SecretBytes, KmsError> {
        let id = &wrapped.wrapper_key_id;
        self.check(id)?;
        let length = wrapped.ciphertext.len();
        check_size(KmsOperation::UnwrapKey, length, MAX_CIPHERTEXT_BYTES)?;
        let opened = self.decrypt(&wrapped.ciphertext)?;
        opened
            .and_then(|opened| unseal(&opened, context))
            .ok_or_else(|| KmsError::UnwrapFailed { id: id.clone() })
    }

    async fn rewrap_key(
        &self,
        wrapped: &WrappedKey,
        context: &WrapContext,
        new_wrapper_key: &KmsKeyId,
    ) -> Result<WrappedKey, KmsError> {
        rewrap_outside(self, wrapped, context, new_wrapper_key).await
    }

    fn unwraps(&self) -> bool {
        self.key.is_some()
    }
}
