//! What a process learns of the others' commits.

use std::{collections::BTreeSet, fs};

use strongroom_test_support::store::StoreCall;
use strongroom_topology::StoreId;
use strongroom_vault::{KeyFilter, Vault};

use super::company::{Company, settings};
use crate::{
    house::{Picture, caller, check_signs, code, encryption_key, sign, signing_key},
    rotating::rotate,
    topology::acts::initialize,
};

pub(super) async fn assert_agree(one: &Vault, other: &Vault) {
    other.catch_up().await.unwrap();
    assert_eq!(Picture::of(one).await, Picture::of(other).await);
    assert_eq!(one.rotations(), other.rotations());
    assert_eq!(one.backups(), other.backups());
    assert_eq!(
        one.standing().await.generation,
        other.standing().await.generation
    );
}

#[tokio::test]
async fn a_key_that_one_process_makes_signs_in_the_other() {
    let (company, one) = Company::new().await;
    let two = company.open("two").await;
    let key = signing_key(&one.vault).await;
    assert_eq!(code(sign(&two.vault, &key).await), "KEY_NOT_FOUND");
    assert_agree(&one.vault, &two.vault).await;
    check_signs(&two.vault, &key).await;
}

#[tokio::test]
async fn a_key_that_one_process_retires_signs_no_more_in_the_other_although_it_was_open_there() {
    let (company, one) = Company::new().await;
    let key = signing_key(&one.vault).await;
    let two = company.open("two").await;
    check_signs(&two.vault, &key).await;
    one.vault.retire_key(&caller(), &key).await.unwrap();
    assert_agree(&one.vault, &two.vault).await;
    assert_eq!(code(sign(&two.vault, &key).await), "KEY_RETIRED");
    assert_eq!(two.vault.opened_keys(), 0);
}

#[tokio::test]
async fn a_key_that_one_process_deletes_is_gone_in_the_other() {
    let (company, one) = Company::new().await;
    let (signing, encryption) = (
        signing_key(&one.vault).await,
        encryption_key(&one.vault).await,
    );
    let two = company.open("two").await;
    check_signs(&two.vault, &signing).await;
    one.vault.delete_key(&caller(), &signing).await.unwrap();
    one.vault.delete_key(&caller(), &encryption).await.unwrap();
    assert_agree(&one.vault, &two.vault).await;
    assert_eq!(code(sign(&two.vault, &signing).await), "KEY_NOT_FOUND");
    assert_eq!(two.vault.key_count(), 0);
}

#[tokio::test]
async fn a_row_that_another_process_changed_is_caught_up_with_and_nobody_is_accused() {
    let (company, one) = Company::new().await;
    let key = signing_key(&one.vault).await;
    let two = company.open("two").await;
    // Another row under the same fingerprint: what two remembers of it no longer fits.
    one.vault.retire_key(&caller(), &key).await.unwrap();
    assert_eq!(code(sign(&two.vault, &key).await), "KEY_RETIRED");
}

#[tokio::test]
async fn topology_that_one_process_announces_is_seen_by_the_other() {
    let (company, one) = Company::new().await;
    let two = company.open("two").await;
    assert!(two.vault.identity().is_none());
    assert_eq!(
        two.vault
            .topology(&StoreId::Authorized)
            .await
            .unwrap()
            .rows()
            .len(),
        0
    );
    initialize(&one.vault).await.unwrap();
    two.vault.catch_up().await.unwrap();
    assert_eq!(two.vault.identity(), one.vault.identity());
    let rows = |view: &strongroom_topology::TopologyStore| view.rows().len();
    let in_one = rows(&one.vault.topology(&StoreId::Authorized).await.unwrap());
    let in_two = rows(&two.vault.topology(&StoreId::Authorized).await.unwrap());
    assert!(in_one > 0);
    assert_eq!(in_one, in_two);
}

#[tokio::test]
async fn topology_is_read_anew_by_whoever_asks_for_it_first_after_another_process_wrote() {
    let (company, one) = Company::new().await;
    let two = company.open("two").await;
    initialize(&one.vault).await.unwrap();
    // Not caught up: reading topology notices, and does.
    let rows = two
        .vault
        .topology(&StoreId::Authorized)
        .await
        .unwrap()
        .rows()
        .len();
    assert!(rows > 0);
    assert_eq!(two.vault.identity(), one.vault.identity());
}

#[tokio::test]
async fn a_wrapper_key_that_one_process_rotates_is_that_of_the_others_however_often_they_missed_it()
{
    for rotations in [1, 3] {
        let (company, one) = Company::new().await;
        let key = signing_key(&one.vault).await;
        let two = company.open("two").await;
        check_signs(&two.vault, &key).await;
        let three = company.open("three").await;
        drop(three);
        for _rotation in 0..rotations {
            rotate(&one.vault).await.unwrap();
        }
        let new = signing_key(&one.vault).await;
        assert_agree(&one.vault, &two.vault).await;
        check_signs(&two.vault, &new).await;
        // It was away all the time.
        let three = company.open("three").await;
        assert_agree(&one.vault, &three.vault).await;
        check_signs(&three.vault, &key).await;
        drop(company.open("three").await);
    }
}

#[tokio::test]
async fn a_data_key_for_which_nobody_vouches_is_refused() {
    let (company, one) = Company::new().await;
    signing_key(&one.vault).await;
    let (two, three) = (company.open("two").await, company.open("three").await);
    drop(three);
    rotate(&one.vault).await.unwrap();
    // With the old data key goes what it vouches for.
    one.vault
        .prune_data_keys(&caller(), &BTreeSet::new())
        .await
        .unwrap();
    assert_eq!(code(two.vault.catch_up().await), "DATA_KEY_NOT_VOUCHED");
    let refused = company.try_open("three", settings()).await.map(drop);
    assert_eq!(code(refused), "ANCHOR_OF_OTHER_VAULT");
    // Its operator says that it is the right one.
    fs::remove_file(company.anchor_path("three")).unwrap();
    let three = company.open("three").await;
    assert_agree(&one.vault, &three.vault).await;
}

#[tokio::test]
async fn a_process_writes_what_it_follows_into_its_anchor() {
    let (company, one) = Company::new().await;
    let two = company.open("two").await;
    let old_anchor = fs::read(company.anchor_path("two")).unwrap();
    signing_key(&one.vault).await;
    two.vault.catch_up().await.unwrap();
    assert_ne!(fs::read(company.anchor_path("two")).unwrap(), old_anchor);
}

#[tokio::test]
async fn a_new_process_begins_its_anchor_without_writing_anything() {
    let (company, one) = Company::new().await;
    let before = one.vault.standing().await.generation;
    let two = company.open("two").await;
    assert!(company.anchor_path("two").exists());
    assert_eq!(two.vault.standing().await.generation, before);
    drop(two);
    company.open("two").await;
}

#[tokio::test]
async fn a_process_that_was_away_opens_what_the_others_left() {
    let (company, one) = Company::new().await;
    let two = company.open("two").await;
    drop(two);
    let key = signing_key(&one.vault).await;
    signing_key(&one.vault).await;
    let two = company.open("two").await;
    check_signs(&two.vault, &key).await;
    assert_agree(&one.vault, &two.vault).await;
}

#[tokio::test]
async fn a_look_at_what_nobody_changed_is_one_small_read() {
    let (company, one) = Company::new().await;
    let two = company.open("two").await;
    signing_key(&one.vault).await;
    two.vault.catch_up().await.unwrap();
    company.calls.hook().reset();
    two.vault.catch_up().await.unwrap();
    assert_eq!(company.calls.hook().of(StoreCall::Read), 1);
    assert_eq!(company.calls.hook().of(StoreCall::Vault), 1);
    assert_eq!(company.calls.hook().total(), 2);
}

#[tokio::test]
async fn a_process_reads_the_keys_that_acts_name_and_no_others() {
    let (company, one) = Company::new().await;
    let (to_retire, to_delete) = (signing_key(&one.vault).await, signing_key(&one.vault).await);
    let two = company.open("two").await;
    let before = two.vault.list(&KeyFilter::default()).unwrap();
    signing_key(&one.vault).await;
    encryption_key(&one.vault).await;
    one.vault.retire_key(&caller(), &to_retire).await.unwrap();
    one.vault.delete_key(&caller(), &to_delete).await.unwrap();
    company.calls.hook().reset();
    two.vault.catch_up().await.unwrap();
    assert_eq!(company.calls.hook().of(StoreCall::PublicKey), 4);
    assert_eq!(company.calls.hook().of(StoreCall::KeysAfter), 0);
    assert_agree(&one.vault, &two.vault).await;
    // What an act changes without naming it is found by reading everything.
    company.calls.hook().reset();
    rotate(&one.vault).await.unwrap();
    two.vault.catch_up().await.unwrap();
    assert!(company.calls.hook().of(StoreCall::KeysAfter) > 0);
    assert_agree(&one.vault, &two.vault).await;
    assert_eq!(before.len(), 2);
}

#[tokio::test]
async fn what_somebody_changed_past_the_vault_is_noticed_although_it_was_not_looked_for() {
    let (company, one) = Company::new().await;
    let (first, second) = (signing_key(&one.vault).await, signing_key(&one.vault).await);
    let two = company.open("two").await;
    one.vault.retire_key(&caller(), &first).await.unwrap();
    // An act hides from the audit log that a key goes: what is there no longer adds up.
    let database = company.house.database();
    let rows = ["private_keys", "public_keys"].map(|table| {
        let delete = format!("DELETE FROM {table} WHERE fingerprint = ?1");
        database
            .execute(&delete, [second.as_bytes().as_slice()])
            .unwrap()
    });
    assert_eq!(rows, [1, 1]);
    // The sum of what is known and what was named is right; only whoever reads everything, or that key, sees it.
    two.vault.catch_up().await.unwrap();
    assert_eq!(code(sign(&two.vault, &second).await), "CHANGED_UNDERNEATH");
    assert_eq!(
        code(company.try_open("three", settings()).await.map(drop)),
        "STATE_MISMATCH"
    );
}
