//! How much of what is expensive goes on at the same time, whoever asks for it.

use std::{collections::HashMap, sync::Arc, time::Duration};

use parking_lot::Mutex;
use tokio::sync::{AcquireError, OwnedSemaphorePermit, Semaphore};

use crate::{
    access::Subject,
    failure::{Failure, codes},
};

/// Whoever comes when all permits are taken waits for so long.
const WAIT: Duration = Duration::from_secs(10);

/// So many at the same time, of which one caller has half: what one does all the time, another can still do.
#[derive(Clone, Debug)]
pub(crate) struct ConcurrencyLimit {
    /// What it is, for whoever is refused.
    what: &'static str,
    permits: Arc<Semaphore>,
    /// So many of them one caller has.
    share: usize,
    /// By the names of callers, of which a configuration has only so many.
    shares: Arc<Mutex<HashMap<String, Arc<Semaphore>>>>,
}

/// A permit, which is free again when this is dropped.
#[derive(Debug)]
pub(crate) struct Permit {
    _permit: OwnedSemaphorePermit,
    _share: Option<OwnedSemaphorePermit>,
}

impl ConcurrencyLimit {
    fn new(what: &'static str, most: usize) -> Self {
        Self {
            what,
            permits: Arc::new(Semaphore::new(most)),
            share: most.div_ceil(2),
            shares: Arc::default(),
        }
    }

    /// A permit, at once or after a while. Whoever waits for its own share is in nobody's way.
    pub(crate) async fn acquire(&self, caller: &Subject) -> Result<Permit, Failure> {
        let acquiring = async {
            let share = match self.share_of(caller) {
                Some(share) => Some(share.acquire_owned().await?),
                None => None,
            };
            let permit = Arc::clone(&self.permits).acquire_owned().await?;
            Ok::<_, AcquireError>(Permit {
                _permit: permit,
                _share: share,
            })
        };
        match tokio::time::timeout(WAIT, acquiring).await {
            Ok(Ok(permit)) => Ok(permit),
            Ok(Err(_)) | Err(_) => Err(self.refusal()),
        }
    }

    /// A permit, if there is one now.
    pub(crate) fn try_acquire(&self, caller: &Subject) -> Result<Permit, Failure> {
        let share = self.share_of(caller).map(Semaphore::try_acquire_owned);
        let share = share.transpose().map_err(|_full| self.refusal())?;
        let permit = Arc::clone(&self.permits).try_acquire_owned();
        Ok(Permit {
            _permit: permit.map_err(|_full| self.refusal())?,
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

/// Every limit.
#[derive(Clone, Debug)]
pub(crate) struct ConcurrencyLimits {
    /// Each takes the disk, and a file there.
    pub(crate) backups: ConcurrencyLimit,
    /// Each takes memory for all of it.
    pub(crate) snapshots: ConcurrencyLimit,
    /// To derive a key from one takes a processor, and memory, on purpose.
    pub(crate) passwords: ConcurrencyLimit,
    /// Each walks the whole audit log.
    pub(crate) audits: ConcurrencyLimit,
    /// Each looks into the audit log every second, for as long as somebody listens.
    pub(crate) followings: ConcurrencyLimit,
    /// Each opens every key, or asks each key management system, which costs.
    pub(crate) examinations: ConcurrencyLimit,
}

impl Default for ConcurrencyLimits {
    fn default() -> Self {
        Self {
            backups: ConcurrencyLimit::new("backups", 2),
            snapshots: ConcurrencyLimit::new("imports of snapshots", 2),
            passwords: ConcurrencyLimit::new("imports and exports of key pairs under passwords", 2),
            audits: ConcurrencyLimit::new("readings of the audit log", 2),
            followings: ConcurrencyLimit::new("followings of the audit log", 16),
            examinations: ConcurrencyLimit::new("examinations of the vault and its wraps", 2),
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
    async fn so_many_go_on_and_the_next_waits_for_a_while() {
        let (limit, nobody) = (ConcurrencyLimit::new("tests", 2), nobody());
        let first = limit.acquire(&nobody).await.unwrap();
        let _second = limit.try_acquire(&nobody).unwrap();
        assert!(limit.try_acquire(&nobody).is_err());
        let Err(Failure::Coded(refused)) = limit.acquire(&nobody).await else {
            panic!("a third entered");
        };
        assert_eq!(refused.id, "SERVER_BUSY");
        let waits = tokio::spawn({
            let limit = limit.clone();
            async move { limit.acquire(&nobody).await.is_ok() }
        });
        tokio::time::sleep(WAIT / 2).await;
        drop(first);
        assert!(waits.await.unwrap());
    }

    #[tokio::test(start_paused = true)]
    async fn one_caller_has_half_of_the_permits_however_long_it_waits() {
        let (limit, [one, other]) = (ConcurrencyLimit::new("tests", 4), callers());
        let _two = (
            limit.acquire(&one).await.unwrap(),
            limit.try_acquire(&one).unwrap(),
        );
        assert!(limit.try_acquire(&one).is_err());
        let waiting = tokio::spawn({
            let (limit, one) = (limit.clone(), Arc::clone(&one));
            async move { limit.acquire(&one).await.is_err() }
        });
        tokio::time::sleep(WAIT / 2).await;
        let two = (
            limit.acquire(&other).await.unwrap(),
            limit.try_acquire(&other).unwrap(),
        );
        assert!(waiting.await.unwrap());
        // Of its own share nobody gets more when permits are free.
        drop(two);
        assert!(limit.try_acquire(&one).is_err());
        // What one waited for in vain is not kept.
        assert!(limit.try_acquire(&other).is_ok());
    }
}
