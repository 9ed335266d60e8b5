//! No byte can be changed or cut unnoticed.

use strongroom_backup::{BackupError, Row};
use strongroom_test_support::store::samples;

use crate::support::{SealOfDataKey, every_kind, read, write};

#[test]
fn every_changed_byte_is_noticed() {
    let seal = SealOfDataKey::generate();
    let (bytes, _) = write(&every_kind(), &seal);
    for position in 0..bytes.len() {
        for change in [0x01, 0x80] {
            let mut changed = bytes.clone();
            changed[position] ^= change;
            // The tag of the manifest shows to the holder of the data key.
            let noticed = match read(&changed) {
                Ok(store) => store.unseal(seal.clone()).is_err(),
                Err(_) => true,
            };
            assert!(noticed, "byte {position}");
        }
    }
}

#[test]
fn every_cut_is_noticed() {
    let (bytes, _) = write(&every_kind(), &SealOfDataKey::generate());
    for length in 0..bytes.len() {
        assert!(read(&bytes[..length]).is_err(), "{length} bytes");
    }
}

#[test]
fn what_follows_the_end_is_noticed() {
    let (mut bytes, _) = write(&every_kind(), &SealOfDataKey::generate());
    bytes.push(0);
    assert!(matches!(read(&bytes), Err(BackupError::Damaged { .. })));
}

#[test]
fn a_row_that_does_not_follow_the_one_before_is_refused() {
    let seal = SealOfDataKey::generate();
    let vault = || Row::Vault(samples::vault());
    let topology = |ordinal| Row::Topology(Box::new(samples::topology("authorized", ordinal)));
    let key = |number| Row::Key(Box::new(samples::key_pair(number)));
    let broken: Vec<Vec<Row>> = vec![
        vec![],
        vec![vault(), vault()],
        vec![vault(), key(2), key(1)],
        vec![vault(), key(1), key(1)],
        vec![vault(), topology(2), topology(1)],
        vec![vault(), topology(1), topology(1)],
        vec![vault(), Row::Audit(samples::audit(2))],
        vec![
            vault(),
            Row::Audit(samples::audit(1)),
            Row::Audit(samples::audit(3)),
        ],
    ];
    for rows in broken {
        let read = read(&write(&rows, &seal).0);
        assert!(matches!(read, Err(BackupError::Damaged { .. })), "{rows:?}");
    }
}

#[test]
fn other_files_are_no_backups() {
    for file in [&b""[..], b"strong", b"SQLite format 3\0 and more of it"] {
        assert!(matches!(read(file), Err(BackupError::NotABackup)));
    }
    let later = [&b"strongroom backup\n"[..], &[2]].concat();
    assert!(matches!(
        read(&later),
        Err(BackupError::UnknownFormat { version: 2 })
    ));
}
