//! Wrapping with the public half, unwrapping with both.

use strongroom_errors::Coded;
use strongroom_kms::{
    KeyWrapper, KmsError, KmsKeyId, KmsProvider, WrapContext, WrappedKey, WrapperKeyRequest,
};
use strongroom_kms_recovery::{RecoveryKey, RecoveryKms};

use crate::{code, secret};

fn context(vault: u8) -> WrapContext {
    WrapContext::for_data_key(&[vault; 16], &[2; 16])
}

/// The same recovery key without and with its private half.
fn pair() -> (RecoveryKms, RecoveryKms) {
    let key = RecoveryKey::generate();
    let offline = RecoveryKms::offline(key.recipient());
    let online = RecoveryKms::with_key(key.recipient(), key).unwrap();
    (offline, online)
}

async fn wrapped(kms: &RecoveryKms) -> WrappedKey {
    let id = kms.key_id().unwrap();
    kms.wrap_key(&id, &context(1), &secret("a data key"))
        .await
        .unwrap()
}

#[tokio::test]
async fn what_is_wrapped_without_the_private_half_opens_with_it() {
    let (offline, online) = pair();
    let wrapped = wrapped(&offline).await;
    let opened = online.unwrap_key(&wrapped, &context(1)).await.unwrap();
    assert_eq!(opened, secret("a data key"));
    let refused = offline.unwrap_key(&wrapped, &context(1)).await.unwrap_err();
    assert_eq!(refused.code().name(), "RECOVERY_KEY_OFFLINE");
    assert!(!refused.is_retryable() && !refused.is_fault_of_kms());
    assert!(online.unwraps() && !offline.unwraps());
}

#[tokio::test]
async fn another_context_another_key_and_any_changed_byte_do_not_open() {
    let (offline, online) = pair();
    let wrapped = wrapped(&offline).await;
    let failed = |outcome: Result<_, KmsError>| {
        assert!(
            matches!(outcome, Err(KmsError::UnwrapFailed { .. })),
            "{outcome:?}"
        );
    };
    failed(online.unwrap_key(&wrapped, &context(9)).await);
    for at in 0..wrapped.ciphertext.len() {
        let mut changed = wrapped.clone();
        changed.ciphertext[at] ^= 1;
        failed(online.unwrap_key(&changed, &context(1)).await);
    }
    for end in [0, 1, 100, wrapped.ciphertext.len() - 1] {
        let mut cut = wrapped.clone();
        cut.ciphertext.truncate(end);
        failed(online.unwrap_key(&cut, &context(1)).await);
    }
    let (_, other) = pair();
    let foreign = WrappedKey {
        wrapper_key_id: other.key_id().unwrap(),
        ..wrapped
    };
    failed(other.unwrap_key(&foreign, &context(1)).await);
}

#[tokio::test]
async fn two_wraps_of_one_key_differ() {
    let (offline, _) = pair();
    assert_ne!(
        wrapped(&offline).await.ciphertext,
        wrapped(&offline).await.ciphertext
    );
}

#[tokio::test]
async fn there_is_one_wrapper_key_which_nobody_makes_here() {
    let (offline, _) = pair();
    let id = offline.key_id().unwrap();
    let request = WrapperKeyRequest::default();
    assert_eq!(offline.generate_wrapper_key(&request).await.unwrap(), id);
    assert!(offline.wrapper_key_state(&id).await.unwrap().is_usable());
    let other: KmsKeyId = pair().0.key_id().unwrap();
    let unknown = offline.wrapper_key_state(&other).await.unwrap_err();
    assert!(matches!(unknown, KmsError::KeyNotFound { .. }));
    let unknown = offline.wrap_key(&other, &context(1), &secret("x")).await;
    assert!(matches!(unknown, Err(KmsError::KeyNotFound { .. })));
    let regions = WrapperKeyRequest {
        multi_region: true,
        ..request
    };
    let refused = offline.generate_wrapper_key(&regions).await.unwrap_err();
    assert!(matches!(refused, KmsError::UnsupportedRequest { .. }));
}

#[tokio::test]
async fn sizes_are_bounded_as_for_every_kms() {
    let (offline, online) = pair();
    let id = offline.key_id().unwrap();
    let largest = strongroom_memory::SecretBytes::zeroed(4096);
    let wrapped = offline.wrap_key(&id, &context(1), &largest).await.unwrap();
    assert!(wrapped.ciphertext.len() <= strongroom_kms::MAX_CIPHERTEXT_BYTES);
    assert_eq!(
        online.unwrap_key(&wrapped, &context(1)).await.unwrap(),
        largest
    );
    let larger = strongroom_memory::SecretBytes::zeroed(4097);
    let refused = offline.wrap_key(&id, &context(1), &larger).await;
    assert!(matches!(refused, Err(KmsError::PayloadTooLarge { .. })));
    let long = WrappedKey {
        ciphertext: vec![0; strongroom_kms::MAX_CIPHERTEXT_BYTES + 1],
        ..wrapped
    };
    let refused = online.unwrap_key(&long, &context(1)).await;
    assert!(matches!(refused, Err(KmsError::PayloadTooLarge { .. })));
}

#[tokio::test]
async fn a_wrap_is_renewed_for_another_recovery_key_only_online() {
    let (offline, online) = pair();
    let wrapped = wrapped(&offline).await;
    let id = offline.key_id().unwrap();
    let again = online.rewrap_key(&wrapped, &context(1), &id).await.unwrap();
    assert_eq!(
        online.unwrap_key(&again, &context(1)).await.unwrap(),
        secret("a data key")
    );
    assert!(
        offline
            .rewrap_key(&wrapped, &context(1), &id)
            .await
            .is_err()
    );
}

#[test]
fn the_private_half_of_another_key_is_refused() {
    let (one, other) = (RecoveryKey::generate(), RecoveryKey::generate());
    let refused = RecoveryKms::with_key(one.recipient(), other).unwrap_err();
    assert_eq!(code(&refused), "RECOVERY_KEY_OTHER");
}

#[test]
fn it_plays_the_one_role_that_it_says() {
    let (offline, _) = pair();
    assert!(offline.capabilities().wrapper_keys && offline.key_wrapper().is_some());
    assert!(offline.external_keys().is_none());
    assert_eq!(offline.capabilities().signing_specs, []);
}
