//! A snapshot in the second format, read as a file.

use std::{fs, path::Path};

use data_encoding::HEXLOWER;
use serde_json::Value;
use strongroom_crypto::{HashBuilder, Timestamp};
use strongroom_proto::topology::{
    Container, DecodedItem, ItemReader, SnapshotItem, detect, encode_signed_transaction,
    write_snapshot_v2,
};
use strongroom_topology::Serial;

use crate::{
    Counts,
    keys::{hex, integer, items, text},
    topology::Keys,
    transactions,
};

const FILE: &str = "topology-snapshot-duplicate-signatures.bin";

/// The smallest time, 0001-01-01, and one microsecond more: when the genesis was sequenced.
const GENESIS: Timestamp = Timestamp::from_micros(-62_135_596_800 * 1_000_000 + 1);

pub(crate) fn check(section: &Value, data: &Path, keys: &Keys, counts: &mut Counts) {
    let path = data.join(FILE);
    let file = fs::read(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    assert_eq!(
        file.len(),
        usize::try_from(integer(section, "file_size")).unwrap()
    );
    let sha256 = HashBuilder::without_purpose().raw(&file).finish();
    assert_eq!(
        HEXLOWER.encode(sha256.as_bytes()),
        text(section, "file_sha256")
    );
    assert_eq!(detect(&file, true).unwrap(), Container::SnapshotV2);

    let rows: Vec<_> = ItemReader::new(file.as_slice(), Container::SnapshotV2)
        .map(|item| row(item.unwrap().decode().unwrap()))
        .collect();
    let described: Vec<_> = items(section, "items").collect();
    assert_eq!(rows.len(), described.len());
    for (row, item) in rows.iter().zip(described) {
        let signed = transactions::check(item, keys);
        assert_eq!(
            encode_signed_transaction(&row.signed),
            hex(item, "signed_topology_transaction_hex")
        );
        assert_eq!(row.signed.hash(), signed.hash());
        times(row);
        counts.add("row of a snapshot");
    }
    let mut written = Vec::new();
    write_snapshot_v2(&rows, &mut written).unwrap();
    assert_eq!(written, file, "written again it is the same file");
}

/// What came first was sequenced at the genesis; the change that came later took a quarter of a second to hold.
fn times(row: &SnapshotItem) {
    let delay = row.valid_from.as_micros() - row.sequenced.as_micros();
    if row.signed.transaction().serial() == Serial::FIRST {
        assert_eq!((row.sequenced, delay), (GENESIS, 0));
    } else {
        assert!(row.sequenced > GENESIS);
        assert_eq!(delay, 250_000);
    }
    assert_eq!((row.valid_until, &row.rejection), (None, &None));
}

fn row(item: DecodedItem) -> SnapshotItem {
    match item {
        DecodedItem::Row(row) => row,
        DecodedItem::Transaction(it) => panic!("{it:?} is no row"),
    }
}
