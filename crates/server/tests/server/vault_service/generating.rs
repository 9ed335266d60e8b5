use strongroom_crypto::KeyUsage;
use strongroom_proto::v30;
use strongroom_server::contract::vault::{
    GenerateEncryptionKeyRequest, GenerateSigningKeyRequest, generate_signing_key_response,
};
use strongroom_store::Custody;
use strongroom_vault::{CustodyDefaults, Settings};
use tonic::Code;

use super::{NAMESPACE, PROTOCOL, too_long};
use crate::house::{House, Plan, told};

fn signing(key_spec: i32, name: &str, usage_v30: &[i32]) -> GenerateSigningKeyRequest {
    GenerateSigningKeyRequest {
        key_spec,
        name: name.to_owned(),
        usage_v30: usage_v30.to_vec(),
        base_request: None,
    }
}

#[tokio::test]
async fn a_signing_key_is_made_with_proof_of_ownership_added() {
    let house = House::new().await;
    let mut client = house.vault_service().await;
    let made = client
        .generate_signing_key(signing(0, "new", &[PROTOCOL]))
        .await;
    let Some(generate_signing_key_response::PublicKey::V30(public)) =
        made.unwrap().into_inner().public_key
    else {
        panic!("no key");
    };
    let proof = v30::SigningKeyUsage::ProofOfOwnership as i32;
    assert_eq!(public.usage, [PROTOCOL, proof]);
    assert_eq!(public.key_spec, v30::SigningKeySpec::EcCurve25519 as i32);
    let read = strongroom_proto::read_signing_public_key(&public).unwrap();
    let entry = house.vault.key(&read.key.fingerprint()).unwrap();
    assert!(entry.usages().unwrap().contains(KeyUsage::Protocol));
    assert_eq!(entry.name.as_ref().unwrap().as_str(), "new");
}

#[tokio::test]
async fn an_encryption_key_is_made() {
    let house = House::new().await;
    let mut client = house.vault_service().await;
    let request = GenerateEncryptionKeyRequest {
        key_spec: v30::EncryptionKeySpec::Rsa2048 as i32,
        name: String::new(),
    };
    let made = client.generate_encryption_key(request).await.unwrap();
    let public = made.into_inner().public_key.unwrap();
    let read = strongroom_proto::read_encryption_public_key(&public).unwrap();
    let entry = house.vault.key(&read.key.fingerprint()).unwrap();
    assert!(entry.name.is_none());
}

#[tokio::test]
async fn a_request_that_cannot_be_read_makes_no_key() {
    let house = House::new().await;
    let mut client = house.vault_service().await;
    for (request, reason) in [
        (signing(99, "", &[PROTOCOL]), "key_spec"),
        (signing(0, "", &[]), "Field `usage` is not set"),
        // The removed usage 2 counts as nothing.
        (signing(0, "", &[2]), "Field `usage` is not set"),
        (signing(0, "", &[0]), "usage"),
        (signing(0, "", &[77]), "usage"),
        (signing(0, &too_long(), &[PROTOCOL]), "300"),
    ] {
        let status = client.generate_signing_key(request).await.unwrap_err();
        assert_eq!(status.code(), Code::InvalidArgument);
        let (id, told) = told(&status);
        assert_eq!(id, "PROTO_DESERIALIZATION_FAILURE");
        assert!(told.as_ref().unwrap().contains(reason), "{told:?}");
    }
    for (key_spec, name) in [(99, String::new()), (0, too_long())] {
        let request = GenerateEncryptionKeyRequest { key_spec, name };
        let status = client.generate_encryption_key(request).await.unwrap_err();
        assert_eq!(told(&status).0, "PROTO_DESERIALIZATION_FAILURE");
    }
    assert_eq!(house.vault.key_count(), 0);
}

#[tokio::test]
async fn usages_that_no_key_can_have_make_no_key() {
    let house = House::new().await;
    let mut client = house.vault_service().await;
    let proof = v30::SigningKeyUsage::ProofOfOwnership as i32;
    let status = client
        .generate_signing_key(signing(0, "", &[proof]))
        .await
        .unwrap_err();
    assert_eq!(status.code(), Code::InvalidArgument);
    assert_eq!(told(&status).0, "SIGNING_KEY_GENERATION_ERROR");
    assert!(
        status
            .message()
            .starts_with("SIGNING_KEY_GENERATION_ERROR(8,")
    );
    assert_eq!(house.vault.key_count(), 0);
}

#[tokio::test]
async fn a_spec_that_the_kms_does_not_hold_makes_no_key() {
    let settings = Settings {
        custody: CustodyDefaults {
            signing: Custody::External,
            encryption: Custody::External,
            ..CustodyDefaults::default()
        },
        ..Settings::default()
    };
    let house = House::planned(Plan {
        settings,
        without_external_keys: true,
        ..Plan::default()
    })
    .await;
    let mut client = house.vault_service().await;
    let status = client
        .generate_signing_key(signing(0, "", &[NAMESPACE]))
        .await
        .unwrap_err();
    assert_eq!(told(&status).0, "NO_EXTERNAL_KMS");
    assert_eq!(status.code(), Code::FailedPrecondition);
}
