//! Opened keys: kept, bounded, forgotten.

use std::{sync::Arc, time::Duration};

use strongroom_crypto::Fingerprint;
use strongroom_store::Store;
use strongroom_test_support::store::{CountingStore, StoreCall};
use strongroom_vault::{CacheSettings, Settings, Vault};

use crate::house::{
    ALLOW_PROTOCOL, House, all_keys, caller, check_signs, encryption_key, new_protocol_key, sign,
    signing_key,
};

const HOUR: Duration = Duration::from_secs(3600);

fn cache(capacity: usize, expire_after: Duration) -> Settings {
    Settings {
        cache: CacheSettings {
            capacity,
            expire_after,
            ..CacheSettings::default()
        },
        ..Settings::default()
    }
}

/// The vault in `house`, opened over a store that counts.
async fn counted(house: &House) -> (Vault, Arc<CountingStore>) {
    let store = Arc::new(CountingStore::new(house.store().await.unwrap()));
    let environment = house.environment(Arc::<CountingStore>::clone(&store) as Arc<dyn Store>);
    let vault = Vault::open(environment, house.settings.clone()).await;
    store.hook().reset();
    (vault.unwrap(), store)
}

/// A vault with `keys` signing keys, none of which is opened.
async fn with_keys(house: &House, keys: usize) -> Vec<Fingerprint> {
    let vault = house.create().await;
    let new = vec![new_protocol_key(); keys];
    vault.generate_signing_keys(&caller(), new).await.unwrap();
    let keys = all_keys(&vault);
    vault.close().await.unwrap();
    keys.iter().map(|key| key.fingerprint()).collect()
}

#[tokio::test]
async fn a_warm_key_is_used_without_the_store_and_without_the_kms() {
    let house = House::new();
    let vault = house.create().await;
    let (signing, encryption) = (signing_key(&vault).await, encryption_key(&vault).await);
    vault.close().await.unwrap();

    let (vault, store) = counted(&house).await;
    let calls = house.metered.calls().total();
    let encrypted = vault.encrypt(&encryption, b"m").unwrap();
    assert_eq!(store.hook().total(), 0, "encrypting reads nothing");
    for _ in 0..100 {
        check_signs(&vault, &signing).await;
        vault.decrypt(&encrypted).await.unwrap();
    }
    assert_eq!(store.hook().of(StoreCall::PrivateKey), 2, "each row once");
    assert_eq!(store.hook().of(StoreCall::Read), 2);
    assert_eq!(store.hook().total(), 4);
    assert_eq!(house.metered.calls().total(), calls);
    assert_eq!(vault.opened_keys(), 2);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn many_signers_of_a_cold_key_open_it_once() {
    let house = House::new();
    let keys = with_keys(&house, 8).await;
    let (vault, store) = counted(&house).await;
    let vault = Arc::new(vault);
    for key in keys {
        store.hook().reset();
        let barrier = Arc::new(tokio::sync::Barrier::new(32));
        let signers: Vec<_> = (0..32)
            .map(|_| {
                let (vault, barrier) = (Arc::clone(&vault), Arc::clone(&barrier));
                tokio::spawn(async move {
                    barrier.wait().await;
                    vault.sign(&key, b"message", ALLOW_PROTOCOL).await.unwrap()
                })
            })
            .collect();
        for signer in signers {
            let signature = signer.await.unwrap();
            vault
                .verify(b"message", &signature, ALLOW_PROTOCOL)
                .unwrap();
        }
        assert_eq!(store.hook().of(StoreCall::PrivateKey), 1);
    }
}

#[tokio::test]
async fn a_key_is_forgotten_when_nobody_used_it_for_so_long() {
    let house = House::new().with_settings(cache(100, HOUR));
    let keys = with_keys(&house, 2).await;
    let (vault, store) = counted(&house).await;
    for key in &keys {
        check_signs(&vault, key).await;
    }
    house.clock.advance(HOUR - Duration::from_secs(10));
    assert_eq!(vault.sweep(), 0);
    check_signs(&vault, &keys[0]).await;
    house.clock.advance(Duration::from_secs(10));
    assert_eq!(vault.sweep(), 1, "the one that was not used meanwhile");
    assert_eq!(vault.opened_keys(), 1);
    check_signs(&vault, &keys[0]).await;
    assert_eq!(store.hook().of(StoreCall::PrivateKey), 2, "still warm");
    house.clock.advance(HOUR);
    assert_eq!(vault.sweep(), 1);
    assert_eq!(vault.opened_keys(), 0);
}

#[tokio::test]
async fn an_expired_key_is_not_used_even_before_it_is_swept() {
    let house = House::new().with_settings(cache(100, HOUR));
    let keys = with_keys(&house, 1).await;
    let (vault, store) = counted(&house).await;
    check_signs(&vault, &keys[0]).await;
    house.clock.advance(HOUR);
    check_signs(&vault, &keys[0]).await;
    assert_eq!(store.hook().of(StoreCall::PrivateKey), 2, "opened again");
    assert_eq!(vault.opened_keys(), 1);
}

#[tokio::test]
async fn a_clock_that_was_set_back_does_not_keep_keys_longer() {
    let house = House::new().with_settings(cache(100, HOUR));
    let keys = with_keys(&house, 1).await;
    let vault = house.open().await;
    check_signs(&vault, &keys[0]).await;
    let now = strongroom_crypto::clock::Clock::now(&*house.clock);
    house.clock.set(strongroom_crypto::Timestamp::from_micros(
        now.as_micros() - 24 * 3_600_000_000,
    ));
    // The next look at the key notices; from there on the hour counts.
    vault.sweep();
    house.clock.advance(HOUR);
    assert_eq!(vault.sweep(), 1);
}

#[tokio::test]
async fn no_more_keys_are_kept_than_the_settings_allow() {
    for allowed in [0, 1, 3, 10, 64, 100] {
        let house = House::new().with_settings(cache(allowed, HOUR));
        let capacity = allowed.max(1);
        let keys = with_keys(&house, 300).await;
        let vault = house.open().await;
        for key in &keys {
            check_signs(&vault, key).await;
            assert!(vault.opened_keys() <= capacity, "{allowed}");
        }
        // Keys that were pushed out are opened again.
        for key in &keys[..20] {
            check_signs(&vault, key).await;
        }
        assert_eq!(vault.opened_keys(), capacity);
    }
}

#[tokio::test]
async fn the_key_that_was_not_used_for_longest_goes_first() {
    let house = House::new().with_settings(cache(1, HOUR));
    let keys = with_keys(&house, 2).await;
    let (vault, store) = counted(&house).await;
    check_signs(&vault, &keys[0]).await;
    house.clock.advance(Duration::from_secs(5));
    check_signs(&vault, &keys[1]).await;
    check_signs(&vault, &keys[1]).await;
    assert_eq!(store.hook().of(StoreCall::PrivateKey), 2);
    check_signs(&vault, &keys[0]).await;
    assert_eq!(store.hook().of(StoreCall::PrivateKey), 3);
}

#[tokio::test]
async fn a_failed_opening_is_not_remembered() {
    let house = House::new();
    let keys = with_keys(&house, 1).await;
    let store = Arc::new(strongroom_test_support::store::FlakyStore::new(
        house.store().await.unwrap(),
    ));
    let environment = house.environment(store.clone());
    let vault = Vault::open(environment, Settings::default()).await.unwrap();
    for number in 1..=2 {
        store
            .hook()
            .fail_call(number, || strongroom_store::StoreError::Busy {
                source: None,
            });
        assert_eq!(
            crate::house::code(sign(&vault, &keys[0]).await),
            "STORE_BUSY"
        );
        assert_eq!(vault.opened_keys(), 0);
    }
    store.hook().disarm();
    check_signs(&vault, &keys[0]).await;
}

#[tokio::test(start_paused = true)]
async fn the_vault_forgets_expired_keys_by_itself() {
    let house = House::new().with_settings(cache(100, HOUR));
    let keys = with_keys(&house, 1).await;
    let vault = house.open().await;
    check_signs(&vault, &keys[0]).await;
    house.clock.advance(HOUR);
    assert_eq!(vault.opened_keys(), 1);
    // The time of the runtime is not the real one: it jumps to whatever is waited for.
    tokio::time::sleep(Duration::from_secs(61)).await;
    assert_eq!(vault.opened_keys(), 0);
}
