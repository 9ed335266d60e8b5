//! The process dies before and after every durable step and every KMS call of a move, and again while it goes on.

use super::{Act, Estate};
use crate::{
    crashes::{
        doomed::{Doomed, act_and_die, survives},
        mined_house_of, open_mined,
        points::Point,
    },
    house::House,
    rotating::tell,
};

#[test]
#[ignore = "run by the tests below, in a process of its own that ends in the middle"]
fn migration_crash_helper() {
    act_and_die(async |doomed: Doomed<Point>| {
        let mines = doomed.point.mines();
        let named: String = doomed.told("act");
        let mut acts = Act::ALL.into_iter();
        let act = acts.find(|act| format!("{act:?}") == named).unwrap();
        // Each process makes ids of its own.
        let house = mined_house_of(doomed.told("number"), &doomed.root, &mines.files);
        let house = house.with_settings(act.settings());
        let vault = open_mined(&house, &mines).await;
        act.run(&vault).await.unwrap();
    });
}

/// Whether a process that moves the keys, or goes on, lives to the end.
fn lives(act: Act, house: &House, point: Point, number: usize) -> bool {
    let (act, number) = (format!("{act:?}"), number.to_string());
    let told = [("act", act.as_str()), ("number", &number)];
    let helper = "migrating::crashes::migration_crash_helper";
    survives(helper, house.root(), point, &told)
}

#[tokio::test]
async fn a_move_that_is_killed_anywhere_and_again_while_it_goes_on_loses_nothing() {
    for act in Act::ALL {
        let estate = Estate::for_act(act).await;
        sweep(&estate, Point::all(), 20, 40).await;
    }
}

#[tokio::test]
async fn so_does_one_in_postgresql_whose_next_process_takes_the_lease_of_the_dead_one() {
    for act in Act::ALL {
        let estate = Estate::in_house(House::on_postgres(), act).await;
        match act {
            // It is short, so the side before each call is tried as well.
            Act::Seal => sweep(&estate, Point::calls(), 5, 8).await,
            Act::Unseal | Act::TakeBack => sweep(&estate, Point::after_calls(), 5, 8).await,
            Act::BringReadable | Act::Drop => sweep(&estate, Point::after_calls(), 15, 20).await,
            Act::Bring => {
                sweep(&estate, Point::after_calls(), 20, 20).await;
                sweep(&estate, Point::files(17), 100, 60).await;
            }
        }
    }
}

/// Kills a move at each of these points, of which there are more than `least_points`; and what goes on at one of the first `again`.
async fn sweep(
    estate: &Estate,
    points: impl Iterator<Item = Point>,
    least_points: usize,
    again: usize,
) {
    let act = estate.act;
    let (mut kills, mut second_kills, mut takeovers) = (0, 0, 0);
    for point in points {
        let when = format!("{act:?}, point {point}");
        let house = estate.copy();
        let survived = lives(act, &house, point, 2_000 + point.number);
        takeovers += usize::from(house.has_dead_writer());
        let mut house = house.with_key_file_again();
        let mut seen = None;
        if survived || point.is_looked_at() {
            let vault = house.open().await;
            estate.check_traces(&house, &when);
            estate.check(&vault, &when).await;
            seen = Some(vault);
        }
        if survived {
            let least = point.number > least_points;
            assert!(least, "{act:?} has {point} points only");
            assert_eq!(takeovers > 0, house.is_on_postgres(), "{act:?}");
            tell!(
                "{act:?}: killed at {kills} points before {point}, and again at {second_kills} while going on; \
                     {takeovers} leases of the dead"
            );
            break;
        }
        kills += 1;
        if point.dies_again() {
            if let Some(vault) = seen.take() {
                vault.close().await.unwrap();
            }
            let died = !lives(act, &house, point.again(again), 4_000 + point.number);
            second_kills += usize::from(died);
            house = house.with_key_file_again();
        }
        let vault = match seen {
            Some(vault) => vault,
            None => house.open().await,
        };
        estate.check_traces(&house, &when);
        estate.check(&vault, &when).await;
        act.run(&vault).await.unwrap();
        estate.check_done(vault, &house, &when).await;
    }
}
