//! What comes out is what went in.

use std::sync::Arc;

use proptest::{prelude::*, test_runner::Config};
use strongroom_backup::{BackupError, Row, Section};
use strongroom_errors::Coded;
use strongroom_store::{ReadTransaction, Store, StoreError, TopologyRow};
use strongroom_test_support::store::{run, samples};

use crate::support::{SealOfDataKey, every_kind, header, read, write};

/// Every row that a store would read from a backup, in the order of the backup.
async fn rows_of(store: &dyn Store) -> Vec<Row> {
    let mut read = store.read().await.unwrap();
    let read: &mut dyn ReadTransaction = read.as_mut();
    let mut rows = Vec::new();
    let data_keys = read.data_keys().await.unwrap();
    let ids: Vec<_> = data_keys.iter().map(|record| record.id).collect();
    rows.extend(data_keys.into_iter().map(Row::DataKey));
    for id in ids {
        rows.extend(read.wraps(id).await.unwrap().into_iter().map(Row::Wrap));
    }
    rows.extend(read.vault().await.unwrap().map(Row::Vault));
    rows.extend(read.identity().await.unwrap().map(Row::Identity));
    let mut after = None;
    loop {
        let page = read.keys_after(after, 2).await.unwrap();
        let Some((public, _)) = page.last() else {
            break;
        };
        after = Some(public.fingerprint);
        rows.extend(page.into_iter().map(|row| Row::Key(Box::new(row))));
    }
    rows.extend(
        read.rotations()
            .await
            .unwrap()
            .into_iter()
            .map(Row::Rotation),
    );
    let journal = read.kms_journal().await.unwrap();
    rows.extend(journal.into_iter().map(Row::KmsJournal));
    let mut after = None;
    loop {
        let page = read.topology_after(after, 2).await.unwrap();
        let Some(last) = page.last() else {
            break;
        };
        after = Some((last.store.clone(), last.ordinal));
        rows.extend(page.into_iter().map(|row| Row::Topology(Box::new(row))));
    }
    let mut sequence = 0;
    loop {
        let page = read.audit_after(sequence, 2).await.unwrap();
        let Some(last) = page.last() else {
            break;
        };
        sequence = last.sequence;
        rows.extend(page.into_iter().map(Row::Audit));
    }
    rows.extend(read.backups().await.unwrap().into_iter().map(Row::Backup));
    let approvals = read.approvals().await.unwrap();
    rows.extend(approvals.into_iter().map(Row::Approval));
    rows
}

/// A readable key is printed by its length only, so it is compared apart.
fn assert_same(found: &[Row], expected: &[Row]) {
    assert_eq!(format!("{found:#?}"), format!("{expected:#?}"));
    for (found, expected) in found.iter().zip(expected) {
        if let (Row::Key(found), Row::Key(expected)) = (found, expected) {
            assert!(found == expected);
        }
    }
}

#[test]
fn every_kind_of_row_comes_back_as_it_was() {
    run(async {
        let seal = SealOfDataKey::generate();
        let (bytes, written) = write(&every_kind(), &seal);
        let store = read(&bytes).unwrap();
        store.unseal(seal).unwrap();
        assert_same(&rows_of(&store).await, &every_kind());
        assert_eq!(store.header(), &header());
        assert_eq!(store.manifest(), &written.manifest);
        assert_eq!(written.manifest.rows(Section::Keys), 6);
        assert_eq!(written.needs, [samples::data_key_id(1)]);
        assert_eq!(store.read().await.unwrap().key_count().await.unwrap(), 6);
    });
}

#[test]
fn single_keys_are_found() {
    run(async {
        let seal = SealOfDataKey::generate();
        let store = read(&write(&every_kind(), &seal).0).unwrap();
        let mut transaction = store.read().await.unwrap();
        let key = samples::fingerprint(1);
        assert_eq!(
            transaction.private_key(key).await.unwrap(),
            Some(samples::private_key(1))
        );
        assert_eq!(
            transaction
                .public_key(samples::fingerprint(5))
                .await
                .unwrap(),
            Some(samples::encryption_key(5))
        );
        let missing = samples::fingerprint(7);
        assert_eq!(transaction.public_key(missing).await.unwrap(), None);
    });
}

#[test]
fn readable_keys_are_sealed_in_the_file_and_open_only_for_the_holder_of_the_data_key() {
    run(async {
        let seal = SealOfDataKey::generate();
        let (bytes, _) = write(&every_kind(), &seal);
        assert!(!bytes.windows(32).any(|window| window == samples::CLEAR_KEY));
        let store = read(&bytes).unwrap();
        let clear = samples::fingerprint(3);
        let mut transaction = store.read().await.unwrap();
        let error = transaction.private_key(clear).await.unwrap_err();
        assert_eq!(error.code().name(), "BACKUP_STILL_SEALED");
        let stranger = store.unseal(SealOfDataKey::generate());
        assert!(matches!(stranger, Err(BackupError::NotAuthentic)));
        store.unseal(seal).unwrap();
        let opened = transaction.private_key(clear).await.unwrap();
        assert!(opened == Some(samples::clear_key(3)));
    });
}

#[test]
fn a_backup_is_not_written_to() {
    run(async {
        let store = read(&write(&every_kind(), &SealOfDataKey::generate()).0).unwrap();
        let error = store.begin().await.unwrap_err();
        assert!(matches!(error, StoreError::Refused { .. }));
        assert_eq!(error.code().name(), "BACKUP_READ_ONLY");
        assert_eq!(
            store.scrub().await.unwrap_err().code().name(),
            "BACKUP_READ_ONLY"
        );
        store.check_integrity().await.unwrap();
    });
}

#[test]
fn rows_out_of_order_are_not_written() {
    let seal: Arc<dyn strongroom_backup::Seal> = SealOfDataKey::generate();
    let mut writer = strongroom_backup::BackupWriter::begin(Vec::new(), &header(), seal).unwrap();
    writer.write(&Row::Vault(samples::vault())).unwrap();
    let late = writer.write(&Row::DataKey(samples::data_key(1)));
    assert!(matches!(late, Err(BackupError::Damaged { .. })));
}

fn topology() -> impl Strategy<Value = Vec<Row>> {
    let row = (
        any::<[u64; 3]>(),
        proptest::option::of(any::<i64>()),
        any::<(u8, u8, u32, bool)>(),
        proptest::option::of(".{0,40}"),
        proptest::collection::vec(any::<u8>(), 0..2000),
        any::<[u8; 32]>(),
    );
    proptest::collection::vec(row, 0..20).prop_map(|rows| {
        let rows = rows.into_iter().enumerate();
        rows.map(
            |(index, ([a, b, _], until, (x, y, serial, proposal), rejection, bytes, hash))| {
                let time = strongroom_crypto::Timestamp::from_micros;
                Row::Topology(Box::new(TopologyRow {
                    sequenced: time(a.cast_signed()),
                    valid_from: time(b.cast_signed()),
                    valid_until: until.map(time),
                    operation: x,
                    mapping_code: y,
                    serial,
                    proposal,
                    rejection,
                    transaction: bytes,
                    unique_key: hash,
                    ..samples::topology("authorized", index as u64 + 1)
                }))
            },
        )
        .collect()
    })
}

proptest! {
    #![proptest_config(Config { cases: 64, ..Config::default() })]

    #[test]
    fn whatever_topology_holds_comes_back(topology in topology(), keys in 0u32..40) {
        run(async {
            let seal = SealOfDataKey::generate();
            let mut rows = vec![Row::Vault(samples::vault())];
            rows.extend((0..keys).map(|number| Row::Key(Box::new(samples::key_pair(number)))));
            rows.extend(topology);
            let store = read(&write(&rows, &seal).0).unwrap();
            assert_same(&rows_of(&store).await, &rows);
        });
    }
}
