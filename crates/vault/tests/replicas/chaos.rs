//! Everything goes wrong, and every answer stays true.

use std::{sync::Arc, time::Duration};

use serde_json::Value;
use strongroom_test_postgres::Stop;

use crate::{
    checker::{Figures, check, figures},
    company::{Company, REPLICAS},
    faults::{Dice, Fault, LONGEST},
    history::{Event, History, Outcome},
    load::Load,
    process::Act,
};

/// How long everything goes wrong, in seconds; by default long enough for each fault to come a few times.
const SECONDS: &str = "STRONGROOM_REPLICA_TEST_SECONDS";

/// Once everything is well, all replicas say so within this time, on a machine that is busy with other tests.
const WELL_AGAIN: Duration = Duration::from_secs(300);

/// Everything goes wrong for no longer than this, however slow the machine is.
const LONGEST_CHAOS: Duration = Duration::from_secs(300);

/// How long nobody may write, while the database is not being started again: two faults in a row; before each is over for others an
/// answer that is given up (2 s), a writer that was silent (0.8 s), its successor that waits for a lock (1 s) twice.
const LONGEST_WITHOUT_WRITE: Duration = Duration::from_millis(2 * (2600 + 2000 + 800 + 2000));

/// Opened keys sign without the database for the bound (2 s). One that was away is away for longer than that by no more than a fault
/// and an answer that is given up (2 s), besides its start; and two faults may follow each other.
const LONGEST_WITHOUT_SIGNATURE: Duration = Duration::from_millis(2 * (2600 + 2000));

/// Everything is well again: all replicas answer with what they know.
async fn dumps(company: &Company) -> Vec<Value> {
    let mut dumps = Vec::new();
    let end = company.history.now() + WELL_AGAIN;
    for replica in 0..REPLICAS {
        loop {
            assert!(company.history.now() < end, "replica {replica} is not well");
            match company.call(replica, Act::Dump).await {
                Outcome::Done(dump) => {
                    dumps.push(dump);
                    break;
                }
                other => println!("replica {replica} is not well yet: {other:?}"),
            }
            tokio::time::sleep(Duration::from_millis(200)).await;
        }
    }
    dumps
}

/// A write and a signature that were asked for from now on are answered.
async fn works_again(company: &Company) {
    let since = company.history.now();
    let answered = |events: &[Event], is_it: fn(&Act) -> bool| {
        let is_new = |event: &&Event| event.began > since && event.done().is_some();
        events.iter().filter(is_new).any(|event| is_it(&event.act))
    };
    loop {
        let events = company.history.events();
        let writes = answered(&events, |act| matches!(act, Act::Generate));
        let signs = answered(&events, |act| matches!(act, Act::Sign(_)));
        if writes && signs {
            return;
        }
        let waited = company.history.now() - since;
        assert!(waited < WELL_AGAIN, "writes: {writes}, signs: {signs}");
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}

/// How often the lease was taken.
fn takeovers(server: &strongroom_test_postgres::Server) -> u64 {
    let token = server
        .database("ledger")
        .run("SELECT token FROM strongroom.lease");
    token.trim().parse().unwrap()
}

/// Each kind of load was answered, not only refused.
const fn is_worth_it(figures: &Figures) -> bool {
    figures.made >= 40
        && figures.retired >= 20
        && figures.signatures >= 1000
        && figures.deleted >= 3
        && figures.refused_of_gone >= 50
        && figures.node_keys_rotated >= 3
        && figures.wrapper_keys_rotated >= 1
}

fn report(faults: &[Fault], takeovers: u64, figures: &Figures) {
    println!("{figures:#?}");
    println!(
        "{} faults; the lease was taken {takeovers} times; longest time without a write {:?}, without a signature {:?}",
        faults.len(),
        figures.without_write,
        figures.without_signature
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whatever_happens_to_replicas_network_and_database_every_answer_stays_true() {
    let company = Company::new().await;
    let load = Load::on(&company);
    let tasks = load.start();
    tokio::time::sleep(Duration::from_millis(500)).await;
    let seconds = std::env::var(SECONDS)
        .ok()
        .and_then(|text| text.parse().ok());
    let began = company.history.now();
    let least = Duration::from_secs(seconds.unwrap_or(25));
    let mut dice = Dice::new();
    let mut faults = Vec::new();
    loop {
        let now = company.history.now();
        let figures = figures(&company.history, now);
        let all_struck = faults.len() >= Fault::ALL.len();
        if now >= began + least && all_struck && is_worth_it(&figures) {
            break;
        }
        assert!(now < began + least + LONGEST_CHAOS, "{figures:#?}");
        let mut strikes = Vec::new();
        for fault in Fault::next(faults.len(), &mut dice) {
            let (replica, pause) = (dice.replica(&company).await, dice.pause());
            assert!(pause <= LONGEST);
            faults.push(fault);
            let company = Arc::clone(&company);
            strikes.push(tokio::spawn(async move {
                fault.strike(&company, replica, pause).await;
            }));
        }
        for strike in strikes {
            strike.await.unwrap();
        }
        tokio::time::sleep(Duration::from_millis(300)).await;
    }
    // Calm.
    works_again(&company).await;
    tokio::time::sleep(Duration::from_secs(2)).await;
    let end_of_load = company.history.now();
    load.end();
    for task in tasks {
        task.await.unwrap();
    }
    let dumps = dumps(&company).await;
    let figures = check(&company.history, &dumps, end_of_load);
    let takeovers = takeovers(&company.server);
    report(&faults, takeovers, &figures);
    assert!(is_worth_it(&figures), "{figures:?}");
    // By the one who made the vault, by the first who wrote, and by whoever followed one that stepped down, if by nobody else.
    assert!(takeovers >= 3, "{takeovers}");
    assert!(
        figures.without_write <= LONGEST_WITHOUT_WRITE
            && figures.without_signature <= LONGEST_WITHOUT_SIGNATURE,
        "{figures:?}"
    );
}

/// The load goes on: much of what is asked for from now on is answered, not only refused.
async fn goes_on(history: &History) {
    let since = history.now();
    loop {
        let events = history.events();
        let answered = |is_it: fn(&Act) -> bool| {
            let is_new = |event: &&Event| event.began > since && event.done().is_some();
            let events = events.iter().filter(is_new);
            events.filter(|event| is_it(&event.act)).count()
        };
        let writes = answered(|act| matches!(act, Act::Generate | Act::Retire(_) | Act::Delete(_)));
        let signatures = answered(|act| matches!(act, Act::Sign(_)));
        if writes > 10 && signatures > 100 {
            return;
        }
        let waited = history.now() - since;
        assert!(
            waited < WELL_AGAIN,
            "{writes} writes, {signatures} signatures"
        );
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_synchronous_standby_that_is_promoted_has_every_write_that_was_answered() {
    let company = Company::new().await;
    let load = Load::on(&company);
    let tasks = load.start();
    let primary = Arc::clone(&company);
    let standby = tokio::task::spawn_blocking(move || primary.server.standby("second", true))
        .await
        .unwrap();
    goes_on(&company.history).await;
    let primary = Arc::clone(&company);
    let standby = tokio::task::spawn_blocking(move || {
        primary.server.stop(Stop::Crash);
        standby.promote();
        standby
    })
    .await
    .unwrap();
    company.lead_to(standby.address());
    goes_on(&company.history).await;
    let end_of_load = company.history.now();
    load.end();
    for task in tasks {
        task.await.unwrap();
    }
    let dumps = dumps(&company).await;
    let figures = check(&company.history, &dumps, end_of_load);
    println!("{figures:?}");
}
