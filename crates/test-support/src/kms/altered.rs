//! A KMS that does something otherwise than the one behind it.

use std::{fmt::Debug, sync::Arc};

use async_trait::async_trait;
use strongroom_crypto::{EncryptionKeySpec, KeySpec, SecretBytes, SigningKeySpec, Timestamp};
use strongroom_kms::{
    Capabilities, ExternalKeyRequest, ExternalKeys, ExternalPublicKey, KeyFinder, KeyState,
    KeyTags, KeyWrapper, KmsError, KmsHealth, KmsKeyId, KmsProvider, WrapContext, WrappedKey,
    WrapperKeyRequest,
};

/// What is otherwise; what is left out is as in the KMS behind it. What fails or takes its time is a
/// [`Policy`](strongroom_kms::Policy): those see no payload, and change none.
pub trait Alteration: Debug + Send + Sync + 'static {
    /// What it says that it can do.
    fn capabilities(&self, there: Capabilities) -> Capabilities {
        there
    }

    /// How it says that it feels.
    fn health(&self, there: KmsHealth) -> KmsHealth {
        there
    }

    /// Whether it finds keys by their tags.
    fn finds_keys(&self) -> bool {
        true
    }

    /// Whether it opens what its wrapper keys have wrapped.
    fn unwraps(&self) -> bool {
        true
    }

    /// What it says was wrapped.
    fn unwrapped(&self, _context: &WrapContext, key: SecretBytes) -> SecretBytes {
        key
    }

    /// The external key that it shows and uses when it is asked for this one.
    fn key_in_place_of(&self, key: &KmsKeyId) -> KmsKeyId {
        key.clone()
    }

    /// The key whose tags it has when it is asked for those of this one.
    fn tagged_in_place_of(&self, key: &KmsKeyId) -> KmsKeyId {
        key.clone()
    }

    /// The key that signs when this one is asked to.
    fn signs_with(&self, key: &KmsKeyId, _spec: SigningKeySpec) -> KmsKeyId {
        self.key_in_place_of(key)
    }

    /// What it says that it decrypted.
    fn decrypted(&self, plaintext: SecretBytes) -> SecretBytes {
        plaintext
    }
}

/// A provider with an [`Alteration`]. Clones share it.
#[derive(Debug)]
pub struct AlteredKms<A> {
    kms: Arc<dyn KmsProvider>,
    capabilities: Capabilities,
    alteration: Arc<A>,
}

impl<A> Clone for AlteredKms<A> {
    fn clone(&self) -> Self {
        Self {
            kms: Arc::clone(&self.kms),
            capabilities: self.capabilities.clone(),
            alteration: Arc::clone(&self.alteration),
        }
    }
}

impl<A: Alteration> AlteredKms<A> {
    /// Does what `kms` does, but for the alteration.
    #[must_use]
    pub fn around(kms: Arc<dyn KmsProvider>, alteration: A) -> Self {
        Self {
            capabilities: alteration.capabilities(kms.capabilities().clone()),
            alteration: Arc::new(alteration),
            kms,
        }
    }

    /// What is otherwise.
    #[must_use]
    pub fn alteration(&self) -> &A {
        &self.alteration
    }
}

#[async_trait]
impl<A: Alteration> KmsProvider for AlteredKms<A> {
    fn capabilities(&self) -> &Capabilities {
        &self.capabilities
    }

    fn key_wrapper(&self) -> Option<Arc<dyn KeyWrapper>> {
        Some(Arc::new(Altered {
            role: self.kms.key_wrapper()?,
            alteration: Arc::clone(&self.alteration),
        }))
    }

    fn external_keys(&self) -> Option<Arc<dyn ExternalKeys>> {
        Some(Arc::new(Altered {
            role: self.kms.external_keys()?,
            alteration: Arc::clone(&self.alteration),
        }))
    }

    fn key_finder(&self) -> Option<Arc<dyn KeyFinder>> {
        let finder = self.kms.key_finder();
        finder.filter(|_finder| self.alteration.finds_keys())
    }

    fn key_tags(&self) -> Option<Arc<dyn KeyTags>> {
        Some(Arc::new(Altered {
            role: self.kms.key_tags()?,
            alteration: Arc::clone(&self.alteration),
        }))
    }

    async fn health(&self) -> KmsHealth {
        self.alteration.health(self.kms.health().await)
    }
}

/// One role of it.
#[derive(Debug)]
struct Altered<R: ?Sized, A> {
    alteration: Arc<A>,
    role: Arc<R>,
}

#[async_trait]
impl<A: Alteration> KeyWrapper for Altered<dyn KeyWrapper, A> {
    async fn generate_wrapper_key(
        &self,
        request: &WrapperKeyRequest,
    ) -> Result<KmsKeyId, KmsError> {
        self.role.generate_wrapper_key(request).await
    }

    async fn wrapper_key_state(&self, wrapper_key: &KmsKeyId) -> Result<KeyState, KmsError> {
        self.role.wrapper_key_state(wrapper_key).await
    }

    async fn wrap_key(
        &self,
        wrapper_key: &KmsKeyId,
        context: &WrapContext,
        key: &SecretBytes,
    ) -> Result<WrappedKey, KmsError> {
        self.role.wrap_key(wrapper_key, context, key).await
    }

    async fn unwrap_key(
        &self,
        wrapped: &WrappedKey,
        context: &WrapContext,
    ) -> Result<SecretBytes, KmsError> {
        assert!(self.unwraps(), "nobody was to ask it to open anything");
        let key = self.role.unwrap_key(wrapped, context).await?;
        Ok(self.alteration.unwrapped(context, key))
    }

    async fn rewrap_key(
        &self,
        wrapped: &WrappedKey,
        context: &WrapContext,
        new_wrapper_key: &KmsKeyId,
    ) -> Result<WrappedKey, KmsError> {
        assert!(self.unwraps(), "nobody was to ask it to open anything");
        let rewrapped = self.role.rewrap_key(wrapped, context, new_wrapper_key);
        rewrapped.await
    }

    async fn rotated_at(&self, wrapper_key: &KmsKeyId) -> Result<Option<Timestamp>, KmsError> {
        self.role.rotated_at(wrapper_key).await
    }

    fn unwraps(&self) -> bool {
        self.alteration.unwraps()
    }

    fn seen(&self) -> KmsHealth {
        self.role.seen()
    }
}

#[async_trait]
impl<A: Alteration> ExternalKeys for Altered<dyn ExternalKeys, A> {
    async fn generate_signing_key(
        &self,
        spec: SigningKeySpec,
        request: &ExternalKeyRequest,
    ) -> Result<KmsKeyId, KmsError> {
        self.role.generate_signing_key(spec, request).await
    }

    async fn generate_encryption_key(
        &self,
        spec: EncryptionKeySpec,
        request: &ExternalKeyRequest,
    ) -> Result<KmsKeyId, KmsError> {
        self.role.generate_encryption_key(spec, request).await
    }

    async fn import_key(
        &self,
        spec: KeySpec,
        private_key: &SecretBytes,
        request: &ExternalKeyRequest,
    ) -> Result<KmsKeyId, KmsError> {
        self.role.import_key(spec, private_key, request).await
    }

    async fn key_state(&self, key: &KmsKeyId) -> Result<KeyState, KmsError> {
        let key = self.alteration.key_in_place_of(key);
        self.role.key_state(&key).await
    }

    async fn complete_id(&self, key: &KmsKeyId) -> Result<KmsKeyId, KmsError> {
        self.role.complete_id(key).await
    }

    async fn public_key(&self, key: &KmsKeyId) -> Result<ExternalPublicKey, KmsError> {
        let key = self.alteration.key_in_place_of(key);
        self.role.public_key(&key).await
    }

    async fn sign(
        &self,
        key: &KmsKeyId,
        spec: SigningKeySpec,
        message: &[u8],
    ) -> Result<Vec<u8>, KmsError> {
        let key = self.alteration.signs_with(key, spec);
        self.role.sign(&key, spec, message).await
    }

    async fn decrypt(
        &self,
        key: &KmsKeyId,
        spec: EncryptionKeySpec,
        ciphertext: &[u8],
    ) -> Result<SecretBytes, KmsError> {
        let key = self.alteration.key_in_place_of(key);
        let plaintext = self.role.decrypt(&key, spec, ciphertext).await?;
        Ok(self.alteration.decrypted(plaintext))
    }

    async fn delete_key(&self, key: &KmsKeyId) -> Result<(), KmsError> {
        self.role.delete_key(key).await
    }
}

#[async_trait]
impl<A: Alteration> KeyTags for Altered<dyn KeyTags, A> {
    async fn tag(&self, key: &KmsKeyId, name: &str) -> Result<Option<String>, KmsError> {
        let key = self.alteration.tagged_in_place_of(key);
        self.role.tag(&key, name).await
    }

    async fn set_tag(&self, key: &KmsKeyId, name: &str, value: &str) -> Result<(), KmsError> {
        let key = self.alteration.tagged_in_place_of(key);
        self.role.set_tag(&key, name, value).await
    }
}
