//! The process dies at every step while a wrap is added or removed.

use std::{collections::BTreeSet, env, path::Path};

use strongroom_test_support::store::CrashPlan;
use strongroom_vault::{Environment, NamedWrapper, Settings, Vault};

use super::{Regions, SECOND, named, second_key_file, wraps};
use crate::{
    crashes::{mined_house, mined_store, survives},
    house::{House, caller, check_signs, signing_key},
};

const ACT: &str = "STRONGROOM_WRAP_TEST_ACT";
const KEY: &str = "STRONGROOM_WRAP_TEST_KEY";
const POINT: &str = "STRONGROOM_WRAP_TEST_POINT";
const ROOT: &str = "STRONGROOM_WRAP_TEST_ROOT";

fn wrappers(house: &House, environment: &Environment) -> Vec<NamedWrapper> {
    let second = named(SECOND, &second_key_file(house));
    let first = environment.wrappers.iter().cloned();
    first.chain([second]).collect()
}

#[test]
#[ignore = "run by the tests below, in a process of its own that ends in the middle"]
fn wrap_crash_helper() {
    let variable = |name| env::var(name).unwrap_or_default();
    let Ok(point) = variable(POINT).parse() else {
        return;
    };
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    let plan = CrashPlan::at(point);
    runtime.block_on(async {
        let root = variable(ROOT);
        let house = mined_house(Path::new(&root), &plan);
        let store = house.store().await.unwrap();
        let environment = house.environment(mined_store(store, &plan));
        let environment = Environment {
            wrappers: wrappers(&house, &environment),
            ..environment
        };
        let vault = Vault::open(environment, Settings::default()).await.unwrap();
        let key = variable(KEY);
        if variable(ACT) == "add" {
            let key = strongroom_kms::KmsKeyId::try_new(key.as_str()).unwrap();
            vault.add_wrap(&caller(), SECOND, Some(key)).await.unwrap();
        } else {
            vault.remove_wrap(&caller(), SECOND, &key).await.unwrap();
        }
    });
}

async fn check_crashes_of(act: &str, before: usize, after: usize) {
    let regions = Regions::with_two_wraps(Settings::default()).await;
    let key = regions.second_key();
    if act == "add" {
        let vault = regions.open().await;
        vault
            .remove_wrap(&caller(), SECOND, key.as_str())
            .await
            .unwrap();
        vault.close().await.unwrap();
    }
    let mut seen = BTreeSet::new();
    for point in 1.. {
        let house = regions.house.copy_with_key_file();
        let second_keys = regions.house.root().join("second.key");
        std::fs::copy(second_keys, house.root().join("second.key")).unwrap();
        let survived = survives(
            "wraps::crashes::wrap_crash_helper",
            &[
                (ACT, act),
                (KEY, key.as_str()),
                (POINT, &point.to_string()),
                (ROOT, house.root().to_str().unwrap()),
            ],
        );
        let environment = house.environment(house.store().await.unwrap());
        let environment = Environment {
            wrappers: wrappers(&house, &environment),
            ..environment
        };
        let vault = Vault::open(environment, Settings::default()).await.unwrap();
        let count = wraps(&vault).len();
        assert!([before, after].contains(&count), "{act}, point {point}");
        let check = vault.check_wraps().await;
        assert!(check.all_open(), "{act}, point {point}: {check:?}");
        assert!(
            count == after || !seen.contains(&after),
            "once done, no death undoes it"
        );
        check_signs(&vault, &signing_key(&vault).await).await;
        vault.close().await.unwrap();
        if survived {
            assert_eq!(count, after, "{act}");
            // Twelve steps of two writes of the anchor, and before and after each of five calls of the store.
            assert!(point > 22, "{act} has {point} points only");
            break;
        }
        seen.insert(count);
    }
    assert_eq!(seen.len(), 2, "{act} died before its commit and after it");
}

#[tokio::test]
async fn a_process_that_dies_while_it_adds_a_wrap_leaves_the_old_wraps_or_the_new_ones() {
    check_crashes_of("add", 1, 2).await;
}

#[tokio::test]
async fn a_process_that_dies_while_it_removes_a_wrap_leaves_the_old_wraps_or_the_new_ones() {
    check_crashes_of("remove", 2, 1).await;
}
