//! The process dies before and after every durable step and every KMS call of a move, and again while it goes on.

use std::{env, path::Path, sync::Arc};

use strongroom_store::Store;
use strongroom_store_sqlite::SqliteStore;
use strongroom_test_support::store::{CrashPlan, CrashingStore};
use strongroom_vault::Vault;

use super::{Act, Estate};
use crate::{
    crashes::{mined_environment, mined_house_of, survives},
    house::House,
    rotating::tell,
};

const ACT: &str = "STRONGROOM_MIGRATION_TEST_ACT";
const POINT: &str = "STRONGROOM_MIGRATION_TEST_POINT";
const ROOT: &str = "STRONGROOM_MIGRATION_TEST_ROOT";
/// Each process makes ids of its own.
const NUMBER: &str = "STRONGROOM_MIGRATION_TEST_NUMBER";

async fn open_mined(house: &House, plan: &Arc<CrashPlan>) -> Vault {
    let store = SqliteStore::open(&house.vault_folder()).await.unwrap();
    let store: Arc<dyn Store> = Arc::new(CrashingStore::new(Arc::new(store), Arc::clone(plan)));
    let environment = mined_environment(house, store, plan);
    Vault::open(environment, house.settings.clone())
        .await
        .unwrap()
}

#[test]
#[ignore = "run by the test below, in a process of its own that ends in the middle"]
fn migration_crash_helper() {
    let variable = |name| env::var(name).unwrap_or_default();
    let Ok(point) = variable(POINT).parse() else {
        return;
    };
    let named = variable(ACT);
    let act = Act::ALL
        .into_iter()
        .find(|act| format!("{act:?}") == named)
        .unwrap();
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    let plan = CrashPlan::at(point);
    runtime.block_on(async {
        let root = variable(ROOT);
        let number: i64 = variable(NUMBER).parse().unwrap();
        let house = mined_house_of(number, Path::new(&root), &plan).with_settings(act.settings());
        let vault = open_mined(&house, &plan).await;
        act.run(&vault).await.unwrap();
    });
}

/// Whether a process that moves the keys, or goes on, lives to the end.
fn lives(act: Act, house: &House, point: usize, number: usize) -> bool {
    survives(
        "migrating::crashes::migration_crash_helper",
        &[
            (ACT, &format!("{act:?}")),
            (POINT, &point.to_string()),
            (ROOT, house.root().to_str().unwrap()),
            (NUMBER, &number.to_string()),
        ],
    )
}

#[tokio::test]
async fn a_move_that_is_killed_anywhere_and_again_while_it_goes_on_loses_nothing() {
    for act in Act::ALL {
        let estate = Estate::for_act(act).await;
        let (mut kills, mut second_kills) = (0, 0);
        // Of the points of three keys, which follow one another in the same way, two of three.
        for point in (1..).filter(|point| point % 3 != 0) {
            let when = format!("{act:?}, point {point}");
            let house = estate.copy();
            let survived = lives(act, &house, point, 2_000 + point);
            let house = house.with_key_file_again();
            let vault = house.open().await;
            estate.check(&vault, &when).await;
            vault.close().await.unwrap();
            if survived {
                assert!(point > 20, "{act:?} has {point} points only");
                break;
            }
            kills += 1;
            if !lives(act, &house, 1 + point * 7 % 40, 4_000 + point) {
                second_kills += 1;
            }
            let house = house.with_key_file_again();
            let vault = house.open().await;
            estate.check(&vault, &when).await;
            act.run(&vault).await.unwrap();
            estate.check_done(vault, &house, &when).await;
        }
        tell!("{act:?}: killed at {kills} points, and again at {second_kills} while going on");
    }
}
