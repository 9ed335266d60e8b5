//! How much of what is expensive goes on at the same time, whoever asks for it.

use std::{collections::HashMap, sync::Arc, time::Duration};

use parking_lot::Mutex;
use tokio::sync::{AcquireError, OwnedSemaphorePermit, Semaphore};

use crate::{
    access::Subject,
    failure::{Failure, codes},
};

/// Whoever comes when all places are taken waits for so long.
const WAIT: Duration = Duration::from_secs(10);

/// So many at the same time, of which one caller has half: what one does all the time, another can still do.
#[derive(Clone, Debug)]
pub(crate) struct Bound {
    /// What it is, for whoever is refused.
    what: &'static str,
    places: Arc<Semaphore>,
    /// So many of them one caller has.
    share: usize,
    /// By the names of callers, of which a configuration has only so many.
    shares: Arc<Mutex<HashMap<String, Arc<Semaphore>>>>,
}

/// A place, which is free again when this is dropped.
#[derive(Debug)]
pub(crate) struct Entered {
    _place: OwnedSemaphorePermit,
    _share: Option<OwnedSemaphorePermit>,
}

impl Bound {
    fn new(what: &'static str, most: usize) -> Self {
        Self {
            what,
            places: Arc::new(Semaphore::new(most)),
            share: most.div_ceil(2),
            shares: Arc::default(),
        }
    }

    /// A place, at once or after a while. Whoever waits for its own share is in nobody's way.
    pub(crate) async fn enter(&self, caller: &Subject) -> Result<Entered, Failure> {
        let entering = async {
            let share = match self.share_of(caller) {
                Some(share) => Some(share.acquire_owned().await?),
                None => None,
            };
            let place = Arc::clone(&self.places).acquire_owned().await?;
            Ok::<_, AcquireError>(Entered {
                _place: place,
                _share: share,
            })
        };
        match tokio::time::timeout(WAIT, entering).await {
            Ok(Ok(entered)) => Ok(entered),
            Ok(Err(_)) | Err(_) => Err(self.refusal()),
        }
    }

    /// A place, if there is one now.
    pub(crate) fn enter_now(&self, caller: &Subject) -> Result<Entered, Failure> {
        let share = self.share_of(caller).map(Semaphore::try_acquire_owned);
        let share = share.transpose().map_err(|_full| self.refusal())?;
        let place = Arc::clone(&self.places).try_acquire_owned();
        Ok(Entered {
            _place: place.map_err(|_full| self.refusal())?,
            _share: share,
        })
    }

    /// None: nobody is told apart.
    fn share_of(&self, caller: &Subject) -> Option<Arc<Semaphore>> {
        let name = caller.told_apart()?;
        let mut shares = self.shares.lock();
        if let Some(share) = shares.get(name) {
            return Some(Arc::clone(share));
        }
        let share = Arc::new(Semaphore::new(self.share));
        shares.insert(name.to_owned(), Arc::clone(&share));
        Some(share)
    }

    fn refusal(&self) -> Failure {
        Failure::own(
            codes::SERVER_BUSY,
            format!(
                "other {} are under way, of this caller or of others",
                self.what
            ),
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
    use crate::access::{Access, CallerRule, Peer};

    /// Two callers that are told apart.
    fn callers() -> [Arc<Subject>; 2] {
        let rule = |name: &str| CallerRule {
            name: name.to_owned(),
            identities: Vec::new(),
            grants: Vec::new(),
            rate_limit: None,
        };
        let access = Access::of(vec![rule("one"), rule("other")]);
        ["one", "other"].map(|name| access.named(name).unwrap())
    }

    fn nobody() -> Arc<Subject> {
        let peer = Peer::Process { user: Some(7) };
        Access::open().of_peer(&peer).unwrap()
    }

    #[tokio::test(start_paused = true)]
    async fn so_many_enter_and_the_next_waits_for_a_while() {
        let (bound, nobody) = (Bound::new("tests", 2), nobody());
        let first = bound.enter(&nobody).await.unwrap();
        let _second = bound.enter_now(&nobody).unwrap();
        assert!(bound.enter_now(&nobody).is_err());
        let Err(Failure::Coded(refused)) = bound.enter(&nobody).await else {
            panic!("a third entered");
        };
        assert_eq!(refused.id, "SERVER_BUSY");
        let waits = tokio::spawn({
            let bound = bound.clone();
            async move { bound.enter(&nobody).await.is_ok() }
        });
        tokio::time::sleep(WAIT / 2).await;
        drop(first);
        assert!(waits.await.unwrap());
    }

    #[tokio::test(start_paused = true)]
    async fn one_caller_has_half_of_the_places_however_long_it_waits() {
        let (bound, [one, other]) = (Bound::new("tests", 4), callers());
        let _two = (
            bound.enter(&one).await.unwrap(),
            bound.enter_now(&one).unwrap(),
        );
        assert!(bound.enter_now(&one).is_err());
        let waiting = tokio::spawn({
            let (bound, one) = (bound.clone(), Arc::clone(&one));
            async move { bound.enter(&one).await.is_err() }
        });
        tokio::time::sleep(WAIT / 2).await;
        let two = (
            bound.enter(&other).await.unwrap(),
            bound.enter_now(&other).unwrap(),
        );
        assert!(waiting.await.unwrap());
        // Of its own share nobody gets more when places are free.
        drop(two);
        assert!(bound.enter_now(&one).is_err());
        // What one waited for in vain is not kept.
        assert!(bound.enter_now(&other).is_ok());
    }
}
