//! Wrapper keys that are disabled, about to be deleted or gone while the vault depends on them.

use std::time::Duration;

use strongroom_crypto::{Timestamp, clock::Clock};
use strongroom_kms::KmsOperation;
use strongroom_store::{Custody, Sealing};
use strongroom_test_support::kms::Fault;
use strongroom_vault::{
    KmsWatchSettings, Settings, Unusable, Vault, WrapperKeyState, WrapperKeyStatus,
};

use crate::{
    house::{KMS_NAME, caller, check_signs, code, settings, sign, signing_key},
    wraps::{Regions, SECOND},
};

const HOUR: Duration = Duration::from_secs(3600);

fn every(check_wrapper_keys_every: Option<Duration>) -> Settings {
    Settings {
        kms_watch: KmsWatchSettings {
            check_wrapper_keys_every,
        },
        ..Settings::default()
    }
}

/// Rows that the KMS seals, and no key that stays in memory for long.
fn direct() -> Settings {
    settings(Custody::Envelope, Sealing::Direct)
}

fn states(found: &[WrapperKeyStatus]) -> Vec<(&str, &str)> {
    let states = found.iter();
    states
        .map(|it| (it.kms.as_str(), it.state.name()))
        .collect()
}

/// KMS and reason of each alarm.
fn alarms(vault: &Vault) -> Vec<(String, Unusable)> {
    let readiness = vault.readiness();
    let alarms = readiness.wrapper_key_alarms.into_iter();
    alarms.map(|alarm| (alarm.kms, alarm.state)).collect()
}

fn now(regions: &Regions) -> Timestamp {
    regions.house.clock.now()
}

#[tokio::test]
async fn opening_asks_for_no_state_and_a_check_asks_once_for_each_wrapper_key() {
    let regions = Regions::with_two_wraps(Settings::default()).await;
    let before = (regions.first.calls(), regions.second.calls());
    let vault = regions.open().await;
    assert_eq!(
        (regions.first.calls(), regions.second.calls()),
        (before.0 + 1, before.1),
        "opening is one call"
    );
    assert_eq!(vault.readiness().wrapper_keys_checked_at, None);
    let found = vault.check_wrapper_keys().await;
    assert_eq!(states(&found), [(KMS_NAME, "usable"), (SECOND, "usable")]);
    for kms in [&regions.first, &regions.second] {
        let last = kms.operations().last().copied();
        assert_eq!(last, Some(KmsOperation::WrapperKeyState));
    }
    assert_eq!(
        (regions.first.calls(), regions.second.calls()),
        (before.0 + 2, before.1 + 1)
    );
    let readiness = vault.readiness();
    assert_eq!(readiness.wrapper_keys_checked_at, Some(now(&regions)));
    assert!(alarms(&vault).is_empty());
}

#[tokio::test]
async fn a_check_finds_what_was_disabled_and_what_is_to_be_deleted_and_forgets_it_when_it_works_again()
 {
    let regions = Regions::with_two_wraps(Settings::default()).await;
    let vault = regions.open().await;
    let (first, second) = (regions.first_key(), regions.second_key());
    regions.house.kms.disable_key(&first).unwrap();
    let found_at = now(&regions);
    let found = vault.check_wrapper_keys().await;
    let WrapperKeyState::Unusable { code, since, .. } = &found[0].state else {
        panic!("{found:?}");
    };
    assert_eq!((*code, *since), ("KMS_KEY_DISABLED", found_at));
    assert_eq!(found[0].wrapper_key_id, first.as_str());

    regions.house.clock.advance(HOUR);
    regions.second_keys.schedule_deletion(&second, 7).unwrap();
    let found = vault.check_wrapper_keys().await;
    assert_eq!(
        states(&found),
        [(KMS_NAME, "disabled"), (SECOND, "pending-deletion")]
    );
    let readiness = vault.readiness();
    let since: Vec<_> = readiness
        .wrapper_key_alarms
        .iter()
        .map(|alarm| alarm.since)
        .collect();
    assert_eq!(since, [found_at, now(&regions)]);
    let codes: Vec<_> = readiness
        .wrapper_key_alarms
        .iter()
        .map(|it| it.code)
        .collect();
    assert_eq!(codes, ["KMS_KEY_DISABLED", "KMS_KEY_PENDING_DELETION"]);
    // What is in memory goes on, and the vault would not open again.
    assert!(readiness.ready && !readiness.reopens, "{readiness:?}");
    check_signs(&vault, &signing_key(&vault).await).await;

    regions.house.kms.enable_key(&first).unwrap();
    regions.second_keys.cancel_deletion(&second).unwrap();
    vault.check_wrapper_keys().await;
    // A rescued key is disabled first, as in the clouds.
    regions.second_keys.enable_key(&second).unwrap();
    vault.check_wrapper_keys().await;
    assert!(alarms(&vault).is_empty());
    assert!(vault.readiness().reopens);
}

#[tokio::test]
async fn a_wrapper_key_that_is_gone_is_an_alarm_too() {
    let regions = Regions::with_two_wraps(Settings::default()).await;
    let vault = regions.open().await;
    let first = regions.first_key();
    regions.house.kms.schedule_deletion(&first, 7).unwrap();
    regions.house.clock.advance(8 * 24 * HOUR);
    let found = vault.check_wrapper_keys().await;
    assert_eq!(states(&found)[0], (KMS_NAME, "gone"));
    let alarm = &vault.readiness().wrapper_key_alarms[0];
    assert_eq!(
        (alarm.state, alarm.code),
        (Unusable::Gone, "KMS_KEY_NOT_FOUND")
    );
}

#[tokio::test]
async fn what_the_kms_does_not_say_is_not_known_and_changes_nothing() {
    let regions = Regions::with_two_wraps(Settings::default()).await;
    let vault = regions.open().await;
    regions.house.kms.disable_key(&regions.first_key()).unwrap();
    vault.check_wrapper_keys().await;
    let before = vault.readiness();
    for fault in [Fault::Denied, Fault::Unavailable] {
        regions.first.fail_from(1, fault);
        regions.second.fail_from(1, fault);
        let found = vault.check_wrapper_keys().await;
        assert_eq!(
            states(&found),
            [(KMS_NAME, "not-known"), (SECOND, "not-known")]
        );
    }
    // A node that may not ask for states is as ready as before; and an alarm does not end by silence.
    assert_eq!(vault.readiness(), before);
    assert_eq!(alarms(&vault), [(KMS_NAME.to_owned(), Unusable::Disabled)]);
}

#[tokio::test]
async fn a_wrap_that_is_refused_at_opening_raises_the_alarm_without_a_further_call() {
    let regions = Regions::with_two_wraps(Settings::default()).await;
    regions.house.kms.disable_key(&regions.first_key()).unwrap();
    let before = (regions.first.calls(), regions.second.calls());
    let vault = regions.open().await;
    assert_eq!(alarms(&vault), [(KMS_NAME.to_owned(), Unusable::Disabled)]);
    assert!(vault.readiness().reopens, "by the second");
    assert_eq!(
        (regions.first.calls(), regions.second.calls()),
        (before.0 + 1, before.1 + 1)
    );
}

#[tokio::test]
async fn a_row_that_its_wrapper_key_does_not_open_raises_the_alarm_until_it_opens() {
    let regions = Regions::with_one_wrap(direct()).await;
    let vault = regions.open().await;
    let (cold, id) = (signing_key(&vault).await, regions.first_key());
    regions.house.kms.schedule_deletion(&id, 7).unwrap();
    let (calls, since) = (regions.first.calls(), now(&regions));
    assert_eq!(code(sign(&vault, &cold).await), "KMS_KEY_PENDING_DELETION");
    regions.house.clock.advance(HOUR);
    sign(&vault, &cold).await.unwrap_err();
    assert_eq!(regions.first.calls(), calls + 2);
    let readiness = vault.readiness();
    let alarm = &readiness.wrapper_key_alarms[0];
    assert_eq!(
        (alarm.wrapper_key_id.as_str(), alarm.state, alarm.since),
        (id.as_str(), Unusable::PendingDeletion, since)
    );
    assert_eq!(readiness.keys_waiting, 1);

    regions.house.kms.cancel_deletion(&id).unwrap();
    regions.house.kms.enable_key(&id).unwrap();
    check_signs(&vault, &cold).await;
    assert!(alarms(&vault).is_empty());
    assert!(vault.readiness().ready);
}

#[tokio::test]
async fn a_key_that_a_new_row_is_sealed_by_raises_the_alarm_when_it_is_disabled() {
    let regions = Regions::with_one_wrap(direct()).await;
    let vault = regions.open().await;
    regions.house.kms.disable_key(&regions.first_key()).unwrap();
    let new = vec![crate::house::new_protocol_key()];
    let refused = vault.generate_signing_keys(&caller(), new).await;
    assert_eq!(code(refused), "KMS_KEY_DISABLED");
    assert_eq!(alarms(&vault), [(KMS_NAME.to_owned(), Unusable::Disabled)]);
}

#[tokio::test]
async fn the_alarm_about_a_wrapper_key_ends_with_its_wrap() {
    let regions = Regions::with_two_wraps(Settings::default()).await;
    let vault = regions.open().await;
    let second = regions.second_key();
    regions.second_keys.disable_key(&second).unwrap();
    vault.check_wrapper_keys().await;
    assert_eq!(alarms(&vault).len(), 1);
    vault
        .remove_wrap(&caller(), SECOND, second.as_str())
        .await
        .unwrap();
    assert!(alarms(&vault).is_empty());
    let found = vault.check_wrapper_keys().await;
    assert_eq!(states(&found), [(KMS_NAME, "usable")]);
}

#[tokio::test]
async fn a_wrapper_key_that_is_only_tried_is_none_in_use() {
    let regions = Regions::with_one_wrap(Settings::default()).await;
    let vault = regions.open().await;
    let id = vault.add_wrap(&caller(), SECOND, None).await.unwrap();
    vault
        .remove_wrap(&caller(), SECOND, id.as_str())
        .await
        .unwrap();
    regions.second_keys.disable_key(&id).unwrap();
    let refused = vault.add_wrap(&caller(), SECOND, Some(id)).await;
    assert_eq!(code(refused), "KMS_KEY_DISABLED");
    assert!(alarms(&vault).is_empty());
}

#[tokio::test(start_paused = true)]
async fn an_open_vault_asks_by_itself_at_the_configured_interval() {
    let regions = Regions::with_two_wraps(every(Some(HOUR))).await;
    let vault = regions.open().await;
    regions
        .second_keys
        .disable_key(&regions.second_key())
        .unwrap();
    // The time of the runtime is not the real one: it jumps to whatever is waited for.
    tokio::time::sleep(HOUR - Duration::from_secs(1)).await;
    assert!(alarms(&vault).is_empty(), "not before its time");
    tokio::time::sleep(Duration::from_secs(2)).await;
    assert_eq!(alarms(&vault), [(SECOND.to_owned(), Unusable::Disabled)]);
    regions
        .second_keys
        .enable_key(&regions.second_key())
        .unwrap();
    tokio::time::sleep(HOUR).await;
    assert!(alarms(&vault).is_empty());

    let calls = regions.second.calls();
    vault.close().await.unwrap();
    tokio::time::sleep(3 * HOUR).await;
    assert_eq!(regions.second.calls(), calls, "a closed vault asks no more");
}

#[tokio::test(start_paused = true)]
async fn without_an_interval_nobody_is_asked() {
    let regions = Regions::with_two_wraps(every(None)).await;
    let vault = regions.open().await;
    let calls = (regions.first.calls(), regions.second.calls());
    tokio::time::sleep(48 * HOUR).await;
    assert_eq!((regions.first.calls(), regions.second.calls()), calls);
    assert_eq!(vault.readiness().wrapper_keys_checked_at, None);
}

#[tokio::test]
async fn a_kms_that_answers_again_is_ready_again_although_nobody_uses_it() {
    let regions = Regions::with_two_wraps(Settings::default()).await;
    let vault = regions.open().await;
    regions.first.fail_from(1, Fault::Unavailable);
    assert!(!vault.check_wraps().await.all_open());
    let down = |vault: &Vault| vault.readiness().kms[0].fails();
    assert!(down(&vault));
    regions.first.heal();
    vault.check_wrapper_keys().await;
    assert!(!down(&vault));
}

#[tokio::test]
async fn a_mistyped_wrapper_key_is_not_a_kms_that_is_down() {
    let regions = Regions::with_two_wraps(Settings::default()).await;
    let vault = regions.open().await;
    let nobody = "local:00000000000000000000000000000000".parse().unwrap();
    let caller = strongroom_vault::Caller::new("operator");
    let added = vault.add_wrap(&caller, KMS_NAME, Some(nobody)).await;
    assert!(added.is_err());
    assert!(!vault.readiness().kms[0].fails());
}
