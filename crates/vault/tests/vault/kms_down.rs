//! The KMS goes down while the vault is open.

use std::{sync::Arc, time::Duration};

use strongroom_kms::{
    Backoff, BreakerSettings, KmsHealth, KmsOperation, KmsProvider, RetrySettings, Surrounded,
    SurroundingsSettings,
};
use strongroom_kms_local::LocalKms;
use strongroom_store::{Custody, Sealing};
use strongroom_test_support::{
    SeededRandom,
    kms::{Fault, FlakyKms},
};
use strongroom_vault::{CacheSettings, KmsCondition, NamedKms, Settings, Vault};

use crate::{
    house::{House, KMS_NAME, check_signs, code, settings, sign, signing_key},
    wraps::{Regions, SECOND, named},
};

const HOUR: Duration = Duration::from_secs(3600);

fn direct(keep_while_kms_is_down: Duration) -> Settings {
    Settings {
        cache: CacheSettings {
            expire_after: HOUR,
            keep_while_kms_is_down,
            ..CacheSettings::default()
        },
        ..settings(Custody::Envelope, Sealing::Direct)
    }
}

/// A house, its KMS, and the vault opened with it.
struct Open {
    house: House,
    kms: FlakyKms,
    vault: Vault,
}

impl Open {
    async fn new(settings: Settings) -> Self {
        let house = House::new().with_settings(settings);
        house.create().await.close().await.unwrap();
        let kms = FlakyKms::new(Arc::<LocalKms>::clone(&house.kms));
        let mut environment = house.environment(house.store().await.unwrap());
        environment.wrappers = vec![named(KMS_NAME, &kms)];
        let vault = Vault::open(environment, house.settings.clone())
            .await
            .unwrap();
        Self { house, kms, vault }
    }
}

#[tokio::test]
async fn an_opened_key_outlasts_its_kms_for_the_configured_time_after_its_last_use() {
    let Open { house, kms, vault } = Open::new(direct(24 * HOUR)).await;
    let key = signing_key(&vault).await;
    check_signs(&vault, &key).await;
    kms.fail_from(1, Fault::Unavailable);
    house.clock.advance(2 * HOUR);
    assert_eq!(vault.sweep(), 0);
    check_signs(&vault, &key).await;
    // To use it so does not make it stay.
    house.clock.advance(21 * HOUR);
    check_signs(&vault, &key).await;
    house.clock.advance(HOUR);
    assert_eq!(code(sign(&vault, &key).await), "KMS_UNAVAILABLE");
    assert_eq!(vault.sweep(), 1);
    kms.heal();
    check_signs(&vault, &key).await;
}

#[tokio::test]
async fn an_expired_key_is_opened_anew_by_a_kms_that_works_and_not_used_when_it_refuses() {
    let Open { house, kms, vault } = Open::new(direct(24 * HOUR)).await;
    let key = signing_key(&vault).await;
    check_signs(&vault, &key).await;
    house.clock.advance(2 * HOUR);
    let before = kms.calls();
    check_signs(&vault, &key).await;
    assert_eq!(kms.calls(), before + 1);
    house.clock.advance(2 * HOUR);
    // Rights that were taken away are no outage.
    kms.fail_at(1, Fault::Denied);
    assert_eq!(code(sign(&vault, &key).await), "KMS_DENIED");
}

#[tokio::test]
async fn without_that_setting_an_expired_key_is_wiped_and_waits_for_the_kms() {
    let Open { house, kms, vault } = Open::new(direct(Duration::ZERO)).await;
    let key = signing_key(&vault).await;
    check_signs(&vault, &key).await;
    kms.fail_from(1, Fault::Unavailable);
    check_signs(&vault, &key).await;
    house.clock.advance(2 * HOUR);
    assert_eq!(code(sign(&vault, &key).await), "KMS_UNAVAILABLE");
    assert_eq!(vault.sweep(), 1);
}

#[tokio::test]
async fn keys_under_the_data_key_need_no_kms_and_are_wiped_in_time() {
    let settings = Settings {
        custody: Default::default(),
        ..direct(24 * HOUR)
    };
    let Open { house, kms, vault } = Open::new(settings).await;
    let key = signing_key(&vault).await;
    check_signs(&vault, &key).await;
    kms.fail_from(1, Fault::Unavailable);
    house.clock.advance(2 * HOUR);
    assert_eq!(vault.sweep(), 1);
    check_signs(&vault, &key).await;
    assert!(vault.readiness().ready);
}

#[tokio::test]
async fn readiness_tells_which_kms_fails_since_when_and_what_waits_for_it() {
    let Open { house, kms, vault } = Open::new(direct(Duration::ZERO)).await;
    let (warm, cold) = (signing_key(&vault).await, signing_key(&vault).await);
    check_signs(&vault, &warm).await;
    let ready = vault.readiness();
    assert!(ready.ready && ready.reopens, "{ready:?}");
    assert!(matches!(ready.kms[0].condition, KmsCondition::Works { .. }));
    assert_eq!(
        (ready.kms[0].kms.as_str(), ready.kms[0].wraps),
        (KMS_NAME, 1)
    );

    kms.fail_from(1, Fault::Unavailable);
    let before = kms.calls();
    assert!(vault.readiness().ready, "nobody has asked the KMS yet");
    let down_since = vault_time(&house);
    for _ in 0..2 {
        sign(&vault, &cold).await.unwrap_err();
        house.clock.advance(HOUR / 60);
    }
    let told = vault.readiness();
    assert_eq!(kms.calls(), before + 2, "asking for readiness asks nobody");
    assert!(
        !told.ready && !told.reopens && told.keys_waiting == 1,
        "{told:?}"
    );
    let KmsCondition::Fails {
        since,
        code,
        is_down,
        ..
    } = told.kms[0].condition
    else {
        panic!("{told:?}");
    };
    assert_eq!(
        (since, code, is_down),
        (down_since, "KMS_UNAVAILABLE", true)
    );

    kms.heal();
    check_signs(&vault, &cold).await;
    assert!(vault.readiness().ready);
}

fn vault_time(house: &House) -> strongroom_crypto::Timestamp {
    strongroom_crypto::clock::Clock::now(house.clock.as_ref())
}

#[tokio::test]
async fn with_a_second_region_the_vault_is_ready_and_would_open_again() {
    let regions = Regions::with_two_wraps(Settings::default()).await;
    regions.first.fail_from(1, Fault::Unavailable);
    let vault = regions.open().await;
    let told = vault.readiness();
    assert!(told.ready && told.reopens, "{told:?}");
    let failing: Vec<_> = told
        .kms
        .iter()
        .map(|kms| (kms.kms.as_str(), kms.fails()))
        .collect();
    assert_eq!(failing, [(KMS_NAME, true), (SECOND, false)]);
}

#[tokio::test]
async fn a_breaker_refuses_at_once_what_needs_the_kms_and_readiness_says_that_it_is_open() {
    let house = House::new().with_settings(direct(Duration::ZERO));
    house.create().await.close().await.unwrap();
    let flaky = FlakyKms::new(Arc::<LocalKms>::clone(&house.kms));
    let once = Backoff {
        attempts: 1,
        base: Duration::ZERO,
        cap: Duration::ZERO,
    };
    let surroundings = SurroundingsSettings {
        retry: RetrySettings {
            failures: once,
            ..RetrySettings::default()
        },
        breaker: Some(BreakerSettings {
            failures: 3,
            open_for: 24 * HOUR,
            open_for_at_most: 24 * HOUR,
            ..BreakerSettings::default()
        }),
        ..SurroundingsSettings::default()
    };
    let provider: Arc<dyn KmsProvider> = Arc::new(flaky.clone());
    let random = Arc::new(SeededRandom::new(5));
    let surrounded = Surrounded::surround(provider, &surroundings, random, None);
    let mut environment = house.environment(house.store().await.unwrap());
    environment.wrappers = vec![named(KMS_NAME, &surrounded)];
    let vault = Vault::open(environment, house.settings.clone())
        .await
        .unwrap();
    let (warm, cold) = (signing_key(&vault).await, signing_key(&vault).await);
    check_signs(&vault, &warm).await;
    assert_eq!(vault.readiness().kms[0].seen, KmsHealth::Ok);

    flaky.fail_from(1, Fault::Unavailable);
    let before = flaky.calls();
    for _ in 0..10 {
        assert_eq!(code(sign(&vault, &cold).await), "KMS_UNAVAILABLE");
        check_signs(&vault, &warm).await;
    }
    assert_eq!(flaky.calls(), before + 3, "the breaker let three through");
    let told = vault.readiness();
    assert!(!told.ready);
    let KmsHealth::Failed { reason } = &told.kms[0].seen else {
        panic!("{told:?}");
    };
    assert!(reason.contains("circuit breaker is open"), "{reason}");
    let KmsCondition::Fails { reason, .. } = &told.kms[0].condition else {
        panic!("{told:?}");
    };
    assert!(reason.contains("not asked again"), "{reason}");
}

/// The vault with a KMS beside the one of its wrap, which only holds the keys of the node.
async fn with_a_holder(regions: &Regions) -> Vault {
    let mut environment = regions.environment(regions.house.store().await.unwrap());
    environment.wrappers = vec![named(KMS_NAME, &regions.first)];
    environment.kms = vec![NamedKms {
        name: SECOND.to_owned(),
        provider: Arc::new(regions.second.clone()),
    }];
    let settings = regions.house.settings.clone();
    Vault::open(environment, settings).await.unwrap()
}

#[tokio::test(start_paused = true)]
async fn a_kms_that_only_holds_keys_is_asked_until_it_works_again_although_nobody_uses_it() {
    let regions = Regions::with_one_wrap(settings(Custody::External, Sealing::DataKey)).await;
    let vault = with_a_holder(&regions).await;
    let key = signing_key(&vault).await;
    // While it works it is not asked, and neither is the other one so soon.
    let before = (regions.first.calls(), regions.second.calls());
    tokio::time::sleep(HOUR / 2).await;
    assert_eq!((regions.first.calls(), regions.second.calls()), before);

    regions.second.fail_from(1, Fault::Unavailable);
    sign(&vault, &key).await.unwrap_err();
    assert!(!vault.readiness().ready);
    tokio::time::sleep(HOUR / 12).await;
    assert!(!vault.readiness().ready, "it is still down");
    assert_eq!(regions.first.calls(), before.0, "what works is left alone");

    regions.second.heal();
    tokio::time::sleep(HOUR / 60).await;
    assert!(vault.readiness().ready);
    assert_eq!(
        regions.second.operations().last(),
        Some(&KmsOperation::KeyState)
    );
    let after = regions.second.calls();
    tokio::time::sleep(HOUR / 12).await;
    assert_eq!(
        regions.second.calls(),
        after,
        "it works: it is asked no more"
    );
    check_signs(&vault, &key).await;
}

#[tokio::test(start_paused = true)]
async fn a_kms_with_a_wrap_that_fails_between_two_checks_is_asked_soon() {
    let regions = Regions::with_two_wraps(Settings::default()).await;
    let vault = regions.open().await;
    regions.first.fail_from(1, Fault::Unavailable);
    assert!(!vault.check_wraps().await.all_open());
    regions.first.heal();
    tokio::time::sleep(HOUR / 60).await;
    assert!(!vault.readiness().kms[0].fails());
}
