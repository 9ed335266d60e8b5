//! Processes that are stopped wherever they are, and keep nobody from writing for longer than a bounded time.

use std::{fs, sync::Arc, time::Duration};

use async_trait::async_trait;
use sqlx::{AssertSqlSafe, ConnectOptions as _, Executor as _, PgConnection};
use strongroom_crypto::SecretBytes;
use strongroom_store::{KeyRow, ReplicaReport, Replicas as _, Store as _, StoreError, TakeKeys};
use strongroom_store_postgres::{PostgresStore, Settings};
use strongroom_test_postgres::{PASSWORD, Proxy, Server, Setup, Weather};
use strongroom_test_support::store::{run, samples};

use crate::common::{Place, SOON, code, fill, key_count, number, put, replica, writer};

const DAY: Duration = Duration::from_secs(86_400);
/// Longer than anything here is to take.
const PATIENCE: Duration = Duration::from_secs(60);

/// A connection past the store, by this name.
pub(crate) async fn somebody(place: &Place, name: &str) -> PgConnection {
    let options: sqlx::postgres::PgConnectOptions = place.database.url().parse().unwrap();
    let mut connection = options.application_name(name).connect().await.unwrap();
    say(&mut connection, "SET search_path = a_vault").await;
    connection
}

pub(crate) async fn say(connection: &mut PgConnection, sql: &'static str) {
    connection.execute(sql).await.unwrap();
}

async fn in_time<T>(what: impl Future<Output = T>) -> T {
    tokio::time::timeout(PATIENCE, what).await.unwrap()
}

/// Looks until something is so; whoever is waited for goes on meanwhile.
async fn until(is_so: impl Fn() -> bool) {
    let looks = async {
        while !is_so() {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    };
    in_time(looks).await;
}

/// Two processes, the first of which has the lease and is heard of.
async fn two(place: &Place) -> (PostgresStore, PostgresStore) {
    let settings = |name| {
        let mut settings = place.settings(name);
        settings.silent_after = Duration::from_secs(1);
        settings.lock_timeout = Duration::from_millis(1500);
        settings
    };
    let one = PostgresStore::create(settings("one")).await.unwrap();
    fill(&one, 0).await;
    let other = PostgresStore::open(settings("other")).await.unwrap();
    (one, other)
}

/// A server over TCP, and the way to it.
struct House {
    server: Server,
    name: String,
    proxy: Proxy,
}

impl House {
    fn new() -> Self {
        let server = Server::start(&Setup {
            tcp: true,
            ..Setup::default()
        });
        let name = format!("house_{}", number());
        let _database = server.create_database(&name);
        let proxy = Proxy::to(server.address());
        Self {
            server,
            name,
            proxy,
        }
    }

    fn settings(&self, name: &str, address: std::net::SocketAddr) -> Settings {
        let database = self.server.database(&self.name);
        let mut settings = replica(name, &database.tcp_url(address));
        settings.password = Some(SecretBytes::from_slice(PASSWORD.as_bytes()));
        settings.silent_after = Duration::from_secs(1);
        settings
    }

    fn behind_proxy(&self, name: &str) -> Settings {
        self.settings(name, self.proxy.address())
    }

    fn direct(&self, name: &str) -> Settings {
        self.settings(name, self.server.address())
    }

    fn run(&self, sql: &str) -> String {
        let database = self.server.database(&self.name);
        database.run(&format!("SET search_path = strongroom; {sql}"))
    }
}

#[test]
fn a_process_that_does_not_write_takes_no_lock_and_waits_for_nobody() {
    run(async {
        let place = Place::new();
        let mut settings = place.settings("one");
        settings.silent_after = DAY;
        let one = PostgresStore::create(settings).await.unwrap();
        fill(&one, 0).await;
        let mut settings = place.settings("other");
        settings.silent_after = DAY;
        settings.lock_timeout = DAY;
        settings.statement_timeout = DAY;
        let other = PostgresStore::open(settings).await.unwrap();
        let write = one.begin().await.unwrap();
        let began = in_time(other.begin()).await;
        assert!(
            matches!(&began, Err(StoreError::NotWriter { holder: Some(name) }) if name == "one"),
            "{began:?}"
        );
        write.commit().await.unwrap();
    });
}

/// It asked for the locks as the one that writes. When it gets them it is not any more, and it is stopped.
#[test]
fn who_lost_the_lease_while_it_waited_and_was_stopped_is_ended_by_the_server() {
    run(async {
        let house = House::new();
        let one = PostgresStore::create(house.behind_proxy("one"))
            .await
            .unwrap();
        fill(&one, 0).await;
        let mut settings = house.direct("other");
        // So that it is the server who ends the first one.
        settings.lock_timeout = DAY;
        settings.statement_timeout = DAY;
        let other = PostgresStore::open(settings).await.unwrap();
        let address = house.server.database(&house.name).url();
        let mut options: sqlx::postgres::PgConnectOptions = address.parse().unwrap();
        options = options.application_name("psql");
        let mut psql = options.connect().await.unwrap();
        say(
            &mut psql,
            "SET search_path = strongroom; BEGIN; \
             SELECT pg_advisory_xact_lock(hashtextextended('strongroom strongroom', 0))",
        )
        .await;
        let one = Arc::new(one);
        let begins = tokio::spawn({
            let one = Arc::clone(&one);
            async move { one.begin().await.map(drop) }
        });
        let waits = "SELECT 1 FROM pg_locks WHERE locktype = 'advisory' AND NOT granted";
        until(|| !house.run(waits).is_empty()).await;
        house.proxy.set(Weather::Held);
        let taken = format!(
            "UPDATE lease SET token = token + 1, holder = '\\x{}'; COMMIT",
            other.own_id()
        );
        psql.execute(AssertSqlSafe(taken)).await.unwrap();
        let stopped = "SELECT 1 FROM pg_stat_activity WHERE state = 'idle in transaction' AND application_name LIKE 'strongroom %'";
        until(|| !house.run(stopped).is_empty()).await;

        let other = writer(other).await;
        in_time(put(&*other, 1)).await.unwrap();
        house.proxy.cut();
        assert!(begins.await.unwrap().is_err());
    });
}

#[test]
fn whoever_holds_the_lock_to_write_and_says_nothing_is_ended_by_the_one_that_writes() {
    run(async {
        let place = Place::new();
        let (one, _other) = two(&place).await;
        // As one that was stopped in the middle of an upgrade, or an older program.
        let mut stopped = somebody(&place, "strongroom stopped").await;
        say(
            &mut stopped,
            "BEGIN; SELECT pg_advisory_xact_lock(hashtextextended('strongroom a_vault', 0))",
        )
        .await;
        in_time(put(&one, 1)).await.unwrap();
        assert!(stopped.execute("COMMIT").await.is_err());
    });
}

#[test]
fn a_process_that_is_stopped_before_it_commits_its_takeover_keeps_nobody_from_taking_over() {
    run(async {
        let house = House::new();
        let one = PostgresStore::create(house.direct("one")).await.unwrap();
        fill(&one, 0).await;
        let taker = PostgresStore::open(house.behind_proxy("taker"))
            .await
            .unwrap();
        let other = PostgresStore::open(house.direct("other")).await.unwrap();
        // As when its process is killed.
        drop(one);
        house.proxy.hold_question(b"; COMMIT");
        // Its connections go a moment after it.
        let taking = tokio::spawn(async move {
            loop {
                match taker.take_lease().await {
                    Ok(lease) if !lease.is_held_by(taker.own_id()) => {}
                    taken => return taken.map(|lease| lease.token),
                }
            }
        });
        until(|| house.proxy.lost() > 0).await;
        let taken = in_time(async {
            loop {
                match other.take_lease().await {
                    Ok(lease) if lease.is_held_by(other.own_id()) => return lease,
                    Ok(lease) => assert_ne!(lease.token, 2, "{lease:?}"),
                    Err(StoreError::Busy { .. }) => {}
                    Err(error) => panic!("{error:?}"),
                }
            }
        })
        .await;
        assert_eq!(taken.token, 2);
        in_time(put(&other, 1)).await.unwrap();
        house.proxy.cut();
        taking.await.unwrap().unwrap_err();
    });
}

#[test]
fn a_process_that_is_stopped_while_it_makes_the_tables_keeps_nobody_from_making_them() {
    run(async {
        let house = House::new();
        house.proxy.hold_question(b"; COMMIT");
        let making = tokio::spawn(PostgresStore::create(house.behind_proxy("one")));
        until(|| house.proxy.lost() > 0).await;
        let other = in_time(PostgresStore::create(house.direct("other"))).await;
        fill(&other.unwrap(), 0).await;
        house.proxy.cut();
        making.await.unwrap().unwrap_err();
    });
}

/// Meddles with the network after the first page.
struct Meddling<'m> {
    meddle: &'m (dyn Fn() + Sync),
    keys: usize,
}

#[async_trait]
impl TakeKeys for Meddling<'_> {
    async fn take(&mut self, keys: Vec<KeyRow>) -> bool {
        if self.keys == 0 {
            (self.meddle)();
        }
        self.keys += keys.len();
        true
    }
}

/// More than what is on its way at a time.
const VERY_MANY: u32 = 30_000;

impl House {
    /// With very many keys, and a store that reads them by way of the proxy.
    async fn with_many_keys() -> (Self, PostgresStore) {
        let house = Self::new();
        let direct = house.direct("direct");
        let writer = PostgresStore::create(direct).await.unwrap();
        fill(&writer, 0).await;
        let mut write = writer.begin().await.unwrap();
        let keys = (0..VERY_MANY).map(samples::key_pair).collect();
        write.insert_keys(keys).await.unwrap();
        write.commit().await.unwrap();
        let mut reading = house.behind_proxy("reading");
        reading.statement_timeout = SOON;
        let reading = PostgresStore::open(reading).await.unwrap();
        (house, reading)
    }
}

/// Reads all keys, of which most do not come, and says why.
async fn break_off(store: &PostgresStore, meddle: &(dyn Fn() + Sync)) -> StoreError {
    let mut meddling = Meddling { meddle, keys: 0 };
    let mut read = store.read().await.unwrap();
    let error = in_time(read.all_keys(10, &mut meddling)).await;
    let error = error.unwrap_err();
    assert!((10..VERY_MANY as usize).contains(&meddling.keys));
    let after = read.key_count().await.unwrap_err();
    assert!(matches!(after, StoreError::TransactionClosed), "{after:?}");
    error
}

#[test]
fn whoever_loses_the_connection_in_the_middle_of_all_keys_is_told_and_reads_them_by_another_one() {
    run(async {
        let (house, store) = House::with_many_keys().await;
        for _again in 0..2 {
            let cut = || {
                house.proxy.cut();
            };
            let lost = break_off(&store, &cut).await;
            assert!(
                matches!(lost, StoreError::Io { .. } | StoreError::Refused { .. }),
                "{lost:?}"
            );
        }
        assert_eq!(key_count(&store).await, u64::from(VERY_MANY));
    });
}

/// Nobody is told of that: each page has its time to come.
#[test]
fn a_network_that_holds_the_rest_of_all_keys_is_given_up_in_time_and_they_are_read_by_another_connection()
 {
    run(async {
        let (house, store) = House::with_many_keys().await;
        for _again in 0..2 {
            let hold = || house.proxy.set(Weather::Held);
            let lost = break_off(&store, &hold).await;
            assert_eq!(code(&lost), "POSTGRES_TIMEOUT");
            house.proxy.set(Weather::Clear);
        }
        assert_eq!(key_count(&store).await, u64::from(VERY_MANY));
    });
}

/// Where the server does not end it, as one of an older program.
#[test]
fn a_takeover_that_was_stopped_is_ended_by_the_next_one() {
    run(async {
        let place = Place::new();
        let (one, other) = two(&place).await;
        drop(one);
        let mut stopped = somebody(&place, "strongroom stopped").await;
        say(
            &mut stopped,
            "BEGIN; UPDATE lease SET token = token + 1, holder = NULL",
        )
        .await;
        let other = in_time(async {
            while !matches!(other.take_lease().await, Ok(lease) if lease.is_held_by(other.own_id()))
            {
            }
            other
        })
        .await;
        in_time(put(&other, 1)).await.unwrap();
        assert!(stopped.execute("COMMIT").await.is_err());
    });
}

#[test]
fn a_writer_that_is_heard_of_and_stuck_in_a_change_is_asked_to_step_down_all_the_same() {
    run(async {
        let place = Place::new();
        let (one, other) = two(&place).await;
        let mut stuck = one.begin().await.unwrap();
        stuck.insert_keys(vec![samples::key_pair(1)]).await.unwrap();
        in_time(other.ask_to_step_down()).await.unwrap();
        let report = ReplicaReport {
            generation: 1,
            degraded: None,
        };
        assert!(one.beat(&report).await.unwrap().step_down);
        stuck.commit().await.unwrap_err();
        assert_eq!(key_count(&other).await, 0);
    });
}

#[test]
fn a_change_in_which_nothing_is_said_for_too_long_is_ended_by_the_server() {
    run(async {
        let place = Place::new();
        let mut settings = place.settings("one");
        settings.idle_timeout = Duration::from_secs(2);
        let one = PostgresStore::create(settings).await.unwrap();
        fill(&one, 0).await;
        let mut stuck = one.begin().await.unwrap();
        stuck.insert_keys(vec![samples::key_pair(1)]).await.unwrap();
        let open = "SELECT 1 FROM pg_stat_activity WHERE datname = current_database() AND state = 'idle in transaction'";
        until(|| place.run(open).is_empty()).await;
        stuck.commit().await.unwrap_err();
        put(&one, 2).await.unwrap();
        assert_eq!(key_count(&one).await, 1);
    });
}

/// By the timers of the kernel: 7200 s is what they are by themselves.
#[test]
fn the_server_soon_asks_whether_a_silent_process_is_there() {
    run(async {
        let house = House::new();
        let mut settings = house.direct("one");
        settings.keepalive = Duration::from_secs(3);
        let one = PostgresStore::create(settings).await.unwrap();
        // It listens from now on.
        in_time(one.changed()).await;
        let port = format!(":{:04X}", house.server.address().port());
        let soon = |line: &str| {
            let fields: Vec<&str> = line.split_whitespace().collect();
            // Its own address, the state, and the timer: 02 asks whether somebody is there, in hundredths of a second.
            let [own, state, timer] = [fields[1], fields[3], fields[5]];
            (own.ends_with(&port) && state == "01").then(|| {
                let (kind, when) = timer.split_once(':').unwrap();
                kind == "02" && u64::from_str_radix(when, 16).unwrap() <= 300
            })
        };
        in_time(async {
            loop {
                let table = fs::read_to_string("/proc/net/tcp").unwrap();
                let all: Vec<bool> = table.lines().skip(1).filter_map(soon).collect();
                if all.len() >= 2 && all.iter().all(|soon| *soon) {
                    return;
                }
                tokio::time::sleep(Duration::from_millis(50)).await;
            }
        })
        .await;
    });
}

/// Under the isolation that such a database gives, whoever waited for a change of the row would be given up.
#[test]
fn a_request_that_waited_for_another_change_of_the_lease_is_done_whatever_isolation_the_database_gives()
 {
    run(async {
        let place = Place::new();
        place.database.run(&format!(
            "ALTER DATABASE {} SET default_transaction_isolation = 'serializable'",
            place.database.name()
        ));
        let (_one, other) = two(&place).await;
        let mut another = somebody(&place, "psql").await;
        say(
            &mut another,
            "BEGIN ISOLATION LEVEL READ COMMITTED; UPDATE lease SET step_down = false",
        )
        .await;
        let asked = tokio::spawn(async move { other.ask_to_step_down().await });
        let waits = "SELECT 1 FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'";
        until(|| !place.run(waits).is_empty()).await;
        say(&mut another, "COMMIT").await;
        asked.await.unwrap().unwrap();
        assert_eq!(place.run("SELECT step_down FROM lease").trim(), "t");
    });
}
