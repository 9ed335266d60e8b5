//! The bad line and what surrounds a KMS, over a real one.

use std::sync::Arc;

use strongroom_crypto::SigningKeySpec;
use strongroom_kms::{ExternalKeyRequest, KmsProvider, WrapperKeyRequest};
use strongroom_test_support::kms::{Fault, FlakyKms};

use crate::house::{House, context, secret, surrounded};

#[tokio::test(start_paused = true)]
async fn a_generation_whose_answer_is_lost_leaves_one_key_and_not_two() {
    for fault in [Fault::AnswerLost, Fault::Unavailable] {
        let house = House::new();
        let local = house.unprotected();
        let line = FlakyKms::new(Arc::new(local.clone()));
        let kms = surrounded(Arc::new(line.clone()));
        line.fail_at(1, fault);
        let request = WrapperKeyRequest::default();
        let wrapper = kms.key_wrapper().unwrap();
        wrapper.generate_wrapper_key(&request).await.unwrap_err();
        line.fail_at(1, fault);
        let (spec, request) = (SigningKeySpec::EcP256, ExternalKeyRequest::default());
        let keys = kms.external_keys().unwrap();
        keys.generate_signing_key(spec, &request).await.unwrap_err();
        assert_eq!(line.calls(), 2, "each was sent once");
        let made = if fault == Fault::AnswerLost { 2 } else { 0 };
        assert_eq!(local.list_keys().len(), made, "{fault:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_bad_line_is_not_noticed_while_it_is_not_too_bad() {
    let house = House::new();
    let line = FlakyKms::new(Arc::new(house.unprotected()));
    let kms = surrounded(Arc::new(line.clone()));
    let wrapper = kms.key_wrapper().unwrap();
    let wrapper_key = wrapper
        .generate_wrapper_key(&WrapperKeyRequest::default())
        .await
        .unwrap();
    let faults = [Fault::AnswerLost, Fault::Throttled, Fault::Stalled];
    for (nth, fault) in (1..).zip(faults) {
        line.fail_at(nth, fault);
    }
    let wrapped = wrapper
        .wrap_key(&wrapper_key, &context(), &secret("key"))
        .await
        .unwrap();
    let key = wrapper.unwrap_key(&wrapped, &context()).await.unwrap();
    assert_eq!(key, secret("key"));
    let metrics = kms.metrics();
    assert_eq!(metrics.retries + metrics.hedges, 3);
}
