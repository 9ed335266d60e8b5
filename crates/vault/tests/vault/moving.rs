//! A vault moves into another store: row by row, and whatever interrupts it.

use std::{collections::BTreeSet, sync::Arc};

use strongroom_store::{Store, StoreError};
use strongroom_store_sqlite::SqliteStore;
use strongroom_vault::{Destination, Vault, VaultError};

use crate::{
    backups::table_in,
    crashes::{
        doomed::{Doomed, act_and_die, survives},
        mined_environment, mined_house,
        points::Point,
        store_with,
    },
    house::{House, Picture, VAULT_ID, caller, check_signs, code, signing_key},
    rotating::tell,
    topology::node,
};

/// Every table that belongs to the vault.
const TABLES: [&str; 11] = [
    "audit",
    "backups",
    "data_keys",
    "identity",
    "kms_journal",
    "private_keys",
    "public_keys",
    "rotations",
    "topology",
    "vault",
    "wraps",
];

fn destination(store: Arc<dyn Store>) -> Destination {
    Destination {
        store,
        name: "elsewhere".to_owned(),
    }
}

async fn move_from(
    house: &House,
    source: Arc<dyn Store>,
    to: &Destination,
) -> Result<Vault, VaultError> {
    let environment = house.environment(source);
    Vault::move_to(environment, house.settings.clone(), &caller(), VAULT_ID, to).await
}

/// Moves as the program does: repeats what was begun, finishes what was left.
async fn move_on(house: &House) -> Result<Vault, VaultError> {
    let there = house.annex();
    match house.store().await {
        Ok(source) => move_from(house, source, &destination(there.new_store().await)).await,
        Err(VaultError::Store(StoreError::Moved { .. })) => {
            let store = if there.has_vault().await {
                there.store().await?
            } else {
                there.new_store().await
            };
            let environment = house.environment(house.left_store().await);
            let (settings, to) = (house.settings.clone(), destination(store));
            Vault::finish_move(environment, settings, VAULT_ID, &to).await
        }
        Err(error) => Err(error),
    }
}

async fn opens_elsewhere(house: &House) -> Vault {
    let environment = house.environment(house.annex().store().await.unwrap());
    Vault::open(environment, house.settings.clone())
        .await
        .unwrap()
}

#[tokio::test]
async fn a_moved_vault_is_the_same_row_by_row_and_the_old_store_is_used_no_more() {
    let house = House::new();
    let there = house.build_annex(false).vault_folder();
    let (vault, _keys) = node(&house).await;
    let key = signing_key(&vault).await;
    vault.close().await.unwrap();
    let moved = move_on(&house).await.unwrap();
    check_signs(&moved, &key).await;
    let picture = Picture::of(&moved).await;
    moved.close().await.unwrap();
    for name in TABLES {
        let found = table_in(&there, name);
        assert_eq!(found, table_in(&house.vault_folder(), name), "{name}");
    }
    assert!(!table_in(&house.vault_folder(), "audit").is_empty());
    let refused = SqliteStore::open(&house.vault_folder()).await.unwrap_err();
    assert!(matches!(refused, StoreError::Moved { target } if target == "elsewhere"));
    let vault = opens_elsewhere(&house).await;
    assert_eq!(Picture::of(&vault).await, picture);
    signing_key(&vault).await;
    vault.close().await.unwrap();
    // It has gone on meanwhile, so there is nothing to finish but opening it.
    move_on(&house).await.unwrap().close().await.unwrap();
}

#[tokio::test]
async fn a_vault_is_not_moved_over_another_one_nor_beside_rows_of_another() {
    let house = House::new();
    let annex = house.build_annex(false);
    house.create().await.close().await.unwrap();
    let neighbour = house.neighbour();
    neighbour.create().await.close().await.unwrap();
    let source = || async { Arc::new(SqliteStore::open(&house.vault_folder()).await.unwrap()) };
    let theirs = SqliteStore::open(&neighbour.vault_folder()).await.unwrap();
    let to = destination(Arc::new(theirs));
    let refused = move_from(&house, source().await, &to).await;
    assert_eq!(code(refused), "VAULT_ALREADY_EXISTS");
    to.store.close().await.unwrap();
    // A copy that was left, of a moment that is gone.
    let store = annex.new_store().await;
    let mut rows = store.begin().await.unwrap();
    let mut theirs = house.store().await.unwrap().read().await.unwrap();
    for record in theirs.data_keys().await.unwrap() {
        rows.insert_data_key(record).await.unwrap();
    }
    drop(theirs);
    rows.commit().await.unwrap();
    let refused = move_from(&house, source().await, &destination(store)).await;
    assert_eq!(code(refused), "OTHER_ROWS_THERE");
    house.open().await.close().await.unwrap();
}

#[tokio::test]
async fn another_vault_than_the_configured_one_is_not_moved() {
    let house = House::new();
    house.create().await.close().await.unwrap();
    let source = SqliteStore::open(&house.vault_folder()).await.unwrap();
    let to = destination(house.build_annex(false).new_store().await);
    let other = strongroom_store::VaultId::from_bytes([1; 16]);
    let environment = house.environment(Arc::new(source));
    let settings = house.settings.clone();
    let refused = Vault::move_to(environment, settings, &caller(), other, &to).await;
    assert_eq!(code(refused), "OTHER_VAULT");
    house.open().await.close().await.unwrap();
}

#[test]
#[ignore = "run by the tests below, in a process of its own that ends in the middle"]
fn move_crash_helper() {
    act_and_die(async |doomed: Doomed<Point>| {
        let mines = doomed.point.mines();
        let house = mined_house(&doomed.root, &mines.files);
        let source = store_with(&mines, house.store().await.unwrap());
        let to = destination(store_with(&mines, house.annex().new_store().await));
        let environment = mined_environment(&house, source, &mines.calls);
        let (settings, by) = (house.settings.clone(), caller());
        let moved = Vault::move_to(environment, settings, &by, VAULT_ID, &to);
        moved.await.unwrap();
    });
}

/// Where the vault is after a crash. One store has it, and only one of them takes writes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Stands {
    Here,
    /// Neither takes writes; the move has to be finished.
    OnItsWay,
    There,
}

async fn look(house: &House) -> Stands {
    let is_there = house.annex().has_vault().await;
    match house.store().await {
        Ok(store) => {
            assert!(!is_there, "two vaults take writes");
            store.close().await.unwrap();
            Stands::Here
        }
        Err(VaultError::Store(StoreError::Moved { .. })) if is_there => Stands::There,
        Err(VaultError::Store(StoreError::Moved { .. })) => Stands::OnItsWay,
        Err(error) => panic!("{error:?}"),
    }
}

/// The process dies at each of `points`. Afterwards the vault is where it was, or on its way, or where it was to come, and the
/// same command ends that.
async fn sweep(
    original: &House,
    into_postgres: bool,
    points: impl Iterator<Item = Point>,
    least_points: usize,
) -> BTreeSet<Stands> {
    let vault = original.open().await;
    let before = Picture::of(&vault).await;
    let key = signing_key(&vault).await;
    vault.close().await.unwrap();
    let (mut seen, mut kills, mut takeovers) = (BTreeSet::new(), 0, 0);
    for point in points {
        let house = original.copy_with_key_file();
        let annex = house.build_annex(into_postgres);
        let survived = survives("moving::move_crash_helper", house.root(), point, &[]);
        // Both are asked: they wait until the connections of the dead have ended.
        takeovers += usize::from(house.has_dead_writer()) + usize::from(annex.has_dead_writer());
        let stands = look(&house).await;
        seen.insert(stands);
        if stands == Stands::Here {
            // Whatever was copied, the vault goes on where it is.
            let vault = house.open().await;
            check_signs(&vault, &key).await;
            vault.close().await.unwrap();
        }
        let moved = move_on(&house)
            .await
            .unwrap_or_else(|error| panic!("point {point}: {error:?}"));
        check_signs(&moved, &key).await;
        let after = Picture::of(&moved).await;
        assert_eq!(after.keys.len(), before.keys.len() + 1, "point {point}");
        assert!(
            before
                .keys
                .iter()
                .all(|(key, it)| after.keys.get(key) == Some(it))
        );
        moved.close().await.unwrap();
        assert_eq!(look(&house).await, Stands::There, "point {point}");
        opens_elsewhere(&house).await.close().await.unwrap();
        if survived {
            assert_eq!(stands, Stands::There);
            assert!(point.number > least_points, "{point} points only");
            let on_postgres = house.is_on_postgres() || into_postgres;
            assert_eq!(takeovers > 0, on_postgres);
            tell!("move: killed at {kills} points before {point}; {takeovers} leases of the dead");
            break;
        }
        kills += 1;
    }
    seen
}

/// A house with a closed vault.
async fn inhabited(house: House) -> House {
    let (vault, _keys) = node(&house).await;
    vault.close().await.unwrap();
    house
}

#[tokio::test]
async fn a_process_that_dies_while_it_moves_a_vault_leaves_one_that_is_here_or_there() {
    let original = inhabited(House::new()).await;
    let seen = sweep(&original, false, Point::all(), 20).await;
    assert_eq!(seen.len(), 3, "{seen:?}");
}

#[tokio::test]
async fn so_does_one_that_moves_it_into_postgresql() {
    let original = inhabited(House::new()).await;
    // The departure, the copy, the mark and the arrival, and three calls of the KMS.
    let seen = sweep(&original, true, Point::calls(), 8).await;
    assert_eq!(seen.len(), 3, "{seen:?}");
    sweep(&original, true, Point::files(5), 8).await;
}

#[tokio::test]
async fn so_does_one_that_moves_it_out_of_postgresql() {
    let original = inhabited(House::on_postgres()).await;
    let seen = sweep(&original, false, Point::calls(), 8).await;
    assert_eq!(seen.len(), 3, "{seen:?}");
    sweep(&original, false, Point::files(5), 8).await;
}
