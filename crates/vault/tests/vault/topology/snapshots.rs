//! Taking in what a synchronizer holds, as a snapshot.

use std::{io::Write, path::PathBuf, sync::Arc};

use strongroom_crypto::Timestamp;
use strongroom_proto::topology::{
    Container, DecodedItem, ItemReader, SnapshotItem, write_snapshot_v1, write_snapshot_v2,
};
use strongroom_topology::{GENESIS_SEQUENCED, SignedTransaction, StoreId, StoredTransaction};
use strongroom_vault::{Added, AuditOperation, Vault, VaultError};

use super::{
    node,
    picture::{TopologyPicture, look},
    statements::{add, outcomes, rows},
    synchronizers::{second, sequence, store},
};
use crate::house::{House, caller, code};

async fn import(
    vault: &Vault,
    store: &StoreId,
    items: Vec<SnapshotItem>,
) -> Result<Vec<Added>, VaultError> {
    vault.import_snapshot(&caller(), store, items).await
}

fn temporary() -> StoreId {
    "temporary:looking".parse().unwrap()
}

fn item(signed: SignedTransaction, sequenced: Timestamp, valid_from: Timestamp) -> SnapshotItem {
    SnapshotItem {
        sequenced,
        valid_from,
        valid_until: None,
        signed,
        rejection: None,
    }
}

/// What the node has authorized, as the state that a synchronizer begins with.
async fn genesis(vault: &Vault) -> Vec<SnapshotItem> {
    let rows = rows(vault).await.into_iter();
    rows.map(|row| {
        item(
            Arc::unwrap_or_clone(row.signed),
            GENESIS_SEQUENCED,
            GENESIS_SEQUENCED,
        )
    })
    .collect()
}

/// The same with the announced keys signed by the namespace only.
async fn without_proofs(vault: &Vault) -> Vec<SnapshotItem> {
    let signer = vault
        .identity()
        .unwrap()
        .member
        .uid
        .namespace()
        .fingerprint();
    let mut items = genesis(vault).await;
    for item in &mut items {
        let namespace_only = [signer.unwrap()].into();
        item.signed = item.signed.clone().only_signed_by(&namespace_only);
    }
    items
}

/// Writes the items into a file of this form and reads them.
fn through(container: Container, items: &[SnapshotItem]) -> Vec<SnapshotItem> {
    let mut file = Vec::new();
    match container {
        Container::SnapshotV1 => write_snapshot_v1(items, &mut file).unwrap(),
        _ => write_snapshot_v2(items, &mut file).unwrap(),
    }
    read(container, &file)
}

fn read(container: Container, file: &[u8]) -> Vec<SnapshotItem> {
    let items = ItemReader::new(file, container);
    let rows = items.map(|item| match item.unwrap().decode().unwrap() {
        DecodedItem::Row(row) => row,
        DecodedItem::Transaction(other) => panic!("{other:?} is no row"),
    });
    rows.collect()
}

#[tokio::test]
async fn a_snapshot_of_either_form_gives_the_rows_that_it_was_taken_of() {
    let (house, source_house) = (House::new(), House::numbered(2));
    let (source, _) = node(&source_house).await;
    super::rotate_all(&source).await;
    let mut first = genesis(&source).await;
    first.truncate(2);
    import(&source, &store(), first).await.unwrap();
    for (row, number) in rows(&source).await.split_off(2).into_iter().zip(1..) {
        let signed = Arc::unwrap_or_clone(row.signed);
        sequence(&source, second(number), vec![signed])
            .await
            .unwrap();
    }
    let expected = look(&source_house, &source).await.stores[&store()].clone();
    assert_eq!(expected.len(), 8);
    let view = source.topology(&store()).await.unwrap();
    let items: Vec<_> = view
        .rows()
        .iter()
        .map(|row| SnapshotItem {
            valid_until: row.valid_until,
            ..item(row.signed.as_ref().clone(), row.sequenced, row.valid_from)
        })
        .collect();
    drop(view);

    for container in [Container::SnapshotV1, Container::SnapshotV2] {
        let house = house.neighbour();
        let vault = house.create().await;
        for target in [store(), temporary()] {
            let items = through(container, &items);
            let added = import(&vault, &target, items.clone()).await.unwrap();
            assert_eq!(outcomes(&added), ["accepted"; 8], "{container:?}");
            look(&house, &vault).await;
            let view = vault.topology(&target).await.unwrap();
            let times = |row: &StoredTransaction| (row.sequenced, row.valid_from, row.valid_until);
            for (row, item) in view.rows().iter().zip(&items) {
                assert_eq!(row.signed.hash(), item.signed.hash());
                assert_eq!(
                    times(row),
                    (item.sequenced, item.valid_from, item.valid_until)
                );
            }
        }
        vault.close().await.unwrap();
        let vault = house.open().await;
        // The temporary store was in memory only.
        let stores = vault.topology_stores().await.unwrap();
        assert_eq!(stores, [StoreId::Authorized, store()]);
        assert_eq!(look(&house, &vault).await.stores[&store()], expected);
    }
}

#[tokio::test]
async fn at_the_beginning_announced_keys_need_not_prove_themselves_and_later_they_must() {
    let house = House::new();
    let (source, _) = node(&House::numbered(2)).await;
    let unproven = without_proofs(&source).await;
    let vault = house.create().await;
    let later = unproven.iter().cloned().map(|it| SnapshotItem {
        sequenced: second(0).sequenced,
        valid_from: second(0).effective,
        ..it
    });
    let other = StoreId::Synchronizer("other::ns::34-0".parse().unwrap());
    for (target, items, expected) in [
        (store(), unproven.clone(), "accepted"),
        (other, later.clone().collect(), "rejected"),
        (temporary(), later.collect(), "accepted"),
    ] {
        let added = import(&vault, &target, items).await.unwrap();
        assert_eq!(outcomes(&added), ["accepted", expected], "{target}");
        let picture = look(&house, &vault).await;
        let [_, keys] = picture.stores[&target].as_slice() else {
            panic!("{picture:?}")
        };
        let reason = (expected == "rejected").then_some("Not fully authorized");
        assert_eq!(keys.rejection.as_deref(), reason);
    }
    // The node's own store never takes them.
    let signed: Vec<_> = unproven.into_iter().map(|item| item.signed).collect();
    let force = strongroom_topology::ForceFlags::all();
    let added = vault
        .add_transactions(&caller(), &StoreId::Authorized, signed, force)
        .await
        .unwrap();
    assert_eq!(outcomes(&added), ["accepted", "rejected"]);
}

#[tokio::test]
async fn a_snapshot_goes_into_an_empty_store_of_a_synchronizer_or_in_memory() {
    let house = House::new();
    let (vault, _) = node(&house).await;
    let items = genesis(&vault).await;
    for target in [store(), temporary()] {
        import(&vault, &target, items.clone()).await.unwrap();
    }
    let before = look(&house, &vault).await;
    for target in [store(), temporary(), StoreId::Authorized] {
        let refused = import(&vault, &target, items.clone()).await;
        assert_eq!(code(refused), "TOPOLOGY_STORE_NOT_EMPTY", "{target}");
    }
    assert_eq!(look(&house, &vault).await, before);
    // Nor into the own store before there is anything in it.
    let empty = house.neighbour();
    let vault = empty.create().await;
    let refused = import(&vault, &StoreId::Authorized, items).await;
    assert_eq!(code(refused), "TOPOLOGY_STORE_NOT_EMPTY");
}

#[tokio::test]
async fn a_snapshot_out_of_order_leaves_nothing_behind() {
    let house = House::new();
    let (vault, _) = node(&house).await;
    let right = genesis(&vault).await;
    let mut wrong = right.clone();
    wrong[0].sequenced = second(0).sequenced;
    for target in [store(), temporary()] {
        let before = look(&house, &vault).await;
        let refused = import(&vault, &target, wrong.clone()).await;
        assert_eq!(code(refused), "SEQUENCED_TOO_EARLY", "{target}");
        assert_eq!(look(&house, &vault).await, before);
        let added = import(&vault, &target, right.clone()).await.unwrap();
        assert_eq!(outcomes(&added), ["accepted", "accepted"]);
    }
}

#[tokio::test]
async fn the_audit_log_counts_the_rows_of_a_snapshot() {
    let house = House::new();
    let (vault, _) = node(&house).await;
    let mut items = genesis(&vault).await;
    items.reverse();
    import(&vault, &store(), items).await.unwrap();
    let mut told = Vec::new();
    vault
        .walk_audit(|entry| {
            if entry.operation == AuditOperation::ImportSnapshot {
                told.push(entry.details);
            }
        })
        .await
        .unwrap();
    let [told] = told.as_slice() else {
        panic!("{told:?}")
    };
    assert_eq!(told["store"], store().to_string());
    assert_eq!(told["transactions"], "2");
    assert_eq!(told["rejected"], "1");
}

#[tokio::test]
async fn what_is_added_to_a_store_in_memory_leaves_no_trace_in_the_database() {
    let house = House::new();
    let (vault, _) = node(&house).await;
    import(&vault, &temporary(), Vec::new()).await.unwrap();
    let before = TopologyPicture::after_crash(&house).await;
    let signed = rows(&vault).await.into_iter();
    let signed: Vec<_> = signed.map(|row| row.signed.as_ref().clone()).collect();
    let force = strongroom_topology::ForceFlags::default();
    let records = async || vault.inspect(|_, _| {}).await.unwrap().audit_records;
    let logged = records().await;
    let added = vault
        .add_transactions(&caller(), &temporary(), signed.clone(), force)
        .await
        .unwrap();
    assert_eq!(outcomes(&added), ["accepted", "accepted"]);
    assert_eq!(
        TopologyPicture::of(&vault).await.stores[&temporary()].len(),
        2
    );
    assert_eq!(TopologyPicture::after_crash(&house).await, before);
    assert_eq!(records().await, logged);
    // A failure elsewhere does not take it away.
    add(&vault, signed).await.unwrap();
    assert_eq!(
        TopologyPicture::of(&vault).await.stores[&temporary()].len(),
        2
    );
}

/// The folder of the reference, where it is: named by the variable, or beside the repository.
fn reference() -> Option<PathBuf> {
    let beside = || PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../../shared/reference");
    let folder = std::env::var_os("STRONGROOM_REFERENCE").map_or_else(beside, PathBuf::from);
    if folder.join("data").is_dir() {
        return Some(folder);
    }
    assert!(
        std::env::var_os("CI").is_none(),
        "the reference is not in {}: set STRONGROOM_REFERENCE to its folder",
        folder.display()
    );
    let _ = writeln!(
        std::io::stderr(),
        "the snapshot of the reference was not imported: no {}",
        folder.join("data").display()
    );
    None
}

#[tokio::test]
async fn the_snapshot_of_the_reference_is_taken_in_and_read_again_as_it_is() {
    let Some(folder) = reference() else { return };
    let file = folder.join("data/topology-snapshot-duplicate-signatures.bin");
    let items = read(Container::SnapshotV2, &std::fs::read(file).unwrap());
    let house = House::new();
    let vault = house.create().await;
    let followed: StoreId = concat!(
        "synchronizer:synchronizer1::",
        "1220fae229447c729789cf24f54b0cb953f72ae3e554832def106232ad7689be89e3::34-0"
    )
    .parse()
    .unwrap();
    let added = import(&vault, &followed, items.clone()).await.unwrap();
    assert_eq!(outcomes(&added), ["accepted"; 8]);
    look(&house, &vault).await;
    let view = vault.topology(&followed).await.unwrap();
    for (row, item) in view.rows().iter().zip(&items) {
        assert_eq!(row.signed.hash(), item.signed.hash());
        assert_eq!(row.valid_from, item.valid_from);
        // Of the signatures those stay that count at the beginning.
        for signature in row.signed.signatures() {
            let received = item.signed.signature_by(&signature.signed_by()).unwrap();
            assert_eq!(signature.encoded(), received.encoded());
        }
    }
}
