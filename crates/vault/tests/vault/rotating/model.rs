//! Any sequence of making, moving, retiring and deleting keys, of rotations of the wrapper key and of the node's keys, backups
//! and restores, each interrupted anywhere by store, KMS or death, held against a model of what must be true all the while.

#[path = "model/invariants.rs"]
mod invariants;
#[path = "model/restoring.rs"]
mod restoring;
#[path = "model/run.rs"]
mod run;
#[path = "model/taking_up.rs"]
mod taking_up;

use std::sync::atomic::{AtomicUsize, Ordering};

use proptest::{
    collection::vec,
    option,
    prelude::{Just, Strategy, any},
    prop_oneof, proptest,
    sample::{Index, select},
};
use strongroom_test_support::kms::Fault;

use self::run::Run;
use crate::histories::histories;

/// What happened, how often: a model in which nothing happens is noticed.
#[derive(Clone, Copy, Debug)]
enum Seen {
    StoreFailed,
    KmsFailed,
    /// A rotation of the wrapper key, looked at in its middle.
    InRotation,
    HeldByKms,
    /// Left custody `clear`, and no trace of it was found.
    LeftClear,
    /// A key of the node, by a rotation.
    NodeKeyRetired,
    Pruned,
    Restored,
    /// To a backup that was not the last one.
    RestoredEarlier,
    /// A restore failed before its commit.
    RestoreInterrupted,
    /// A key that was retired since the backup, before the end of the quarantine.
    RetiredAgain,
    /// What an interruption left in the KMS came to be what it was to be, in the end.
    TakenUp,
    /// What was left in the KMS, of which nobody wants anything, was destroyed in the end.
    Destroyed,
}

impl Seen {
    const ALL: [Self; 13] = [
        Self::StoreFailed,
        Self::KmsFailed,
        Self::InRotation,
        Self::HeldByKms,
        Self::LeftClear,
        Self::NodeKeyRetired,
        Self::Pruned,
        Self::Restored,
        Self::RestoredEarlier,
        Self::RestoreInterrupted,
        Self::RetiredAgain,
        Self::TakenUp,
        Self::Destroyed,
    ];
}

static COUNTS: [AtomicUsize; Seen::ALL.len()] = [const { AtomicUsize::new(0) }; Seen::ALL.len()];

fn seen(what: Seen, times: usize) {
    COUNTS[what as usize].fetch_add(times, Ordering::Relaxed);
}

/// Keys are those of the model by number, modulo how many there are.
#[derive(Clone, Copy, Debug)]
enum Act {
    Generate,
    GenerateToEncrypt,
    /// One that is stored readable.
    GenerateClear,
    Retire(u16),
    Delete(u16),
    Bring(u16),
    /// Seals what is readable, and takes back what the KMS holds.
    Seal(u16),
    /// Stores a key readable, if it is one of those that may be.
    Reveal(u16),
    DropCopy(u16),
    /// Begins a rotation of the wrapper key, or goes on with it.
    Rotate,
    Prune,
    BackUp,
    /// Begins to rotate every key of the node: to keys of the KMS, or to where the settings want them.
    BeginNodeRotation {
        to_kms: bool,
    },
    AdvanceNodeRotation,
}

/// What comes between, at this call of an act.
#[derive(Clone, Copy, Debug)]
enum Strike {
    /// The store fails, and the process dies.
    Store(usize),
    /// The KMS fails.
    Kms(usize, Fault),
}

#[derive(Clone, Debug)]
enum Step {
    Do(Act, Option<Strike>),
    Reopen,
    /// The process dies; another one goes on with what is on the disk.
    Crash,
    /// A key is retired, perhaps; then the database is gone, and a backup takes its place: the last one, or as many before it as
    /// there are.
    Restore {
        retires: Option<u16>,
        before: u16,
        strike: Option<Strike>,
    },
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let key = || any::<Index>().prop_map(|index| u16::try_from(index.index(1000)).unwrap());
    let act = prop_oneof![
        3 => Just(Act::Generate),
        1 => Just(Act::GenerateToEncrypt),
        2 => Just(Act::GenerateClear),
        1 => key().prop_map(Act::Retire),
        1 => key().prop_map(Act::Delete),
        4 => key().prop_map(Act::Bring),
        4 => key().prop_map(Act::Seal),
        1 => key().prop_map(Act::Reveal),
        2 => key().prop_map(Act::DropCopy),
        4 => Just(Act::Prune),
        8 => Just(Act::BackUp),
        2 => any::<bool>().prop_map(|to_kms| Act::BeginNodeRotation { to_kms }),
        4 => Just(Act::AdvanceNodeRotation),
    ];
    let fault = || {
        select(vec![
            Fault::AnswerLost,
            Fault::Denied,
            Fault::Throttled,
            Fault::Unavailable,
        ])
    };
    let strike = move |store_calls: usize, kms_calls: usize| {
        prop_oneof![
            (1..store_calls).prop_map(Strike::Store),
            (1..kms_calls, fault()).prop_map(|(call, fault)| Strike::Kms(call, fault)),
        ]
    };
    // Most acts make a dozen calls of the store, a rotation eighty; few make more than four of the KMS.
    let act = (act, option::weighted(0.5, strike(14, 5)));
    let rotate = (Just(Act::Rotate), option::weighted(0.7, strike(80, 4)));
    let restore = (
        option::weighted(0.5, key()),
        0..3_u16,
        option::weighted(0.7, strike(20, 3)),
    );
    let step = prop_oneof![
        14 => act.prop_map(|(act, strike)| Step::Do(act, strike)),
        4 => rotate.prop_map(|(act, strike)| Step::Do(act, strike)),
        1 => Just(Step::Reopen),
        2 => Just(Step::Crash),
        3 => restore.prop_map(|(retires, before, strike)| Step::Restore { retires, before, strike }),
    ];
    vec(step, 8..28)
}

async fn follow(steps: &[Step]) {
    let mut run = Run::new().await;
    // Enough of them that they do not move in one commit.
    for act in [Act::Generate, Act::Generate, Act::GenerateClear] {
        run.step(&Step::Do(act, None)).await;
    }
    for step in steps {
        run.step(step).await;
    }
    // Whatever was begun can be ended, and what is left is a sound vault.
    run.take_everything_up().await;
    run.step(&Step::Reopen).await;
    let inspection = run.vault().inspect(|_, _| {}).await.unwrap();
    assert!(inspection.broken.is_empty(), "{inspection:?}");
}

#[test]
fn any_sequence_of_rotations_moves_backups_faults_and_crashes_keeps_every_key() {
    let (config, called) = histories(40);
    proptest!(config, |(steps in steps())| {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .unwrap();
        runtime.block_on(follow(&steps));
    });
    for what in Seen::ALL {
        let times = COUNTS[what as usize].load(Ordering::Relaxed);
        tell!("{what:?}: {times}");
        assert!(times > 2, "{what:?} was seen {times} times with {called}");
    }
}
