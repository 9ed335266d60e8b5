//! The call counter over a real KMS.

use std::sync::Arc;

use strongroom_crypto::SigningKeySpec;
use strongroom_kms::{ExternalKeyRequest, KmsOperation, KmsProvider, Metered, WrapperKeyRequest};

use crate::house::{House, context, now, secret};

#[test]
fn calls_are_counted_by_operation_over_all_handles() {
    let house = House::new();
    let kms = Metered::new(Arc::new(house.unprotected()));
    let (one, other) = (kms.key_wrapper().unwrap(), kms.key_wrapper().unwrap());
    let wrapper_key = now(one.generate_wrapper_key(&WrapperKeyRequest::default())).unwrap();
    let wrapped = now(one.wrap_key(&wrapper_key, &context(), &secret("key"))).unwrap();
    now(other.unwrap_key(&wrapped, &context())).unwrap();
    now(other.unwrap_key(&wrapped, &context())).unwrap();
    let keys = kms.external_keys().unwrap();
    now(keys.generate_signing_key(SigningKeySpec::EcP256, &ExternalKeyRequest::default())).unwrap();

    let calls = kms.calls();
    let by_name: Vec<_> = calls.by_name().collect();
    assert_eq!(
        by_name,
        [
            ("generate_wrapper_key", 1),
            ("wrap_key", 1),
            ("unwrap_key", 2),
            ("generate_signing_key", 1)
        ]
    );
    assert_eq!((calls.total(), calls.failed()), (5, 0));
    assert_eq!(calls.of(KmsOperation::UnwrapKey), 2);
    assert_eq!(calls.of(KmsOperation::Sign), 0);
}

#[test]
fn a_failed_call_counts_too() {
    let house = House::new();
    let kms = Metered::new(Arc::new(house.unprotected()));
    let unknown = "local:nothing".parse().unwrap();
    now(kms.key_wrapper().unwrap().wrapper_key_state(&unknown)).unwrap_err();
    assert_eq!((kms.calls().total(), kms.calls().failed()), (1, 1));
}
