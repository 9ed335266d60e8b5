//! What is asked of the company while things go wrong.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    time::Duration,
};

use crate::{
    company::{Company, REPLICAS},
    history::Outcome,
    process::Act,
};

/// How long somebody who was refused waits before the next attempt.
const PAUSE: Duration = Duration::from_millis(20);
/// Keys there are at most at a time, so that looking at all of them stays quick.
const MOST_KEYS: usize = 40;

/// Keys that were made, for those who use, retire and delete them.
#[derive(Default)]
pub(crate) struct Keys(std::sync::Mutex<Vec<String>>);

impl Keys {
    fn add(&self, key: String) {
        self.0.lock().unwrap().push(key);
    }

    fn pick(&self, turn: usize) -> Option<String> {
        let keys = self.0.lock().unwrap();
        keys.get(turn % keys.len().max(1)).cloned()
    }

    /// The oldest: nobody is to name it again.
    fn take(&self) -> Option<String> {
        let mut keys = self.0.lock().unwrap();
        (keys.len() > MOST_KEYS / 2).then(|| keys.remove(0))
    }

    /// One of those that were added lately.
    fn pick_late(&self, turn: usize) -> Option<String> {
        let keys = self.0.lock().unwrap();
        keys.iter().rev().nth(turn % 10).cloned()
    }

    fn len(&self) -> usize {
        self.0.lock().unwrap().len()
    }
}

/// The load, until it is told to end.
pub(crate) struct Load {
    company: Arc<Company>,
    keys: Arc<Keys>,
    /// Keys that were deleted, and node keys that were retired: nobody is to sign with them.
    gone: Keys,
    ends: Arc<AtomicBool>,
    /// Who wrote last, as far as anybody knows.
    writer: AtomicUsize,
}

impl Load {
    pub(crate) fn on(company: &Arc<Company>) -> Arc<Self> {
        Arc::new(Self {
            company: Arc::clone(company),
            keys: Arc::default(),
            gone: Keys::default(),
            ends: Arc::default(),
            writer: AtomicUsize::new(0),
        })
    }

    pub(crate) fn end(&self) {
        self.ends.store(true, Ordering::SeqCst);
    }

    /// Starts everything; the tasks end when the load does.
    pub(crate) fn start(self: &Arc<Self>) -> Vec<tokio::task::JoinHandle<()>> {
        let mut tasks = Vec::new();
        for _worker in 0..2 {
            let load = Arc::clone(self);
            tasks.push(tokio::spawn(async move { load.change_keys().await }));
        }
        let load = Arc::clone(self);
        tasks.push(tokio::spawn(async move { load.rotate().await }));
        for replica in 0..REPLICAS {
            for worker in 0..2 {
                let load = Arc::clone(self);
                tasks.push(tokio::spawn(
                    async move { load.sign(replica, worker).await },
                ));
            }
        }
        tasks
    }

    fn goes_on(&self) -> bool {
        !self.ends.load(Ordering::SeqCst)
    }

    async fn change_keys(&self) {
        let mut turn = 0_usize;
        while self.goes_on() {
            turn += 1;
            // A key is used while it leaves: the load that signs does not know.
            if turn.is_multiple_of(3)
                && let Some(key) = self.keys.pick(turn * 7)
            {
                self.write(Act::Retire(key)).await;
            } else if self.keys.len() >= MOST_KEYS
                && let Some(key) = self.keys.take()
            {
                // Asked for while it is deleted, and afterwards.
                self.gone.add(key.clone());
                self.write(Act::Delete(key)).await;
            } else {
                self.write(Act::Generate).await;
            }
        }
    }

    async fn rotate(&self) {
        let mut turn = 0_usize;
        while self.goes_on() {
            turn += 1;
            self.write(if turn.is_multiple_of(4) {
                Act::RotateWrapperKey
            } else {
                Act::RotateNodeKey
            })
            .await;
            tokio::time::sleep(Duration::from_millis(300)).await;
        }
    }

    async fn sign(&self, replica: usize, worker: usize) {
        let mut turn = worker;
        while self.goes_on() {
            turn += 1;
            let gone = turn
                .is_multiple_of(5)
                .then(|| self.gone.pick_late(turn / 5));
            let Some(key) = gone.flatten().or_else(|| self.keys.pick(turn * 13)) else {
                tokio::time::sleep(PAUSE).await;
                continue;
            };
            match self.company.call(replica, Act::Sign(key)).await {
                Outcome::Done(_) => tokio::time::sleep(Duration::from_millis(2)).await,
                _ => tokio::time::sleep(PAUSE).await,
            }
        }
    }

    /// Asks one replica after the other until one does it, or nobody knows whether it did.
    async fn write(&self, act: Act) {
        while self.goes_on() {
            let replica = self.writer.load(Ordering::SeqCst);
            match self.company.call(replica, act.clone()).await {
                Outcome::Done(answer) => {
                    if let Some(key) = answer["key"].as_str() {
                        self.keys.add(key.to_owned());
                    }
                    for retired in answer["retired"].as_array().into_iter().flatten() {
                        self.gone.add(retired["key"].as_str().unwrap().to_owned());
                    }
                    return;
                }
                Outcome::Refused(code) if code == "REPLICA_BEHIND" => {
                    tokio::time::sleep(PAUSE).await;
                }
                Outcome::Refused(code) if code == "STORE_NOT_WRITER" => {
                    self.ask_another_than(replica);
                    tokio::time::sleep(PAUSE).await;
                }
                _ => {
                    self.ask_another_than(replica);
                    tokio::time::sleep(PAUSE).await;
                    return;
                }
            }
        }
    }

    fn ask_another_than(&self, replica: usize) {
        let next = (replica + 1) % REPLICAS;
        let _ = self
            .writer
            .compare_exchange(replica, next, Ordering::SeqCst, Ordering::SeqCst);
    }
}
