//! A driver as a holder of wrapper keys.

use async_trait::async_trait;
use strongroom_kms::{
    KeyState, KeyWrapper, KmsError, KmsKeyId, KmsOperation, MAX_CIPHERTEXT_BYTES,
    MAX_PLAINTEXT_BYTES, WrapContext, WrappedKey, WrapperKeyRequest, check_size,
};
use strongroom_memory::SecretBytes;

use crate::contract::{
    DecryptRequest, EncryptRequest, EncryptResponse, GenerateWrapperKeyRequest, KeyRole, Pair,
    RewrapRequest,
};
use crate::driver_kms::{DriverKms, answer, label, made_key, request, tags};
use crate::limits::check_answer;

#[async_trait]
impl KeyWrapper for DriverKms {
    async fn generate_wrapper_key(&self, wanted: &WrapperKeyRequest) -> Result<KmsKeyId, KmsError> {
        let operation = KmsOperation::GenerateWrapperKey;
        let asked = request(
            operation,
            GenerateWrapperKeyRequest {
                label: label(wanted.label.as_ref()),
                tags: tags(&wanted.tags),
                multi_region: wanted.multi_region,
            },
        )?;
        let made = self.client().generate_wrapper_key(asked).await;
        made_key(operation, made)
    }

    async fn wrapper_key_state(&self, wrapper_key: &KmsKeyId) -> Result<KeyState, KmsError> {
        let operation = KmsOperation::WrapperKeyState;
        self.state_as(KeyRole::Wrapper, operation, wrapper_key)
            .await
    }

    async fn wrap_key(
        &self,
        wrapper_key: &KmsKeyId,
        context: &WrapContext,
        key: &SecretBytes,
    ) -> Result<WrappedKey, KmsError> {
        let operation = KmsOperation::WrapKey;
        check_size(operation, key.len(), self.can().max_wrap_bytes)?;
        let asked = request(
            operation,
            EncryptRequest {
                wrapper_key_id: wrapper_key.to_string(),
                context: pairs(context),
                // EXPOSE: the key travels to the driver; the message wipes its copy.
                plaintext: key.expose().to_vec(),
            },
        )?;
        let made = self.client().encrypt(asked).await;
        let made = answer(operation, Some(wrapper_key), made)?;
        wrapped(operation, wrapper_key, made)
    }

    async fn unwrap_key(
        &self,
        wrapped: &WrappedKey,
        context: &WrapContext,
    ) -> Result<SecretBytes, KmsError> {
        let operation = KmsOperation::UnwrapKey;
        check_size(operation, wrapped.ciphertext.len(), MAX_CIPHERTEXT_BYTES)?;
        let asked = request(
            operation,
            DecryptRequest {
                wrapper_key_id: wrapped.wrapper_key_id.to_string(),
                context: pairs(context),
                ciphertext: wrapped.ciphertext.clone(),
            },
        )?;
        let opened = self.client().decrypt(asked).await;
        let mut opened = answer(operation, Some(&wrapped.wrapper_key_id), opened)?;
        let sizes = 0..=MAX_PLAINTEXT_BYTES;
        check_answer(operation, "plaintext", &opened.plaintext, sizes)?;
        Ok(SecretBytes::take(std::mem::take(&mut opened.plaintext)))
    }

    async fn rewrap_key(
        &self,
        old: &WrappedKey,
        context: &WrapContext,
        new_wrapper_key: &KmsKeyId,
    ) -> Result<WrappedKey, KmsError> {
        let operation = KmsOperation::RewrapKey;
        check_size(operation, old.ciphertext.len(), MAX_CIPHERTEXT_BYTES)?;
        let asked = request(
            operation,
            RewrapRequest {
                wrapper_key_id: old.wrapper_key_id.to_string(),
                context: pairs(context),
                ciphertext: old.ciphertext.clone(),
                new_wrapper_key_id: new_wrapper_key.to_string(),
            },
        )?;
        // Which of both keys an error is about only the driver knows, and says.
        let made = answer(operation, None, self.client().rewrap(asked).await)?;
        wrapped(operation, new_wrapper_key, made)
    }
}

fn wrapped(
    operation: KmsOperation,
    wrapper_key: &KmsKeyId,
    made: EncryptResponse,
) -> Result<WrappedKey, KmsError> {
    let sizes = 1..=MAX_CIPHERTEXT_BYTES;
    check_answer(operation, "ciphertext", &made.ciphertext, sizes)?;
    Ok(WrappedKey {
        wrapper_key_id: wrapper_key.clone(),
        ciphertext: made.ciphertext,
    })
}

fn pairs(context: &WrapContext) -> Vec<Pair> {
    let pair = |(name, value): (&str, &str)| Pair {
        name: name.to_owned(),
        value: value.to_owned(),
    };
    context.pairs().map(pair).collect()
}
