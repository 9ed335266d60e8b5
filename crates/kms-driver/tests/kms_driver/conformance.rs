//! A KMS behind a driver keeps the rules of every KMS.

use std::sync::Arc;

use async_trait::async_trait;
use strongroom_errors::Coded;
use strongroom_kms::{KeyWrapper, KmsKeyId, KmsProvider, WrapperKeyRequest};
use strongroom_kms_local::LocalKms;
use strongroom_test_support::kms::{Failure, FlakyKms, KmsUnderTest};

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

#[tokio::test(flavor = "current_thread")]
async fn a_wrapper_key_whose_maker_was_interrupted_is_found_by_its_tag() {
    let house = House::new();
    let kms = house.local_kms();
    house.serve(Arc::new(kms.clone()));
    let driver = house.connect().await;
    let tagged = |value: &str| WrapperKeyRequest {
        tags: vec![("strongroom-vault".to_owned(), value.to_owned())],
        ..WrapperKeyRequest::default()
    };
    driver.generate_wrapper_key(&tagged("1")).await.unwrap();
    let second = driver.generate_wrapper_key(&tagged("2")).await.unwrap();
    let finder = driver.key_finder().unwrap();
    let find = async |value| finder.find_wrapper_key("strongroom-vault", value).await;
    assert_eq!(find("2").await.unwrap(), Some(second.clone()));
    assert_eq!(find("3").await.unwrap(), None);
    kms.disable_key(&second).unwrap();
    assert_eq!(find("2").await.unwrap(), None, "it is of no use");
    let nameless = finder.find_wrapper_key("", "2").await.unwrap_err();
    assert_eq!(nameless.code().name(), "KMS_DRIVER_INVALID_REQUEST");
}

#[tokio::test(flavor = "current_thread")]
async fn a_driver_that_cannot_look_for_keys_is_not_asked_to() {
    let house = House::new();
    house.serve(Arc::new(FlakyKms::new(Arc::new(house.local_kms()))));
    assert!(house.connect().await.key_finder().is_none());
}
