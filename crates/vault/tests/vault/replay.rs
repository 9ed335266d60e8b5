//! Replaying topology from files.

use std::{io::Cursor, num::NonZeroUsize};

use strongroom_errors::Coded;
use strongroom_proto::topology::{
    Container, SnapshotItem, encode_signed_transaction, encode_signed_transactions,
    write_snapshot_v1, write_snapshot_v2,
};
use strongroom_topology::{
    At, MappingCode, Rules, SignedTransaction, StoreId, StoredTransaction, TopologyStore,
};
use strongroom_vault::{
    DEFAULT_REPLAY_LIMIT, MemoryLimit, Replay, ReplayError, ReplayReport, ReplaySettings, Vault,
};

use crate::{
    house::House,
    topology::{node, rotate_all},
};

fn settings(threads: usize) -> ReplaySettings {
    ReplaySettings {
        store: "temporary:replay".parse().unwrap(),
        threads: NonZeroUsize::new(threads).unwrap(),
        memory: MemoryLimit {
            bytes: DEFAULT_REPLAY_LIMIT,
            in_use: || 0,
        },
    }
}

fn replay(container: Container, bytes: &[u8], rules: Rules) -> (ReplayReport, TopologyStore) {
    let mut replay = Replay::new(settings(2));
    replay
        .read(bytes, container, &rules, &mut |_bytes| {})
        .unwrap();
    replay.finish()
}

fn failing(settings: ReplaySettings, container: Container, bytes: &[u8]) -> ReplayError {
    let mut replay = Replay::new(settings);
    replay
        .read(bytes, container, &Rules::authorized(), &mut |_bytes| {})
        .unwrap_err()
}

/// What a node has authorized that rotated its keys twice: 14 transactions.
async fn history(vault: &Vault) -> Vec<StoredTransaction> {
    rotate_all(vault).await;
    rotate_all(vault).await;
    let store = vault.topology(&StoreId::Authorized).await.unwrap();
    store.rows().to_vec()
}

async fn transactions() -> Vec<SignedTransaction> {
    let house = House::new();
    let (vault, _) = node(&house).await;
    let rows = history(&vault).await;
    let signed: Vec<_> = rows.iter().map(|row| (*row.signed).clone()).collect();
    assert_eq!(signed.len(), 14);
    signed
}

fn item(row: &StoredTransaction) -> SnapshotItem {
    SnapshotItem {
        sequenced: row.sequenced,
        valid_from: row.valid_from,
        valid_until: row.valid_until,
        signed: (*row.signed).clone(),
        rejection: row.rejection.as_deref().map(str::to_owned),
    }
}

/// The same transaction with another last byte of its first signature's message.
fn with_wrong_signature(signed: &SignedTransaction) -> Vec<u8> {
    let mut bytes = encode_signed_transaction(signed);
    let signature = &signed.signatures()[0].signature().bytes;
    let place = bytes
        .windows(signature.len())
        .position(|window| window == signature)
        .unwrap();
    bytes[place] ^= 1;
    bytes
}

fn signatures(transactions: &[SignedTransaction]) -> u64 {
    transactions
        .iter()
        .map(|it| it.signatures().len() as u64)
        .sum()
}

#[tokio::test]
async fn what_a_node_authorized_replays_from_every_container() {
    let house = House::new();
    let (vault, keys) = node(&house).await;
    let rows = history(&vault).await;
    let items: Vec<_> = rows.iter().map(item).collect();
    let signed: Vec<_> = items.iter().map(|item| item.signed.clone()).collect();
    let (mut v1, mut v2) = (Vec::new(), Vec::new());
    write_snapshot_v1(&items, &mut v1).unwrap();
    write_snapshot_v2(&items, &mut v2).unwrap();
    let list = encode_signed_transactions(&signed);
    for (container, bytes) in [
        (Container::SnapshotV1, v1),
        (Container::SnapshotV2, v2),
        (Container::Transactions, list),
    ] {
        let (report, store) = replay(container, &bytes, Rules::authorized());
        assert_eq!((report.transactions, report.accepted), (14, 14));
        assert_eq!((report.rejected, report.unexpected), (0, 0));
        assert_eq!(report.signatures.valid, signatures(&signed));
        assert_eq!(
            (report.signatures.invalid, report.signatures.unknown_key),
            (0, 0)
        );
        assert_eq!(
            report.by_mapping.iter().collect::<Vec<_>>(),
            [
                (&MappingCode::NamespaceDelegation, &1),
                (&MappingCode::OwnerToKeyMapping, &13)
            ]
        );
        let announced = store.owner_to_key(&keys.member, At::Head).unwrap();
        let here = vault.topology(&StoreId::Authorized).await.unwrap();
        assert_eq!(
            Some(announced),
            here.owner_to_key(&keys.member, At::Head),
            "{container}"
        );
        if container.is_snapshot() {
            // At the times that it states.
            let last = rows.last().unwrap().valid_from;
            assert_eq!(store.max_timestamp(), Some(last));
        }
    }
}

#[tokio::test]
async fn files_are_replayed_one_behind_the_other() {
    let signed = transactions().await;
    let mut replay = Replay::new(settings(2));
    for transaction in &signed {
        let certificate = encode_signed_transaction(transaction);
        let rules = Rules::authorized();
        replay
            .read(&*certificate, Container::Certificate, &rules, &mut |_| {})
            .unwrap();
    }
    let (report, _) = replay.finish();
    assert_eq!((report.transactions, report.accepted), (14, 14));
}

#[tokio::test]
async fn any_number_of_threads_finds_the_same() {
    let signed = transactions().await;
    // More than are under way at once. What was there before is not looked at twice.
    let many: Vec<_> = std::iter::repeat_n(&signed, 300).flatten().collect();
    let list = encode_signed_transactions(many);
    let mut reports = Vec::new();
    for threads in [1, 2, 5] {
        let mut replay = Replay::new(settings(threads));
        let mut read = Vec::new();
        let rules = Rules::authorized();
        replay
            .read(&*list, Container::Transactions, &rules, &mut |bytes| {
                read.push(bytes);
            })
            .unwrap();
        assert!(read.is_sorted() && read.last() == Some(&(list.len() as u64)));
        let (report, store) = replay.finish();
        assert_eq!((report.transactions, report.unchanged), (4200, 4186));
        assert_eq!(store.rows().len(), 14);
        reports.push(format!("{report:?}"));
    }
    assert!(reports.iter().all(|report| *report == reports[0]));
}

#[tokio::test]
async fn a_wrong_signature_is_counted_and_its_transaction_rejected() {
    let signed = transactions().await;
    let mut replay = Replay::new(settings(2));
    for (index, transaction) in signed.iter().enumerate() {
        let bytes = if index == 1 {
            with_wrong_signature(transaction)
        } else {
            encode_signed_transaction(transaction)
        };
        let rules = Rules::authorized();
        replay
            .read(&*bytes, Container::Certificate, &rules, &mut |_| {})
            .unwrap();
    }
    let (report, _) = replay.finish();
    assert_eq!(report.signatures.invalid, 1);
    assert_eq!(report.signatures.valid, signatures(&signed) - 1);
    let first = &report.rejections[0];
    assert_eq!((first.number, first.hash), (2, signed[1].hash()));
    let rejection = first.rejection.as_ref().unwrap();
    assert_eq!(rejection.code.name(), "TOPOLOGY_INVALID_TX_SIGNATURE");
    // Those behind it name keys that have not proved themselves in them.
    assert_eq!((report.rejected, report.unexpected), (13, 13));
}

#[tokio::test]
async fn a_signature_counts_under_its_key_also_when_that_is_named_later() {
    let signed = transactions().await;
    let backwards = encode_signed_transactions(signed.iter().rev());
    let (report, _) = replay(Container::Transactions, &backwards, Rules::authorized());
    assert_eq!(report.signatures.valid, signatures(&signed));
    assert_eq!(report.signatures.unknown_key, 0);
    // Only the root certificate stands on its own.
    assert_eq!((report.accepted, report.rejected), (1, 13));

    let without_root = encode_signed_transactions(&signed[1..]);
    let (report, _) = replay(Container::Transactions, &without_root, Rules::authorized());
    assert_eq!(report.signatures.unknown_key, 13);
    assert_eq!(report.rejected, 13);
    let by_algorithm: u64 = report.signatures.by_algorithm.values().sum();
    assert_eq!(by_algorithm, signatures(&signed[1..]));
}

#[tokio::test]
async fn a_rejection_that_was_recorded_is_expected() {
    let signed = transactions().await;
    let row = |signed: &SignedTransaction, micros, rejection: Option<&str>| SnapshotItem {
        sequenced: strongroom_crypto::Timestamp::from_micros(micros),
        valid_from: strongroom_crypto::Timestamp::from_micros(micros),
        valid_until: None,
        signed: signed.clone(),
        rejection: rejection.map(str::to_owned),
    };
    let check = |items: &[SnapshotItem]| {
        let mut snapshot = Vec::new();
        write_snapshot_v2(items, &mut snapshot).unwrap();
        let (report, _) = replay(Container::SnapshotV2, &snapshot, Rules::authorized());
        (report.rejected, report.unexpected, report.rejections.len())
    };
    // The second announcement without the root certificate, in words of another program.
    let elsewhere = Some("not signed by anybody we know");
    assert_eq!(check(&[row(&signed[1], 1, elsewhere)]), (1, 0, 1));
    assert_eq!(check(&[row(&signed[1], 1, None)]), (1, 1, 1));
    // And one that is fine here.
    assert_eq!(check(&[row(&signed[0], 1, elsewhere)]), (0, 1, 1));
    assert_eq!(check(&[row(&signed[0], 1, None)]), (0, 0, 0));
}

#[tokio::test]
async fn a_broken_item_ends_the_replay_behind_those_in_front_of_it() {
    let signed = transactions().await;
    let list = encode_signed_transactions(&signed);
    // The second transaction's first byte.
    let first = encode_signed_transaction(&signed[0]);
    let place = list
        .windows(first.len())
        .position(|window| window == first)
        .unwrap()
        + first.len();
    let mut broken = list.clone();
    broken[place + 3] = 0xff;
    let error = failing(settings(2), Container::Transactions, &broken);
    assert!(
        matches!(error, ReplayError::Item { number: 2, .. }),
        "{error:?}"
    );

    let cut = &list[..list.len() - 40];
    let error = failing(settings(3), Container::Transactions, cut);
    assert!(
        matches!(error, ReplayError::Stream { number: 14, .. }),
        "{error:?}"
    );
    assert_eq!(error.code().name(), "TOPOLOGY_INPUT_TRUNCATED");

    let mut replay = Replay::new(settings(2));
    let rules = Rules::authorized();
    replay
        .read(cut, Container::Transactions, &rules, &mut |_| {})
        .unwrap_err();
    assert_eq!(replay.finish().0.accepted, 13);
}

#[tokio::test]
async fn no_more_is_kept_than_the_limit_allows() {
    let signed = transactions().await;
    let list = encode_signed_transactions(&signed);
    let limited = ReplaySettings {
        memory: MemoryLimit {
            bytes: 1000,
            in_use: || 1001,
        },
        ..settings(2)
    };
    let error = failing(limited, Container::Transactions, &list);
    assert!(
        matches!(error, ReplayError::LimitReached { limit: 1000, .. }),
        "{error:?}"
    );
    assert_eq!(error.code().name(), "TOPOLOGY_REPLAY_LIMIT");
}

#[tokio::test]
async fn what_is_rejected_takes_no_memory() {
    let signed = transactions().await;
    let (report, store) = replay(
        Container::Transactions,
        &encode_signed_transactions(&signed[1..]),
        Rules::authorized(),
    );
    assert_eq!(report.rejected, 13);
    assert!(store.rows().is_empty());
}

#[test]
fn an_input_that_fails_is_reported_with_its_item() {
    struct Failing;
    impl std::io::Read for Failing {
        fn read(&mut self, _into: &mut [u8]) -> std::io::Result<usize> {
            Err(std::io::ErrorKind::PermissionDenied.into())
        }
    }
    let input = std::io::BufReader::new(std::io::Read::chain(Cursor::new([0x0a, 0x80]), Failing));
    let mut replay = Replay::new(settings(2));
    let error = replay.read(input, Container::SnapshotV2, &Rules::genesis(), &mut |_| {});
    let error = error.unwrap_err();
    assert_eq!(error.code().name(), "TOPOLOGY_INPUT_UNREADABLE");
    assert!(matches!(error, ReplayError::Stream { number: 1, .. }));
}
