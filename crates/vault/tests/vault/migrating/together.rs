//! Keys move while others use, change and delete them.

use std::sync::{
    Arc,
    atomic::{AtomicBool, Ordering},
};

use strongroom_store::{Custody, KeyState};
use strongroom_vault::{Move, Place, Vault};

use super::{Act, Estate, HISTORY, IN_KMS, check_kms, custody};
use crate::{
    house::{caller, check_signs, code},
    rotating::rotate,
};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn signatures_and_decryptions_go_on_while_a_key_moves_to_and_fro() {
    let estate = Estate::for_act(Act::Bring).await;
    let vault = Arc::new(estate.house.open().await);
    let done = Arc::new(AtomicBool::new(false));
    let user = {
        let (vault, done) = (Arc::clone(&vault), Arc::clone(&done));
        let (key, history) = (estate.signing, estate.history.clone());
        tokio::spawn(async move {
            let mut uses = 0;
            while !done.load(Ordering::SeqCst) {
                check_signs(&vault, &key).await;
                let decrypted = vault.decrypt(&history).await.unwrap();
                assert_eq!(decrypted.expose(), HISTORY);
                uses += 1;
            }
            uses
        })
    };
    for _ in 0..5 {
        Act::Bring.run(&vault).await.unwrap();
        Act::TakeBack.run(&vault).await.unwrap();
    }
    done.store(true, Ordering::SeqCst);
    assert!(user.await.unwrap() > 0);
    estate.check(&vault, "to and fro").await;
    check_kms(&vault, &estate.house, "to and fro").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_two_that_bring_the_same_key_one_does_and_the_other_finds_it_done() {
    let estate = Estate::for_act(Act::Bring).await;
    let vault = estate.house.open().await;
    let bring = || vault.migrate_key(&PERSON, &estate.signing, &IN_KMS);
    let (one, other) = tokio::join!(bring(), bring());
    let mut done = [one.unwrap().0, other.unwrap().0];
    done.sort_by_key(|done| done.name());
    assert!(matches!(done, [Move::Bring(_), Move::Nothing]), "{done:?}");
    check_kms(&vault, &estate.house, "both").await;
    assert_eq!(custody(&vault, &estate.signing), Custody::External);
}

static PERSON: std::sync::LazyLock<strongroom_vault::Caller> = std::sync::LazyLock::new(caller);

#[tokio::test]
async fn a_key_that_is_retired_on_its_way_stays_retired() {
    let estate = Estate::for_act(Act::Bring).await;
    let vault = estate.house.open().await;
    let (moved, retired) = tokio::join!(
        vault.migrate_key(&PERSON, &estate.signing, &IN_KMS),
        vault.retire_key(&PERSON, &estate.signing)
    );
    moved.unwrap();
    retired.unwrap();
    let entry = vault.key(&estate.signing).unwrap();
    let half = entry.private.as_ref().unwrap();
    assert_eq!(
        (half.custody, half.state),
        (Custody::External, KeyState::Retired)
    );
    let refused = crate::house::sign(&vault, &estate.signing).await;
    assert_eq!(code(refused), "KEY_RETIRED");
}

#[tokio::test]
async fn a_key_that_is_deleted_on_its_way_leaves_nothing_unknown_in_the_kms() {
    let estate = Estate::for_act(Act::Bring).await;
    let vault = estate.house.open().await;
    let (moved, deleted) = tokio::join!(
        vault.migrate_key(&PERSON, &estate.signing, &IN_KMS),
        vault.delete_key(&PERSON, &estate.signing)
    );
    deleted.unwrap();
    drop(moved);
    assert_eq!(code(vault.key(&estate.signing)), "KEY_NOT_FOUND");
    check_kms(&vault, &estate.house, "deleted").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn keys_move_while_the_wrapper_key_is_rotated() {
    let estate = Estate::for_act(Act::Bring).await;
    let vault: Vault = estate.house.open().await;
    let (moved, rotated) = tokio::join!(Act::Bring.run(&vault), rotate(&vault));
    moved.unwrap();
    rotated.unwrap();
    assert_eq!(vault.wrapper_key_rotation(), None);
    vault.close().await.unwrap();
    let vault = estate.house.open().await;
    estate.check(&vault, "moved and rotated").await;
    assert_eq!(vault.copied_keys().len(), 3);
    for key in vault.copied_keys() {
        vault
            .migrate_key(&caller(), &key, &Place::Envelope)
            .await
            .unwrap();
    }
    estate.check(&vault, "taken back").await;
}
