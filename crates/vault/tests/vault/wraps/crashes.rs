//! The process dies at every step while a wrap is added or removed.

use std::collections::BTreeSet;

use strongroom_test_support::store::CrashPlan;
use strongroom_vault::{Environment, NamedWrapper, Settings, Vault};

use super::{Regions, SECOND, named, second_key_file, wraps};
use crate::{
    crashes::{
        doomed::{Doomed, act_and_die, survives},
        mined_house, mined_store,
    },
    house::{House, caller, check_signs, signing_key},
};

fn wrappers(house: &House, environment: &Environment) -> Vec<NamedWrapper> {
    let second = named(SECOND, &second_key_file(house));
    let first = environment.wrappers.iter().cloned();
    first.chain([second]).collect()
}

#[test]
#[ignore = "run by the tests below, in a process of its own that ends in the middle"]
fn wrap_crash_helper() {
    act_and_die(async |doomed: Doomed<usize>| {
        let plan = CrashPlan::at(doomed.point);
        let house = mined_house(&doomed.root, &plan);
        let store = house.store().await.unwrap();
        let environment = house.environment(mined_store(store, &plan));
        let environment = Environment {
            wrappers: wrappers(&house, &environment),
            ..environment
        };
        let vault = Vault::open(environment, Settings::default()).await.unwrap();
        let key: String = doomed.told("key");
        if doomed.told::<String>("act") == "add" {
            let key = strongroom_kms::KmsKeyId::try_new(key).unwrap();
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
        let told = [("act", act), ("key", key.as_str())];
        let helper = "wraps::crashes::wrap_crash_helper";
        let survived = survives(helper, house.root(), point, &told);
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
