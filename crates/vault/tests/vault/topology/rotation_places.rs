//! Rotating the keys of a node into a KMS, to keys that are there already, and back.

use std::{sync::Arc, time::Duration};

use strongroom_crypto::{EncryptionKeySpec, Fingerprint, KeyUsage, SigningKeySpec};
use strongroom_kms::{ExternalKeyRequest, KmsKeyId, KmsProvider};
use strongroom_kms_local::{KeyKind, LocalKms};
use strongroom_store::{Custody, KeyState};
use strongroom_test_support::kms::{Fault, FlakyKms};
use strongroom_vault::{NewIdentity, Place, Registration, Rotate, RotationStep, Successor, Vault};

use super::{announced_keys, finish_rotations, node, participant, protocol_key, serial};
use crate::house::{House, KMS_NAME, Picture, caller, check_signs, code, name};

/// In the KMS of the house.
const IN_KMS: Place = Place::External { kms: None };

fn registered(key: &KmsKeyId) -> Successor {
    Successor::Registered {
        kms: Some(KMS_NAME.to_owned()),
        key: key.clone(),
        name: None,
    }
}

/// A signing key that somebody made in the KMS of `house`.
async fn made(house: &House, spec: SigningKeySpec) -> KmsKeyId {
    let keys = house.metered.external_keys().unwrap();
    let request = ExternalKeyRequest::default();
    keys.generate_signing_key(spec, &request).await.unwrap()
}

fn custody_of(vault: &Vault, key: &Fingerprint) -> Custody {
    vault.key(key).unwrap().private.as_ref().unwrap().custody
}

/// A vault of a participant whose encryption key a KMS could hold as well.
async fn node_with_rsa(house: &House) -> Vault {
    let vault = house.create().await;
    let identity = NewIdentity {
        encryption_spec: EncryptionKeySpec::Rsa2048,
        ..participant()
    };
    vault.initialize(&caller(), &identity).await.unwrap();
    vault
}

#[tokio::test]
async fn sealed_keys_are_rotated_into_the_kms_and_out_again() {
    let house = House::new();
    let vault = node_with_rsa(&house).await;
    let sealed = announced_keys(&vault).await;
    let history = vault
        .encrypt(&vault.current_encryption_key().await.unwrap(), b"history")
        .unwrap();
    let mut before = sealed.clone();
    for (place, custody) in [
        (IN_KMS, Custody::External),
        (Place::Envelope, Custody::Envelope),
    ] {
        let which = Rotate::All { place: Some(place) };
        vault.begin_rotation(&caller(), which).await.unwrap();
        finish_rotations(&vault).await;
        let after = announced_keys(&vault).await;
        assert_eq!(after.len(), before.len());
        for key in &after {
            assert!(!before.contains(key));
            assert_eq!(custody_of(&vault, key), custody);
        }
        assert_eq!(
            protocol_key(&vault).await,
            *after
                .iter()
                .rev()
                .find(|key| {
                    let usages = vault.key(key).unwrap().usages();
                    usages.is_some_and(|usages| usages.contains(KeyUsage::Protocol))
                })
                .unwrap()
        );
        check_signs(&vault, &protocol_key(&vault).await).await;
        let new = vault.current_encryption_key().await.unwrap();
        let encrypted = vault.encrypt(&new, b"news").unwrap();
        assert_eq!(vault.decrypt(&encrypted).await.unwrap().expose(), b"news");
        before = after;
    }
    // What was encrypted to the first of the three keys.
    assert_eq!(vault.decrypt(&history).await.unwrap().expose(), b"history");
    assert_eq!(vault.kms_journal(), []);
    Picture::of(&vault).await;
}

#[tokio::test]
async fn a_key_is_rotated_to_one_that_was_made_in_the_kms_beforehand() {
    let house = House::new();
    let (vault, _) = node(&house).await;
    let old = protocol_key(&vault).await;
    // Of another spec than the old one, which the usages allow.
    let key = made(&house, SigningKeySpec::EcP256).await;
    let which = Rotate::One {
        old,
        successor: registered(&key),
    };
    let begun = vault.begin_rotation(&caller(), which).await.unwrap();
    let new = begun[0].new;
    let entry = vault.key(&new).unwrap();
    assert_eq!(entry.usages(), vault.key(&old).unwrap().usages());
    assert!(
        entry
            .name
            .as_ref()
            .unwrap()
            .as_str()
            .starts_with("alice-signing")
    );
    let steps = finish_rotations(&vault).await;
    assert!(matches!(steps.last(), Some(RotationStep::Retired(_))));
    assert_eq!(protocol_key(&vault).await, new);
    assert_eq!(custody_of(&vault, &new), Custody::External);
    check_signs(&vault, &new).await;
    let retired = vault.key(&old).unwrap();
    assert_eq!(retired.private.as_ref().unwrap().state, KeyState::Retired);
    assert_eq!(serial(&vault).await, 3);
    vault.close().await.unwrap();
    let vault = house.open().await;
    check_signs(&vault, &new).await;
}

#[tokio::test]
async fn a_key_that_is_registered_already_may_take_the_place_under_its_own_name() {
    let house = House::new();
    let (vault, _) = node(&house).await;
    let old = protocol_key(&vault).await;
    let key = made(&house, SigningKeySpec::EcP256).await;
    let registration = Registration {
        kms: None,
        key: key.clone(),
        usages: vault.key(&old).unwrap().usages(),
        name: name("waiting"),
    };
    let waiting = vault.register_key(&caller(), registration).await.unwrap();
    let successor = registered(&key);
    let which = Rotate::One { old, successor };
    let begun = vault.begin_rotation(&caller(), which).await.unwrap();
    assert_eq!(begun[0].new, waiting.fingerprint());
    finish_rotations(&vault).await;
    assert_eq!(vault.key(&begun[0].new).unwrap().name, name("waiting"));
    // Rotating it to itself, or another one to it, is no rotation.
    for old in announced_keys(&vault).await {
        let usages = vault.key(&old).unwrap().usages();
        let which = Rotate::One {
            old,
            successor: registered(&key),
        };
        let refused = code(vault.begin_rotation(&caller(), which).await);
        match usages {
            Some(usages) if usages.contains(KeyUsage::Protocol) => {
                assert_eq!(refused, "KEY_ALREADY_ANNOUNCED");
            }
            // Of other usages, or of none.
            Some(_) => assert_eq!(refused, "KEY_EXISTS"),
            None => assert_eq!(refused, "EXTERNAL_KEY_PURPOSE"),
        }
    }
}

#[tokio::test]
async fn whichever_call_of_the_kms_fails_the_next_attempt_takes_up_the_keys_that_are_there() {
    let stage = House::new();
    let vault = node_with_rsa(&stage).await;
    vault.close().await.unwrap();
    for fault in [Fault::AnswerLost, Fault::Denied, Fault::Throttled] {
        for number in 1.. {
            let when = format!("{fault:?} at call {number}");
            let house = stage.copy_with_key_file().with_key_file_again();
            let kms = FlakyKms::new(Arc::<LocalKms>::clone(&house.kms));
            let mut environment = house.environment(house.store().await.unwrap());
            environment.kms[0].provider = Arc::new(kms.clone());
            let vault = Vault::open(environment, house.settings.clone());
            let vault = vault.await.unwrap();
            let rotate = || Rotate::All {
                place: Some(IN_KMS),
            };
            let before = kms.calls();
            kms.fail_at(number, fault);
            let outcome = vault.begin_rotation(&caller(), rotate()).await;
            let has_struck = kms.calls() - before >= number;
            kms.heal();
            if outcome.is_err() {
                // Later, under other names if they were made anew.
                house.clock.advance(Duration::from_secs(1));
                vault.begin_rotation(&caller(), rotate()).await.unwrap();
            }
            finish_rotations(&vault).await;
            let in_kms = house.kms.list_keys().into_iter();
            let made = in_kms.filter(|key| key.kind != KeyKind::Wrapper).count();
            assert_eq!(made, 3, "{when}");
            assert_eq!(vault.kms_journal(), [], "{when}");
            check_signs(&vault, &protocol_key(&vault).await).await;
            if !has_struck {
                assert!(number > 9, "{number}");
                break;
            }
        }
    }
}

#[tokio::test]
async fn a_successor_that_cannot_do_the_work_begins_nothing() {
    let house = House::new();
    let (vault, _) = node(&house).await;
    let old = protocol_key(&vault).await;
    let disabled = made(&house, SigningKeySpec::EcP256).await;
    house.kms.disable_key(&disabled).unwrap();
    let retired = made(&house, SigningKeySpec::EcP256).await;
    let registration = Registration {
        kms: None,
        key: retired.clone(),
        usages: vault.key(&old).unwrap().usages(),
        name: name("retired"),
    };
    let entry = vault.register_key(&caller(), registration).await.unwrap();
    vault
        .retire_key(&caller(), &entry.fingerprint())
        .await
        .unwrap();
    let picture = Picture::of(&vault).await;
    let unknown = KmsKeyId::try_new("no such key").unwrap();
    for (key, expected) in [
        (&disabled, "KMS_KEY_DISABLED"),
        (&retired, "KEY_RETIRED"),
        (&unknown, "KMS_KEY_NOT_FOUND"),
    ] {
        let successor = registered(key);
        let refused = vault
            .begin_rotation(&caller(), Rotate::One { old, successor })
            .await;
        assert_eq!(code(refused), expected);
        assert_eq!(Picture::of(&vault).await, picture);
        assert!(vault.rotations().is_empty());
    }
    let elsewhere = Place::External {
        kms: Some("elsewhere".to_owned()),
    };
    let refused = vault
        .begin_rotation(
            &caller(),
            Rotate::All {
                place: Some(elsewhere),
            },
        )
        .await;
    assert_eq!(code(refused), "UNKNOWN_KMS");
    assert_eq!(Picture::of(&vault).await, picture);
}
