//! A KMS that signs with another key than the vault means.

use std::sync::Arc;

use async_trait::async_trait;
use strongroom_crypto::{EncryptionKeySpec, Fingerprint, KeySpec, SecretBytes, SigningKeySpec};
use strongroom_kms::{
    Capabilities, ExternalKeyRequest, ExternalKeys, ExternalPublicKey, KeyState, KeyWrapper,
    KmsError, KmsHealth, KmsKeyId, KmsProvider,
};
use strongroom_kms_local::LocalKms;
use strongroom_vault::{NamedKms, Vault};

use super::{external_house, key_in_kms, state_in_kms};
use crate::house::{House, KMS_NAME, caller, code, sign, signing_key};

/// Uses `other` whenever it is asked for any key: an alias that somebody has turned.
#[derive(Clone, Debug)]
struct Turned {
    kms: Arc<LocalKms>,
    other: KmsKeyId,
}

#[async_trait]
impl KmsProvider for Turned {
    fn capabilities(&self) -> &Capabilities {
        self.kms.capabilities()
    }

    fn key_wrapper(&self) -> Option<Arc<dyn KeyWrapper>> {
        self.kms.key_wrapper()
    }

    fn external_keys(&self) -> Option<Arc<dyn ExternalKeys>> {
        Some(Arc::new(self.clone()))
    }

    async fn health(&self) -> KmsHealth {
        self.kms.health().await
    }
}

#[async_trait]
impl ExternalKeys for Turned {
    async fn generate_signing_key(
        &self,
        spec: SigningKeySpec,
        request: &ExternalKeyRequest,
    ) -> Result<KmsKeyId, KmsError> {
        self.kms.generate_signing_key(spec, request).await
    }

    async fn generate_encryption_key(
        &self,
        spec: EncryptionKeySpec,
        request: &ExternalKeyRequest,
    ) -> Result<KmsKeyId, KmsError> {
        self.kms.generate_encryption_key(spec, request).await
    }

    async fn import_key(
        &self,
        spec: KeySpec,
        private_key: &SecretBytes,
        request: &ExternalKeyRequest,
    ) -> Result<KmsKeyId, KmsError> {
        self.kms.import_key(spec, private_key, request).await
    }

    async fn key_state(&self, _: &KmsKeyId) -> Result<KeyState, KmsError> {
        self.kms.key_state(&self.other).await
    }

    async fn public_key(&self, _: &KmsKeyId) -> Result<ExternalPublicKey, KmsError> {
        self.kms.public_key(&self.other).await
    }

    async fn sign(
        &self,
        _: &KmsKeyId,
        spec: SigningKeySpec,
        message: &[u8],
    ) -> Result<Vec<u8>, KmsError> {
        self.kms.sign(&self.other, spec, message).await
    }

    async fn decrypt(
        &self,
        _: &KmsKeyId,
        spec: EncryptionKeySpec,
        ciphertext: &[u8],
    ) -> Result<SecretBytes, KmsError> {
        self.kms.decrypt(&self.other, spec, ciphertext).await
    }

    async fn delete_key(&self, key: &KmsKeyId) -> Result<(), KmsError> {
        self.kms.delete_key(key).await
    }
}

/// A vault whose KMS uses the second key wherever the first is meant.
async fn turned(house: &House) -> (Vault, Fingerprint, KmsKeyId) {
    let vault = house.create().await;
    let (key, other) = (signing_key(&vault).await, signing_key(&vault).await);
    let other = key_in_kms(&vault, &other);
    vault.close().await.unwrap();
    let mut environment = house.environment(house.store().await.unwrap());
    let provider = Turned {
        kms: Arc::clone(&house.kms),
        other: other.clone(),
    };
    environment.kms = vec![NamedKms {
        name: KMS_NAME.to_owned(),
        provider: Arc::new(provider),
    }];
    let opened = Vault::open(environment, house.settings.clone()).await;
    (opened.unwrap(), key, other)
}

#[tokio::test]
async fn a_key_that_took_the_place_of_a_deleted_one_is_not_destroyed() {
    let house = external_house();
    let (vault, key, other) = turned(&house).await;
    let meant = key_in_kms(&vault, &key);
    let refused = vault.delete_key(&caller(), &key).await;
    assert_eq!(code(refused), "EXTERNAL_KEY_REMAINS");
    for key in [&meant, &other] {
        assert_eq!(state_in_kms(&house, key), Some(KeyState::Enabled));
    }
    let [entry] = &vault.kms_journal()[..] else {
        panic!("one entry");
    };
    assert_eq!(entry.progress().key(), Some(&meant));
}

#[tokio::test]
async fn a_signature_of_another_key_never_leaves() {
    let house = external_house();
    let (vault, key, _other) = turned(&house).await;
    assert_eq!(code(sign(&vault, &key).await), "KMS_ANSWER_INVALID");
    let inspection = vault.inspect(|_, _| {}).await.unwrap();
    let codes = inspection.broken.into_iter();
    let codes: Vec<_> = codes.map(|(_, error)| code::<()>(Err(error))).collect();
    assert_eq!(codes, ["EXTERNAL_KEY_EXCHANGED"]);
}
