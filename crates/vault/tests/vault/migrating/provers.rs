//! A KMS that takes in some keys only, or uses other ones than it took in.

use std::sync::{
    Arc,
    atomic::{AtomicBool, Ordering},
};

use async_trait::async_trait;
use strongroom_crypto::{EncryptionKeySpec, KeySpec, SecretBytes, SigningKeySpec};
use strongroom_kms::{
    Capabilities, ExternalKeyRequest, ExternalKeys, ExternalPublicKey, KeyFinder, KeyState,
    KeyWrapper, KmsError, KmsHealth, KmsKeyId, KmsProvider,
};
use strongroom_kms_local::LocalKms;
use strongroom_store::Custody;
use strongroom_vault::{NamedKms, Vault};

use super::{Act, Estate, IN_KMS, custody};
use crate::house::{House, KMS_NAME, caller, code};

/// Takes in what it says, and may use a key of its own instead.
#[derive(Clone, Debug)]
pub(super) struct Choosy {
    kms: Arc<LocalKms>,
    capabilities: Capabilities,
    deceives: Arc<AtomicBool>,
}

impl Choosy {
    pub(super) fn deceive(&self, deceives: bool) {
        self.deceives.store(deceives, Ordering::SeqCst);
    }

    /// Another key of the same spec.
    async fn other(&self, spec: KeySpec) -> Result<KmsKeyId, KmsError> {
        let request = ExternalKeyRequest::default();
        match spec {
            KeySpec::Signing(spec) => self.kms.generate_signing_key(spec, &request).await,
            KeySpec::Encryption(spec) => self.kms.generate_encryption_key(spec, &request).await,
        }
    }

    fn is_deceiving(&self) -> bool {
        self.deceives.load(Ordering::SeqCst)
    }
}

#[async_trait]
impl KmsProvider for Choosy {
    fn capabilities(&self) -> &Capabilities {
        &self.capabilities
    }

    fn key_wrapper(&self) -> Option<Arc<dyn KeyWrapper>> {
        self.kms.key_wrapper()
    }

    fn external_keys(&self) -> Option<Arc<dyn ExternalKeys>> {
        Some(Arc::new(self.clone()))
    }

    fn key_finder(&self) -> Option<Arc<dyn KeyFinder>> {
        self.kms.key_finder()
    }

    async fn health(&self) -> KmsHealth {
        self.kms.health().await
    }
}

#[async_trait]
impl ExternalKeys for Choosy {
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

    async fn key_state(&self, key: &KmsKeyId) -> Result<KeyState, KmsError> {
        self.kms.key_state(key).await
    }

    async fn public_key(&self, key: &KmsKeyId) -> Result<ExternalPublicKey, KmsError> {
        self.kms.public_key(key).await
    }

    async fn sign(
        &self,
        key: &KmsKeyId,
        spec: SigningKeySpec,
        message: &[u8],
    ) -> Result<Vec<u8>, KmsError> {
        if self.is_deceiving() {
            let other = self.other(KeySpec::Signing(spec)).await?;
            return self.kms.sign(&other, spec, message).await;
        }
        self.kms.sign(key, spec, message).await
    }

    async fn decrypt(
        &self,
        key: &KmsKeyId,
        spec: EncryptionKeySpec,
        ciphertext: &[u8],
    ) -> Result<SecretBytes, KmsError> {
        if self.is_deceiving() {
            // It answers, and something else.
            let mut plaintext = self.kms.decrypt(key, spec, ciphertext).await?;
            plaintext.expose_mut()[0] ^= 1;
            return Ok(plaintext);
        }
        self.kms.decrypt(key, spec, ciphertext).await
    }

    async fn delete_key(&self, key: &KmsKeyId) -> Result<(), KmsError> {
        self.kms.delete_key(key).await
    }
}

/// Opens the vault of `house` with a KMS that takes in keys of `specs` only.
pub(super) async fn open_choosy(house: &House, specs: &[KeySpec]) -> (Vault, Choosy) {
    let choosy = Choosy {
        kms: Arc::clone(&house.kms),
        capabilities: Capabilities {
            import_specs: specs.to_vec(),
            ..house.kms.capabilities().clone()
        },
        deceives: Arc::new(AtomicBool::new(false)),
    };
    let mut environment = house.environment(house.store().await.unwrap());
    environment.kms = vec![NamedKms {
        name: KMS_NAME.to_owned(),
        provider: Arc::new(choosy.clone()),
    }];
    let opened = Vault::open(environment, house.settings.clone()).await;
    (opened.unwrap(), choosy)
}

/// A KMS that cannot search.
#[derive(Debug)]
struct Blind(Arc<dyn KmsProvider>);

#[async_trait]
impl KmsProvider for Blind {
    fn capabilities(&self) -> &Capabilities {
        self.0.capabilities()
    }

    fn key_wrapper(&self) -> Option<Arc<dyn KeyWrapper>> {
        self.0.key_wrapper()
    }

    fn external_keys(&self) -> Option<Arc<dyn ExternalKeys>> {
        self.0.external_keys()
    }

    async fn health(&self) -> KmsHealth {
        self.0.health().await
    }
}

/// Opens the vault of `house` with a KMS that cannot search.
pub(super) async fn open_without_finder(house: &House, kms: Arc<dyn KmsProvider>) -> Vault {
    let mut environment = house.environment(house.store().await.unwrap());
    environment.kms = vec![NamedKms {
        name: KMS_NAME.to_owned(),
        provider: Arc::new(Blind(kms)),
    }];
    let opened = Vault::open(environment, house.settings.clone()).await;
    opened.unwrap()
}

#[tokio::test]
async fn a_kms_that_does_not_do_the_work_of_a_key_does_not_get_it() {
    let estate = Estate::for_act(Act::Bring).await;
    let house = estate.copy();
    let (vault, kms) = open_choosy(&house, &KeySpec::ALL).await;
    kms.deceive(true);
    for key in crate::house::all_keys(&vault) {
        let key = key.fingerprint();
        let refused = vault.migrate_key(&caller(), &key, &IN_KMS).await;
        assert_eq!(code(refused), "MIGRATION_NOT_PROVED");
        assert_eq!(custody(&vault, &key), Custody::Envelope);
    }
    kms.deceive(false);
    estate.check(&vault, "deceived").await;
    // What it took in is not forgotten, and is taken up when it does its work.
    assert_eq!(vault.kms_journal().len(), 3);
    let before = house.kms.list_keys().len();
    Act::Bring.run(&vault).await.unwrap();
    assert_eq!(house.kms.list_keys().len(), before);

    // Nor is the copy given up to it.
    kms.deceive(true);
    for key in vault.copied_keys() {
        let refused = vault.drop_copy(&caller(), &key).await;
        assert_eq!(code(refused), "MIGRATION_NOT_PROVED");
    }
    assert_eq!(vault.copied_keys().len(), 3);
    kms.deceive(false);
    estate.check(&vault, "deceived again").await;
    let orphans = vault.find_orphans().await.unwrap();
    assert!(orphans.found.is_empty(), "{orphans:?}");
}

#[tokio::test]
async fn a_key_on_its_way_is_no_key_to_adopt_and_can_be_destroyed() {
    let estate = Estate::for_act(Act::Bring).await;
    let house = estate.copy();
    let (vault, kms) = open_choosy(&house, &KeySpec::ALL).await;
    kms.deceive(true);
    let refused = vault.migrate_key(&caller(), &estate.signing, &IN_KMS).await;
    assert_eq!(code(refused), "MIGRATION_NOT_PROVED");
    let orphans = vault.find_orphans().await.unwrap();
    let key = vault.kms_journal()[0].progress().key().cloned().unwrap();
    assert!(orphans.found.iter().any(|orphan| orphan.key.id == key));
    let refused = vault.adopt_orphan(&caller(), KMS_NAME, &key).await;
    assert_eq!(code(refused), "MIGRATION_UNDER_WAY");
    vault
        .delete_orphan(&caller(), KMS_NAME, &key)
        .await
        .unwrap();
    assert_eq!(vault.kms_journal(), []);
    kms.deceive(false);
    Act::Bring.run(&vault).await.unwrap();
    estate.check(&vault, "brought anew").await;
    let orphans = vault.find_orphans().await.unwrap();
    assert!(orphans.found.is_empty(), "{orphans:?}");
}
