use strongroom_crypto::{KeyUsage, KeyUsages, SigningKeySpec};
use strongroom_kms::{KmsKeyId, KmsProvider};
use strongroom_server::contract::vault::{GetWrapperKeyIdRequest, RotateWrapperKeyRequest};
use strongroom_vault::{Caller, NewSigningKey, RotationProgress, RotationRequest};
use tonic::{Code, Status};

use super::{key, too_long};
use crate::house::{House, told};

async fn rotate(house: &House, to: &str) -> Result<(), Status> {
    let request = RotateWrapperKeyRequest {
        new_wrapper_key_id: to.to_owned(),
    };
    let mut client = house.vault_service().await;
    client.rotate_wrapper_key(request).await.map(|_done| ())
}

async fn current(house: &House) -> String {
    let mut client = house.vault_service().await;
    let answer = client.get_wrapper_key_id(GetWrapperKeyIdRequest {}).await;
    answer.unwrap().into_inner().wrapper_key_id
}

async fn new_wrapper_key(house: &House) -> KmsKeyId {
    let wrapper = house.kms.key_wrapper().unwrap();
    wrapper
        .generate_wrapper_key(&Default::default())
        .await
        .unwrap()
}

#[tokio::test]
async fn the_wrapper_key_is_rotated_to_a_new_one_and_to_a_named_one() {
    let house = House::new().await;
    let fingerprint = key(&house.vault, "one").await;
    let first = current(&house).await;
    rotate(&house, "").await.unwrap();
    let second = current(&house).await;
    assert_ne!(first, second);
    let named = new_wrapper_key(&house).await;
    rotate(&house, named.as_str()).await.unwrap();
    assert_eq!(current(&house).await, named.as_str());
    house.vault.key(&fingerprint).unwrap();
}

#[tokio::test]
async fn a_named_wrapper_key_that_does_not_do_is_told_with_its_id() {
    let house = House::new().await;
    let used = current(&house).await;
    let disabled = new_wrapper_key(&house).await;
    house.kms.disable_key(&disabled).unwrap();
    for (named, id, text) in [
        (
            used.as_str(),
            "WRAPPER_KEY_ALREADY_IN_USE_ERROR",
            "selected for rotation is already being used.",
        ),
        (
            "local:00000000000000000000000000000000",
            "WRAPPER_KEY_NOT_EXIST_ERROR",
            "selected for rotation does not match an existing KMS key id.",
        ),
        (
            disabled.as_str(),
            "WRAPPER_KEY_DISABLED_OR_DELETED_ERROR",
            "selected for rotation cannot be used because key is disabled or set to be deleted.",
        ),
        (&too_long(), "INVALID_KMS_KEY_ID", "Invalid KMS key id: "),
    ] {
        let status = rotate(&house, named).await.unwrap_err();
        assert_eq!(status.code(), Code::NotFound, "{status:?}");
        assert_eq!(told(&status).0, id);
        assert!(
            status.message().starts_with(&format!("{id}(11,")),
            "{status:?}"
        );
        assert!(status.message().contains(text), "{status:?}");
    }
    assert_eq!(current(&house).await, used);
}

#[tokio::test]
async fn a_rotation_that_was_interrupted_is_finished_when_it_is_asked_for_again() {
    let house = House::new().await;
    let caller = Caller::new("test");
    let new = || NewSigningKey {
        spec: SigningKeySpec::EcCurve25519,
        usages: KeyUsages::only(KeyUsage::Protocol),
        name: None,
    };
    // More than one batch of rows.
    let keys = (0..5000).map(|_number| new()).collect();
    house
        .vault
        .generate_signing_keys(&caller, keys)
        .await
        .unwrap();
    let first = current(&house).await;
    let (began, moving) = tokio::sync::oneshot::channel();
    let vault = std::sync::Arc::clone(&house.vault);
    let rotating = tokio::spawn(async move {
        let began = parking_lot::Mutex::new(Some(began));
        let request = RotationRequest::default();
        let tell = |progress: RotationProgress| {
            if progress.moved > 0
                && let Some(began) = began.lock().take()
            {
                let _gone = began.send(());
            }
        };
        vault.rotate_wrapper_key(&caller, &request, &tell).await
    });
    moving.await.unwrap();
    rotating.abort();
    let _aborted = rotating.await;
    let rotation = house
        .vault
        .wrapper_key_rotation()
        .expect("it was interrupted");
    // Another one is not what was begun.
    let other = new_wrapper_key(&house).await;
    let status = rotate(&house, other.as_str()).await.unwrap_err();
    assert_eq!(told(&status).0, "WRAPPER_KEY_ROTATION_UNDER_WAY");
    rotate(&house, "").await.unwrap();
    assert!(house.vault.wrapper_key_rotation().is_none());
    let (_kms, second) = &rotation.comes[0];
    assert_eq!(current(&house).await, *second);
    assert_ne!(first, *second);
}
