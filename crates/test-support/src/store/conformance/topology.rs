use strongroom_crypto::Timestamp;
use strongroom_store::{StoreError, TopologyRow, TopologyTag};

use super::{assert_error, begin, read, refused, samples, store_with_data_key, written};
use crate::store::Storage;

const STORE: &str = "authorized";

/// All columns come back, with and without what is optional.
pub async fn every_kind_of_topology_row_is_read_back(storage: &dyn Storage) {
    let store = store_with_data_key(storage).await;
    let accepted = samples::topology(STORE, 1);
    let proposal = TopologyRow {
        proposal: true,
        serial: 7,
        ..samples::topology(STORE, 2)
    };
    let removal = TopologyRow {
        operation: 2,
        identifier: String::new(),
        ..samples::topology(STORE, 3)
    };
    // Rejected ones end when they begin.
    let rejected = TopologyRow {
        valid_until: Some(samples::topology(STORE, 4).valid_from),
        rejection: Some("the serial does not match".to_owned()),
        unique_key: [1; 32],
        transaction_hash: [2; 32],
        mac: [3; 32],
        ..samples::topology(STORE, 4)
    };
    let rows = [accepted, proposal, removal, rejected];
    written!(store, |write| write.insert_topology(rows.to_vec()));
    assert_eq!(
        read(&store).await.topology_after(None, 10).await.unwrap(),
        rows
    );
}

/// The ends of every range are stored without loss.
pub async fn extreme_values_of_topology_are_read_back(storage: &dyn Storage) {
    let store = store_with_data_key(storage).await;
    let [min, max] = [i64::MIN, i64::MAX].map(Timestamp::from_micros);
    let first = TopologyRow {
        sequenced: min,
        valid_from: min,
        valid_until: Some(max),
        mapping_code: u8::MAX,
        serial: u32::MAX >> 1,
        namespace: String::new(),
        transaction: vec![0],
        rejection: Some(String::new()),
        ..samples::topology("a", 1)
    };
    let last = TopologyRow {
        sequenced: max,
        valid_from: max,
        valid_until: None,
        mapping_code: 1,
        identifier: "ä'; --\u{301}\0".to_owned(),
        transaction: vec![0xff; 10 << 20],
        rejection: Some("\u{10ffff}".repeat(TopologyRow::MAX_REJECTION_BYTES / 4)),
        ordinal: u64::MAX >> 1,
        ..samples::topology("\u{10ffff}", 1)
    };
    written!(store, |write| write
        .insert_topology(vec![last.clone(), first.clone()]));
    let mut read = read(&store).await;
    assert_eq!(
        read.topology_after(None, usize::MAX).await.unwrap(),
        [first, last]
    );
    let beyond = Some(("\u{10ffff}".to_owned(), u64::MAX));
    assert_eq!(read.topology_after(beyond, 10).await.unwrap(), []);
}

/// Pages follow each other without gaps: store by store in the order of their bytes, and by ordinal within each.
pub async fn topology_comes_page_by_page_in_the_order_of_stores_and_ordinals(
    storage: &dyn Storage,
) {
    let store = store_with_data_key(storage).await;
    // As bytes; not as any language would sort them.
    let names = ["Z", "authorized", "authorized:b", "b", "ä"];
    let expected = names
        .iter()
        .flat_map(|name| (1..=12).map(|ordinal| samples::topology(name, ordinal * ordinal)))
        .collect::<Vec<_>>();
    let shuffled = (0..60).map(|number| expected.get(number * 37 % 60).unwrap().clone());
    written!(store, |write| write.insert_topology(shuffled.collect()));

    let mut read = read(&store).await;
    assert_eq!(read.topology_count().await.unwrap(), 60);
    for limit in [1, 7, 12, 59, 60, 61] {
        let mut rows: Vec<TopologyRow> = Vec::new();
        loop {
            let after = rows.last().map(|row| (row.store.clone(), row.ordinal));
            let page = read.topology_after(after, limit).await.unwrap();
            let is_last = page.len() < limit;
            rows.extend(page);
            if is_last {
                break;
            }
        }
        assert_eq!(rows, expected, "pages of {limit}");
    }
    assert_eq!(read.topology_after(None, 0).await.unwrap(), []);
}

/// The position of a page is a place in the order, not a row.
pub async fn a_page_of_topology_starts_after_a_position_that_is_not_stored(storage: &dyn Storage) {
    let store = store_with_data_key(storage).await;
    let rows = [
        samples::topology("a", 1),
        samples::topology("a", 9),
        samples::topology("c", 1),
    ];
    written!(store, |write| write.insert_topology(rows.to_vec()));
    let mut read = read(&store).await;
    for (name, ordinal, skipped) in [
        ("", 5, 0),
        ("a", 0, 0),
        ("a", 5, 1),
        ("a", u64::MAX, 2),
        ("b", 5, 2),
        ("c", 1, 3),
    ] {
        let after = Some((name.to_owned(), ordinal));
        let expected = rows.iter().skip(skipped).cloned().collect::<Vec<_>>();
        assert_eq!(
            read.topology_after(after, 10).await.unwrap(),
            expected,
            "after {ordinal} of {name:?}"
        );
    }
}

/// A position is never written over; the same ordinal of another store is another position.
pub async fn a_position_of_topology_is_taken_once(storage: &dyn Storage) {
    let store = store_with_data_key(storage).await;
    let stored = vec![samples::topology("a", 1), samples::topology("b", 1)];
    written!(store, |write| write.insert_topology(stored.clone()));
    let error = refused!(store, |write| write
        .insert_topology(vec![samples::topology("b", 2), samples::topology("b", 1)]));
    assert_error!(error, StoreError::TopologyRowExists { store, ordinal: 1 } if store == "b");
    let twice = vec![samples::topology("c", 3), samples::topology("c", 3)];
    let error = refused!(store, |write| write.insert_topology(twice));
    assert_error!(error, StoreError::TopologyRowExists { store, ordinal: 3 } if store == "c");
    assert_eq!(
        read(&store).await.topology_after(None, 10).await.unwrap(),
        stored
    );
}

/// The data key that authenticates a row is stored before it.
pub async fn topology_needs_its_data_key(storage: &dyn Storage) {
    let store = store_with_data_key(storage).await;
    let missing = samples::data_key_id(7);
    let row = TopologyRow {
        data_key_id: missing,
        ..samples::topology(STORE, 1)
    };
    let error = refused!(store, |write| write.insert_topology(vec![row]));
    assert_error!(error, StoreError::DataKeyMissing { id } if *id == missing);
}

/// A row out of its ranges is not stored, and takes its transaction with it.
pub async fn an_impossible_topology_row_is_refused(storage: &dyn Storage) {
    let store = store_with_data_key(storage).await;
    let row = || samples::topology(STORE, 5);
    let impossible = [
        TopologyRow {
            store: String::new(),
            ..row()
        },
        TopologyRow {
            ordinal: 0,
            ..row()
        },
        TopologyRow {
            ordinal: 1 << 63,
            ..row()
        },
        TopologyRow {
            ordinal: u64::MAX,
            ..row()
        },
        TopologyRow {
            operation: 0,
            ..row()
        },
        TopologyRow {
            operation: 3,
            ..row()
        },
        TopologyRow {
            mapping_code: 0,
            ..row()
        },
        TopologyRow { serial: 0, ..row() },
        TopologyRow {
            serial: 1 << 31,
            ..row()
        },
        TopologyRow {
            valid_until: Some(row().sequenced),
            ..row()
        },
        TopologyRow {
            transaction: Vec::new(),
            ..row()
        },
        TopologyRow {
            rejection: Some("x".repeat(TopologyRow::MAX_REJECTION_BYTES + 1)),
            ..row()
        },
    ];
    for row in impossible {
        let mut write = begin(&store).await;
        write
            .insert_topology(vec![samples::topology(STORE, 1)])
            .await
            .unwrap();
        let error = write.insert_topology(vec![row.clone()]).await.unwrap_err();
        assert!(
            matches!(error, StoreError::RecordRefused { .. }),
            "{error:?} for {row:?}"
        );
        assert_error!(
            write.commit().await.unwrap_err(),
            StoreError::TransactionClosed
        );
    }
    assert_eq!(read(&store).await.topology_count().await.unwrap(), 0);
}

/// Expiry changes the end and the MAC. It can be set again, later or earlier.
pub async fn an_expired_topology_row_changes_nothing_else(storage: &dyn Storage) {
    let store = store_with_data_key(storage).await;
    let rows = (1..=3)
        .map(|ordinal| samples::topology(STORE, ordinal))
        .collect();
    let expiries = vec![
        samples::topology_expiry(STORE, 3, 0),
        samples::topology_expiry(STORE, 1, 60),
    ];
    written!(
        store,
        |write| write.insert_topology(rows),
        write.expire_topology(expiries),
    );
    let expired = |ordinal, seconds| {
        let expiry = samples::topology_expiry(STORE, ordinal, seconds);
        TopologyRow {
            valid_until: Some(expiry.valid_until),
            mac: expiry.mac,
            ..samples::topology(STORE, ordinal)
        }
    };
    assert_eq!(
        read(&store).await.topology_after(None, 10).await.unwrap(),
        [expired(1, 60), samples::topology(STORE, 2), expired(3, 0)]
    );
    written!(store, |write| write
        .expire_topology(vec![samples::topology_expiry(STORE, 1, 30)]));
    let first = read(&store).await.topology_after(None, 1).await.unwrap();
    assert_eq!(first, [expired(1, 30)]);
}

/// An expiry that hits no row is an error.
pub async fn a_missing_topology_row_cannot_expire(storage: &dyn Storage) {
    let store = store_with_data_key(storage).await;
    written!(store, |write| write
        .insert_topology(vec![samples::topology(STORE, 1)]));
    for (name, missing) in [(STORE, 2), ("other", 1), (STORE, 0)] {
        let expiries = vec![
            samples::topology_expiry(STORE, 1, 1),
            samples::topology_expiry(name, missing, 1),
        ];
        let error = refused!(store, |write| write.expire_topology(expiries));
        assert_error!(error, StoreError::TopologyRowMissing { store, ordinal }
            if store == name && *ordinal == missing);
    }
    let mut beyond = samples::topology_expiry(STORE, 1, 1);
    beyond.ordinal = u64::MAX;
    let error = refused!(store, |write| write.expire_topology(vec![beyond]));
    assert_error!(
        error,
        StoreError::TopologyRowMissing {
            ordinal: u64::MAX,
            ..
        }
    );
    assert_eq!(
        read(&store).await.topology_after(None, 10).await.unwrap(),
        [samples::topology(STORE, 1)]
    );
}

/// No row is in effect for less than no time.
pub async fn topology_does_not_end_before_it_begins(storage: &dyn Storage) {
    let store = store_with_data_key(storage).await;
    written!(store, |write| write
        .insert_topology(vec![samples::topology(STORE, 1)]));
    let error = refused!(store, |write| write
        .expire_topology(vec![samples::topology_expiry(STORE, 1, -1)]));
    assert_error!(error, StoreError::RecordRefused { .. });
}

/// Other stores keep their rows, and the positions are free again.
pub async fn a_topology_store_is_deleted_alone(storage: &dyn Storage) {
    let store = store_with_data_key(storage).await;
    let of = |name: &str| {
        (1..=5)
            .map(|ordinal| samples::topology(name, ordinal))
            .collect::<Vec<_>>()
    };
    let all = ["a", "ab", "b"].iter().flat_map(|name| of(name)).collect();
    written!(store, |write| write.insert_topology(all));
    let mut write = begin(&store).await;
    assert_eq!(write.delete_topology("ab").await.unwrap(), 5);
    assert_eq!(write.delete_topology("ab").await.unwrap(), 0);
    assert_eq!(
        write.delete_topology("A").await.unwrap(),
        0,
        "letters have their case"
    );
    write.commit().await.unwrap();

    let rows = read(&store).await.topology_after(None, 20).await.unwrap();
    assert_eq!(rows, [of("a"), of("b")].concat());
    written!(store, |write| write.insert_topology(of("ab")));
    assert_eq!(read(&store).await.topology_count().await.unwrap(), 15);
}

/// As many as a snapshot has, in one call and one commit.
pub async fn a_hundred_thousand_topology_rows_are_stored_at_once(storage: &dyn Storage) {
    let store = store_with_data_key(storage).await;
    let rows = (1..=100_000).map(|ordinal| samples::topology(STORE, ordinal));
    written!(store, |write| write.insert_topology(rows.collect()));
    let expiries = (1..=100_000).map(|ordinal| samples::topology_expiry(STORE, ordinal, 1));
    written!(store, |write| write.expire_topology(expiries.collect()));

    let mut read = read(&store).await;
    assert_eq!(read.topology_count().await.unwrap(), 100_000);
    let last_page = read
        .topology_after(Some((STORE.to_owned(), 99_999)), 10)
        .await
        .unwrap();
    assert_eq!(
        last_page.iter().map(|row| row.ordinal).collect::<Vec<_>>(),
        [100_000]
    );
}

/// The transaction and its times stay; one that is not there cannot move, nor any to a data key that is not there.
pub async fn a_topology_row_that_moves_to_another_data_key_changes_nothing_else(
    storage: &dyn Storage,
) {
    let store = store_with_data_key(storage).await;
    let rows = [samples::topology(STORE, 1), samples::topology(STORE, 2)];
    written!(store, |write| write.insert_topology(rows.to_vec()));
    let tag = |ordinal| TopologyTag {
        store: STORE.to_owned(),
        ordinal,
        data_key_id: samples::data_key_id(2),
        mac: [0x13; 32],
    };
    let error = refused!(store, |write| write.update_topology_tags(vec![tag(2)]));
    assert_error!(error, StoreError::DataKeyMissing { id } if *id == samples::data_key_id(2));
    written!(
        store,
        |write| write.insert_data_key(samples::data_key(2)),
        write.update_topology_tags(vec![tag(2)]),
    );
    let [first, second] = rows;
    let moved = TopologyRow {
        data_key_id: samples::data_key_id(2),
        mac: [0x13; 32],
        ..second
    };
    let found = read(&store).await.topology_after(None, 10).await.unwrap();
    assert_eq!(found, [first, moved]);
    let error = refused!(store, |write| write.update_topology_tags(vec![tag(3)]));
    assert_error!(error, StoreError::TopologyRowMissing { ordinal: 3, .. });
}
