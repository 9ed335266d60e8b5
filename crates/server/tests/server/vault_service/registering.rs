use strongroom_crypto::{EncryptionKeySpec, SigningKeySpec};
use strongroom_kms::{KmsKeyId, KmsProvider};
use strongroom_server::contract::vault::{
    RegisterKmsEncryptionKeyRequest, RegisterKmsSigningKeyRequest,
};
use tonic::Code;
use tonic_types::StatusExt as _;

use super::{PROTOCOL, too_long};
use crate::house::{House, Plan, told};

fn signing(id: &str, usage_v30: &[i32]) -> RegisterKmsSigningKeyRequest {
    RegisterKmsSigningKeyRequest {
        kms_key_id: id.to_owned(),
        name: "held".to_owned(),
        usage_v30: usage_v30.to_vec(),
        base_request: None,
    }
}

async fn keys_in_kms(house: &House) -> (KmsKeyId, KmsKeyId) {
    let keys = house.kms.external_keys().unwrap();
    let spec = SigningKeySpec::EcP256;
    let signs = keys
        .generate_signing_key(spec, &Default::default())
        .await
        .unwrap();
    let spec = EncryptionKeySpec::Rsa2048;
    let decrypts = keys
        .generate_encryption_key(spec, &Default::default())
        .await
        .unwrap();
    (signs, decrypts)
}

#[tokio::test]
async fn keys_of_a_kms_become_keys_of_the_node_and_again_is_no_error() {
    let house = House::new().await;
    let (signs, decrypts) = keys_in_kms(&house).await;
    let mut client = house.vault_service().await;
    for _time in 0..2 {
        client
            .register_kms_signing_key(signing(signs.as_str(), &[PROTOCOL]))
            .await
            .unwrap();
        let request = RegisterKmsEncryptionKeyRequest {
            kms_key_id: decrypts.as_str().to_owned(),
            name: String::new(),
        };
        client.register_kms_encryption_key(request).await.unwrap();
    }
    assert_eq!(house.vault.key_count(), 2);
}

#[tokio::test]
async fn whatever_the_kms_says_stays_inside() {
    let house = House::new().await;
    let (signs, decrypts) = keys_in_kms(&house).await;
    let mut client = house.vault_service().await;
    let unknown = client
        .register_kms_signing_key(signing("unknown", &[PROTOCOL]))
        .await;
    let other_purpose = client
        .register_kms_signing_key(signing(decrypts.as_str(), &[PROTOCOL]))
        .await;
    let request = RegisterKmsEncryptionKeyRequest {
        kms_key_id: signs.as_str().to_owned(),
        name: String::new(),
    };
    let the_other_way = client
        .register_kms_encryption_key(request)
        .await
        .unwrap_err();
    for status in [
        unknown.unwrap_err(),
        other_purpose.unwrap_err(),
        the_other_way,
    ] {
        assert_eq!(status.code(), Code::Internal);
        assert!(
            status.message().starts_with("An error occurred."),
            "{status:?}"
        );
        assert!(status.get_error_details().error_info().is_none());
    }
    assert_eq!(house.vault.key_count(), 0);
}

#[tokio::test]
async fn without_a_kms_that_holds_keys_nothing_is_registered() {
    let house = House::planned(Plan {
        without_external_keys: true,
        ..Plan::default()
    })
    .await;
    let mut client = house.vault_service().await;
    let status = client
        .register_kms_signing_key(signing("any", &[PROTOCOL]))
        .await
        .unwrap_err();
    assert_eq!(status.code(), Code::Internal);
}

#[tokio::test]
async fn an_id_that_no_key_has_and_missing_usages_are_refused() {
    let house = House::new().await;
    let mut client = house.vault_service().await;
    let status = client
        .register_kms_signing_key(signing(&too_long(), &[PROTOCOL]))
        .await
        .unwrap_err();
    assert_eq!(
        (status.code(), told(&status).0.as_str()),
        (Code::NotFound, "INVALID_KMS_KEY_ID")
    );
    assert!(
        status.message().contains("Invalid KMS key id: "),
        "{status:?}"
    );
    let status = client
        .register_kms_signing_key(signing("any", &[]))
        .await
        .unwrap_err();
    let wanted = "PROTO_DESERIALIZATION_FAILURE".to_owned();
    assert_eq!(
        told(&status),
        (wanted, Some("Field `usage` is not set".to_owned()))
    );
}
