//! A vault moves into another store: row by row, and whatever interrupts it.

use std::{collections::BTreeSet, env, path::Path, path::PathBuf, sync::Arc};

use strongroom_store::{Store, StoreError};
use strongroom_store_sqlite::SqliteStore;
use strongroom_test_support::store::CrashPlan;
use strongroom_vault::{Destination, Vault, VaultError};

use crate::{
    backups::table_in,
    crashes::{mined_house, mined_store, survives},
    house::{House, Picture, VAULT_ID, caller, check_signs, code, signing_key},
    topology::node,
};

const POINT: &str = "STRONGROOM_MOVING_TEST_POINT";
const ROOT: &str = "STRONGROOM_MOVING_TEST_ROOT";

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

/// The folder of the store that the vault comes into.
fn elsewhere(house: &House) -> PathBuf {
    house.root().join("elsewhere")
}

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
    let folder = elsewhere(house);
    match SqliteStore::open(&house.vault_folder()).await {
        Ok(source) => {
            let to = destination(Arc::new(SqliteStore::create(&folder).await?));
            move_from(house, Arc::new(source), &to).await
        }
        Err(StoreError::Moved { .. }) => {
            let left = SqliteStore::open_left(&house.vault_folder()).await?;
            let store = if SqliteStore::exists(&folder) {
                SqliteStore::open(&folder).await?
            } else {
                SqliteStore::create(&folder).await?
            };
            let (environment, to) = (
                house.environment(Arc::new(left)),
                destination(Arc::new(store)),
            );
            Vault::finish_move(environment, house.settings.clone(), VAULT_ID, &to).await
        }
        Err(error) => Err(error.into()),
    }
}

async fn opens_elsewhere(house: &House) -> Vault {
    let store = SqliteStore::open(&elsewhere(house)).await.unwrap();
    let environment = house.environment(Arc::new(store));
    Vault::open(environment, house.settings.clone())
        .await
        .unwrap()
}

#[tokio::test]
async fn a_moved_vault_is_the_same_row_by_row_and_the_old_store_is_used_no_more() {
    let house = House::new();
    let (vault, _keys) = node(&house).await;
    let key = signing_key(&vault).await;
    vault.close().await.unwrap();
    let moved = move_on(&house).await.unwrap();
    check_signs(&moved, &key).await;
    let picture = Picture::of(&moved).await;
    moved.close().await.unwrap();
    for name in TABLES {
        let found = table_in(&elsewhere(&house), name);
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
    let folder = elsewhere(&house);
    let store = Arc::new(SqliteStore::create(&folder).await.unwrap());
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
    let to = destination(Arc::new(
        SqliteStore::create(&elsewhere(&house)).await.unwrap(),
    ));
    let other = strongroom_store::VaultId::from_bytes([1; 16]);
    let environment = house.environment(Arc::new(source));
    let settings = house.settings.clone();
    let refused = Vault::move_to(environment, settings, &caller(), other, &to).await;
    assert_eq!(code(refused), "OTHER_VAULT");
    house.open().await.close().await.unwrap();
}

async fn move_and_die(root: &Path, plan: &Arc<CrashPlan>) {
    let house = mined_house(root, plan);
    let source = SqliteStore::open(&house.vault_folder()).await.unwrap();
    let target = SqliteStore::create(&elsewhere(&house)).await.unwrap();
    let to = destination(mined_store(Arc::new(target), plan));
    move_from(&house, mined_store(Arc::new(source), plan), &to)
        .await
        .unwrap();
}

#[test]
#[ignore = "run by the test below, in a process of its own that ends in the middle"]
fn move_crash_helper() {
    let variable = |name| env::var(name).unwrap_or_default();
    let Ok(point) = variable(POINT).parse() else {
        return;
    };
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    let plan = CrashPlan::at(point);
    runtime.block_on(move_and_die(Path::new(&variable(ROOT)), &plan));
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
    let is_there = SqliteStore::exists(&elsewhere(house));
    match SqliteStore::open(&house.vault_folder()).await {
        Ok(store) => {
            assert!(!is_there, "two vaults take writes");
            store.close().await.unwrap();
            Stands::Here
        }
        Err(StoreError::Moved { .. }) if is_there => Stands::There,
        Err(StoreError::Moved { .. }) => Stands::OnItsWay,
        Err(error) => panic!("{error:?}"),
    }
}

#[tokio::test]
async fn a_process_that_dies_while_it_moves_a_vault_leaves_one_that_is_here_or_there() {
    let original = House::new();
    let (vault, _keys) = node(&original).await;
    let key = signing_key(&vault).await;
    let before = Picture::of(&vault).await;
    vault.close().await.unwrap();
    let mut seen = BTreeSet::new();
    for point in 1.. {
        let house = original.copy_with_key_file();
        let root = house.root().to_str().unwrap().to_owned();
        let survived = survives(
            "moving::move_crash_helper",
            &[(POINT, &point.to_string()), (ROOT, &root)],
        );
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
        assert_eq!(after.keys, before.keys, "point {point}");
        moved.close().await.unwrap();
        assert_eq!(look(&house).await, Stands::There, "point {point}");
        opens_elsewhere(&house).await.close().await.unwrap();
        if survived {
            assert_eq!(stands, Stands::There);
            assert!(point > 20, "{point} points only");
            break;
        }
    }
    assert_eq!(seen.len(), 3, "{seen:?}");
}
