use strongroom_crypto::{
    EncryptionKeySpec, KeySpec, KeyUsage, KeyUsages, PrivateKey, PublicKey, SecretBytes,
    SigningKeySpec,
};
use strongroom_proto::{encode_encrypted_key_pair, encode_key_pair, encode_public_key};
use strongroom_server::contract::vault::{ImportKeyPairRequest, ImportPublicKeyRequest};
use strongroom_store::Custody;
use strongroom_test_support::SeededRandom;
use strongroom_vault::{CustodyDefaults, Settings};
use tonic::Code;

use super::too_long;
use crate::house::{House, Plan, told};

fn pair(seed: i64) -> (PrivateKey, PublicKey) {
    pair_of(KeySpec::Signing(SigningKeySpec::EcP256), seed)
}

fn pair_of(spec: KeySpec, seed: i64) -> (PrivateKey, PublicKey) {
    let private = PrivateKey::generate(spec, &SeededRandom::new(seed)).unwrap();
    let usages = matches!(spec, KeySpec::Signing(_)).then(|| KeyUsages::only(KeyUsage::Protocol));
    let public = private.public_key(usages).unwrap();
    (private, public)
}

fn readable(pair: &(PrivateKey, PublicKey)) -> Vec<u8> {
    encode_key_pair(&pair.0, &pair.1).unwrap().expose().to_vec()
}

fn protected(pair: &(PrivateKey, PublicKey), password: &str) -> Vec<u8> {
    let password = SecretBytes::from_slice(password.as_bytes());
    encode_encrypted_key_pair(&pair.0, &pair.1, &password, &SeededRandom::new(3)).unwrap()
}

fn import(key_pair: Vec<u8>, name: &str, password: &str) -> ImportKeyPairRequest {
    ImportKeyPairRequest {
        key_pair,
        name: name.to_owned(),
        password: password.to_owned(),
    }
}

#[tokio::test]
async fn a_key_pair_comes_in_readable_or_under_a_password_and_twice_is_once() {
    let house = House::new().await;
    let mut client = house.vault_service().await;
    let (one, other) = (pair(1), pair(2));
    for _time in 0..2 {
        client
            .import_key_pair(import(readable(&one), "one", ""))
            .await
            .unwrap();
        let encrypted = import(protected(&other, "pass"), "", "pass");
        client.import_key_pair(encrypted).await.unwrap();
    }
    assert_eq!(house.vault.key_count(), 2);
    let entry = house.vault.key(&one.1.fingerprint()).unwrap();
    assert_eq!(entry.private.as_ref().unwrap().custody, Custody::Envelope);
}

#[tokio::test]
async fn a_key_pair_that_cannot_be_read_is_refused() {
    let house = House::new().await;
    let mut client = house.vault_service().await;
    let name_too_long = import(readable(&pair(1)), &too_long(), "");
    for (request, reason) in [
        (name_too_long, "300"),
        (
            import(b"garbage".to_vec(), "", ""),
            "Failed to parse crypto key pair: ",
        ),
        // Of a protected one nothing can be read without its password.
        (
            import(protected(&pair(1), "pass"), "", ""),
            "Failed to parse crypto key pair: ",
        ),
        (import(b"garbage".to_vec(), "", "pass"), ""),
    ] {
        let status = client.import_key_pair(request).await.unwrap_err();
        assert_eq!(status.code(), Code::InvalidArgument, "{status:?}");
        let (id, told) = told(&status);
        assert_eq!(id, "PROTO_DESERIALIZATION_FAILURE");
        assert!(told.unwrap().contains(reason));
    }
    assert_eq!(house.vault.key_count(), 0);
}

#[tokio::test]
async fn a_pair_that_can_be_read_and_whose_bytes_are_no_key_has_an_id_of_its_own() {
    let house = House::new().await;
    let mut client = house.vault_service().await;
    for (spec, wanted) in [
        (
            KeySpec::Signing(SigningKeySpec::EcP256),
            "SIGNING_KEY_CREATION_ERROR",
        ),
        (
            KeySpec::Encryption(EncryptionKeySpec::EcP256),
            "ENCRYPTION_KEY_CREATION_ERROR",
        ),
    ] {
        let pair = pair_of(spec, 1);
        let mut container = readable(&pair);
        let key = pair.0.to_pkcs8().unwrap();
        let key = key.expose();
        let at = container.windows(key.len()).position(|bytes| bytes == key);
        // DER no longer: a length that does not fit.
        container[at.unwrap() + 1] ^= 1;
        let request = import(container, "", "");
        let status = client.import_key_pair(request).await.unwrap_err();
        assert_eq!(status.code(), Code::FailedPrecondition, "{status:?}");
        assert_eq!(told(&status).0, wanted);
        assert!(status.message().starts_with(&format!("{wanted}(9,")));
    }
    assert_eq!(house.vault.key_count(), 0);
}

#[tokio::test]
async fn a_wrong_password_is_told_without_an_id() {
    let house = House::new().await;
    let mut client = house.vault_service().await;
    let request = import(protected(&pair(1), "pass"), "", "other");
    let status = client.import_key_pair(request).await.unwrap_err();
    assert_eq!(status.code(), Code::FailedPrecondition);
    let text = status.message();
    assert!(
        text.starts_with("Failed to decrypt encrypted keypair with password: "),
        "{text}"
    );
    assert!(status.details().is_empty());
}

#[tokio::test]
async fn a_key_that_is_there_under_another_name_is_refused() {
    let house = House::new().await;
    let mut client = house.vault_service().await;
    client
        .import_key_pair(import(readable(&pair(1)), "one", ""))
        .await
        .unwrap();
    let status = client
        .import_key_pair(import(readable(&pair(1)), "other", ""))
        .await
        .unwrap_err();
    assert_eq!(status.code(), Code::FailedPrecondition);
    assert_eq!(told(&status).0, "CRYPTO_PRIVATE_STORE_ERROR");
}

#[tokio::test]
async fn a_vault_whose_keys_a_kms_holds_takes_none_in() {
    let settings = Settings {
        custody: CustodyDefaults {
            signing: Custody::External,
            ..CustodyDefaults::default()
        },
        ..Settings::default()
    };
    let house = House::planned(Plan {
        settings,
        ..Plan::default()
    })
    .await;
    let mut client = house.vault_service().await;
    let status = client
        .import_key_pair(import(readable(&pair(1)), "", ""))
        .await
        .unwrap_err();
    assert_eq!(status.code(), Code::FailedPrecondition);
    let text = "The selected crypto provider does not support importing of private keys.";
    assert_eq!(status.message(), text);
}

#[tokio::test]
async fn a_public_key_comes_in_and_says_who_it_is() {
    let house = House::new().await;
    let mut client = house.vault_service().await;
    let (_private, public) = pair(1);
    let request = |bytes: Vec<u8>, name: &str| ImportPublicKeyRequest {
        public_key: bytes,
        name: name.to_owned(),
    };
    let bytes = encode_public_key(&public);
    let imported = client
        .import_public_key(request(bytes.clone(), "peer"))
        .await
        .unwrap();
    let fingerprint = imported.into_inner().fingerprint;
    assert_eq!(fingerprint, public.fingerprint().to_string());
    let status = client
        .import_public_key(request(b"garbage".to_vec(), ""))
        .await
        .unwrap_err();
    assert_eq!(told(&status).0, "PROTO_DESERIALIZATION_FAILURE");
    // Where Canton fails with an internal error, what is wrong is said.
    let status = client
        .import_public_key(request(bytes, "other"))
        .await
        .unwrap_err();
    assert_eq!(
        (status.code(), told(&status).0.as_str()),
        (Code::AlreadyExists, "KEY_EXISTS")
    );
}
