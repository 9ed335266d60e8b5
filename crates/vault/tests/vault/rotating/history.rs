//! What older databases are worth after a rotation, and what pruning leaves.

use std::collections::BTreeSet;

use strongroom_errors::Coded as _;
use strongroom_store::{DataKeyState, Sealing};
use strongroom_vault::VaultError;

use super::{Estate, rotate, states};
use crate::house::{caller, code};

#[tokio::test]
async fn a_database_from_before_a_rotation_is_refused_unless_its_operator_accepts_it() {
    let estate = Estate::new(Sealing::DataKey).await;
    let house = &estate.house;
    let backup = house.copy();
    let vault = house.open().await;
    let before = vault.numbers_as_known().await.generation;
    rotate(&vault).await.unwrap();
    let generations = (before, vault.numbers_as_known().await.generation);
    assert!(generations.1 > before);
    vault.close().await.unwrap();
    let after = house.copy();

    house.put_back(&backup);
    let refused = house.try_open().await.unwrap_err();
    let ways = match &refused {
        VaultError::RolledBack { remembered, found } => (*remembered, *found),
        other => panic!("{other:?}"),
    };
    assert_eq!(ways, (generations.1, generations.0));
    let advice = refused.code().advice();
    assert!(advice.contains("'strongroom anchor accept'"), "{advice}");
    let vault = house.accept().await.unwrap();
    vault.release(&caller()).await.unwrap();
    let vault = estate.check(vault, house, "accepted").await;
    assert_eq!(vault.retired_data_keys(), []);
    vault.close().await.unwrap();

    // What was given up comes back the same way. After pruning nobody can go back, and the retired data key is gone with its wraps.
    house.put_back(&after);
    assert_eq!(house.refusal().await, "ROLLED_BACK");
    let vault = house.accept().await.unwrap();
    vault.release(&caller()).await.unwrap();
    let retired = vault.retired_data_keys();
    let pruned = vault.prune_data_keys(&caller(), &BTreeSet::new()).await;
    assert_eq!(pruned.unwrap(), retired);
    let vault = estate.check(vault, house, "pruned").await;
    assert_eq!(vault.retired_data_keys(), []);
    assert_eq!(
        vault
            .prune_data_keys(&caller(), &BTreeSet::new())
            .await
            .unwrap(),
        []
    );
    vault.close().await.unwrap();
    let store = house.store().await.unwrap();
    assert_eq!(states(store.as_ref()).await, [DataKeyState::Active]);
    let wraps: i64 = house
        .database()
        .query_row("SELECT count(*) FROM wraps", (), |row| row.get(0))
        .unwrap();
    assert_eq!(wraps, 1);
    drop(store);
    house.put_back(&backup);
    assert_eq!(code(house.accept().await), "ANCHOR_OF_OTHER_VAULT");
}

#[tokio::test]
async fn only_the_data_keys_that_were_meant_are_pruned_and_all_of_them_or_none() {
    let estate = Estate::new(Sealing::DataKey).await;
    let vault = estate.house.open().await;
    rotate(&vault).await.unwrap();
    let meant = vault.retired_data_keys();
    // Another one is retired before it is done.
    rotate(&vault).await.unwrap();
    let retired = vault.retired_data_keys();
    assert_eq!((meant.len(), retired.len()), (1, 2));
    for these in [&meant[..], &[], &retired[1..]] {
        let refused = vault.prune_exactly(&caller(), these, true).await;
        assert_eq!(code(refused), "OTHER_DATA_KEYS");
    }
    assert_eq!(vault.retired_data_keys(), retired);
    vault
        .prune_exactly(&caller(), &retired, true)
        .await
        .unwrap();
    assert_eq!(vault.retired_data_keys(), []);
}

#[tokio::test]
async fn a_data_key_that_something_needs_is_not_pruned() {
    let estate = Estate::new(Sealing::DataKey).await;
    let vault = estate.house.open().await;
    rotate(&vault).await.unwrap();
    let needed: BTreeSet<_> = vault.retired_data_keys().into_iter().collect();
    let refused = vault.prune_data_keys(&caller(), &needed).await;
    assert_eq!(code(refused), "DATA_KEY_NEEDED");
    assert_eq!(vault.retired_data_keys().len(), 1);
    // A row that names it, whoever wrote it, is not left without it.
    vault.close().await.unwrap();
    let retired = needed.first().unwrap().as_bytes().to_vec();
    estate
        .house
        .database()
        .execute(
            "UPDATE topology SET data_key_id = ?1 WHERE ordinal = 1",
            [retired],
        )
        .unwrap();
    let vault = estate.house.open().await;
    let refused = vault.prune_data_keys(&caller(), &BTreeSet::new()).await;
    assert_eq!(code(refused), "UNKNOWN_DATA_KEY");
}

#[tokio::test]
async fn rows_that_are_put_back_to_before_they_moved_are_noticed() {
    let estate = Estate::new(Sealing::DataKey).await;
    let house = &estate.house;
    let before = house.copy();
    let vault = house.open().await;
    rotate(&vault).await.unwrap();
    vault.close().await.unwrap();
    for table in ["private_keys", "public_keys", "identity", "data_keys"] {
        let house = house.copy();
        let database = house.database();
        database
            .execute(
                "ATTACH ?1 AS old",
                [before.vault_folder().join("vault.db").to_str().unwrap()],
            )
            .unwrap();
        let changed = database
            .execute(
                &format!("REPLACE INTO {table} SELECT * FROM old.{table}"),
                (),
            )
            .unwrap();
        assert!(changed > 0);
        drop(database);
        let refusal = house.refusal().await;
        let noticed = ["UNKNOWN_DATA_KEY", "ROW_NOT_AUTHENTIC", "STATE_MISMATCH"];
        assert!(noticed.contains(&refusal), "{table}: {refusal}");
    }
}

#[tokio::test]
async fn rows_that_are_changed_or_dropped_before_they_move_stop_the_rotation() {
    for change in [
        "DELETE FROM private_keys WHERE fingerprint = (SELECT max(fingerprint) FROM private_keys)",
        "DELETE FROM public_keys WHERE fingerprint = (SELECT min(fingerprint) FROM public_keys)",
        "DELETE FROM public_keys",
        "UPDATE private_keys SET state = 1 - state",
        "UPDATE public_keys SET name = 'another' WHERE name IS NULL",
    ] {
        let estate = Estate::new(Sealing::DataKey).await;
        let vault = estate.house.open().await;
        assert!(estate.house.database().execute(change, ()).unwrap() > 0);
        let refused = code(rotate(&vault).await);
        assert_eq!(refused, "ROW_NOT_AUTHENTIC", "{change}");
        assert!(vault.wrapper_key_rotation().is_some());
    }
}
