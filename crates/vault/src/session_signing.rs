//! Session signing keys: keys in memory that sign messages of the protocol in the place of a key that a KMS holds.
//!
//! One signature of the long-term key lets a session key sign for minutes, so a KMS is asked once for thousands of
//! signatures. Session keys are never stored. Source: reference, session keys, part A; ADR 0032.

mod interval;
mod pool;
mod verified;

#[cfg(test)]
mod tests;

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use parking_lot::Mutex;
use strongroom_crypto::{Fingerprint, SignatureDelegation, SigningKey};
use strongroom_topology::{PhysicalSynchronizerId, SynchronizerId};

pub use self::interval::SigningTime;
use self::pool::Pool;
pub(crate) use self::{
    interval::{Signer, Wanted},
    pool::{Choice, Held},
    verified::{Kept, VerifiedDelegations},
};

/// A session key, ready to sign.
#[derive(Debug)]
pub(crate) struct SessionKey {
    /// The libraries wipe it when it is dropped.
    pub(crate) key: SigningKey,
    pub(crate) delegation: Arc<SignatureDelegation>,
}

/// The session keys of the node, by synchronizer: a delegation is for one.
#[derive(Debug, Default)]
pub(crate) struct SessionKeys {
    pools: Mutex<BTreeMap<SynchronizerId, Pool<SessionKey>>>,
    /// How many were made.
    made: AtomicU64,
    /// How often a long-term key signed because no session key could.
    fallbacks: AtomicU64,
    /// What operators were told, and of which synchronizer.
    told: Mutex<BTreeSet<(PhysicalSynchronizerId, News)>>,
}

/// Why session keys are of no use on a synchronizer. Operators are told once.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum News {
    /// Its protocol knows none.
    Protocol,
    /// Its time, or that of whoever names one, is far ahead of the clock.
    Clock,
}

impl SessionKeys {
    /// The way to a signature for this synchronizer.
    pub(crate) fn choose(
        &self,
        synchronizer: &SynchronizerId,
        long_term_key: Fingerprint,
        wanted: &Wanted,
        (eviction, now): (Duration, Duration),
    ) -> Choice<SessionKey> {
        let mut pools = self.pools.lock();
        if let Some(pool) = pools.get_mut(synchronizer) {
            return pool.choose(long_term_key, wanted, eviction, now);
        }
        let pool = pools.entry(synchronizer.clone()).or_default();
        pool.choose(long_term_key, wanted, eviction, now)
    }

    /// Takes in a key that was just made.
    pub(crate) fn put(&self, synchronizer: &SynchronizerId, held: Arc<Held<SessionKey>>) {
        self.made.fetch_add(1, Ordering::Relaxed);
        let mut pools = self.pools.lock();
        pools.entry(synchronizer.clone()).or_default().put(held);
    }

    /// Wipes what a long-term key delegated that may sign no more.
    pub(crate) fn forget_those_of(&self, long_term_key: &Fingerprint) {
        for pool in self.pools.lock().values_mut() {
            pool.retain(|delegated_by| delegated_by != long_term_key);
        }
    }

    /// Wipes what was delegated for this synchronizer by other keys than these.
    pub(crate) fn keep_those_of(
        &self,
        synchronizer: &SynchronizerId,
        long_term_keys: &BTreeSet<Fingerprint>,
    ) {
        if let Some(pool) = self.pools.lock().get_mut(synchronizer) {
            pool.retain(|delegated_by| long_term_keys.contains(delegated_by));
        }
    }

    /// The synchronizers that there are keys for.
    pub(crate) fn synchronizers(&self) -> Vec<SynchronizerId> {
        self.pools.lock().keys().cloned().collect()
    }

    /// Wipes what is too old.
    pub(crate) fn sweep(&self, eviction: Duration, now: Duration) {
        for pool in self.pools.lock().values_mut() {
            pool.evict(eviction, now);
        }
    }

    /// Wipes everything.
    pub(crate) fn clear(&self) {
        self.pools.lock().clear();
    }

    /// Whether none is there, nor being made.
    pub(crate) fn is_idle(&self) -> bool {
        self.pools.lock().values().all(Pool::is_idle)
    }

    pub(crate) fn len(&self) -> usize {
        self.pools.lock().values().map(Pool::len).sum()
    }

    pub(crate) fn note_fallback(&self) {
        self.fallbacks.fetch_add(1, Ordering::Relaxed);
    }

    pub(crate) fn fallbacks(&self) -> u64 {
        self.fallbacks.load(Ordering::Relaxed)
    }

    pub(crate) fn made(&self) -> u64 {
        self.made.load(Ordering::Relaxed)
    }

    /// Whether operators have not been told that yet.
    pub(crate) fn is_news(&self, synchronizer: &PhysicalSynchronizerId, news: News) -> bool {
        self.told.lock().insert((synchronizer.clone(), news))
    }
}
