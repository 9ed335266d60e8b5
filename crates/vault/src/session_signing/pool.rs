//! The session keys of one synchronizer: which one is used, who waits, and who makes a new one.
//!
//! A state machine without a clock, a lock or a KMS: whoever holds the lock says what time it is.

use std::{sync::Arc, time::Duration};

use strongroom_crypto::{Fingerprint, ValidityPeriod};

use super::interval::Wanted;
use crate::turns::{Making, Waiting};

/// More than any node needs. Whoever asks for signatures at ever other times does not fill memory.
const MOST_KEYS: usize = 1000;
/// The same, of those that are made at once: each goes on when whoever asked for it goes.
const MOST_MAKINGS: usize = 32;

/// Session keys of one kind, those that are there and those that are being made.
#[derive(Debug)]
pub(crate) struct Pool<K> {
    keys: Vec<Arc<Held<K>>>,
    pending: Vec<Pending>,
}

/// A session key that is there.
#[derive(Debug)]
pub(crate) struct Held<K> {
    pub(crate) validity: ValidityPeriod,
    /// The long-term key that delegated it.
    pub(crate) delegated_by: Fingerprint,
    /// By the clock's elapsed time, which does not jump.
    pub(crate) made_at: Duration,
    pub(crate) key: K,
}

/// A session key that somebody makes.
#[derive(Debug)]
struct Pending {
    validity: ValidityPeriod,
    delegated_by: Fingerprint,
    waiting: Waiting,
}

/// What whoever wants to sign does next.
#[derive(Debug)]
pub(crate) enum Choice<K> {
    /// Signs with this key.
    Use(Arc<Held<K>>),
    /// Waits, and asks again.
    Wait(Waiting),
    /// Makes a key, of the validity that was wanted.
    Make(Making),
    /// Does without: too many are being made.
    GoWithout,
}

impl<K> Default for Pool<K> {
    fn default() -> Self {
        Self {
            keys: Vec::new(),
            pending: Vec::new(),
        }
    }
}

impl<K> Pool<K> {
    /// The newest key that covers what is wanted and was delegated by `long_term_key`; else the way to one.
    pub(crate) fn choose(
        &mut self,
        long_term_key: Fingerprint,
        wanted: &Wanted,
        eviction: Duration,
        now: Duration,
    ) -> Choice<K> {
        self.evict(eviction, now);
        let fits = |delegated_by: Fingerprint, validity: ValidityPeriod| {
            delegated_by == long_term_key && wanted.interval.lies_in(validity)
        };
        let fitting = self.keys.iter();
        let fitting = fitting.filter(|held| fits(held.delegated_by, held.validity));
        if let Some(newest) = fitting.max_by_key(|held| held.validity.from()) {
            return Choice::Use(Arc::clone(newest));
        }
        self.pending.retain(|it| it.waiting.is_under_way());
        let mut pending = self.pending.iter();
        if let Some(pending) = pending.find(|it| fits(it.delegated_by, it.validity)) {
            return Choice::Wait(pending.waiting.clone());
        }
        if self.pending.len() >= MOST_MAKINGS {
            return Choice::GoWithout;
        }
        let (making, waiting) = Making::begin();
        self.pending.push(Pending {
            validity: wanted.new,
            delegated_by: long_term_key,
            waiting,
        });
        Choice::Make(making)
    }

    /// Takes a key in.
    pub(crate) fn put(&mut self, held: Arc<Held<K>>) {
        if self.keys.len() >= MOST_KEYS {
            self.keys.remove(0);
        }
        self.keys.push(held);
    }

    /// Forgets keys that were made `eviction` ago, used or not.
    pub(crate) fn evict(&mut self, eviction: Duration, now: Duration) {
        let age = |held: &Held<K>| now.saturating_sub(held.made_at);
        self.keys.retain(|held| age(held) < eviction);
    }

    /// Forgets keys by whose long-term key they were delegated.
    pub(crate) fn retain(&mut self, keep: impl Fn(&Fingerprint) -> bool) {
        self.keys.retain(|held| keep(&held.delegated_by));
    }

    /// Whether no session key is there, nor being made.
    pub(crate) fn is_idle(&self) -> bool {
        let mut pending = self.pending.iter();
        self.len() == 0 && !pending.any(|it| it.waiting.is_under_way())
    }

    pub(crate) fn len(&self) -> usize {
        self.keys.len()
    }
}
