use strongroom_crypto::SecretBytes;
use strongroom_proto::{decode_encrypted_key_pair, decode_key_pair};
use strongroom_server::{Features, ServerSettings, contract::vault::ExportKeyPairRequest};
use strongroom_store::Custody;
use strongroom_vault::{CustodyDefaults, Settings};
use tonic::{Code, Status};

use super::key;
use crate::house::{House, Plan, told};

fn exporting() -> ServerSettings {
    ServerSettings {
        features: Features {
            export_of_private_keys: true,
            ..Features::default()
        },
        ..ServerSettings::default()
    }
}

async fn house() -> House {
    House::planned(Plan {
        server: exporting(),
        ..Plan::default()
    })
    .await
}

fn export(fingerprint: &str, password: &str) -> ExportKeyPairRequest {
    ExportKeyPairRequest {
        fingerprint: fingerprint.to_owned(),
        protocol_version: 34,
        password: password.to_owned(),
    }
}

fn plain(status: &Status, code: Code, text: &str) {
    assert_eq!(status.code(), code);
    assert_eq!(status.message(), text);
    assert!(status.details().is_empty());
}

#[tokio::test]
async fn no_private_key_leaves_unless_that_is_enabled() {
    let house = House::new().await;
    let fingerprint = key(&house.vault, "one").await;
    let mut client = house.vault_service().await;
    for wanted in [fingerprint.to_string(), "garbage".to_owned()] {
        let status = client
            .export_key_pair(export(&wanted, ""))
            .await
            .unwrap_err();
        let text = "Remote export of private keys only allowed when preview is enabled";
        plain(&status, Code::FailedPrecondition, text);
    }
}

#[tokio::test]
async fn a_key_pair_leaves_readable_or_under_a_password() {
    let house = house().await;
    let fingerprint = key(&house.vault, "one").await;
    let mut client = house.vault_service().await;
    let wanted = fingerprint.to_string();
    let readable = client
        .export_key_pair(export(&wanted, ""))
        .await
        .unwrap()
        .into_inner();
    let pair = decode_key_pair(&readable.key_pair).unwrap();
    assert_eq!(pair.public.fingerprint(), fingerprint);
    let protected = client
        .export_key_pair(export(&wanted, "pass"))
        .await
        .unwrap()
        .into_inner();
    assert!(decode_key_pair(&protected.key_pair).is_err());
    let password = SecretBytes::from_slice(b"pass");
    let pair = decode_encrypted_key_pair(&protected.key_pair, &password).unwrap();
    assert_eq!(pair.public.fingerprint(), fingerprint);
}

#[tokio::test]
async fn what_cannot_be_read_is_refused() {
    let house = house().await;
    let fingerprint = key(&house.vault, "one").await.to_string();
    let mut client = house.vault_service().await;
    let status = client
        .export_key_pair(export("garbage", ""))
        .await
        .unwrap_err();
    let (id, reason) = told(&status);
    assert_eq!(id, "PROTO_DESERIALIZATION_FAILURE");
    assert!(
        reason
            .unwrap()
            .starts_with("Failed to deserialize fingerprint: ")
    );
    let mut request = export(&fingerprint, "");
    request.protocol_version = 7;
    let status = client.export_key_pair(request).await.unwrap_err();
    let (id, reason) = told(&status);
    assert_eq!(id, "PROTO_DESERIALIZATION_FAILURE");
    assert!(reason.unwrap().starts_with("Protocol version failure: "));
}

#[tokio::test]
async fn a_key_that_is_not_there_is_told_without_an_id() {
    let house = house().await;
    let mut client = house.vault_service().await;
    let unknown = format!("1220{}", "ab".repeat(32));
    let status = client
        .export_key_pair(export(&unknown, ""))
        .await
        .unwrap_err();
    let text =
        format!("Error retrieving private key [{unknown}] no private key found for [{unknown}]");
    plain(&status, Code::FailedPrecondition, &text);
}

#[tokio::test]
async fn a_key_that_a_kms_holds_does_not_leave() {
    let settings = Settings {
        custody: CustodyDefaults {
            signing: Custody::External,
            ..CustodyDefaults::default()
        },
        ..Settings::default()
    };
    let house = House::planned(Plan {
        settings,
        server: exporting(),
        ..Plan::default()
    })
    .await;
    let fingerprint = key(&house.vault, "held").await.to_string();
    let mut client = house.vault_service().await;
    let status = client
        .export_key_pair(export(&fingerprint, ""))
        .await
        .unwrap_err();
    let text = "The selected crypto provider does not support exporting of private keys.";
    plain(&status, Code::FailedPrecondition, text);
}
