//! A KMS behind a driver keeps the rules of every KMS.

use std::sync::Arc;

use async_trait::async_trait;
use strongroom_kms::{KmsKeyId, KmsProvider};
use strongroom_kms_local::LocalKms;
use strongroom_test_support::kms::{Failure, KmsUnderTest};

use crate::house::{House, key};

#[derive(Debug)]
struct Subject {
    kms: LocalKms,
    provider: Arc<dyn KmsProvider>,
    _house: House,
}

#[async_trait]
impl KmsUnderTest for Subject {
    fn provider(&self) -> Arc<dyn KmsProvider> {
        Arc::clone(&self.provider)
    }

    fn unknown_key(&self) -> KmsKeyId {
        key("local:00000000000000000000000000000000")
    }

    async fn disable_key(&self, key: &KmsKeyId) -> Result<(), Failure> {
        Ok(self.kms.disable_key(key)?)
    }

    async fn enable_key(&self, key: &KmsKeyId) -> Result<(), Failure> {
        Ok(self.kms.enable_key(key)?)
    }

    async fn schedule_deletion(&self, key: &KmsKeyId) -> Result<(), Failure> {
        self.kms.schedule_deletion(key, 7)?;
        Ok(())
    }

    async fn cancel_deletion(&self, key: &KmsKeyId) -> Result<(), Failure> {
        Ok(self.kms.cancel_deletion(key)?)
    }

    async fn rotate_wrapper_key(&self, wrapper_key: &KmsKeyId) -> Result<(), Failure> {
        self.kms.rotate_wrapper_key_version(wrapper_key)?;
        Ok(())
    }
}

async fn subject() -> Result<Subject, Failure> {
    let house = House::new();
    let kms = house.local_kms();
    house.serve(Arc::new(kms.clone()));
    Ok(Subject {
        provider: Arc::new(house.connect().await),
        kms,
        _house: house,
    })
}

strongroom_test_support::kms_conformance!(subject: provider, wrapping, external, both);

#[tokio::test(flavor = "current_thread")]
async fn the_capabilities_are_those_of_the_kms_behind_it() {
    let house = House::new();
    let kms = house.local_kms();
    house.serve(Arc::new(kms.clone()));
    let driver = house.connect().await;
    assert_eq!(driver.capabilities(), kms.capabilities());
}
