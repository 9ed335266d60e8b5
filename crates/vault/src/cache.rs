//! Opened keys, parsed and ready: bounded, expiring, and quick to read from many threads.

use std::{
    fmt,
    sync::{
        Arc,
        atomic::{AtomicI64, Ordering},
    },
    time::Duration,
};

use arc_swap::ArcSwap;
use parking_lot::Mutex;
use strongroom_crypto::{Fingerprint, Timestamp};

use crate::{
    fingerprints::FingerprintMap,
    gates::{Gate, Gates},
    settings::CacheSettings,
};

/// Enough that a change copies a small map only.
const SHARDS: usize = 256;
/// Uses are noted this often, in microseconds, so that threads that sign with one key do not fight for its line.
const USE_RESOLUTION_MICROS: i64 = 1_000_000;

/// Opened keys of one kind.
///
/// Readers take no lock and write to no shared memory: each shard is an immutable map that a change replaces, and a
/// reader works on the one it found. Changes take turns. A key that was removed is wiped as soon as the last operation
/// that uses its map ends; nothing defers it.
pub(crate) struct KeyCache<K> {
    shards: Box<[ArcSwap<Shard<K>>]>,
    capacity: usize,
    expire_after_micros: i64,
    /// For keys that only a KMS opens again.
    keep_micros: i64,
    /// Held by whoever changes a shard; knows how many keys there are.
    keys: Mutex<usize>,
    /// One gate per key being opened: nothing is opened twice at once.
    gates: Gates<Fingerprint>,
}

type Shard<K> = FingerprintMap<Arc<Slot<K>>>;

struct Slot<K> {
    key: K,
    used_at: AtomicI64,
    /// How long after its last use it stays in memory, in microseconds.
    kept_for: i64,
}

/// Who opens a key again that left the cache.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum OpenedBy {
    /// We do.
    Vault,
    /// A KMS, which may be down.
    Kms,
}

impl<K> KeyCache<K> {
    pub(crate) fn new(settings: &CacheSettings) -> Self {
        Self {
            shards: (0..SHARDS).map(|_| ArcSwap::default()).collect(),
            capacity: settings.capacity.max(1),
            expire_after_micros: micros(settings.expire_after),
            keep_micros: micros(settings.keep_while_kms_is_down.max(settings.expire_after)),
            keys: Mutex::default(),
            gates: Gates::default(),
        }
    }

    /// Runs `operation` with the opened key, if it is here and did not expire.
    pub(crate) fn with<T>(
        &self,
        fingerprint: &Fingerprint,
        now: Timestamp,
        operation: impl FnOnce(&K) -> T,
    ) -> Option<T> {
        let shard = self.shard(fingerprint).load();
        let slot = shard.get(fingerprint)?;
        let idle = now
            .as_micros()
            .saturating_sub(slot.used_at.load(Ordering::Relaxed));
        if idle >= self.expire_after_micros {
            return None;
        }
        // A time of use that is yet to come is from before the clock was set back.
        if idle >= USE_RESOLUTION_MICROS.min(self.expire_after_micros / 2) || idle < 0 {
            slot.used_at.store(now.as_micros(), Ordering::Relaxed);
        }
        Some(operation(&slot.key))
    }

    /// Runs `operation` with a key that expired, but is still kept for the time when its KMS is down. That is no use that
    /// makes it stay longer.
    pub(crate) fn with_expired<T>(
        &self,
        fingerprint: &Fingerprint,
        now: Timestamp,
        operation: impl FnOnce(&K) -> T,
    ) -> Option<T> {
        let shard = self.shard(fingerprint).load();
        let slot = shard.get(fingerprint)?;
        slot.is_kept(now).then(|| operation(&slot.key))
    }

    /// Whether the key is in memory, to be used at least while its KMS is down.
    pub(crate) fn keeps(&self, fingerprint: &Fingerprint, now: Timestamp) -> bool {
        self.with_expired(fingerprint, now, |_key| ()).is_some()
    }

    /// Takes `key` in; when the cache is full, a key that was not used for long goes.
    pub(crate) fn insert(
        &self,
        fingerprint: Fingerprint,
        key: K,
        opened_by: OpenedBy,
        now: Timestamp,
    ) {
        let mut keys = self.keys.lock();
        if *keys >= self.capacity && !self.shard(&fingerprint).load().contains_key(&fingerprint) {
            self.evict_near(&fingerprint, &mut keys);
        }
        let slot = Arc::new(Slot {
            key,
            used_at: AtomicI64::new(now.as_micros()),
            kept_for: match opened_by {
                OpenedBy::Vault => self.expire_after_micros,
                OpenedBy::Kms => self.keep_micros,
            },
        });
        self.change(&fingerprint, &mut keys, |shard| {
            shard.insert(fingerprint, slot);
        });
    }

    /// Forgets a key.
    pub(crate) fn remove(&self, fingerprint: &Fingerprint) {
        let mut keys = self.keys.lock();
        self.change(fingerprint, &mut keys, |shard| {
            shard.remove(fingerprint);
        });
    }

    /// Forgets every expired key and says how many those were.
    pub(crate) fn sweep(&self, now: Timestamp) -> usize {
        self.retain(|slot| {
            // After the clock was set back, the time of expiry starts anew rather than end later.
            slot.used_at.fetch_min(now.as_micros(), Ordering::Relaxed);
            slot.is_kept(now)
        })
    }

    /// Forgets everything.
    pub(crate) fn clear(&self) {
        self.retain(|_slot| false);
    }

    pub(crate) fn len(&self) -> usize {
        *self.keys.lock()
    }

    /// The gate of `fingerprint`: who holds its lock may open the key, the others find it in the cache afterwards.
    pub(crate) fn gate(&self, fingerprint: &Fingerprint) -> Gate<'_, Fingerprint> {
        self.gates.gate(*fingerprint)
    }

    /// Forgets the longest unused key of the shard of `fingerprint`, or of the next one that has any.
    fn evict_near(&self, fingerprint: &Fingerprint, keys: &mut usize) {
        let home = Self::index(fingerprint);
        let near = self.shards.iter().cycle().skip(home).take(SHARDS);
        let oldest = near.filter_map(|shard| {
            let shard = shard.load();
            let used_at = |slot: &Slot<K>| slot.used_at.load(Ordering::Relaxed);
            shard
                .iter()
                .min_by_key(|(_, slot)| used_at(slot))
                .map(|(fingerprint, _)| *fingerprint)
        });
        if let Some(oldest) = { oldest }.next() {
            self.change(&oldest, keys, |shard| {
                shard.remove(&oldest);
            });
        }
    }

    fn retain(&self, keep: impl Fn(&Slot<K>) -> bool) -> usize {
        let mut keys = self.keys.lock();
        let before = *keys;
        for shard in &self.shards {
            let current = shard.load();
            if current.values().any(|slot| !keep(slot)) {
                let kept: Shard<K> = current
                    .iter()
                    .filter(|(_, slot)| keep(slot))
                    .map(|(fingerprint, slot)| (*fingerprint, Arc::clone(slot)))
                    .collect();
                *keys -= current.len() - kept.len();
                shard.store(Arc::new(kept));
            }
        }
        before - *keys
    }

    /// Replaces the shard of `fingerprint` by a changed copy. The caller holds the lock of `keys`.
    fn change(
        &self,
        fingerprint: &Fingerprint,
        keys: &mut usize,
        change: impl FnOnce(&mut Shard<K>),
    ) {
        let shard = self.shard(fingerprint);
        let mut changed = Shard::clone(&shard.load());
        let before = changed.len();
        change(&mut changed);
        *keys = *keys + changed.len() - before;
        shard.store(Arc::new(changed));
    }

    #[expect(
        clippy::indexing_slicing,
        reason = "the index is a byte and there are 256 shards"
    )]
    fn shard(&self, fingerprint: &Fingerprint) -> &ArcSwap<Shard<K>> {
        &self.shards[Self::index(fingerprint)]
    }

    fn index(fingerprint: &Fingerprint) -> usize {
        let [.., last] = fingerprint.as_bytes();
        usize::from(*last)
    }
}

impl<K> Slot<K> {
    fn is_kept(&self, now: Timestamp) -> bool {
        let used_at = self.used_at.load(Ordering::Relaxed);
        now.as_micros().saturating_sub(used_at) < self.kept_for
    }
}

fn micros(time: Duration) -> i64 {
    i64::try_from(time.as_micros()).unwrap_or(i64::MAX)
}

impl<K> fmt::Debug for KeyCache<K> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("KeyCache")
            .field("keys", &self.len())
            .finish_non_exhaustive()
    }
}
