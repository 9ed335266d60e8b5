//! What goes wrong.

use std::{sync::Arc, time::Duration};

use serde_json::Value;
use strongroom_crypto::{Random as _, SystemRandom};
use strongroom_test_postgres::{Stop, Weather};

use crate::{
    checker::{Figures, check},
    company::{Company, REPLICAS},
    history::Outcome,
    load::Load,
    process::Act,
};

/// How long everything goes wrong, in seconds; by default long enough for each fault to come a few times.
const SECONDS: &str = "STRONGROOM_REPLICA_TEST_SECONDS";
/// The faults of an earlier run, in its order: the seed that it printed. When they strike is not repeated.
const SEED: &str = "STRONGROOM_REPLICA_TEST_SEED";

#[derive(Clone, Copy, Debug)]
enum Fault {
    KillReplica,
    HaltReplica,
    CutConnections,
    Blackhole,
    LoseAnswers,
    FreezeDatabase,
    CrashDatabase,
    ShiftClock,
    StepDown,
}

impl Fault {
    const ALL: [Self; 9] = [
        Self::KillReplica,
        Self::HaltReplica,
        Self::CutConnections,
        Self::Blackhole,
        Self::LoseAnswers,
        Self::FreezeDatabase,
        Self::CrashDatabase,
        Self::ShiftClock,
        Self::StepDown,
    ];

    async fn strike(self, company: &Arc<Company>, dice: &mut Dice) {
        // Every other time it is the one that writes.
        let any = dice.below(REPLICAS);
        let replica = if dice.below(2) == 0 {
            company.writer().await.unwrap_or(any)
        } else {
            any
        };
        let proxy = company.proxies.get(replica).unwrap();
        let pause = Duration::from_millis(200 + 100 * dice.below(25) as u64);
        match self {
            Self::KillReplica => company.kill(replica, pause / 4).await,
            Self::HaltReplica => company.halt(replica, pause).await,
            Self::CutConnections => {
                proxy.cut();
            }
            Self::Blackhole => {
                proxy.set(Weather::Held);
                tokio::time::sleep(pause).await;
                proxy.set(Weather::Clear);
            }
            Self::LoseAnswers => {
                proxy.set(Weather::Deaf);
                tokio::time::sleep(pause / 2).await;
                proxy.cut();
                proxy.set(Weather::Clear);
            }
            Self::FreezeDatabase => {
                company.server.freeze();
                tokio::time::sleep(pause / 2).await;
                company.server.thaw();
            }
            Self::CrashDatabase => {
                let company = Arc::clone(company);
                tokio::task::spawn_blocking(move || {
                    company.server.stop(Stop::Crash);
                    company.server.start_again();
                })
                .await
                .unwrap();
            }
            Self::ShiftClock => {
                let day = 86_400 * (dice.below(5) as i64 - 2);
                company.call(replica, Act::Clock(day)).await;
            }
            Self::StepDown => {
                company.call(replica, Act::StepDown).await;
            }
        }
    }
}

/// Which fault comes next: as from the system's random source, and repeated by its seed.
struct Dice(u64);

impl Dice {
    fn new() -> Self {
        let named = std::env::var(SEED).ok().and_then(|text| text.parse().ok());
        Self(named.unwrap_or_else(|| {
            let mut seed = [0; 8];
            SystemRandom.fill(&mut seed).unwrap();
            u64::from_be_bytes(seed) | 1
        }))
    }

    fn below(&mut self, bound: usize) -> usize {
        // xorshift64*
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        let drawn = self.0.wrapping_mul(0x2545_F491_4F6C_DD1D) >> 33;
        usize::try_from(drawn).unwrap() % bound
    }
}

/// Everything is well again: all replicas answer with what they know.
async fn dumps(company: &Company) -> Vec<Value> {
    let mut dumps = Vec::new();
    for replica in 0..REPLICAS {
        loop {
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

fn report(company: &Company, faults: &[Fault], figures: &Figures) {
    let takeovers = company
        .server
        .database("ledger")
        .run("SELECT token FROM strongroom.lease");
    println!(
        "{} calls: {} writes, {} node keys and {} wrapper keys rotated, {} signatures, {} without an answer; refused: {:?}",
        figures.calls,
        figures.writes,
        figures.node_keys_rotated,
        figures.wrapper_keys_rotated,
        figures.signatures,
        figures.unanswered,
        figures.refusals
    );
    println!(
        "{} faults; the lease was taken {} times; longest time without a write {:?}, without a signature {:?}",
        faults.len(),
        takeovers.trim(),
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
    let end = company.history.now() + Duration::from_secs(seconds.unwrap_or(25));
    let mut dice = Dice::new();
    println!("seed {}", dice.0);
    let mut faults = Vec::new();
    while company.history.now() < end {
        // Each comes once before any comes twice.
        let fault = match Fault::ALL.get(faults.len()) {
            Some(fault) => *fault,
            None => *Fault::ALL.get(dice.below(Fault::ALL.len())).unwrap(),
        };
        fault.strike(&company, &mut dice).await;
        faults.push(fault);
        tokio::time::sleep(Duration::from_millis(300)).await;
    }
    // Calm, so that it is seen to work again.
    tokio::time::sleep(Duration::from_secs(2)).await;
    load.end();
    for task in tasks {
        task.await.unwrap();
    }
    let dumps = dumps(&company).await;
    let figures = check(&company.history.events(), &dumps);
    report(&company, &faults, &figures);
    assert!(
        figures.writes > 20 && figures.signatures > 200,
        "{figures:?}"
    );
    // Each kind of load was answered, not only refused.
    let rotated = figures.node_keys_rotated + figures.wrapper_keys_rotated;
    assert!(rotated > 0, "{figures:?}");
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
    tokio::time::sleep(Duration::from_secs(3)).await;
    let primary = Arc::clone(&company);
    let standby = tokio::task::spawn_blocking(move || {
        primary.server.stop(Stop::Crash);
        standby.promote();
        standby
    })
    .await
    .unwrap();
    company.lead_to(standby.address());
    tokio::time::sleep(Duration::from_secs(5)).await;
    load.end();
    for task in tasks {
        task.await.unwrap();
    }
    let dumps = dumps(&company).await;
    let figures = check(&company.history.events(), &dumps);
    println!("{figures:?}");
    assert!(figures.writes > 20, "{figures:?}");
}
