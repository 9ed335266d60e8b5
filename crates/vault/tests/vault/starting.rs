//! What a start does to keys whose custody is not the configured one.

use std::sync::Arc;

use strongroom_crypto::{Fingerprint, KeyUsage};
use strongroom_store::{Custody, Sealing};
use strongroom_test_support::{kms::FlakyKms, store::FlakyStore};
use strongroom_vault::{AuditOperation, CustodyDefaults, NamedWrapper, Settings, Vault};

use crate::{
    faults::store::FAILURES,
    house::{
        House, KMS_NAME, KeyPicture, Picture, caller, check_signs, code, encryption_key, settings,
        signing_key,
    },
};
use strongroom_kms::KmsProvider as _;

const CLEAR: (Custody, Sealing) = (Custody::Clear, Sealing::DataKey);
const SEALED: (Custody, Sealing) = (Custody::Envelope, Sealing::DataKey);
const DIRECT: (Custody, Sealing) = (Custody::Envelope, Sealing::Direct);

/// A closed vault with a signing key and an encryption key in this custody.
async fn house_in((custody, sealing): (Custody, Sealing)) -> (House, [Fingerprint; 2]) {
    let house = House::new().with_settings(settings(custody, sealing));
    let vault = house.create().await;
    let keys = [signing_key(&vault).await, encryption_key(&vault).await];
    vault.close().await.unwrap();
    (house, keys)
}

fn configured(house: House, (custody, sealing): (Custody, Sealing), reverted: bool) -> House {
    house.with_settings(Settings {
        reverted,
        ..settings(custody, sealing)
    })
}

fn custodies(vault: &Vault, keys: &[Fingerprint]) -> Vec<Custody> {
    let half = |key| KeyPicture::of(&vault.key(key).unwrap()).private.unwrap();
    keys.iter().map(|key| half(key).custody).collect()
}

async fn last_operations(vault: &Vault, count: usize) -> Vec<AuditOperation> {
    let mut all = Vec::new();
    vault
        .walk_audit(|entry| all.push(entry.operation))
        .await
        .unwrap();
    all.split_off(all.len() - count)
}

#[tokio::test]
async fn clear_keys_are_sealed_at_start_in_one_unit_and_stay_exposed() {
    for wanted in [SEALED, DIRECT] {
        let (house, mut keys) = house_in(CLEAR).await;
        let house = configured(house, wanted, false);
        let vault = house.open().await;
        assert_eq!(
            custodies(&vault, &keys),
            [Custody::Clear; 2],
            "opening alone changes nothing"
        );
        let changes = vault.apply_custody(&caller()).await.unwrap();
        keys.sort_unstable();
        assert_eq!(
            (changes.sealed, changes.unsealed),
            (keys.to_vec(), Vec::new())
        );
        assert_eq!(custodies(&vault, &keys), [Custody::Envelope; 2]);
        assert_eq!(
            last_operations(&vault, 2).await,
            [AuditOperation::SealKey; 2]
        );
        let half = KeyPicture::of(&vault.key(&keys[0]).unwrap())
            .private
            .unwrap();
        assert!(half.exposed && half.sealing == wanted.1);
        let found = vault
            .find_private_keys(&keys, &house.database_bytes())
            .await;
        assert!(found.unwrap().is_empty());
        // The next start has nothing to do, and writes nothing.
        let picture = Picture::of(&vault).await;
        vault.close().await.unwrap();
        let vault = house.open().await;
        assert_eq!(
            vault.apply_custody(&caller()).await.unwrap(),
            Default::default()
        );
        assert_eq!(Picture::of(&vault).await, picture);
    }
}

#[tokio::test]
async fn sealing_under_the_data_key_at_start_asks_no_kms() {
    let (house, _keys) = house_in(CLEAR).await;
    let house = configured(house, SEALED, false);
    let vault = house.open().await;
    let calls = house.metered.calls().total();
    vault.apply_custody(&caller()).await.unwrap();
    assert_eq!(house.metered.calls().total(), calls);
}

#[tokio::test]
async fn only_keys_whose_usage_is_sealed_by_the_settings_are_sealed() {
    let (house, keys) = house_in(CLEAR).await;
    let house = house.with_settings(Settings {
        custody: CustodyDefaults {
            by_usage: vec![(KeyUsage::Protocol, Custody::Clear)],
            ..CustodyDefaults::default()
        },
        ..Settings::default()
    });
    let vault = house.open().await;
    let changes = vault.apply_custody(&caller()).await.unwrap();
    assert_eq!(changes.sealed, [keys[1]]);
    assert_eq!(
        custodies(&vault, &keys),
        [Custody::Clear, Custody::Envelope]
    );
}

#[tokio::test]
async fn sealed_keys_stay_sealed_until_the_reversal_is_said() {
    for found in [SEALED, DIRECT] {
        let (house, keys) = house_in(found).await;
        let house = configured(house, CLEAR, false);
        let vault = house.open().await;
        assert_eq!(
            vault.apply_custody(&caller()).await.unwrap(),
            Default::default()
        );
        assert_eq!(custodies(&vault, &keys), [Custody::Envelope; 2]);
        assert_eq!(vault.unreverted_keys().len(), 2);
        vault.close().await.unwrap();

        let house = configured(house, CLEAR, true);
        let vault = house.open().await;
        let changes = vault.apply_custody(&caller()).await.unwrap();
        assert_eq!((changes.sealed.len(), changes.unsealed.len()), (0, 2));
        assert_eq!(custodies(&vault, &keys), [Custody::Clear; 2]);
        assert_eq!(
            last_operations(&vault, 2).await,
            [AuditOperation::UnsealKey; 2]
        );
        let found = vault
            .find_private_keys(&keys, &house.database_bytes())
            .await;
        assert_eq!(found.unwrap().len(), 2);
        assert!(
            KeyPicture::of(&vault.key(&keys[0]).unwrap())
                .private
                .unwrap()
                .exposed
        );
        check_signs(&vault, &keys[0]).await;
        let picture = Picture::of(&vault).await;
        vault.close().await.unwrap();
        let vault = house.open().await;
        assert_eq!(
            vault.apply_custody(&caller()).await.unwrap(),
            Default::default()
        );
        assert_eq!(Picture::of(&vault).await, picture);
    }
}

#[tokio::test]
async fn a_start_that_fails_at_any_call_of_the_store_is_taken_up_by_the_next() {
    let (clear, clear_keys) = house_in(CLEAR).await;
    let (sealed, sealed_keys) = house_in(SEALED).await;
    let clear = configured(clear, SEALED, false);
    let sealed = configured(sealed, CLEAR, true);
    for (house, keys, before, after) in [
        (clear, clear_keys, Custody::Clear, Custody::Envelope),
        (sealed, sealed_keys, Custody::Envelope, Custody::Clear),
    ] {
        for (expected, failure) in FAILURES {
            for number in 1.. {
                let copy = house.copy();
                let store = Arc::new(FlakyStore::new(copy.store().await.unwrap()));
                let environment = copy.environment(Arc::<FlakyStore>::clone(&store));
                let vault = Vault::open(environment, copy.settings.clone())
                    .await
                    .unwrap();
                store.hook().fail_call(number, failure);
                let outcome = vault.apply_custody(&caller()).await;
                let has_struck = store.hook().has_struck();
                store.hook().disarm();
                let found = custodies(&vault, &keys);
                if outcome.is_err() {
                    assert_eq!(code(outcome), expected, "call {number}");
                    assert_eq!(found, [before; 2], "call {number}");
                    vault.apply_custody(&caller()).await.unwrap();
                } else {
                    assert_eq!(found, [after; 2], "call {number}");
                }
                assert_eq!(custodies(&vault, &keys), [after; 2], "call {number}");
                vault.close().await.unwrap();
                assert_eq!(custodies(&copy.open().await, &keys), [after; 2]);
                if !has_struck {
                    assert!(number > 9, "a start makes {number} calls only");
                    break;
                }
            }
        }
    }
}

#[tokio::test]
async fn a_start_that_needs_a_kms_which_is_down_leaves_the_keys_as_they_were() {
    let (house, keys) = house_in(CLEAR).await;
    let house = configured(house, DIRECT, false);
    let kms = FlakyKms::new(Arc::<strongroom_kms_local::LocalKms>::clone(&house.kms));
    let mut environment = house.environment(house.store().await.unwrap());
    environment.wrappers = vec![NamedWrapper {
        name: KMS_NAME.to_owned(),
        wrapper: kms.key_wrapper().unwrap(),
    }];
    let vault = Vault::open(environment, house.settings.clone())
        .await
        .unwrap();
    for call in 1..=2 {
        kms.fail_at(call, strongroom_test_support::kms::Fault::Unavailable);
        assert_eq!(
            code(vault.apply_custody(&caller()).await),
            "KMS_UNAVAILABLE"
        );
        assert_eq!(custodies(&vault, &keys), [Custody::Clear; 2]);
    }
    vault.apply_custody(&caller()).await.unwrap();
    assert_eq!(custodies(&vault, &keys), [Custody::Envelope; 2]);
}
