//! Keys that were made in the KMS beforehand.

use std::sync::Arc;

use strongroom_crypto::{EncryptionKeySpec, KeyUsages, SigningKeySpec};
use strongroom_kms::{ExternalKeyRequest, KmsKeyId, KmsProvider, Metered};
use strongroom_vault::{AuditOperation, NamedKms, PublicKeyImport, Registration, Vault};

use super::{external_house, key_in_kms};
use crate::house::{House, KMS_NAME, Picture, caller, check_signs, code, name, protocol};

/// A signing key that somebody made in the KMS of `house`.
async fn made(house: &House, spec: SigningKeySpec) -> KmsKeyId {
    let keys = house.metered.external_keys().unwrap();
    let request = ExternalKeyRequest::default();
    keys.generate_signing_key(spec, &request).await.unwrap()
}

fn registration(key: &KmsKeyId, usages: Option<KeyUsages>) -> Registration {
    Registration {
        kms: Some(KMS_NAME.to_owned()),
        key: key.clone(),
        usages,
        name: name("registered"),
    }
}

#[tokio::test]
async fn a_registered_key_is_a_key_of_the_vault() {
    let house = external_house();
    let vault = house.create().await;
    let key = made(&house, SigningKeySpec::EcP256).await;
    let registered = vault
        .register_key(&caller(), registration(&key, Some(protocol())))
        .await
        .unwrap();
    let fingerprint = registered.fingerprint();
    assert_eq!(key_in_kms(&vault, &fingerprint), key);
    check_signs(&vault, &fingerprint).await;

    let keys = house.metered.external_keys().unwrap();
    let request = ExternalKeyRequest::default();
    let encryption = keys
        .generate_encryption_key(EncryptionKeySpec::Rsa2048, &request)
        .await
        .unwrap();
    let registered = vault
        .register_key(&caller(), registration(&encryption, None))
        .await
        .unwrap();
    let encrypted = vault
        .encrypt(&registered.fingerprint(), b"for you")
        .unwrap();
    vault.close().await.unwrap();

    let vault = house.open().await;
    check_signs(&vault, &fingerprint).await;
    let plaintext = vault.decrypt(&encrypted).await.unwrap();
    assert_eq!(plaintext.expose(), b"for you");
    let mut records = Vec::new();
    vault.walk_audit(|entry| records.push(entry)).await.unwrap();
    let last = records.last().unwrap();
    assert_eq!(last.operation, AuditOperation::RegisterKey);
    assert_eq!(last.details["kms_key_id"], encryption.as_str());
}

#[tokio::test]
async fn registering_a_key_again_changes_nothing_and_otherwise_is_refused() {
    let house = external_house();
    let vault = house.create().await;
    let key = made(&house, SigningKeySpec::EcCurve25519).await;
    let wanted = || registration(&key, Some(protocol()));
    vault.register_key(&caller(), wanted()).await.unwrap();
    let picture = Picture::of(&vault).await;
    vault.register_key(&caller(), wanted()).await.unwrap();
    assert_eq!(Picture::of(&vault).await, picture);
    let other_name = Registration {
        name: name("another"),
        ..wanted()
    };
    let refused = vault.register_key(&caller(), other_name).await;
    assert_eq!(code(refused), "KEY_EXISTS");
}

#[tokio::test]
async fn a_public_key_that_was_imported_gets_its_private_half() {
    let house = external_house();
    let vault = house.create().await;
    let key = made(&house, SigningKeySpec::EcP384).await;
    let wanted = registration(&key, Some(protocol()));
    let registered = vault.register_key(&caller(), wanted.clone()).await.unwrap();
    vault
        .release_key(&caller(), &registered.fingerprint())
        .await
        .unwrap();
    let import = PublicKeyImport {
        public: registered.public.clone(),
        name: registered.name.clone(),
    };
    vault.import_public_key(&caller(), import).await.unwrap();
    vault.register_key(&caller(), wanted).await.unwrap();
    check_signs(&vault, &registered.fingerprint()).await;
}

#[tokio::test]
async fn keys_that_cannot_do_the_work_are_refused() {
    let house = external_house();
    let vault = house.create().await;
    let picture = Picture::of(&vault).await;
    let signing = made(&house, SigningKeySpec::EcP256).await;
    let disabled = made(&house, SigningKeySpec::EcP256).await;
    house.kms.disable_key(&disabled).unwrap();
    let leaving = made(&house, SigningKeySpec::EcP256).await;
    house.kms.schedule_deletion(&leaving, 7).unwrap();
    let wrapper = house
        .kms
        .list_keys()
        .into_iter()
        .find(|key| key.kind.spec().is_none())
        .unwrap()
        .id;
    let unknown = KmsKeyId::try_new("no such key").unwrap();
    for (key, usages, expected) in [
        (&signing, None, "EXTERNAL_KEY_PURPOSE"),
        (&disabled, Some(protocol()), "KMS_KEY_DISABLED"),
        (&leaving, Some(protocol()), "KMS_KEY_PENDING_DELETION"),
        (&wrapper, Some(protocol()), "KMS_WRONG_PURPOSE"),
        (&unknown, Some(protocol()), "KMS_KEY_NOT_FOUND"),
    ] {
        let refused = vault
            .register_key(&caller(), registration(key, usages))
            .await;
        assert_eq!(code(refused), expected);
    }
    let elsewhere = Registration {
        kms: Some("elsewhere".to_owned()),
        ..registration(&signing, Some(protocol()))
    };
    let refused = vault.register_key(&caller(), elsewhere).await;
    assert_eq!(code(refused), "UNKNOWN_KMS");
    assert_eq!(Picture::of(&vault).await, picture);
}

#[tokio::test]
async fn a_key_that_is_disabled_later_says_so_and_works_again_when_it_is_enabled() {
    let house = external_house();
    let vault = house.create().await;
    let key = made(&house, SigningKeySpec::EcP256).await;
    let registered = vault
        .register_key(&caller(), registration(&key, Some(protocol())))
        .await
        .unwrap();
    let fingerprint = registered.fingerprint();
    house.kms.disable_key(&key).unwrap();
    let refused = crate::house::sign(&vault, &fingerprint).await;
    assert_eq!(code(refused), "KMS_KEY_DISABLED");
    let inspection = vault.inspect(|_, _| {}).await.unwrap();
    let (broken, error) = &inspection.broken[0];
    assert_eq!(*broken, fingerprint);
    assert_eq!(
        strongroom_errors::Coded::code(error).name(),
        "KMS_KEY_DISABLED"
    );
    house.kms.enable_key(&key).unwrap();
    check_signs(&vault, &fingerprint).await;
}

#[tokio::test]
async fn a_key_that_is_held_elsewhere_is_not_registered_as_if_it_were_here() {
    let house = external_house();
    let vault = house.create().await;
    let key = made(&house, SigningKeySpec::EcP256).await;
    let wanted = registration(&key, Some(protocol()));
    vault.register_key(&caller(), wanted.clone()).await.unwrap();
    vault.close().await.unwrap();
    // The same KMS under a second name, as a second region would have the key.
    let mut environment = house.environment(house.store().await.unwrap());
    environment.kms.push(NamedKms {
        name: "second".to_owned(),
        provider: Arc::<Metered>::clone(&house.metered),
    });
    let opened = Vault::open(environment, house.settings.clone()).await;
    let vault = opened.unwrap();
    let elsewhere = Registration {
        kms: Some("second".to_owned()),
        ..wanted
    };
    let refused = vault.register_key(&caller(), elsewhere).await;
    assert_eq!(code(refused), "KEY_EXISTS");
}
