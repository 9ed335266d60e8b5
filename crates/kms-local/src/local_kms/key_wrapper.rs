//! The local KMS as a wrapper of keys.
//!
//! ```text
//! ciphertext = 01 ‖ version of the wrapper key (4) ‖ DataKey::seal(label, context, key)
//! context    = wrapper key id ‖ version (4) ‖ wrap context                        each but the version after its length
//! ```

use async_trait::async_trait;
use strongroom_crypto::encoding::{Decoder, Encoder};
use strongroom_crypto::{DataKey, Timestamp};
use strongroom_kms::{
    KeyState, KeyWrapper, KmsError, KmsKeyId, KmsOperation, MAX_CIPHERTEXT_BYTES,
    MAX_PLAINTEXT_BYTES, WrapContext, WrappedKey, WrapperKeyRequest, check_size,
};
use strongroom_memory::SecretBytes;

use super::{LocalKms, PROVIDER};
use crate::error::LocalKmsError;
use crate::keyring::{Key, KeyKind, Material, Version};

/// What keys are sealed under (HKDF info).
const LABEL: &str = "strongroom local kms wrap v1";

/// The layout of a ciphertext.
const FORMAT: u8 = 1;

#[async_trait]
impl KeyWrapper for LocalKms {
    async fn generate_wrapper_key(
        &self,
        request: &WrapperKeyRequest,
    ) -> Result<KmsKeyId, KmsError> {
        let WrapperKeyRequest {
            label,
            tags,
            multi_region,
        } = request;
        if *multi_region {
            return Err(KmsError::UnsupportedRequest {
                provider: PROVIDER.to_owned(),
                property: "multi-region",
            });
        }
        self.add_key(KeyKind::Wrapper, label.clone(), tags.clone())
    }

    async fn wrapper_key_state(&self, wrapper_key: &KmsKeyId) -> Result<KeyState, KmsError> {
        let opened = self.opened();
        let key = opened.keyring.known(wrapper_key, self.now())?;
        key.require(KeyKind::Wrapper, KmsOperation::WrapperKeyState)?;
        Ok(key.key_state())
    }

    async fn wrap_key(
        &self,
        wrapper_key: &KmsKeyId,
        context: &WrapContext,
        key: &SecretBytes,
    ) -> Result<WrappedKey, KmsError> {
        check_size(KmsOperation::WrapKey, key.len(), MAX_PLAINTEXT_BYTES)?;
        let opened = self.opened();
        let wrapper = opened.keyring.usable(wrapper_key, self.now())?;
        let (version, data_key) = (
            &wrapper.current,
            wrapping_key(wrapper, &wrapper.current, KmsOperation::WrapKey)?,
        );
        let context = bound_context(wrapper, version, context);
        // EXPOSE: the plaintext of the seal.
        let sealed = data_key
            .seal(LABEL, &context, key.expose(), &*self.shared.random)
            .map_err(LocalKmsError::from)?;
        let mut ciphertext = Encoder::with_capacity(5 + sealed.len());
        ciphertext.byte(FORMAT).int(version.number).raw(&sealed);
        Ok(WrappedKey {
            wrapper_key_id: wrapper_key.clone(),
            ciphertext: ciphertext.into_vec(),
        })
    }

    async fn unwrap_key(
        &self,
        wrapped: &WrappedKey,
        context: &WrapContext,
    ) -> Result<SecretBytes, KmsError> {
        check_size(
            KmsOperation::UnwrapKey,
            wrapped.ciphertext.len(),
            MAX_CIPHERTEXT_BYTES,
        )?;
        let opened = self.opened();
        let wrapper = opened.keyring.usable(&wrapped.wrapper_key_id, self.now())?;
        wrapper.require(KeyKind::Wrapper, KmsOperation::UnwrapKey)?;
        // Whatever is wrong with the ciphertext, the answer is the same.
        open(wrapper, &wrapped.ciphertext, context).ok_or_else(|| KmsError::UnwrapFailed {
            id: wrapper.id.clone(),
        })
    }

    async fn rewrap_key(
        &self,
        wrapped: &WrappedKey,
        context: &WrapContext,
        new_wrapper_key: &KmsKeyId,
    ) -> Result<WrappedKey, KmsError> {
        let key = self.unwrap_key(wrapped, context).await?;
        self.wrap_key(new_wrapper_key, context, &key).await
    }

    async fn rotated_at(&self, wrapper_key: &KmsKeyId) -> Result<Option<Timestamp>, KmsError> {
        let opened = self.opened();
        let key = opened.keyring.known(wrapper_key, self.now())?;
        key.require(KeyKind::Wrapper, KmsOperation::WrapperKeyState)?;
        Ok((!key.former.is_empty()).then(|| key.current.created_at))
    }
}

fn open(wrapper: &Key, ciphertext: &[u8], context: &WrapContext) -> Option<SecretBytes> {
    let mut decoder = Decoder::new(ciphertext);
    if decoder.byte().ok()? != FORMAT {
        return None;
    }
    let version = wrapper.version(decoder.int().ok()?)?;
    let sealed = decoder.raw(decoder.remaining()).ok()?;
    let data_key = wrapping_key(wrapper, version, KmsOperation::UnwrapKey).ok()?;
    data_key
        .open(LABEL, &bound_context(wrapper, version, context), sealed)
        .ok()
}

fn wrapping_key<'a>(
    key: &Key,
    version: &'a Version,
    operation: KmsOperation,
) -> Result<&'a DataKey, KmsError> {
    match &version.material {
        Material::Wrapper(data_key) => Ok(data_key),
        Material::Signing(_) | Material::Encryption(_) => Err(key.wrong_purpose(operation)),
    }
}

/// Binds the wrap to the wrapper key and its version too, beside what the caller binds.
fn bound_context(key: &Key, version: &Version, context: &WrapContext) -> Vec<u8> {
    let mut encoder = Encoder::new();
    encoder
        .string(key.id.as_str())
        .int(version.number)
        .bytes(&context.to_bytes());
    encoder.into_vec()
}
