use std::time::Duration;

use strongroom_store::{Replicas as _, Store, StoreError};
use strongroom_store_postgres::{Address, PostgresStore};
use strongroom_test_support::store::{run, samples};

use crate::common::{Place, code, fill, key_count, number, put, writer};

const DAY: Duration = Duration::from_secs(86_400);

/// A vault with a process that writes, and another.
async fn two(place: &Place, silent_after: Duration) -> (PostgresStore, PostgresStore) {
    let settings = |name| {
        let mut settings = place.settings(name);
        settings.silent_after = silent_after;
        settings
    };
    let one = PostgresStore::create(settings("one")).await.unwrap();
    fill(&one, 0).await;
    let other = PostgresStore::open(settings("other")).await.unwrap();
    (one, other)
}

#[track_caller]
fn assert_not_writer<T: std::fmt::Debug>(began: Result<T, StoreError>, writer: &str) {
    match began {
        Err(StoreError::NotWriter { holder }) => assert_eq!(holder.as_deref(), Some(writer)),
        other => assert!(other.is_err(), "{other:?}"),
    }
}

#[test]
fn a_paused_writer_stores_nothing_after_another_took_over() {
    run(async {
        let place = Place::new();
        let (one, other) = two(&place, Duration::from_millis(300)).await;
        let mut paused = one.begin().await.unwrap();
        paused
            .insert_keys(vec![samples::key_pair(1)])
            .await
            .unwrap();

        // Nobody polls the first one meanwhile; its connections stay.
        let other = writer(other).await;
        put(&*other, 2).await.unwrap();

        paused.commit().await.unwrap_err();
        assert_not_writer(one.begin().await, "other");
        let mut read = one.read().await.unwrap();
        let keys = read.keys_after(None, 10).await.unwrap();
        assert_eq!(keys, [samples::key_pair(2)]);
    });
}

#[test]
fn a_paused_writer_that_has_not_written_yet_does_not_begin() {
    run(async {
        let place = Place::new();
        let (one, other) = two(&place, Duration::from_millis(300)).await;
        let other = writer(other).await;
        assert_not_writer(one.begin().await, "other");
        put(&*other, 1).await.unwrap();
    });
}

/// The token tells a lease that came back from the one that was lost.
#[test]
fn a_lease_that_was_lost_and_retaken_by_somebody_else_by_the_same_id_is_not_ours() {
    run(async {
        let place = Place::new();
        let (one, _other) = two(&place, DAY).await;
        place.run("UPDATE lease SET token = token + 2");
        let began = one.begin().await;
        assert!(matches!(began, Err(StoreError::NotWriter { .. })));
        assert!(one.take_lease().await.unwrap().is_held_by(one.own_id()));
        put(&one, 1).await.unwrap();
    });
}

#[test]
fn a_transaction_tells_the_lease_that_it_writes_under() {
    run(async {
        let place = Place::new();
        let (one, other) = two(&place, DAY).await;
        let first = one.begin().await.unwrap().lease_token().unwrap();
        one.give_lease().await.unwrap();
        let lease = other.take_lease().await.unwrap();
        let second = other.begin().await.unwrap().lease_token();
        assert_eq!((second, lease.token), (Some(first + 1), first + 1));
    });
}

#[test]
fn a_writer_that_is_heard_of_keeps_the_lease() {
    run(async {
        let place = Place::new();
        let (one, other) = two(&place, DAY).await;
        let lease = other.take_lease().await.unwrap();
        assert!(lease.is_held_by(one.own_id()));
        assert_eq!(lease.holder.unwrap().name, "one");
        assert_not_writer(other.begin().await, "one");
        put(&one, 1).await.unwrap();
    });
}

#[test]
fn a_writer_without_a_connection_is_gone_at_once() {
    run(async {
        let place = Place::new();
        let (one, other) = two(&place, DAY).await;
        let mut unfinished = one.begin().await.unwrap();
        unfinished
            .insert_keys(vec![samples::key_pair(1)])
            .await
            .unwrap();
        // As when its process is killed.
        drop((unfinished, one));
        let other = writer(other).await;
        assert_eq!(key_count(&*other).await, 0);
        put(&*other, 2).await.unwrap();
    });
}

/// The server ends the connections of another role for its members only.
#[test]
fn a_stuck_writer_of_another_role_is_named_and_gives_way_once_its_connections_may_be_ended() {
    run(async {
        let place = Place::new();
        let (first, second) = (
            format!("first_{}", number()),
            format!("second_{}", number()),
        );
        place.database.run(&format!(
            "CREATE ROLE {first} LOGIN; CREATE ROLE {second} LOGIN; GRANT CREATE ON DATABASE {} TO {first}",
            place.database.name()
        ));
        let settings = |name, role: &str| {
            let mut settings = place.settings(name);
            let url = place.database.url();
            settings.address =
                Address::parse(&url.replace("tester@", &format!("{role}@"))).unwrap();
            settings
        };
        let one = PostgresStore::create(settings("one", &first))
            .await
            .unwrap();
        fill(&one, 0).await;
        place.run(&format!(
            "GRANT USAGE ON SCHEMA a_vault TO {second}; GRANT ALL ON ALL TABLES IN SCHEMA a_vault TO {second}"
        ));
        let other = PostgresStore::open(settings("other", &second))
            .await
            .unwrap();
        let mut stuck = one.begin().await.unwrap();
        stuck.insert_keys(vec![samples::key_pair(1)]).await.unwrap();
        assert_eq!(other.roles_out_of_reach().await.unwrap(), [first.as_str()]);
        let refused = loop {
            match other.take_lease().await {
                Ok(lease) => assert!(lease.is_held_by(one.own_id()), "not silent for long yet"),
                Err(refused) => break refused,
            }
        };
        assert_eq!(code(&refused), "POSTGRES_HOLDER_OUT_OF_REACH");
        let why = std::error::Error::source(&refused).unwrap().to_string();
        assert!(why.contains(&first), "{why}");

        place.run(&format!("GRANT {first} TO {second}"));
        assert_eq!(other.roles_out_of_reach().await.unwrap(), [] as [&str; 0]);
        let other = writer(other).await;
        put(&*other, 2).await.unwrap();
        stuck.commit().await.unwrap_err();
        assert_eq!(key_count(&*other).await, 1);
    });
}

#[test]
fn a_lease_that_was_given_up_is_taken_at_once() {
    run(async {
        let place = Place::new();
        let (one, other) = two(&place, DAY).await;
        let before = one.take_lease().await.unwrap().token;
        one.give_lease().await.unwrap();
        let began = one.begin().await;
        assert!(matches!(began, Err(StoreError::NotWriter { holder: None })));
        let lease = other.take_lease().await.unwrap();
        assert!(lease.is_held_by(other.own_id()));
        assert_eq!(lease.token, before + 1);
        put(&other, 1).await.unwrap();
        other.close().await.unwrap();
        assert!(one.take_lease().await.unwrap().is_held_by(one.own_id()));
        put(&one, 2).await.unwrap();
    });
}

/// The one that writes ends first; what it wrote is there.
#[test]
fn a_lease_is_given_up_after_the_transaction_that_is_under_way() {
    run(async {
        let place = Place::new();
        let (one, other) = two(&place, DAY).await;
        let mut write = one.begin().await.unwrap();
        write.insert_keys(vec![samples::key_pair(1)]).await.unwrap();
        let (given, committed) = tokio::join!(one.give_lease(), write.commit());
        given.unwrap();
        committed.unwrap();
        let other = writer(other).await;
        assert_eq!(key_count(&*other).await, 1);
    });
}

#[test]
fn of_many_that_take_a_free_lease_at_once_one_has_it() {
    run(async {
        let place = Place::new();
        let (one, _other) = two(&place, DAY).await;
        one.give_lease().await.unwrap();
        let mut takers = Vec::new();
        for number in 0..5 {
            let mut settings = place.settings(&format!("taker {number}"));
            settings.silent_after = DAY;
            let store = PostgresStore::open(settings).await.unwrap();
            takers.push(tokio::spawn(async move {
                let lease = store.take_lease().await.unwrap();
                (lease.is_held_by(store.own_id()), lease.token, store)
            }));
        }
        let mut taken = Vec::new();
        for taker in takers {
            taken.push(taker.await.unwrap());
        }
        assert_eq!(taken.iter().filter(|(is_held, ..)| *is_held).count(), 1);
        assert!(taken.iter().all(|(_, token, _)| *token == 2));
    });
}
