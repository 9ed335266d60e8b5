//! Making and destroying external keys while something fails: no key is lost, and none is left that nobody knows of.

use std::sync::Arc;

use strongroom_crypto::Fingerprint;
use strongroom_errors::Coded;
use strongroom_kms::{KmsKeyId, KmsProvider};
use strongroom_kms_local::{KeyKind, LocalKms};
use strongroom_store::Store;
use strongroom_test_support::{
    kms::{Fault, FlakyKms},
    store::FlakyStore,
};
use strongroom_vault::{
    JOURNAL_TAG, NamedKms, NewSigningKey, Progress, Registration, Vault, VaultError,
};

use super::{external_house, key_in_kms, state_in_kms};
use crate::{
    faults::store::FAILURES,
    house::{House, KMS_NAME, caller, check_signs, code, name, new_protocol_key, protocol},
};

const FAULTS: [(Fault, &[&str]); 4] = [
    (
        Fault::AnswerLost,
        &[
            "EXTERNAL_KEY_IN_DOUBT",
            "KMS_TIMED_OUT",
            "EXTERNAL_KEY_REMAINS",
        ],
    ),
    (Fault::Denied, &["KMS_DENIED", "EXTERNAL_KEY_REMAINS"]),
    (Fault::Throttled, &["KMS_THROTTLED", "EXTERNAL_KEY_REMAINS"]),
    (
        Fault::Unavailable,
        &[
            "EXTERNAL_KEY_IN_DOUBT",
            "KMS_UNAVAILABLE",
            "EXTERNAL_KEY_REMAINS",
        ],
    ),
];

fn named_key() -> NewSigningKey {
    NewSigningKey {
        name: name("signing"),
        ..new_protocol_key()
    }
}

async fn open_over(house: &House, kms: Arc<dyn KmsProvider>, store: Arc<dyn Store>) -> Vault {
    let mut environment = house.environment(store);
    environment.kms = vec![NamedKms {
        name: KMS_NAME.to_owned(),
        provider: kms,
    }];
    Vault::open(environment, house.settings.clone())
        .await
        .unwrap()
}

async fn generate(vault: &Vault) -> Result<Fingerprint, VaultError> {
    let key = vault.generate_signing_key(&caller(), named_key()).await?;
    Ok(key.fingerprint())
}

/// Every signing key that the KMS still has is a key of the vault, or an orphan that is found; the orphans are then deleted,
/// and the journal is empty.
async fn clean_up(house: &House, vault: &Vault, when: &str) {
    let orphans = vault.find_orphans().await.unwrap();
    assert!(orphans.unsearched.is_empty(), "{when}");
    for orphan in &orphans.found {
        vault
            .delete_orphan(&caller(), &orphan.kms, &orphan.key.id)
            .await
            .unwrap();
    }
    for entry in vault.kms_journal() {
        vault
            .forget_journal_entry(&caller(), entry.id())
            .await
            .unwrap();
    }
    assert_eq!(vault.kms_journal(), [], "{when}");
    let ours: Vec<KmsKeyId> = crate::house::all_keys(vault)
        .iter()
        .map(|key| key_in_kms(vault, &key.fingerprint()))
        .collect();
    for key in house.kms.list_keys() {
        let is_alive = key.state.is_usable() && key.kind != KeyKind::Wrapper;
        assert!(
            !is_alive || ours.contains(&key.id),
            "{when}: {} is in the KMS, and nobody knows of it",
            key.id
        );
    }
}

#[tokio::test]
async fn whichever_call_of_the_kms_fails_asking_again_gives_the_key_and_no_other_is_left() {
    let mut struck = 0;
    for (fault, codes) in FAULTS {
        for number in 1.. {
            let house = external_house();
            house.create().await.close().await.unwrap();
            let kms = FlakyKms::new(Arc::<LocalKms>::clone(&house.kms));
            let store = house.store().await.unwrap();
            let vault = open_over(&house, Arc::new(kms.clone()), store).await;
            let when = format!("{fault:?} at call {number}");
            kms.fail_at(number, fault);
            let outcome = generate(&vault).await;
            let has_struck = kms.calls() >= number;
            kms.heal();
            if !has_struck {
                outcome.unwrap();
                break;
            }
            struck += 1;
            let error = outcome.unwrap_err();
            assert!(codes.contains(&error.code().name()), "{when}: {error}");
            assert_eq!(vault.key_count(), 0, "{when}");
            // A restart in between forgets nothing.
            vault.close().await.unwrap();
            let vault = house.open().await;
            let key = generate(&vault).await.unwrap();
            check_signs(&vault, &key).await;
            let signing = house.kms.list_keys().into_iter();
            let made = signing.filter(|key| key.kind != KeyKind::Wrapper).count();
            assert_eq!(made, 1, "{when}: the one that was made is taken up");
            clean_up(&house, &vault, &when).await;
            check_signs(&vault, &key).await;
        }
    }
    // Three calls, in four ways: generate, ask for the state, ask for the public half.
    assert_eq!(struck, 12);
}

#[tokio::test]
async fn whichever_call_of_the_store_fails_no_key_is_left_that_nobody_knows_of() {
    let mut struck = 0;
    for (expected, failure) in FAILURES {
        for number in 1.. {
            let house = external_house();
            house.create().await.close().await.unwrap();
            let store = Arc::new(FlakyStore::new(house.store().await.unwrap()));
            let kms: Arc<dyn KmsProvider> = Arc::<LocalKms>::clone(&house.kms);
            let vault = open_over(&house, kms, Arc::<FlakyStore>::clone(&store)).await;
            let when = format!("{expected} at call {number}");
            store.hook().fail_call(number, failure);
            let outcome = generate(&vault).await;
            let has_struck = store.hook().has_struck();
            store.hook().disarm();
            drop(vault);
            drop(store);
            let vault = house.open().await;
            if has_struck && outcome.is_err() {
                struck += 1;
                assert_eq!(vault.key_count(), 0, "{when}");
                generate(&vault).await.unwrap();
            }
            clean_up(&house, &vault, &when).await;
            assert_eq!(vault.key_count(), 1, "{when}");
            if !has_struck {
                break;
            }
        }
    }
    assert!(struck > 7 * 10, "{struck}");
}

#[tokio::test]
async fn a_process_that_dies_between_any_two_commits_leaves_no_unknown_key() {
    // What a copy of the files after each commit would be, is what a crash leaves: lose the answer of each commit in turn.
    for number in 1.. {
        let house = external_house();
        house.create().await.close().await.unwrap();
        let store = Arc::new(FlakyStore::new(house.store().await.unwrap()));
        let kms: Arc<dyn KmsProvider> = Arc::<LocalKms>::clone(&house.kms);
        let vault = open_over(&house, kms, Arc::<FlakyStore>::clone(&store)).await;
        store.hook().lose_commit_answer(number);
        let _done_or_not = generate(&vault).await;
        let has_struck = store.hook().has_struck();
        drop(vault);
        drop(store);
        let vault = house.open().await;
        let when = format!("commit {number}");
        clean_up(&house, &vault, &when).await;
        if !has_struck {
            assert_eq!(number, 4, "intended, made, arrived");
            break;
        }
    }
}

#[tokio::test]
async fn an_orphan_can_be_adopted_as_what_it_was_to_be() {
    let house = external_house();
    let vault = house.create().await;
    vault.close().await.unwrap();
    let kms = FlakyKms::new(Arc::<LocalKms>::clone(&house.kms));
    let store = house.store().await.unwrap();
    let vault = open_over(&house, Arc::new(kms.clone()), store).await;
    kms.fail_at(1, Fault::AnswerLost);
    assert_eq!(code(generate(&vault).await), "EXTERNAL_KEY_IN_DOUBT");
    let [entry] = &vault.kms_journal()[..] else {
        panic!("one entry");
    };
    assert_eq!(*entry.progress(), Progress::Intended);
    let orphans = vault.find_orphans().await.unwrap();
    let [orphan] = &orphans.found[..] else {
        panic!("one orphan: {orphans:?}");
    };
    assert_eq!(orphan.journal, Some(entry.id()));
    let refused = vault.forget_journal_entry(&caller(), entry.id()).await;
    assert_eq!(code(refused), "ORPHAN_REMAINS");
    let adopted = vault
        .adopt_orphan(&caller(), &orphan.kms, &orphan.key.id)
        .await
        .unwrap();
    assert_eq!(adopted.name, name("signing"));
    check_signs(&vault, &adopted.fingerprint()).await;
    assert_eq!(vault.kms_journal(), []);
    assert!(vault.find_orphans().await.unwrap().found.is_empty());
    let refused = vault
        .delete_orphan(&caller(), &orphan.kms, &orphan.key.id)
        .await;
    assert_eq!(code(refused), "NOT_AN_ORPHAN");
}

#[tokio::test]
async fn a_key_of_which_the_journal_says_nothing_is_found_by_the_tag_of_the_vault() {
    let house = external_house();
    let vault = house.create().await;
    let key = generate(&vault).await.unwrap();
    let id = key_in_kms(&vault, &key);
    vault.release_key(&caller(), &key).await.unwrap();
    let orphans = vault.find_orphans().await.unwrap();
    let [orphan] = &orphans.found[..] else {
        panic!("one orphan: {orphans:?}");
    };
    assert_eq!((&orphan.key.id, orphan.journal), (&id, None));
    let refused = vault.adopt_orphan(&caller(), KMS_NAME, &id).await;
    assert_eq!(code(refused), "NO_JOURNAL_ENTRY");
    let registration = Registration {
        kms: None,
        key: id,
        usages: Some(protocol()),
        name: None,
    };
    vault.register_key(&caller(), registration).await.unwrap();
    assert!(vault.find_orphans().await.unwrap().found.is_empty());
}

#[tokio::test]
async fn keys_of_others_are_neither_shown_nor_deleted() {
    let house = external_house();
    let vault = house.create().await;
    let keys = house.metered.external_keys().unwrap();
    let request = strongroom_kms::ExternalKeyRequest::default();
    let spec = strongroom_crypto::SigningKeySpec::EcP256;
    let foreign = keys.generate_signing_key(spec, &request).await.unwrap();
    assert!(vault.find_orphans().await.unwrap().found.is_empty());
    let refused = vault.delete_orphan(&caller(), KMS_NAME, &foreign).await;
    assert_eq!(code(refused), "NOT_AN_ORPHAN");
    let state = state_in_kms(&house, &foreign);
    assert_eq!(state, Some(strongroom_kms::KeyState::Enabled));
}

#[tokio::test]
async fn a_disabled_key_is_shown_and_not_deleted_before_somebody_can_see_whose_it_is() {
    let house = external_house();
    let vault = house.create().await;
    let key = generate(&vault).await.unwrap();
    let id = key_in_kms(&vault, &key);
    vault.release_key(&caller(), &key).await.unwrap();
    house.kms.disable_key(&id).unwrap();
    let orphans = vault.find_orphans().await.unwrap();
    assert_eq!(orphans.found.len(), 1, "{orphans:?}");
    let refused = vault.delete_orphan(&caller(), KMS_NAME, &id).await;
    assert_eq!(code(refused), "KMS_KEY_DISABLED");
    house.kms.enable_key(&id).unwrap();
    vault.delete_orphan(&caller(), KMS_NAME, &id).await.unwrap();
}

/// A vault whose journal says that the KMS made a key that is not one of the vault yet.
async fn with_a_made_key(house: &House) -> (Vault, KmsKeyId) {
    house.create().await.close().await.unwrap();
    let kms = FlakyKms::new(Arc::<LocalKms>::clone(&house.kms));
    let store = house.store().await.unwrap();
    let vault = open_over(house, Arc::new(kms.clone()), store).await;
    kms.fail_at(2, Fault::Denied);
    assert_eq!(code(generate(&vault).await), "KMS_DENIED");
    let key = vault.kms_journal()[0].progress().key().unwrap().clone();
    (vault, key)
}

#[tokio::test]
async fn a_made_key_that_somebody_deletes_in_the_kms_is_replaced() {
    let house = external_house();
    let (vault, made) = with_a_made_key(&house).await;
    house.kms.schedule_deletion(&made, 7).unwrap();
    let key = generate(&vault).await.unwrap();
    assert_ne!(key_in_kms(&vault, &key), made);
    check_signs(&vault, &key).await;
    assert_eq!(vault.kms_journal(), []);
}

/// The vault of [`with_a_made_key`], opened by another process, whose KMS does not show the key at first.
async fn opened_while_hidden(house: &House, vault: Vault) -> Vault {
    vault.close().await.unwrap();
    let kms = FlakyKms::new(Arc::<LocalKms>::clone(&house.kms));
    let store = house.store().await.unwrap();
    let vault = open_over(house, Arc::new(kms.clone()), store).await;
    kms.fail_at(1, Fault::Hidden);
    vault
}

#[tokio::test]
async fn a_made_key_that_the_kms_does_not_show_yet_is_waited_for_and_no_second_one_is_made() {
    let house = external_house();
    let (vault, made) = with_a_made_key(&house).await;
    let vault = opened_while_hidden(&house, vault).await;
    let keys = house.kms.list_keys().len();
    assert_eq!(code(generate(&vault).await), "KMS_KEY_NOT_READY");
    assert_eq!(vault.kms_journal().len(), 1, "its entry stays");
    let key = generate(&vault).await.unwrap();
    assert_eq!(key_in_kms(&vault, &key), made);
    assert_eq!(house.kms.list_keys().len(), keys);
}

#[tokio::test]
async fn a_made_key_that_is_not_there_after_a_long_time_is_replaced() {
    let house = external_house();
    let (vault, made) = with_a_made_key(&house).await;
    let vault = opened_while_hidden(&house, vault).await;
    house.clock.advance(std::time::Duration::from_secs(660));
    let key = generate(&vault).await.unwrap();
    assert_ne!(key_in_kms(&vault, &key), made);
}

#[tokio::test]
async fn a_made_key_that_is_registered_by_hand_leaves_the_journal() {
    let house = external_house();
    let (vault, made) = with_a_made_key(&house).await;
    let registration = Registration {
        kms: None,
        key: made.clone(),
        usages: Some(protocol()),
        name: name("by hand"),
    };
    vault.register_key(&caller(), registration).await.unwrap();
    assert_eq!(vault.kms_journal(), []);
    // What is asked for under the old name is another key.
    let key = generate(&vault).await.unwrap();
    assert_ne!(key_in_kms(&vault, &key), made);
    drop(vault);
    assert_eq!(house.open().await.key_count(), 2);
}

#[tokio::test]
async fn a_deleted_key_does_not_come_back_by_adoption() {
    let house = external_house();
    let vault = house.create().await;
    let key = generate(&vault).await.unwrap();
    let id = key_in_kms(&vault, &key);
    vault.retire_key(&caller(), &key).await.unwrap();
    vault.close().await.unwrap();
    let kms = FlakyKms::new(Arc::<LocalKms>::clone(&house.kms));
    let store = house.store().await.unwrap();
    let vault = open_over(&house, Arc::new(kms.clone()), store).await;
    kms.fail_at(1, Fault::Unavailable);
    let remains = code(vault.delete_key(&caller(), &key).await);
    assert_eq!(remains, "EXTERNAL_KEY_REMAINS");
    let refused = vault.adopt_orphan(&caller(), KMS_NAME, &id).await;
    assert_eq!(code(refused), "NO_JOURNAL_ENTRY");
    clean_up(&house, &vault, "deleted").await;
}

#[tokio::test]
async fn readiness_counts_the_keys_whose_kms_is_down_and_not_those_that_it_refuses() {
    let house = external_house();
    let vault = house.create().await;
    let key = generate(&vault).await.unwrap();
    vault.close().await.unwrap();
    let kms = FlakyKms::new(Arc::<LocalKms>::clone(&house.kms));
    let store = house.store().await.unwrap();
    let vault = open_over(&house, Arc::new(kms.clone()), store).await;
    assert!(vault.readiness().ready);
    kms.fail_at(1, Fault::Denied);
    assert_eq!(code(crate::house::sign(&vault, &key).await), "KMS_DENIED");
    assert!(vault.readiness().ready);
    kms.fail_at(1, Fault::Unavailable);
    let failed = code(crate::house::sign(&vault, &key).await);
    assert_eq!(failed, "KMS_UNAVAILABLE");
    let readiness = vault.readiness();
    assert_eq!((readiness.ready, readiness.keys_waiting), (false, 1));
    check_signs(&vault, &key).await;
    assert!(vault.readiness().ready);
}

#[tokio::test]
async fn a_key_that_the_kms_did_not_destroy_is_known_until_it_does() {
    for (fault, codes) in FAULTS {
        let house = external_house();
        let vault = house.create().await;
        let key = generate(&vault).await.unwrap();
        let id = key_in_kms(&vault, &key);
        vault.close().await.unwrap();
        let kms = FlakyKms::new(Arc::<LocalKms>::clone(&house.kms));
        let store = house.store().await.unwrap();
        let vault = open_over(&house, Arc::new(kms.clone()), store).await;
        kms.fail_at(1, fault);
        let refused = code(vault.delete_key(&caller(), &key).await);
        assert_eq!(refused, "EXTERNAL_KEY_REMAINS");
        assert!(codes.contains(&refused));
        assert_eq!(code(vault.key(&key)), "KEY_NOT_FOUND");
        let [entry] = &vault.kms_journal()[..] else {
            panic!("one entry");
        };
        assert_eq!(*entry.progress(), Progress::Discarded(id.clone()));
        clean_up(&house, &vault, &format!("{fault:?}")).await;
        assert_ne!(
            state_in_kms(&house, &id),
            Some(strongroom_kms::KeyState::Enabled)
        );
    }
}

#[tokio::test]
async fn two_that_ask_at_once_for_the_same_key_get_two() {
    let house = external_house();
    let vault = house.create().await;
    let (one, other) = tokio::join!(generate(&vault), generate(&vault));
    assert_ne!(one.unwrap(), other.unwrap());
    assert_eq!(vault.kms_journal(), []);
}

#[tokio::test]
async fn every_column_of_the_journal_is_authenticated() {
    let house = external_house();
    house.create().await.close().await.unwrap();
    let kms = FlakyKms::new(Arc::<LocalKms>::clone(&house.kms));
    let store = house.store().await.unwrap();
    let vault = open_over(&house, Arc::new(kms.clone()), store).await;
    kms.fail_at(2, Fault::Denied);
    assert_eq!(code(generate(&vault).await), "KMS_DENIED");
    vault.close().await.unwrap();
    let edits = [
        ("journal_id = zeroblob(16)", "ROW_NOT_AUTHENTIC"),
        ("kms = 'another'", "ROW_NOT_AUTHENTIC"),
        ("step = 2", "ROW_NOT_AUTHENTIC"),
        ("step = 0", "STORE_CORRUPTED"),
        ("kms_key_id = 'another'", "ROW_NOT_AUTHENTIC"),
        ("kms_key_id = NULL", "STORE_CORRUPTED"),
        ("spec = 2", "ROW_NOT_AUTHENTIC"),
        ("usages = NULL", "STORE_CORRUPTED"),
        ("usages = usages - 1", "STORE_CORRUPTED"),
        ("name = 'another'", "ROW_NOT_AUTHENTIC"),
        ("name = NULL", "ROW_NOT_AUTHENTIC"),
        ("imports = zeroblob(32)", "ROW_NOT_AUTHENTIC"),
        ("due_at = 1", "STORE_CORRUPTED"),
        ("created_at = created_at + 1", "ROW_NOT_AUTHENTIC"),
        ("data_key_id = zeroblob(16)", "UNKNOWN_DATA_KEY"),
        ("mac = zeroblob(32)", "ROW_NOT_AUTHENTIC"),
    ];
    let mut columns = house
        .database()
        .prepare("SELECT name FROM pragma_table_info('kms_journal')")
        .unwrap()
        .query_map((), |row| row.get::<_, String>(0))
        .unwrap()
        .map(Result::unwrap)
        .collect::<std::collections::BTreeSet<_>>();
    for (edit, expected) in edits {
        let copy = house.copy();
        let edited = copy
            .database()
            .execute(&format!("UPDATE kms_journal SET {edit}"), ());
        assert_eq!(edited.unwrap(), 1, "{edit}");
        assert_eq!(copy.refusal().await, expected, "{edit}");
        columns.remove(edit.split(' ').next().unwrap());
    }
    assert!(columns.is_empty(), "not edited: {columns:?}");
    let copy = house.copy();
    copy.database()
        .execute("DELETE FROM kms_journal", ())
        .unwrap();
    assert_eq!(copy.refusal().await, "STATE_MISMATCH");
    assert_eq!(house.open().await.kms_journal().len(), 1);
}

#[tokio::test]
async fn a_key_in_the_kms_carries_the_tags_by_which_it_is_found() {
    let house = external_house();
    let vault = house.create().await;
    let key = generate(&vault).await.unwrap();
    let id = key_in_kms(&vault, &key);
    let mut keys = house.kms.list_keys().into_iter();
    let listed = keys.find(|listed| listed.id == id).unwrap();
    let tags: Vec<_> = listed.tags.iter().map(|(name, _)| name.as_str()).collect();
    assert!(tags.contains(&strongroom_vault::VAULT_TAG), "{tags:?}");
    assert!(tags.contains(&JOURNAL_TAG), "{tags:?}");
    assert_eq!(listed.label, name("signing"));
}

/// A caller that gives up waiting, and asks again in the same process.
#[tokio::test]
async fn whenever_a_caller_gives_up_asking_again_in_the_same_process_gives_one_key() {
    let mut given_up = 0;
    for steps in 1.. {
        let house = external_house();
        house.create().await.close().await.unwrap();
        let store = Arc::new(FlakyStore::new(house.store().await.unwrap()));
        let kms: Arc<dyn KmsProvider> = Arc::<LocalKms>::clone(&house.kms);
        let vault = open_over(&house, kms, Arc::<FlakyStore>::clone(&store)).await;
        let mut first = Box::pin(generate(&vault));
        let done = poll_times(&mut first, steps).await;
        drop(first);
        let when = format!("given up after {steps} polls");
        let key = generate(&vault)
            .await
            .unwrap_or_else(|error| panic!("{when}: {error}"));
        check_signs(&vault, &key).await;
        drop(vault);
        drop(store);
        let vault = house.open().await;
        clean_up(&house, &vault, &when).await;
        check_signs(&vault, &key).await;
        if done {
            break;
        }
        given_up += 1;
        // Two if the first was done, and only its caller did not hear of it.
        assert!((1..=2).contains(&vault.key_count()), "{when}");
    }
    assert!(given_up > 20, "{given_up}");
}

/// Polls a future so many times, each time when it is woken; says whether it ended.
async fn poll_times<T>(future: &mut (impl Future<Output = T> + Unpin), times: usize) -> bool {
    let mut left = times;
    std::future::poll_fn(|context| {
        if std::pin::Pin::new(&mut *future).poll(context).is_ready() {
            return std::task::Poll::Ready(true);
        }
        left -= 1;
        if left == 0 {
            std::task::Poll::Ready(false)
        } else {
            std::task::Poll::Pending
        }
    })
    .await
}
