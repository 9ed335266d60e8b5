//! The process dies before and after every durable step and every KMS call of a rotation, and again while it goes on.

use std::{collections::BTreeSet, sync::Arc};

use strongroom_kms::{Answer, Call, KmsError, Next, Policy};
use strongroom_store::Sealing;
use strongroom_test_support::store::CrashPlan;
use strongroom_vault::{RotationRequest, Vault};

use super::{Estate, in_small_steps, rotate};
use crate::{
    crashes::{
        doomed::{Doomed, act_and_die, survives},
        mined_house, open_mined,
        points::Point,
    },
    house::{House, caller},
    wraps::wraps,
};

const HELPER: &str = "rotating::crashes::rotation_crash_helper";
/// The old data key is removed, instead of rows moved to a new one.
const PRUNE: &str = "prune";
/// The same data key is wrapped anew, instead.
const REWRAP: &str = "rewrap";

/// Points before and after each call.
#[derive(Debug)]
pub(crate) struct MinedCalls(pub(crate) Arc<CrashPlan>);

impl Policy for MinedCalls {
    async fn run<T: Answer>(&self, call: Call, next: Next<'_, T>) -> Result<T, KmsError> {
        self.0.point();
        let answer = next(call).await;
        self.0.point();
        answer
    }
}

#[test]
#[ignore = "run by the tests below, in a process of its own that ends in the middle"]
fn rotation_crash_helper() {
    act_and_die(async |doomed: Doomed<Point>| {
        let mines = doomed.point.mines();
        let sealing = sealing(doomed.told::<String>("sealing") == "direct");
        let house = mined_house(&doomed.root, &mines.files);
        let house = house.with_settings(in_small_steps(sealing));
        let vault = open_mined(&house, &mines).await;
        match doomed.told::<String>("act").as_str() {
            PRUNE => prune(&vault).await,
            REWRAP => rewrap(&vault, &doomed.told::<String>("old")).await,
            _ if vault.retired_data_keys().is_empty() => drop(rotate(&vault).await.unwrap()),
            _already_done => {}
        }
    });
}

async fn prune(vault: &Vault) {
    let pruned = vault.prune_data_keys(&caller(), &BTreeSet::new()).await;
    pruned.unwrap();
}

/// Unless another wrapper key has taken the place of this one.
async fn rewrap(vault: &Vault, old: &str) {
    if wraps(vault).iter().any(|(_, id)| id == old) {
        let request = RotationRequest::default();
        vault.rewrap_data_key(&caller(), &request).await.unwrap();
    }
}

const fn sealing(direct: bool) -> Sealing {
    if direct {
        Sealing::Direct
    } else {
        Sealing::DataKey
    }
}

/// Whether a process that rotates, or goes on, lives to the end.
fn lives(house: &House, direct: bool, point: Point) -> bool {
    let sealing = if direct { "direct" } else { "by data key" };
    survives(HELPER, house.root(), point, &[("sealing", sealing)])
}

/// Opens what a dead process left, with its key file.
async fn reopened(estate: &Estate, house: &House, direct: bool, when: &str) -> (House, Vault) {
    let files = Arc::new(strongroom_files::OsFiles::new());
    let house = House::at(house.root(), &files, 99).with_settings(in_small_steps(sealing(direct)));
    let mut vault = house.open().await;
    if house.is_on_postgres() {
        // Where opening costs more, it is opened again in the end only.
        estate.check_open(&vault).await;
    } else {
        vault = estate.check(vault, &house, when).await;
    }
    (house, vault)
}

/// Kills a rotation at each of its points; then kills what goes on with it, at a point that is another one each time.
async fn sweep(
    estate: &Estate,
    direct: bool,
    points: impl Iterator<Item = Point>,
    least_points: usize,
) {
    let (mut kills, mut second_kills, mut under_way) = (0, 0, BTreeSet::new());
    let mut takeovers = 0;
    for point in points {
        let when = format!("direct: {direct}, point {point}");
        let house = estate.house.copy_with_key_file();
        let survived = lives(&house, direct, point);
        takeovers += usize::from(house.has_dead_writer());
        let mut seen = None;
        if survived || point.is_looked_at() {
            let (opened, vault) = reopened(estate, &house, direct, &when).await;
            under_way.insert(vault.wrapper_key_rotation().is_some());
            assert!(!survived || !vault.retired_data_keys().is_empty(), "{when}");
            seen = Some((opened, vault));
        }
        if survived {
            let least = point.number > least_points;
            assert!(least, "a rotation has {point} points only");
            assert_eq!(takeovers > 0, house.is_on_postgres(), "{when}");
            tell!(
                "direct: {direct}: killed at {kills} points before {point}, and again at {second_kills} while going on; \
                 {takeovers} leases of the dead"
            );
            break;
        }
        kills += 1;
        if point.dies_again() {
            if let Some((_house, vault)) = seen.take() {
                vault.close().await.unwrap();
            }
            let died = !lives(&house, direct, point.again(least_points));
            second_kills += usize::from(died);
        }
        let (again, vault) = match seen {
            Some(seen) => seen,
            None => reopened(estate, &house, direct, &when).await,
        };
        if vault.retired_data_keys().is_empty() {
            rotate(&vault).await.unwrap();
        }
        let vault = estate.check(vault, &again, &when).await;
        assert_eq!(vault.wrapper_key_rotation(), None, "{when}");
        assert_eq!(vault.retired_data_keys().len(), 1, "{when}");
        // However often it took, one more wrapper key is there: what an interrupted attempt made was taken up.
        assert_eq!(again.kms.list_keys().len(), 2, "{when}");
    }
    assert_eq!(under_way.len(), 2, "it died before, within and after");
}

#[tokio::test]
async fn a_rotation_that_is_killed_anywhere_and_again_while_it_goes_on_loses_nothing() {
    let estate = Estate::new(Sealing::DataKey).await;
    sweep(&estate, false, Point::all(), 60).await;
}

#[tokio::test]
async fn so_does_one_of_keys_that_the_kms_sealed_itself() {
    let estate = Estate::new(Sealing::Direct).await;
    sweep(&estate, true, Point::all(), 60).await;
}

#[tokio::test]
async fn so_does_one_in_postgresql_whose_next_process_takes_the_lease_of_the_dead_one() {
    for direct in [false, true] {
        let house = House::on_postgres();
        let estate = Estate::in_house(house, sealing(direct)).await;
        if direct {
            sweep(&estate, direct, Point::after_calls(), 30).await;
        } else {
            sweep(&estate, direct, Point::calls(), 20).await;
            sweep(&estate, direct, Point::files(17), 30).await;
        }
    }
}

#[tokio::test]
async fn removing_an_old_data_key_that_is_killed_anywhere_is_done_or_not() {
    let estate = Estate::new(Sealing::DataKey).await;
    sweep_pruning(&estate, Point::all(), 10).await;
}

#[tokio::test]
async fn so_is_removing_one_in_postgresql() {
    let estate = Estate::in_house(House::on_postgres(), Sealing::DataKey).await;
    sweep_pruning(&estate, Point::calls(), 2).await;
    sweep_pruning(&estate, Point::files(5), 8).await;
}

async fn sweep_pruning(estate: &Estate, points: impl Iterator<Item = Point>, least_points: usize) {
    let vault = estate.house.open().await;
    if vault.retired_data_keys().is_empty() {
        rotate(&vault).await.unwrap();
    }
    vault.close().await.unwrap();
    let (mut left, mut kills, mut again) = (BTreeSet::new(), 0, 0);
    for point in points {
        let when = format!("prune, point {point}");
        let house = estate.house.copy_with_key_file();
        let prunes = |point: Point| survives(HELPER, house.root(), point, &[("act", PRUNE)]);
        let survived = prunes(point);
        let (_house, vault) = reopened(estate, &house, false, &when).await;
        let old_keys = vault.retired_data_keys().len();
        left.insert(old_keys);
        if survived {
            assert_eq!(old_keys, 0, "{when}");
            assert!(point.number > least_points, "{point} points only");
            tell!("prune: killed at {kills} points before {point}, and at {again} going on");
            break;
        }
        kills += 1;
        let mut vault = vault;
        if point.dies_again() {
            vault.close().await.unwrap();
            again += usize::from(!prunes(point.again(least_points)));
            (_, vault) = reopened(estate, &house, false, &when).await;
        }
        prune(&vault).await;
        let vault = estate.check(vault, &house, &when).await;
        assert!(vault.retired_data_keys().is_empty(), "{when}");
    }
    assert_eq!(left, BTreeSet::from([0, 1]), "it died before and after");
    // Of a few points of many, none may be one at which what goes on dies.
    let sampled = estate.house.is_on_postgres();
    assert!(again > 0 || sampled, "nothing died that went on");
}

#[tokio::test]
async fn wrapping_the_same_data_key_anew_that_is_killed_anywhere_and_again_is_done_or_not() {
    let estate = Estate::new(Sealing::DataKey).await;
    let old = estate.house.kms.list_keys()[0].id.clone();
    let (mut done, mut kills, mut again) = (BTreeSet::new(), 0, 0);
    for point in Point::all() {
        let when = format!("rewrap, point {point}");
        let house = estate.house.copy_with_key_file();
        let rewraps = |point: Point| {
            let told = [("act", REWRAP), ("old", old.as_str())];
            survives(HELPER, house.root(), point, &told)
        };
        let survived = rewraps(point);
        let (_house, vault) = reopened(&estate, &house, false, &when).await;
        done.insert(wraps(&vault)[0].1 != old.as_str());
        vault.close().await.unwrap();
        if !survived {
            kills += 1;
            again += usize::from(!rewraps(point.again(40)));
        }
        let (house, vault) = reopened(&estate, &house, false, &when).await;
        rewrap(&vault, old.as_str()).await;
        let wraps = wraps(&vault);
        assert!(wraps.len() == 1 && wraps[0].1 != old.as_str(), "{when}");
        assert!(vault.check_wraps().await.all_open(), "{when}");
        assert_eq!(vault.retired_data_keys(), [], "{when}");
        // However often it took, one more wrapper key is there: what an interrupted attempt made was taken up.
        assert_eq!(house.kms.list_keys().len(), 2, "{when}");
        house.kms.disable_key(&old).unwrap();
        estate.check(vault, &house, &when).await;
        if survived {
            assert!(point.number > 40, "rewrapping has {point} points only");
            tell!("rewrap: killed at {kills} points before {point}, and at {again} going on");
            break;
        }
    }
    assert_eq!(done.len(), 2, "it died before and after");
    assert!(again > 0, "nothing died that went on");
}
