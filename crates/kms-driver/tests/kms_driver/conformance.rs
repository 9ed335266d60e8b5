//! A KMS behind a driver keeps the rules of every KMS.

use std::collections::BTreeSet;
use std::sync::Arc;

use async_trait::async_trait;
use strongroom_errors::Coded;
use strongroom_kms::{Capabilities, KeyWrapper, KmsKeyId, KmsProvider, WrapperKeyRequest};
use strongroom_kms_local::LocalKms;
use strongroom_test_support::kms::{Alteration, AlteredKms, Failure, KmsUnderTest};

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

strongroom_test_support::kms_conformance!(subject: provider, wrapping, external, importing, finding, both);

#[tokio::test(flavor = "current_thread")]
async fn the_capabilities_are_those_of_the_kms_behind_it_but_for_tags() {
    let house = House::new();
    let kms = house.local_kms();
    house.serve(Arc::new(kms.clone()));
    let driver = house.connect().await;
    let expected = Capabilities {
        tags_keys: false,
        ..kms.capabilities().clone()
    };
    assert_eq!(*driver.capabilities(), expected);
    assert!(driver.key_tags().is_none());
}

/// One answer holds a hundred.
#[tokio::test(flavor = "current_thread")]
async fn more_keys_than_an_answer_holds_are_all_found() {
    let house = House::new();
    let kms = house.local_kms();
    let wanted = WrapperKeyRequest {
        tags: vec![("strongroom-vault".to_owned(), "1".to_owned())],
        ..WrapperKeyRequest::default()
    };
    let mut made = BTreeSet::new();
    for _ in 0..200 {
        made.insert(kms.generate_wrapper_key(&wanted).await.unwrap());
    }
    house.serve(Arc::new(kms));
    let finder = house.connect().await.key_finder().unwrap();
    let found = finder.find_keys("strongroom-vault", "1").await.unwrap();
    assert_eq!(found.len(), 200);
    let found: BTreeSet<_> = found.into_iter().map(|key| key.id).collect();
    assert_eq!(found, made);
}

#[tokio::test(flavor = "current_thread")]
async fn keys_are_not_looked_for_by_a_tag_without_a_name() {
    let house = House::new();
    house.serve(Arc::new(house.local_kms()));
    let finder = house.connect().await.key_finder().unwrap();
    let nameless = finder.find_keys("", "2").await.unwrap_err();
    assert_eq!(nameless.code().name(), "KMS_DRIVER_INVALID_REQUEST");
}

#[tokio::test(flavor = "current_thread")]
async fn a_driver_that_cannot_look_for_keys_is_not_asked_to() {
    let house = House::new();
    house.serve(Arc::new(AlteredKms::around(
        Arc::new(house.local_kms()),
        Sightless,
    )));
    assert!(house.connect().await.key_finder().is_none());
}

/// A KMS that does not find keys by their tags.
#[derive(Debug)]
struct Sightless;

impl Alteration for Sightless {
    fn finds_keys(&self) -> bool {
        false
    }
}
