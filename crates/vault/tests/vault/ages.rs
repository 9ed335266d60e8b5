//! How old keys in use are, and what a KMS did to wrapper keys meanwhile.

use std::{collections::BTreeSet, time::Duration};

use strongroom_crypto::{Fingerprint, Timestamp, clock::Clock};
use strongroom_kms::KmsKeyId;
use strongroom_store::{Custody, Sealing};
use strongroom_test_support::HeardLog;
use strongroom_vault::{AgedKey, KeyAge, KeyAgeLimits, KeyClass, RotationRequest, Settings, Vault};

use crate::{
    house::{House, KMS_NAME, caller, encryption_key, settings, signing_key},
    rotating::rotate,
    topology::participant,
    wraps::Regions,
};

const DAY: Duration = Duration::from_secs(86_400);

/// A year for protocol keys, two for what opens the vault, three for namespaces.
fn limits() -> KeyAgeLimits {
    KeyAgeLimits {
        protocol: Some(365 * DAY),
        wrapper_key: Some(730 * DAY),
        namespace: Some(1095 * DAY),
        ..KeyAgeLimits::default()
    }
}

fn limited(custody: Custody) -> Settings {
    Settings {
        max_key_age: limits(),
        ..settings(custody, Sealing::DataKey)
    }
}

fn house() -> House {
    House::new().with_settings(limited(Custody::Envelope))
}

fn of(vault: &Vault, key: Fingerprint) -> Option<KeyAge> {
    let is_it = |age: &KeyAge| matches!(&age.key, AgedKey::Private { fingerprint, .. } if *fingerprint == key);
    vault.key_ages().into_iter().find(is_it)
}

fn wrapper_key(vault: &Vault) -> KeyAge {
    let is_it = |age: &KeyAge| matches!(age.key, AgedKey::Wrapper { .. });
    let found: Vec<_> = vault.key_ages().into_iter().filter(is_it).collect();
    assert_eq!(found.len(), 1);
    found[0].clone()
}

fn data_keys(vault: &Vault) -> Vec<KeyAge> {
    let mut ages = vault.key_ages();
    ages.retain(|age| matches!(age.key, AgedKey::DataKey { .. }));
    ages
}

#[tokio::test]
async fn a_key_is_overdue_when_it_is_older_than_its_limit_and_not_a_moment_before() {
    let house = house();
    let vault = house.create().await;
    let (signing, encryption) = (signing_key(&vault).await, encryption_key(&vault).await);
    house.clock.advance(365 * DAY);
    let age = of(&vault, signing).unwrap();
    assert_eq!((age.class, age.age), (KeyClass::Protocol, 365 * DAY));
    assert!(!age.is_overdue());
    house.clock.advance(Duration::from_micros(1));
    assert!(of(&vault, signing).unwrap().is_overdue());
    house.clock.advance(10_000 * DAY);
    let age = of(&vault, encryption).unwrap();
    assert_eq!((age.class, age.limit), (KeyClass::Encryption, None));
    assert!(!age.is_overdue(), "without a limit nothing is overdue");
    // A clock that was put back makes nothing older.
    house.clock.set(Timestamp::from_micros(0));
    assert_eq!(of(&vault, signing).unwrap().age, Duration::ZERO);
}

#[tokio::test]
async fn retired_keys_and_public_halves_have_no_age() {
    let house = house();
    let vault = house.create().await;
    let (kept, retired) = (signing_key(&vault).await, signing_key(&vault).await);
    vault.retire_key(&caller(), &retired).await.unwrap();
    house.clock.advance(400 * DAY);
    assert!(of(&vault, retired).is_none());
    assert!(of(&vault, kept).unwrap().is_overdue());
}

#[tokio::test]
async fn sealing_a_key_makes_it_no_younger() {
    let house = House::new().with_settings(limited(Custody::Clear));
    let vault = house.create().await;
    let key = signing_key(&vault).await;
    let made = house.clock.now();
    vault.close().await.unwrap();
    house.clock.advance(400 * DAY);
    let house = house.with_settings(limited(Custody::Envelope));
    let vault = house.open().await;
    vault.apply_custody(&caller()).await.unwrap();
    assert_eq!(
        vault.key(&key).unwrap().private.as_ref().unwrap().custody,
        Custody::Envelope
    );
    assert_eq!(of(&vault, key).unwrap().since, made);
}

#[tokio::test]
async fn the_root_key_of_the_node_is_known_as_such() {
    let house = house();
    let vault = house.create().await;
    vault.initialize(&caller(), &participant()).await.unwrap();
    let member = vault.identity().unwrap().member;
    let namespace = member.uid.namespace().fingerprint().unwrap();
    let roots = |age: &KeyAge| matches!(age.key, AgedKey::Private { is_root: true, .. });
    let ages = vault.key_ages();
    assert_eq!(ages.iter().filter(|age| roots(age)).count(), 1);
    let root = of(&vault, namespace).unwrap();
    assert!(roots(&root) && root.class == KeyClass::Namespace);
}

#[tokio::test]
async fn a_rotation_renews_wrapper_key_and_data_key_and_a_rewrap_only_the_wrapper_key() {
    let house = house();
    let vault = house.create().await;
    house.clock.advance(800 * DAY);
    assert!(wrapper_key(&vault).is_overdue() && data_keys(&vault)[0].is_overdue());
    let request = RotationRequest {
        kms: Some(KMS_NAME.to_owned()),
        ..RotationRequest::default()
    };
    vault.rewrap_data_key(&caller(), &request).await.unwrap();
    assert_eq!(wrapper_key(&vault).age, Duration::ZERO);
    assert!(data_keys(&vault)[0].is_overdue());
    rotate(&vault).await.unwrap();
    assert_eq!(wrapper_key(&vault).age, Duration::ZERO);
    let [data_key] = &data_keys(&vault)[..] else {
        panic!("the retired data key is not in use");
    };
    assert_eq!(data_key.age, Duration::ZERO);
}

#[tokio::test]
async fn a_wrapper_key_that_stays_grows_older_through_rotations_and_prunings() {
    let regions = Regions::with_two_wraps(limited(Custody::Envelope)).await;
    let clock = &regions.house.clock;
    let (made, second) = (clock.now(), regions.second_key());
    let of_second = |vault: &Vault| {
        let is_it = |age: &KeyAge| matches!(&age.key, AgedKey::Wrapper { wrapper_key_id, .. } if *wrapper_key_id == second.as_str());
        let found = vault.key_ages().into_iter().find(is_it);
        found.unwrap().since
    };
    let mut vault = regions.open().await;
    for _ in 0..3 {
        clock.advance(400 * DAY);
        let rotated_at = clock.now();
        rotate(&vault).await.unwrap();
        assert_eq!(of_second(&vault), made);
        clock.advance(DAY);
        let pruned = vault.prune_data_keys(&caller(), &BTreeSet::new()).await;
        assert_eq!(pruned.unwrap().len(), 1);
        assert_eq!(of_second(&vault), made);
        // What is shown of a wrap is its own age.
        let wraps = vault.wraps();
        assert!(wraps.iter().all(|wrap| wrap.created_at == rotated_at));
        vault.close().await.unwrap();
        vault = regions.open().await;
        assert_eq!(of_second(&vault), made);
    }
    let overdue = vault.key_ages().into_iter().filter(KeyAge::is_overdue);
    let overdue: Vec<_> = overdue.map(|age| age.key).collect();
    let [AgedKey::Wrapper { wrapper_key_id, .. }] = &overdue[..] else {
        panic!("{overdue:?}");
    };
    assert_eq!(wrapper_key_id, second.as_str());
}

#[tokio::test]
async fn what_a_kms_does_to_its_wrapper_key_is_told_until_the_vault_rotates() {
    let house = house();
    let vault = house.create().await;
    let (_older, retired) = (signing_key(&vault).await, signing_key(&vault).await);
    vault.retire_key(&caller(), &retired).await.unwrap();
    assert!(vault.wrapper_keys_rotated_in_kms().await.is_empty());
    let wrapped_at = house.clock.now();
    house.clock.advance(DAY);
    let id = vault.opening().wrapper_key_id;
    let key: KmsKeyId = id.parse().unwrap();
    house.kms.rotate_wrapper_key_version(&key).unwrap();
    let rotated_at = house.clock.now();
    house.clock.advance(DAY);
    signing_key(&vault).await;
    let told = vault.wrapper_keys_rotated_in_kms().await;
    let [it] = &told[..] else {
        panic!("{told:?}");
    };
    assert_eq!((it.kms.as_str(), &it.wrapper_key_id), (KMS_NAME, &id));
    assert_eq!((it.rotated_at, it.wrapped_at), (rotated_at, wrapped_at));
    assert_eq!(it.older_keys, 1, "retired and younger ones do not count");
    rotate(&vault).await.unwrap();
    assert!(vault.wrapper_keys_rotated_in_kms().await.is_empty());
}

#[tokio::test]
async fn who_watches_says_once_when_keys_become_overdue_and_when_a_kms_rotates() {
    let warnings = HeardLog::warnings();
    let _heard = warnings.hear();
    let mut settings = limited(Custody::Envelope);
    settings.kms_watch.check_wrapper_keys_every = Some(Duration::from_millis(5));
    let house = House::new().with_settings(settings);
    let vault = house.create().await;
    signing_key(&vault).await;
    let id: KmsKeyId = vault.opening().wrapper_key_id.parse().unwrap();
    let (overdue, rotated) = ("older than max-key-age", "rotated the material");
    let told = || (warnings.count(overdue), warnings.count(rotated));
    let until = async |expected| {
        while told() != expected {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        // And not again.
        tokio::time::sleep(Duration::from_millis(50)).await;
        assert_eq!(told(), expected);
    };
    let watched = async {
        until((0, 0)).await;
        house.clock.advance(366 * DAY);
        until((1, 0)).await;
        house.kms.rotate_wrapper_key_version(&id).unwrap();
        until((1, 1)).await;
        // Another key: the wrapper key.
        house.clock.advance(365 * DAY);
        until((2, 1)).await;
        let numbers = vault.numbers_as_known().await;
        assert_eq!(numbers.rotated_in_kms.len(), 1);
    };
    let caller = caller();
    let watched = tokio::time::timeout(Duration::from_secs(60), watched);
    tokio::select! {
        () = vault.tend(&caller) => panic!("it never ends"),
        watched = watched => watched.expect("it is told"),
    }
}
