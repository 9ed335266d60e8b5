//! The KMS over a token keeps the rules of every KMS.

use std::sync::Arc;

use async_trait::async_trait;
use strongroom_crypto::EncryptionKeySpec;
use strongroom_kms::{KmsKeyId, KmsProvider};
use strongroom_kms_driver::{DriverKms, DriverServer, DriverSettings, bind_unix_socket};
use strongroom_kms_pkcs11::Pkcs11Kms;
use strongroom_test_support::kms::{Failure, KmsUnderTest};
use tempfile::TempDir;

use crate::house::House;
use crate::process::Library;

/// The token, and what it is seen through.
#[derive(Debug)]
struct Subject {
    token: Pkcs11Kms,
    provider: Arc<dyn KmsProvider>,
    _driver: Option<TempDir>,
}

impl Subject {
    fn itself(token: Pkcs11Kms) -> Self {
        Self {
            provider: Arc::new(token.clone()),
            token,
            _driver: None,
        }
    }

    /// Behind a driver, which serves until the runtime of the test ends.
    async fn behind_a_driver(token: Pkcs11Kms) -> Result<Self, Failure> {
        let folder = tempfile::tempdir()?;
        let socket = folder.path().join("run").join("kms.sock");
        let listener = bind_unix_socket(&socket)?;
        let server = DriverServer::new(Arc::new(token.clone()));
        tokio::spawn(server.serve(listener, std::future::pending()));
        let driver = DriverKms::connect(DriverSettings::unix_socket(socket)).await?;
        Ok(Self {
            provider: Arc::new(driver),
            token,
            _driver: Some(folder),
        })
    }
}

#[async_trait]
impl KmsUnderTest for Subject {
    fn provider(&self) -> Arc<dyn KmsProvider> {
        Arc::clone(&self.provider)
    }

    fn unknown_key(&self) -> KmsKeyId {
        "pkcs11:00000000000000000000000000000000".parse().unwrap()
    }

    async fn disable_key(&self, key: &KmsKeyId) -> Result<(), Failure> {
        Ok(self.token.disable_key(key).await?)
    }

    async fn enable_key(&self, key: &KmsKeyId) -> Result<(), Failure> {
        Ok(self.token.enable_key(key).await?)
    }

    async fn schedule_deletion(&self, key: &KmsKeyId) -> Result<(), Failure> {
        self.token.schedule_deletion(key, 7).await?;
        Ok(())
    }

    async fn cancel_deletion(&self, key: &KmsKeyId) -> Result<(), Failure> {
        Ok(self.token.cancel_deletion(key).await?)
    }

    async fn rotate_wrapper_key(&self, wrapper_key: &KmsKeyId) -> Result<(), Failure> {
        self.token.rotate_wrapper_key_version(wrapper_key).await?;
        Ok(())
    }
}

mod on_softhsm {
    use super::*;

    async fn subject() -> Result<Subject, Failure> {
        Ok(Subject::itself(House::on(Library::SoftHsm).open()))
    }

    strongroom_test_support::kms_conformance!(subject: provider, wrapping, external, importing, finding, both);
}

mod on_kryoptic {
    use super::*;

    async fn subject() -> Result<Subject, Failure> {
        Ok(Subject::itself(House::on(Library::Kryoptic).open()))
    }

    strongroom_test_support::kms_conformance!(subject: provider, wrapping, external, importing, finding, both);

    /// What it is here for: without this key the rules of decryption would have nothing to check.
    #[test]
    fn it_holds_keys_for_rsa_oaep_with_sha_256() {
        let kms = House::on(Library::Kryoptic).open();
        let specs = &kms.capabilities().encryption_specs;
        assert_eq!(specs, &[EncryptionKeySpec::Rsa2048]);
    }
}

mod behind_a_driver_on_kryoptic {
    use super::*;

    async fn subject() -> Result<Subject, Failure> {
        Subject::behind_a_driver(House::on(Library::Kryoptic).open()).await
    }

    strongroom_test_support::kms_conformance!(subject: provider, wrapping, external, importing, finding, both);
}
