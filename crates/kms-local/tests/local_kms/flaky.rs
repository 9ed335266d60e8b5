//! The fault injector over a real KMS.

use std::sync::Arc;
use std::task::Poll;

use strongroom_kms::{KmsError, KmsOperation, KmsProvider, WrapperKeyRequest};
use strongroom_test_support::kms::{Fault, FlakyKms};

use crate::house::{House, context, now, secret};

#[test]
fn a_call_fails_where_it_was_told_to_and_nowhere_else() {
    let house = House::new();
    let kms = FlakyKms::new(Arc::new(house.unprotected()));
    let wrapper = kms.key_wrapper().unwrap();
    kms.fail_at(2, Fault::Throttled);
    let wrapper_key = now(wrapper.generate_wrapper_key(&WrapperKeyRequest::default())).unwrap();
    let key = secret("key");
    assert!(matches!(
        now(wrapper.wrap_key(&wrapper_key, &context(), &key)),
        Err(KmsError::Throttled { .. })
    ));
    let wrapped = now(wrapper.wrap_key(&wrapper_key, &context(), &key)).unwrap();
    kms.fail_from(1, Fault::Unavailable);
    for _ in 0..3 {
        let error = now(wrapper.unwrap_key(&wrapped, &context())).unwrap_err();
        assert!(
            error.is_retryable() && error.outcome_is_unknown(),
            "{error:?}"
        );
    }
    kms.heal();
    assert_eq!(now(wrapper.unwrap_key(&wrapped, &context())).unwrap(), key);
    assert_eq!(kms.calls(), 7);
    assert_eq!(
        kms.operations()[..3],
        [
            KmsOperation::GenerateWrapperKey,
            KmsOperation::WrapKey,
            KmsOperation::WrapKey
        ]
    );
}

#[test]
fn work_whose_answer_is_lost_was_done() {
    let house = House::new();
    let local = house.unprotected();
    let kms = FlakyKms::new(Arc::new(local.clone()));
    let wrapper = kms.key_wrapper().unwrap();
    for (fault, keys_afterwards) in [
        (Fault::AnswerLost, 1),
        (Fault::Unavailable, 1),
        (Fault::Denied, 1),
    ] {
        kms.fail_at(1, fault);
        now(wrapper.generate_wrapper_key(&WrapperKeyRequest::default())).unwrap_err();
        assert_eq!(local.list_keys().len(), keys_afterwards, "{fault:?}");
    }
}

#[test]
fn a_stalled_call_never_ends() {
    let house = House::new();
    let kms = FlakyKms::new(Arc::new(house.unprotected()));
    let wrapper = kms.key_wrapper().unwrap();
    kms.fail_at(1, Fault::Stalled);
    let request = WrapperKeyRequest::default();
    let mut call = wrapper.generate_wrapper_key(&request);
    let polled = now(std::future::poll_fn(|context| {
        Poll::Ready(call.as_mut().poll(context))
    }));
    assert!(polled.is_pending());
}
