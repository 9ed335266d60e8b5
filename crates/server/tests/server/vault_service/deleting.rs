use std::time::Duration;

use strongroom_crypto::{EncryptionKeySpec, Fingerprint, SigningKeySpec};
use strongroom_server::contract::vault::DeleteKeyPairRequest;
use strongroom_store::Replicas as _;
use strongroom_topology::MemberCode;
use strongroom_vault::{Caller, NewIdentity, ReplicaSettings, Settings};
use tonic::Code;

use super::key;
use crate::house::{House, Plan, told};

fn delete(fingerprint: impl ToString) -> DeleteKeyPairRequest {
    DeleteKeyPairRequest {
        fingerprint: fingerprint.to_string(),
    }
}

#[tokio::test]
async fn a_deleted_key_is_gone_and_again_is_no_error() {
    let house = House::new().await;
    let fingerprint = key(&house.vault, "one").await;
    let mut client = house.vault_service().await;
    for _time in 0..2 {
        client.delete_key_pair(delete(fingerprint)).await.unwrap();
    }
    assert_eq!(house.vault.key_count(), 0);
}

/// It may be there, and not known here yet.
#[tokio::test]
async fn a_process_that_does_not_write_does_not_say_that_a_key_is_gone() {
    let house = House::planned(Plan {
        settings: Settings {
            replica: ReplicaSettings {
                wait_for_lease: Duration::ZERO,
                ..ReplicaSettings::default()
            },
            ..Settings::default()
        },
        shared: true,
        ..Plan::default()
    })
    .await;
    let mut client = house.vault_service().await;
    let unknown = Fingerprint::from_bytes([7; 32]);
    client.delete_key_pair(delete(unknown)).await.unwrap();
    let (shared, handle) = house.shared.as_ref().unwrap();
    handle.fall_silent(true);
    shared.handle("other").take_lease().await.unwrap();
    let status = client.delete_key_pair(delete(unknown)).await.unwrap_err();
    let text = status.message();
    assert!(text.starts_with("Failed to remove private key: "), "{text}");
}

#[tokio::test]
async fn what_is_no_fingerprint_is_refused() {
    let house = House::new().await;
    let mut client = house.vault_service().await;
    let status = client.delete_key_pair(delete("garbage")).await.unwrap_err();
    let (id, reason) = told(&status);
    assert_eq!(id, "PROTO_DESERIALIZATION_FAILURE");
    assert!(
        reason
            .unwrap()
            .starts_with("Failed to parse key fingerprint: ")
    );
}

/// Where Canton destroys the identity of the node without a word.
#[tokio::test]
async fn a_key_that_others_rely_on_stays() {
    let house = House::new().await;
    let new = NewIdentity {
        code: MemberCode::Participant,
        identifier: "participant1".to_owned(),
        node: "participant1".to_owned(),
        intermediate_key: false,
        signing_spec: SigningKeySpec::EcCurve25519,
        encryption_spec: EncryptionKeySpec::EcP256,
    };
    let made = house.vault.initialize(&Caller::new("test"), &new).await;
    let namespace = made.unwrap().root.unwrap();
    let mut client = house.vault_service().await;
    let status = client.delete_key_pair(delete(namespace)).await.unwrap_err();
    assert_eq!(status.code(), Code::FailedPrecondition);
    let text = status.message();
    assert!(text.starts_with("Failed to remove private key: "), "{text}");
    house.vault.key(&namespace).unwrap();
}
