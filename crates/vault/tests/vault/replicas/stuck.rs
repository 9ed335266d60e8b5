//! A change that does not end, in a process that lives.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use strongroom_store::Replicas as _;
use strongroom_vault::{Anchor, AnchorError, AnchorRecord, Environment, ReplicaSettings};

use super::company::{Company, Process, settings};
use crate::house::{caller, new_protocol_key, signing_key};

/// An anchor on a disk that does not answer.
#[derive(Debug)]
struct HangingAnchor {
    inner: Arc<dyn Anchor>,
    hangs: AtomicBool,
    is_asked: AtomicBool,
}

impl Anchor for HangingAnchor {
    fn location(&self) -> Option<String> {
        self.inner.location()
    }

    fn load(&self) -> Result<Option<AnchorRecord>, AnchorError> {
        self.inner.load()
    }

    fn store(&self, record: &AnchorRecord) -> Result<(), AnchorError> {
        self.is_asked.store(true, Ordering::SeqCst);
        while self.hangs.load(Ordering::SeqCst) {
            std::thread::sleep(Duration::from_millis(1));
        }
        self.inner.store(record)
    }
}

async fn until(is_so: impl Fn() -> bool) {
    let looks = async {
        while !is_so() {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    };
    let limit = Duration::from_secs(60);
    tokio::time::timeout(limit, looks).await.unwrap();
}

/// One that writes, and is stuck in it.
async fn stuck(
    company: &Company,
) -> (
    Process,
    Arc<HangingAnchor>,
    tokio::task::JoinHandle<Result<(), strongroom_vault::VaultError>>,
) {
    let mut hanging = None;
    let change = |usual: Environment| {
        let anchor = Arc::new(HangingAnchor {
            inner: Arc::clone(&usual.anchor),
            hangs: AtomicBool::new(false),
            is_asked: AtomicBool::new(false),
        });
        hanging = Some(Arc::clone(&anchor));
        Environment { anchor, ..usual }
    };
    let two = company.open_in("two", settings(), change).await;
    let anchor = hanging.unwrap();
    signing_key(&two.vault).await;
    anchor.is_asked.store(false, Ordering::SeqCst);
    anchor.hangs.store(true, Ordering::SeqCst);
    let vault = Arc::clone(&two.vault);
    let generating = tokio::spawn(async move {
        let caller = caller();
        let made = vault.generate_signing_key(&caller, new_protocol_key());
        made.await.map(drop)
    });
    until(|| anchor.is_asked.load(Ordering::SeqCst)).await;
    (two, anchor, generating)
}

async fn falls_silent(two: &Process) {
    let beats = || two.store.beats();
    let looks = async {
        loop {
            let before = beats();
            tokio::time::sleep(Duration::from_millis(300)).await;
            if beats() == before {
                return;
            }
        }
    };
    let limit = Duration::from_secs(60);
    tokio::time::timeout(limit, looks).await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_process_whose_change_does_not_end_says_no_more_that_it_lives_until_it_does() {
    let (company, one) = Company::new().await;
    one.vault.step_down(&caller()).await.unwrap();
    let (two, anchor, generating) = stuck(&company).await;
    two.clock.advance(ReplicaSettings::default().longest_change);
    let before = two.store.beats();
    until(|| two.store.beats() > before + 3).await;
    two.clock.advance(Duration::from_secs(1));
    falls_silent(&two).await;
    anchor.hangs.store(false, Ordering::SeqCst);
    generating.await.unwrap().unwrap();
    let before = two.store.beats();
    until(|| two.store.beats() > before).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn whoever_is_asked_to_step_down_has_less_time_for_the_change_that_is_under_way() {
    let (company, one) = Company::new().await;
    one.vault.step_down(&caller()).await.unwrap();
    let (two, anchor, generating) = stuck(&company).await;
    two.clock.advance(two.store.beat_every() * 11);
    let before = two.store.beats();
    until(|| two.store.beats() > before + 3).await;
    one.store.ask_to_step_down().await.unwrap();
    falls_silent(&two).await;
    anchor.hangs.store(false, Ordering::SeqCst);
    generating.await.unwrap().unwrap();
}
