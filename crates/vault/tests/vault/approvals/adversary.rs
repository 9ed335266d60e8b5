//! Somebody who has the database and wants a yes that nobody gave.

use super::{alice, approvals, asked, bob, delete, house_with};
use crate::house::House;

/// A vault with one approval, and the same before anybody said yes.
async fn approved() -> (House, House) {
    let house = house_with(approvals());
    let vault = house.create().await;
    let id = asked(&vault, &alice(), &delete("key")).await;
    vault.close().await.unwrap();
    let before = house.copy();
    let vault = house.open().await;
    vault.approve(&bob(), id).await.unwrap();
    vault.close().await.unwrap();
    (house, before)
}

async fn refused_after(house: &House, sql: &str) -> &'static str {
    let tampered = house.copy();
    tampered.database().execute_batch(sql).unwrap();
    tampered.refusal().await
}

#[tokio::test]
async fn every_column_of_an_approval_is_authenticated() {
    let (house, _before) = approved().await;
    for (sql, expected) in [
        (
            "UPDATE approvals SET approval_id = zeroblob(16)",
            "ROW_NOT_AUTHENTIC",
        ),
        (
            "UPDATE approvals SET body = CAST(body || x'00' AS BLOB)",
            "ROW_NOT_AUTHENTIC",
        ),
        (
            "UPDATE approvals SET mac = zeroblob(32)",
            "ROW_NOT_AUTHENTIC",
        ),
        (
            "PRAGMA foreign_keys = off; UPDATE approvals SET data_key_id = zeroblob(16)",
            "UNKNOWN_DATA_KEY",
        ),
        ("DELETE FROM approvals", "STATE_MISMATCH"),
    ] {
        assert_eq!(refused_after(&house, sql).await, expected, "{sql}");
    }
}

/// The body and tag of a row, as SQL writes them.
fn row(house: &House) -> String {
    let read = "SELECT 'x''' || hex(approval_id) || ''', x''' || hex(body) || ''', x''' || hex(data_key_id) \
         || ''', x''' || hex(mac) || '''' FROM approvals";
    house
        .database()
        .query_row(read, (), |row| row.get(0))
        .unwrap()
}

#[tokio::test]
async fn a_yes_that_was_used_does_not_come_back() {
    let (house, _before) = approved().await;
    let used = row(&house);
    let vault = house.open().await;
    vault.pass_approval(&alice(), &delete("key")).await.unwrap();
    vault.close().await.unwrap();
    let revive = format!("INSERT INTO approvals VALUES ({used})");
    assert_eq!(refused_after(&house, &revive).await, "STATE_MISMATCH");
}

#[tokio::test]
async fn a_row_of_another_time_does_not_take_the_place_of_this_one() {
    let (house, before) = approved().await;
    let pending = row(&before);
    let replace = format!("REPLACE INTO approvals VALUES ({pending})");
    assert_eq!(refused_after(&house, &replace).await, "STATE_MISMATCH");
    // Nor does the yes come into the database of the time before.
    let replace = format!("REPLACE INTO approvals VALUES ({})", row(&house));
    assert_eq!(refused_after(&before, &replace).await, "STATE_MISMATCH");
}

#[tokio::test]
async fn a_state_that_is_taken_for_the_right_one_has_no_yes_in_it() {
    let (house, _before) = approved().await;
    let old = house.copy();
    let vault = house.open().await;
    vault.pass_approval(&alice(), &delete("key")).await.unwrap();
    vault.close().await.unwrap();
    house.put_back(&old);
    assert_eq!(house.refusal().await, "ROLLED_BACK");
    let vault = house.accept().await.unwrap();
    assert!(vault.approvals().is_empty());
    vault.close().await.unwrap();
    asked(&house.open().await, &alice(), &delete("key")).await;
}
