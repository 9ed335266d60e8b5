use strongroom_store::{ReplicaReport, Replicas as _, Store};
use strongroom_store_postgres::PostgresStore;
use strongroom_test_support::store::run;

use crate::common::{Place, fill, kill, put};

async fn two(place: &Place) -> (PostgresStore, PostgresStore) {
    let one = PostgresStore::create(place.settings("one")).await.unwrap();
    fill(&one, 0).await;
    let other = PostgresStore::open(place.settings("other")).await.unwrap();
    (one, other)
}

fn report(generation: u64, degraded: Option<&str>) -> ReplicaReport {
    ReplicaReport {
        generation,
        degraded: degraded.map(str::to_owned),
    }
}

#[test]
fn everybody_sees_who_is_there_and_who_writes() {
    run(async {
        let place = Place::new();
        let (one, other) = two(&place).await;
        let lease = other.beat(&report(7, Some("STORE_IO"))).await.unwrap();
        assert!(lease.is_held_by(one.own_id()));
        one.beat(&report(u64::MAX >> 1, None)).await.unwrap();
        let list = other.list().await.unwrap();
        let names: Vec<_> = list.iter().map(|replica| replica.name.as_str()).collect();
        assert_eq!(names, ["one", "other"]);
        let [first, second] = &list[..] else {
            unreachable!()
        };
        assert_eq!(first.report, report(u64::MAX >> 1, None));
        assert_eq!(second.report, report(7, Some("STORE_IO")));
        assert_eq!((first.is_writer, second.is_writer), (true, false));
        assert_eq!(first.id, one.own_id());
        other.close().await.unwrap();
        assert_eq!(one.list().await.unwrap().len(), 1);
    });
}

/// A beat never waits for somebody who writes.
#[test]
fn a_process_is_heard_of_while_it_writes() {
    run(async {
        let place = Place::new();
        let (one, other) = two(&place).await;
        let _write = one.begin().await.unwrap();
        one.beat(&report(1, None)).await.unwrap();
        other.beat(&report(1, None)).await.unwrap();
    });
}

#[test]
fn a_process_that_was_silent_for_a_day_is_forgotten() {
    run(async {
        let place = Place::new();
        let (one, other) = two(&place).await;
        other.beat(&report(1, None)).await.unwrap();
        place.run(
            "UPDATE replicas SET seen_at = seen_at - interval '25 hours' WHERE name = 'other'",
        );
        assert_eq!(one.list().await.unwrap().len(), 2);
        one.beat(&report(1, None)).await.unwrap();
        assert_eq!(one.list().await.unwrap().len(), 1);
    });
}

#[test]
fn the_writer_hears_that_it_is_to_step_down() {
    run(async {
        let place = Place::new();
        let (one, other) = two(&place).await;
        one.changed().await;
        assert!(!one.beat(&report(1, None)).await.unwrap().step_down);
        other.ask_to_step_down().await.unwrap();
        one.changed().await;
        assert!(one.beat(&report(1, None)).await.unwrap().step_down);
        one.give_lease().await.unwrap();
        assert!(!other.take_lease().await.unwrap().step_down);
    });
}

#[test]
fn others_hear_of_a_commit() {
    run(async {
        let place = Place::new();
        let (one, other) = two(&place).await;
        // It listens from now on.
        other.changed().await;
        put(&one, 1).await.unwrap();
        other.changed().await;
        assert_eq!(other.read().await.unwrap().key_count().await.unwrap(), 1);
    });
}

#[test]
fn whoever_may_have_missed_something_is_woken() {
    run(async {
        let place = Place::new();
        let (_one, other) = two(&place).await;
        other.changed().await;
        kill(&place.database, &other);
        other.changed().await;
    });
}
