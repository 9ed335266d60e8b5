//! The role of a holder of keys.

use async_trait::async_trait;
use data_encoding::BASE64;
use serde_json::{Value, json};
use strongroom_crypto::{EncryptionKeySpec, KeySpec, SigningKeySpec};
use strongroom_kms::{
    ExternalKeyRequest, ExternalKeys, ExternalPublicKey, KeyState, KmsError, KmsKeyId,
    KmsOperation, MAX_CIPHERTEXT_BYTES, MAX_MESSAGE_BYTES, check_size,
};
use strongroom_memory::SecretBytes;

use super::{Client, SIGNING, tags};

fn bytes(value: &Value) -> Vec<u8> {
    BASE64.decode(value.as_str().unwrap().as_bytes()).unwrap()
}

fn external(spec: &str) -> bool {
    spec != "SYMMETRIC_DEFAULT"
}

#[async_trait]
impl ExternalKeys for Client {
    async fn generate_signing_key(
        &self,
        spec: SigningKeySpec,
        request: &ExternalKeyRequest,
    ) -> Result<KmsKeyId, KmsError> {
        let (_, name, _) = SIGNING.iter().find(|(of, ..)| *of == spec).unwrap();
        let tags = tags(&request.tags);
        let wishes = json!({"KeySpec": name, "KeyUsage": "SIGN_VERIFY", "Tags": tags});
        self.create(KmsOperation::GenerateSigningKey, &wishes)
    }

    async fn generate_encryption_key(
        &self,
        _rsa: EncryptionKeySpec,
        request: &ExternalKeyRequest,
    ) -> Result<KmsKeyId, KmsError> {
        let wishes = json!({"KeySpec": "RSA_2048", "Tags": tags(&request.tags)});
        self.create(KmsOperation::GenerateEncryptionKey, &wishes)
    }

    async fn key_state(&self, key: &KmsKeyId) -> Result<KeyState, KmsError> {
        let (_, state) = self.described(KmsOperation::KeyState, key, external)?;
        Ok(state)
    }

    async fn public_key(&self, key: &KmsKeyId) -> Result<ExternalPublicKey, KmsError> {
        let operation = KmsOperation::PublicKey;
        let (spec, _) = self.described(operation, key, external)?;
        let members = json!({"KeyId": key.as_str()});
        let answer = self.ask(operation, Some(key), "GetPublicKey", &members)?;
        Ok(ExternalPublicKey {
            spec: spec.unwrap(),
            spki: bytes(&answer["PublicKey"]).into(),
        })
    }

    async fn sign(
        &self,
        key: &KmsKeyId,
        spec: SigningKeySpec,
        message: &[u8],
    ) -> Result<Vec<u8>, KmsError> {
        let operation = KmsOperation::Sign;
        check_size(operation, message.len(), MAX_MESSAGE_BYTES)?;
        let (_, name, algorithm) = SIGNING.iter().find(|(of, ..)| *of == spec).unwrap();
        // P-256 and secp256k1 have one algorithm: AWS would sign with either.
        self.described(operation, key, |found| found == *name)?;
        let members = json!({
            "KeyId": key.as_str(),
            "Message": BASE64.encode(message),
            "SigningAlgorithm": algorithm,
        });
        let answer = self.ask(operation, Some(key), "Sign", &members)?;
        Ok(bytes(&answer["Signature"]))
    }

    async fn decrypt(
        &self,
        key: &KmsKeyId,
        _rsa: EncryptionKeySpec,
        ciphertext: &[u8],
    ) -> Result<SecretBytes, KmsError> {
        let operation = KmsOperation::Decrypt;
        check_size(operation, ciphertext.len(), MAX_CIPHERTEXT_BYTES)?;
        let members = json!({
            "KeyId": key.as_str(),
            "CiphertextBlob": BASE64.encode(ciphertext),
            "EncryptionAlgorithm": "RSAES_OAEP_SHA_256",
        });
        let answer = self.ask(operation, Some(key), "Decrypt", &members)?;
        Ok(SecretBytes::take(bytes(&answer["Plaintext"])))
    }

    async fn delete_key(&self, key: &KmsKeyId) -> Result<(), KmsError> {
        let operation = KmsOperation::DeleteKey;
        let (spec, state) = self.described(operation, key, external)?;
        debug_assert!(matches!(
            spec,
            Some(KeySpec::Signing(_) | KeySpec::Encryption(_))
        ));
        // To delete twice is to delete.
        if state != KeyState::PendingDeletion {
            let members = json!({"KeyId": key.as_str(), "PendingWindowInDays": 7});
            self.ask(operation, Some(key), "ScheduleKeyDeletion", &members)?;
        }
        Ok(())
    }
}
