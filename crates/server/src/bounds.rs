//! How much of what is expensive goes on at the same time, whoever asks for it.

use std::{sync::Arc, time::Duration};

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::failure::{Failure, codes};

/// Whoever comes when all places are taken waits for so long.
const WAIT: Duration = Duration::from_secs(10);

/// So many at the same time.
#[derive(Clone, Debug)]
pub(crate) struct Bound {
    /// What it is, for whoever is refused.
    what: &'static str,
    places: Arc<Semaphore>,
}

/// A place, which is free again when this is dropped.
pub(crate) type Entered = OwnedSemaphorePermit;

impl Bound {
    fn new(what: &'static str, most: usize) -> Self {
        Self {
            what,
            places: Arc::new(Semaphore::new(most)),
        }
    }

    /// A place, at once or after a while.
    pub(crate) async fn enter(&self) -> Result<Entered, Failure> {
        let place = Arc::clone(&self.places).acquire_owned();
        match tokio::time::timeout(WAIT, place).await {
            Ok(Ok(place)) => Ok(place),
            Ok(Err(_)) | Err(_) => Err(self.refusal()),
        }
    }

    /// A place, if there is one now.
    pub(crate) fn enter_now(&self) -> Result<Entered, Failure> {
        let place = Arc::clone(&self.places).try_acquire_owned();
        place.map_err(|_full| self.refusal())
    }

    fn refusal(&self) -> Failure {
        Failure::own(
            codes::SERVER_BUSY,
            format!("{} are under way for others", self.what),
        )
    }
}

/// Every bound.
#[derive(Clone, Debug)]
pub(crate) struct Bounds {
    /// Each takes the disk, and a file there.
    pub(crate) backups: Bound,
    /// Each takes memory for all of it.
    pub(crate) snapshots: Bound,
    /// To derive a key from one takes a processor, and memory, on purpose.
    pub(crate) passwords: Bound,
    /// Each walks the whole audit log.
    pub(crate) audits: Bound,
    /// Each looks into the audit log every second, for as long as somebody listens.
    pub(crate) followings: Bound,
    /// Each opens every key, or asks each key management system, which costs.
    pub(crate) examinations: Bound,
}

impl Default for Bounds {
    fn default() -> Self {
        Self {
            backups: Bound::new("backups", 2),
            snapshots: Bound::new("imports of snapshots", 2),
            passwords: Bound::new("imports and exports of key pairs under passwords", 2),
            audits: Bound::new("readings of the audit log", 2),
            followings: Bound::new("followings of the audit log", 16),
            examinations: Bound::new("examinations of the vault and its wraps", 2),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn so_many_enter_and_the_next_waits_for_a_while() {
        let bound = Bound::new("tests", 2);
        let first = bound.enter().await.unwrap();
        let _second = bound.enter_now().unwrap();
        assert!(bound.enter_now().is_err());
        let Err(Failure::Coded(refused)) = bound.enter().await else {
            panic!("a third entered");
        };
        assert_eq!(refused.id, "SERVER_BUSY");
        let waits = tokio::spawn({
            let bound = bound.clone();
            async move { bound.enter().await.is_ok() }
        });
        tokio::time::sleep(WAIT / 2).await;
        drop(first);
        assert!(waits.await.unwrap());
    }
}
