//! Keys that topology refers to are not deleted by accident.

use std::{sync::Arc, time::Duration};

use super::{
    announced_keys, node, protocol_key, rotate_all,
    statements::rows,
    synchronizers::{second, sequence},
};
use crate::house::{House, caller, code, signing_key};

#[tokio::test]
async fn an_announced_key_is_not_deleted() {
    let house = House::new();
    let (vault, keys) = node(&house).await;
    let mut announced = announced_keys(&vault).await;
    announced.push(keys.root.unwrap());
    for key in announced {
        let error = vault.delete_key(&caller(), &key).await.unwrap_err();
        let text = error.to_string();
        assert!(
            text.contains("is still announced") && text.contains("in authorized"),
            "{text}"
        );
        assert_eq!(code::<()>(Err(error)), "KEY_ANNOUNCED");
        vault.key(&key).unwrap();
    }
}

#[tokio::test]
async fn a_key_that_nobody_announced_is_deleted_as_before() {
    let house = House::new();
    let (vault, _) = node(&house).await;
    let key = signing_key(&vault).await;
    vault.delete_key(&caller(), &key).await.unwrap();
    assert_eq!(code(vault.key(&key)), "KEY_NOT_FOUND");
}

#[tokio::test]
async fn a_key_that_was_rotated_out_may_go() {
    let house = House::new();
    let (vault, _) = node(&house).await;
    let old = protocol_key(&vault).await;
    rotate_all(&vault).await;
    vault.delete_key(&caller(), &old).await.unwrap();
}

#[tokio::test]
async fn a_key_whose_end_is_sequenced_is_kept_until_that_is_effective() {
    let house = House::new();
    let (vault, _) = node(&house).await;
    let key = signing_key(&vault).await;
    vault.announce_key(&caller(), &key).await.unwrap();
    let own = async || -> Vec<_> {
        let rows = rows(&vault).await.into_iter();
        rows.map(|row| Arc::unwrap_or_clone(row.signed)).collect()
    };
    let announced = own().await;
    let place = announced.len();
    sequence(&vault, second(0), announced).await.unwrap();
    vault.withdraw_key(&caller(), &key).await.unwrap();
    let withdrawal = own().await.split_off(place);
    sequence(&vault, second(10), withdrawal).await.unwrap();
    for time in [second(10).sequenced, second(10).effective] {
        house.clock.set(time);
        let refused = vault.delete_key(&caller(), &key).await;
        assert_eq!(code(refused), "KEY_ANNOUNCED");
    }
    house.clock.advance(Duration::from_micros(1));
    vault.delete_key(&caller(), &key).await.unwrap();
}

#[tokio::test]
async fn an_announced_key_is_deleted_by_whoever_says_so_and_the_log_tells() {
    let house = House::new();
    let (vault, _) = node(&house).await;
    let key = protocol_key(&vault).await;
    vault
        .danger_delete_announced_key(&caller(), &key)
        .await
        .unwrap();
    let mut told = false;
    vault
        .walk_audit(|entry| {
            told |= entry.key == Some(key.to_string()) && entry.details.contains_key("announced");
        })
        .await
        .unwrap();
    assert!(told);
}
