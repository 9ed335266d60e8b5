//! What goes wrong.

use std::{sync::Arc, time::Duration};

use strongroom_crypto::{Random as _, SystemRandom};
use strongroom_test_postgres::{Stop, Weather};

use crate::{
    company::{Company, REPLICAS},
    process::Act,
};

/// The faults of an earlier run, in its order: the seed that it printed. When they strike is not repeated.
const SEED: &str = "STRONGROOM_REPLICA_TEST_SEED";

/// The longest that a fault lasts by itself: what comes after it, such as the start of a server, not counted.
pub(crate) const LONGEST: Duration = Duration::from_millis(2600);

#[derive(Clone, Copy, Debug)]
pub(crate) enum Fault {
    KillReplica,
    HaltReplica,
    CutConnections,
    Blackhole,
    LoseAnswers,
    /// A machine that is gone without a word, as far as the database hears.
    HalfOpen,
    FreezeDatabase,
    CrashDatabase,
    KillDatabase,
    ShiftClock,
    StepDown,
}

impl Fault {
    pub(crate) const ALL: [Self; 11] = [
        Self::KillReplica,
        Self::HaltReplica,
        Self::CutConnections,
        Self::Blackhole,
        Self::LoseAnswers,
        Self::HalfOpen,
        Self::FreezeDatabase,
        Self::CrashDatabase,
        Self::KillDatabase,
        Self::ShiftClock,
        Self::StepDown,
    ];
    /// What can happen to a process while its database fails as well.
    const OF_PROCESS: [Self; 4] = [
        Self::KillReplica,
        Self::HaltReplica,
        Self::Blackhole,
        Self::HalfOpen,
    ];
    const OF_DATABASE: [Self; 3] = [
        Self::FreezeDatabase,
        Self::CrashDatabase,
        Self::KillDatabase,
    ];

    /// What comes next: each once before any comes twice, and then every third time two at once.
    pub(crate) fn next(struck: usize, dice: &mut Dice) -> Vec<Self> {
        match Self::ALL.get(struck) {
            Some(fault) => vec![*fault],
            None if dice.below(3) == 0 => {
                vec![
                    dice.one_of(&Self::OF_PROCESS),
                    dice.one_of(&Self::OF_DATABASE),
                ]
            }
            None => vec![dice.one_of(&Self::ALL)],
        }
    }

    pub(crate) async fn strike(self, company: &Arc<Company>, replica: usize, pause: Duration) {
        let proxy = company.proxies.get(replica).unwrap();
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
            Self::HalfOpen => {
                proxy.leave_half_open();
                company.kill(replica, pause / 4).await;
                tokio::time::sleep(pause).await;
                proxy.cut();
            }
            Self::FreezeDatabase => {
                company.server.freeze();
                tokio::time::sleep(pause / 2).await;
                company.server.thaw();
            }
            Self::CrashDatabase => restart_database(company, Stop::Crash).await,
            Self::KillDatabase => restart_database(company, Stop::Kill).await,
            Self::ShiftClock => {
                let day = 86_400 * (i64::try_from(pause.as_millis()).unwrap() / 100 % 5 - 2);
                company.call(replica, Act::Clock(day)).await;
            }
            Self::StepDown => {
                let replica = company.writer().await.unwrap_or(replica);
                company.call(replica, Act::StepDown).await;
            }
        }
    }
}

async fn restart_database(company: &Arc<Company>, how: Stop) {
    let (since, company) = (company.history.now(), Arc::clone(company));
    tokio::task::spawn_blocking(move || {
        company.server.stop(how);
        company.server.start_again();
        company.history.restarted(since);
    })
    .await
    .unwrap();
}

/// Which fault comes next: as from the system's random source, and repeated by its seed.
pub(crate) struct Dice(u64);

impl Dice {
    pub(crate) fn new() -> Self {
        let named = std::env::var(SEED).ok().and_then(|text| text.parse().ok());
        let dice = Self(named.unwrap_or_else(|| {
            let mut seed = [0; 8];
            SystemRandom.fill(&mut seed).unwrap();
            u64::from_be_bytes(seed) | 1
        }));
        println!("seed {}", dice.0);
        dice
    }

    fn below(&mut self, bound: usize) -> usize {
        // xorshift64*
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        let drawn = self.0.wrapping_mul(0x2545_F491_4F6C_DD1D) >> 33;
        usize::try_from(drawn).unwrap() % bound
    }

    fn one_of(&mut self, faults: &[Fault]) -> Fault {
        *faults.get(self.below(faults.len())).unwrap()
    }

    /// Every other time it is the one that writes.
    pub(crate) async fn replica(&mut self, company: &Company) -> usize {
        let any = self.below(REPLICAS);
        if self.below(2) == 0 {
            company.writer().await.unwrap_or(any)
        } else {
            any
        }
    }

    /// At most [`LONGEST`].
    pub(crate) fn pause(&mut self) -> Duration {
        Duration::from_millis(200 + 100 * self.below(25) as u64)
    }
}
