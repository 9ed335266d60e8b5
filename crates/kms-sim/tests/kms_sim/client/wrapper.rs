//! The role of a wrapper.

use async_trait::async_trait;
use data_encoding::BASE64;
use serde_json::{Map, Value, json};
use strongroom_kms::{
    KeyState, KeyWrapper, KmsError, KmsKeyId, KmsOperation, MAX_CIPHERTEXT_BYTES,
    MAX_PLAINTEXT_BYTES, WrapContext, WrappedKey, WrapperKeyRequest, check_size,
};
use strongroom_memory::SecretBytes;

use super::{Client, tags};

fn pairs(context: &WrapContext) -> Map<String, Value> {
    let pairs = context.pairs();
    pairs
        .map(|(name, value)| (name.to_owned(), json!(value)))
        .collect()
}

fn bytes(value: &Value) -> Vec<u8> {
    BASE64.decode(value.as_str().unwrap().as_bytes()).unwrap()
}

#[async_trait]
impl KeyWrapper for Client {
    async fn generate_wrapper_key(
        &self,
        request: &WrapperKeyRequest,
    ) -> Result<KmsKeyId, KmsError> {
        let wishes = json!({"Tags": tags(&request.tags), "MultiRegion": request.multi_region});
        self.create(KmsOperation::GenerateWrapperKey, &wishes)
    }

    async fn wrapper_key_state(&self, wrapper_key: &KmsKeyId) -> Result<KeyState, KmsError> {
        let fits = |spec: &str| spec == "SYMMETRIC_DEFAULT";
        let (_, state) = self.described(KmsOperation::WrapperKeyState, wrapper_key, fits)?;
        Ok(state)
    }

    async fn wrap_key(
        &self,
        wrapper_key: &KmsKeyId,
        context: &WrapContext,
        key: &SecretBytes,
    ) -> Result<WrappedKey, KmsError> {
        let operation = KmsOperation::WrapKey;
        check_size(operation, key.len(), MAX_PLAINTEXT_BYTES)?;
        let members = json!({
            "KeyId": wrapper_key.as_str(),
            "Plaintext": BASE64.encode(key.expose()),
            "EncryptionContext": pairs(context),
        });
        let answer = self.ask(operation, Some(wrapper_key), "Encrypt", &members)?;
        Ok(WrappedKey {
            wrapper_key_id: wrapper_key.clone(),
            ciphertext: bytes(&answer["CiphertextBlob"]),
        })
    }

    async fn unwrap_key(
        &self,
        wrapped: &WrappedKey,
        context: &WrapContext,
    ) -> Result<SecretBytes, KmsError> {
        let (operation, id) = (KmsOperation::UnwrapKey, &wrapped.wrapper_key_id);
        check_size(operation, wrapped.ciphertext.len(), MAX_CIPHERTEXT_BYTES)?;
        let members = json!({
            "KeyId": id.as_str(),
            "CiphertextBlob": BASE64.encode(&wrapped.ciphertext),
            "EncryptionContext": pairs(context),
        });
        let answer = self.ask(operation, Some(id), "Decrypt", &members)?;
        Ok(SecretBytes::take(bytes(&answer["Plaintext"])))
    }

    async fn rewrap_key(
        &self,
        wrapped: &WrappedKey,
        context: &WrapContext,
        new_wrapper_key: &KmsKeyId,
    ) -> Result<WrappedKey, KmsError> {
        let old = &wrapped.wrapper_key_id;
        let members = json!({
            "SourceKeyId": old.as_str(),
            "CiphertextBlob": BASE64.encode(&wrapped.ciphertext),
            "SourceEncryptionContext": pairs(context),
            "DestinationKeyId": new_wrapper_key.as_str(),
            "DestinationEncryptionContext": pairs(context),
        });
        let answer = self.ask(KmsOperation::RewrapKey, Some(old), "ReEncrypt", &members)?;
        Ok(WrappedKey {
            wrapper_key_id: new_wrapper_key.clone(),
            ciphertext: bytes(&answer["CiphertextBlob"]),
        })
    }
}
