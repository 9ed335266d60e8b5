//! Snapshots: their items, their times, both formats.

use prost::Message;
use strongroom_crypto::Timestamp;
use strongroom_proto::{
    topology::{
        Container, DecodedItem, ItemReader, SnapshotItem, StreamError,
        admin::{TopologyTransactions, topology_transactions::Item},
        decode_snapshot_item, encode_signed_transaction, write_snapshot_v1, write_snapshot_v2,
    },
    versioned::wrap_message,
};

use crate::support::{chain, with_unknown_fields, wrap};
use crate::topology::samples::{parts, rows, time};

/// The message of a row, by the other encoder.
fn item(row: &SnapshotItem) -> Item {
    let time = |micros: Timestamp| prost_types::Timestamp {
        seconds: micros.as_micros().div_euclid(1_000_000),
        nanos: i32::try_from(micros.as_micros().rem_euclid(1_000_000) * 1_000).unwrap(),
    };
    Item {
        valid_from: Some(time(row.valid_from)),
        valid_until: row.valid_until.map(time),
        transaction: encode_signed_transaction(&row.signed).into(),
        sequenced: Some(time(row.sequenced)),
        rejection_reason: row.rejection.clone(),
    }
}

fn read_all(bytes: &[u8], container: Container) -> Vec<SnapshotItem> {
    ItemReader::new(bytes, container)
        .map(|item| match item.unwrap().decode().unwrap() {
            DecodedItem::Row(row) => row,
            DecodedItem::Transaction(it) => panic!("{it:?} is no row"),
        })
        .collect()
}

fn same(found: &[SnapshotItem], expected: &[SnapshotItem]) {
    assert_eq!(found.len(), expected.len());
    for (found, expected) in found.iter().zip(expected) {
        assert!(parts(found) == parts(expected), "{found:?}");
    }
}

#[test]
fn the_first_format_is_one_wrapped_message() {
    let rows = rows();
    for length in [0, 1, rows.len()] {
        let rows = &rows[..length];
        let mut written = Vec::new();
        write_snapshot_v1(rows, &mut written).unwrap();
        let message = TopologyTransactions {
            items: rows.iter().map(item).collect(),
        };
        assert_eq!(written, wrap(&message));
        same(&read_all(&written, Container::SnapshotV1), rows);
    }
}

#[test]
fn the_second_format_is_wrapped_items_behind_their_lengths() {
    let rows = rows();
    for length in [0, 1, rows.len()] {
        let rows = &rows[..length];
        let mut written = Vec::new();
        write_snapshot_v2(rows, &mut written).unwrap();
        let mut expected = Vec::new();
        for row in rows {
            let record = wrap(&item(row));
            prost::encoding::encode_varint(record.len() as u64, &mut expected);
            expected.extend(record);
        }
        assert_eq!(written, expected);
        same(&read_all(&written, Container::SnapshotV2), rows);
    }
}

#[test]
fn a_writer_that_fails_is_reported() {
    let rows = rows();
    let room = &mut [0; 100][..];
    assert!(write_snapshot_v1(&rows, room).is_err());
    let room = &mut [0; 100][..];
    assert!(write_snapshot_v2(&rows, room).is_err());
}

#[test]
fn a_row_needs_its_transaction_and_two_times() {
    let row = &rows()[0];
    let check = |change: fn(&mut Item), text: &str| {
        let mut message = item(row);
        change(&mut message);
        let error = decode_snapshot_item(message.encode_to_vec().as_slice()).unwrap_err();
        assert_eq!(chain(&error), text);
    };
    check(|it| it.sequenced = None, "sequenced of Item is not set");
    check(|it| it.valid_from = None, "valid_from of Item is not set");
    check(
        |it| it.transaction.clear(),
        "data of UntypedVersionedMessage is not set",
    );
    let mut open = item(row);
    (open.valid_until, open.rejection_reason) = (None, Some(String::new()));
    let read = decode_snapshot_item(open.encode_to_vec().as_slice()).unwrap();
    assert_eq!(
        (read.valid_until, read.rejection),
        (None, Some(String::new()))
    );
}

#[test]
fn a_time_below_a_microsecond_or_out_of_range_is_refused() {
    let row = &rows()[0];
    type Change = fn(&mut Item, prost_types::Timestamp);
    let changes: [(&str, Change); 3] = [
        ("sequenced", |it, time| it.sequenced = Some(time)),
        ("valid_from", |it, time| it.valid_from = Some(time)),
        ("valid_until", |it, time| it.valid_until = Some(time)),
    ];
    for (name, change) in changes {
        for broken in [
            time(0, 1),
            time(0, 999_999_999),
            time(0, -1_000),
            time(0, 1_000_000_000),
            time(i64::MAX, 0),
            time(i64::MIN, 999_999_000),
        ] {
            let mut message = item(row);
            change(&mut message, broken);
            assert_eq!(
                chain(&decode_snapshot_item(message.encode_to_vec().as_slice()).unwrap_err()),
                format!("{name} of Item is not a time in microseconds")
            );
        }
    }
}

#[test]
fn times_from_the_first_year_to_the_last_survive() {
    let row = &rows()[0];
    // 0001-01-01 and a microsecond, around the epoch, 9999-12-31, and as far as the number goes.
    let times = [
        -62_135_596_799_999_999,
        -1_000_001,
        -1_000_000,
        -1,
        0,
        1,
        999_999,
        253_402_300_799_999_999,
        i64::MAX,
        -9_223_372_036_854_000_000,
    ];
    for micros in times {
        let row = SnapshotItem {
            sequenced: Timestamp::from_micros(micros),
            valid_from: Timestamp::from_micros(micros),
            valid_until: Some(Timestamp::from_micros(micros)),
            ..row.clone()
        };
        let mut written = Vec::new();
        write_snapshot_v2([&row], &mut written).unwrap();
        same(&read_all(&written, Container::SnapshotV2), &[row]);
    }
    // The smallest number of all is a time like any other.
    let smallest = SnapshotItem {
        valid_from: Timestamp::from_micros(i64::MIN),
        ..row.clone()
    };
    let mut written = Vec::new();
    write_snapshot_v1([&smallest], &mut written).unwrap();
    same(&read_all(&written, Container::SnapshotV1), &[smallest]);
}

#[test]
fn unknown_fields_of_a_row_are_skipped() {
    let row = &rows()[0];
    let message = with_unknown_fields(item(row).encode_to_vec());
    assert!(parts(&decode_snapshot_item(message.as_slice()).unwrap()) == parts(row));
    let record = |wrapped: Vec<u8>| {
        let mut record = Vec::new();
        prost::encoding::encode_varint(wrapped.len() as u64, &mut record);
        record.extend(wrapped);
        record
    };
    let plain = record(wrap_message(&message));
    same(
        &read_all(&plain, Container::SnapshotV2),
        std::slice::from_ref(row),
    );
    // The envelope itself has nothing that we do not know.
    let strange = record(with_unknown_fields(wrap_message(&message)));
    let read = ItemReader::new(strange.as_slice(), Container::SnapshotV2).next();
    assert!(matches!(
        read,
        Some(Err(StreamError::NotARecord { offset: 0 }))
    ));
}
