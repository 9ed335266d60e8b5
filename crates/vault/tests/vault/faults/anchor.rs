//! The anchor fails, before or after it has written.

use std::{path::PathBuf, sync::Arc};

use parking_lot::Mutex;
use strongroom_files::{FileAction, FileError};
use strongroom_store::Sealing;
use strongroom_vault::{Anchor, AnchorError, AnchorRecord, Vault};

use super::Trial;
use crate::{
    acts::{Act, Stage},
    house::{House, Picture, check_signs, code, signing_key},
};

/// An anchor that fails at a chosen write.
#[derive(Debug)]
pub(crate) struct FlakyAnchor {
    inner: Arc<dyn Anchor>,
    plan: Mutex<Plan>,
}

#[derive(Debug, Default)]
struct Plan {
    writes: usize,
    /// The write that fails, and whether it was made.
    fails: Option<(usize, bool)>,
    cannot_be_read: bool,
}

impl FlakyAnchor {
    pub(crate) fn before(inner: &Arc<dyn Anchor>) -> Arc<Self> {
        Arc::new(Self {
            inner: Arc::clone(inner),
            plan: Mutex::default(),
        })
    }

    /// The `number`-th write from now on fails; `made` says whether it reaches the disk all the same.
    pub(crate) fn fail_write(&self, number: usize, made: bool) {
        *self.plan.lock() = Plan {
            fails: Some((number, made)),
            ..Plan::default()
        };
    }

    fn heal(&self) {
        *self.plan.lock() = Plan::default();
    }

    fn writes(&self) -> usize {
        self.plan.lock().writes
    }
}

fn failure() -> AnchorError {
    let failure = FileError::DiskFull {
        path: PathBuf::from("anchor.json"),
        action: FileAction::Write,
        source: std::io::ErrorKind::StorageFull.into(),
    };
    failure.into()
}

impl Anchor for FlakyAnchor {
    fn location(&self) -> Option<String> {
        self.inner.location()
    }

    fn load(&self) -> Result<Option<AnchorRecord>, AnchorError> {
        if self.plan.lock().cannot_be_read {
            return Err(failure());
        }
        self.inner.load()
    }

    fn store(&self, record: &AnchorRecord) -> Result<(), AnchorError> {
        let mut plan = self.plan.lock();
        plan.writes += 1;
        match plan.fails {
            Some((number, made)) if number == plan.writes => {
                if made {
                    self.inner.store(record)?;
                }
                Err(failure())
            }
            _ => self.inner.store(record),
        }
    }
}

pub(crate) async fn open_with(house: &House, anchor: &Arc<FlakyAnchor>) -> Vault {
    let mut environment = house.environment(house.store().await.unwrap());
    environment.anchor = Arc::<FlakyAnchor>::clone(anchor);
    Vault::open(environment, house.settings.clone())
        .await
        .unwrap()
}

#[tokio::test]
async fn an_act_is_not_done_when_the_anchor_does_not_learn_of_it_beforehand() {
    let stage = Stage::new(Sealing::DataKey).await;
    for act in Act::ALL {
        for made in [false, true] {
            let house = stage.house.copy();
            let anchor = FlakyAnchor::before(&house.anchor);
            let vault = open_with(&house, &anchor).await;
            let trial = Trial::new(&stage, house, vault).await;
            anchor.fail_write(1, made);
            assert_eq!(code(trial.run(act).await), "FILE_DISK_FULL", "{act:?}");
            assert!(!trial.was_done(act, "pending").await, "{act:?}");
            trial.run(act).await.unwrap();
            assert!(trial.was_done(act, "pending").await, "{act:?}");
            trial.goes_on("pending").await;
        }
    }
}

#[tokio::test]
async fn an_act_is_done_when_only_its_confirmation_fails() {
    let stage = Stage::new(Sealing::DataKey).await;
    for act in Act::ALL {
        for made in [false, true] {
            let house = stage.house.copy();
            let anchor = FlakyAnchor::before(&house.anchor);
            let vault = open_with(&house, &anchor).await;
            let trial = Trial::new(&stage, house, vault).await;
            anchor.fail_write(2, made);
            trial.run(act).await.unwrap();
            assert_eq!(anchor.writes(), 2, "{act:?}");
            assert!(trial.was_done(act, "confirmation").await, "{act:?}");
            trial.goes_on("confirmation").await;
        }
    }
}

#[tokio::test]
async fn a_confirmation_that_failed_still_covers_the_state_when_the_vault_opens_again() {
    let house = House::new();
    drop(house.create().await);
    let anchor = FlakyAnchor::before(&house.anchor);
    let vault = open_with(&house, &anchor).await;
    let older = house.copy();
    anchor.fail_write(2, false);
    signing_key(&vault).await;
    let picture = Picture::of(&vault).await;
    vault.close().await.unwrap();
    let vault = house.open().await;
    assert_eq!(Picture::of(&vault).await, picture);
    vault.close().await.unwrap();
    // Opening has confirmed it: the generation before is not accepted any more.
    house.put_back(&older);
    assert_eq!(house.refusal().await, "ROLLED_BACK");
}

#[tokio::test]
async fn a_vault_is_made_or_not_when_its_anchor_fails_and_can_be_made_afterwards() {
    for made in [false, true] {
        for number in 1..=2 {
            let mut house = House::new();
            let anchor = FlakyAnchor::before(&house.anchor);
            house.anchor = Arc::<FlakyAnchor>::clone(&anchor);
            let store = house.new_store().await;
            anchor.fail_write(number, made);
            let outcome = house.try_create(Arc::clone(&store)).await;
            let vault = if number == 1 {
                assert_eq!(code(outcome), "FILE_DISK_FULL");
                house.try_create(store).await.unwrap()
            } else {
                outcome.unwrap()
            };
            check_signs(&vault, &signing_key(&vault).await).await;
            vault.close().await.unwrap();
            anchor.heal();
            house.open().await;
        }
    }
}

#[tokio::test]
async fn a_vault_whose_anchor_cannot_be_read_or_confirmed_opens_when_it_can() {
    let mut house = House::new();
    let anchor = FlakyAnchor::before(&house.anchor);
    house.anchor = Arc::<FlakyAnchor>::clone(&anchor);
    let vault = house.create().await;
    anchor.fail_write(2, false);
    let key = signing_key(&vault).await;
    vault.close().await.unwrap();

    anchor.plan.lock().cannot_be_read = true;
    assert_eq!(house.refusal().await, "FILE_DISK_FULL");
    anchor.heal();
    check_signs(&house.open().await, &key).await;
}
