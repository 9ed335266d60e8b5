//! The KMS over a token keeps the rules of every KMS.

use std::sync::Arc;

use async_trait::async_trait;
use strongroom_crypto::EncryptionKeySpec;
use strongroom_kms::{KmsKeyId, KmsProvider};
use strongroom_kms_pkcs11::Pkcs11Kms;
use strongroom_test_support::kms::{Failure, KmsUnderTest};

use crate::house::House;
use crate::process::Library;

#[derive(Debug)]
struct Subject(Pkcs11Kms);

#[async_trait]
impl KmsUnderTest for Subject {
    fn provider(&self) -> Arc<dyn KmsProvider> {
        Arc::new(self.0.clone())
    }

    fn unknown_key(&self) -> KmsKeyId {
        "pkcs11:00000000000000000000000000000000".parse().unwrap()
    }

    async fn disable_key(&self, key: &KmsKeyId) -> Result<(), Failure> {
        Ok(self.0.disable_key(key).await?)
    }

    async fn enable_key(&self, key: &KmsKeyId) -> Result<(), Failure> {
        Ok(self.0.enable_key(key).await?)
    }

    async fn schedule_deletion(&self, key: &KmsKeyId) -> Result<(), Failure> {
        self.0.schedule_deletion(key, 7).await?;
        Ok(())
    }

    async fn cancel_deletion(&self, key: &KmsKeyId) -> Result<(), Failure> {
        Ok(self.0.cancel_deletion(key).await?)
    }

    async fn rotate_wrapper_key(&self, wrapper_key: &KmsKeyId) -> Result<(), Failure> {
        self.0.rotate_wrapper_key_version(wrapper_key).await?;
        Ok(())
    }
}

mod on_softhsm {
    use super::*;

    async fn subject() -> Result<Subject, Failure> {
        Ok(Subject(House::on(Library::SoftHsm).open()))
    }

    strongroom_test_support::kms_conformance!(subject: provider, wrapping, external, finding, both);
}

mod on_kryoptic {
    use super::*;

    async fn subject() -> Result<Subject, Failure> {
        Ok(Subject(House::on(Library::Kryoptic).open()))
    }

    strongroom_test_support::kms_conformance!(subject: provider, wrapping, external, finding, both);

    /// What it is here for: without this key the rules of decryption would have nothing to check.
    #[test]
    fn it_holds_keys_for_rsa_oaep_with_sha_256() {
        let kms = House::on(Library::Kryoptic).open();
        let specs = &kms.capabilities().encryption_specs;
        assert_eq!(specs, &[EncryptionKeySpec::Rsa2048]);
    }
}
