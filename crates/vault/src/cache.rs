//! Opened keys, parsed and ready: bounded, expiring, and quick to read from many threads.

use std::{
    collections::HashMap,
    fmt,
    hash::{BuildHasherDefault, Hasher},
    sync::{
        Arc,
        atomic::{AtomicI64, Ordering},
    },
};

use parking_lot::{Mutex, RwLock};
use strongroom_crypto::{Fingerprint, Timestamp};

use crate::settings::CacheSettings;

/// Enough that two keys in use at once rarely share a lock, and few enough to sweep.
const SHARDS: usize = 64;
/// Uses are noted this often, in microseconds, so that threads that sign with one key do not fight for its line.
const USE_RESOLUTION_MICROS: i64 = 1_000_000;

/// Opened keys of one kind.
///
/// Reading takes a shared lock on one of 64 shards, never an exclusive one, so signing threads do not wait for each
/// other; only a key that comes or goes excludes readers of its shard, for the time of a map insertion. A dropped
/// key is wiped when the last operation that uses it ends.
pub(crate) struct KeyCache<K> {
    shards: Box<[RwLock<Shard<K>>]>,
    capacity_per_shard: usize,
    expire_after_micros: i64,
    /// One gate per key being opened: nothing is opened twice at once.
    gates: Mutex<HashMap<Fingerprint, Arc<tokio::sync::Mutex<()>>>>,
}

type Shard<K> = HashMap<Fingerprint, Slot<K>, BuildHasherDefault<FingerprintHasher>>;

struct Slot<K> {
    key: Arc<K>,
    used_at: AtomicI64,
}

impl<K> KeyCache<K> {
    pub(crate) fn new(settings: &CacheSettings) -> Self {
        let shards = (0..SHARDS).map(|_| RwLock::new(Shard::default())).collect();
        Self {
            shards,
            capacity_per_shard: settings.capacity.div_ceil(SHARDS).max(1),
            expire_after_micros: i64::try_from(settings.expire_after.as_micros())
                .unwrap_or(i64::MAX),
            gates: Mutex::default(),
        }
    }

    /// The opened key, if it is here and did not expire.
    pub(crate) fn lookup(&self, fingerprint: &Fingerprint, now: Timestamp) -> Option<Arc<K>> {
        let shard = self.shard(fingerprint).read();
        let slot = shard.get(fingerprint)?;
        let used_at = slot.used_at.load(Ordering::Relaxed);
        let idle = now.as_micros().saturating_sub(used_at);
        if idle >= self.expire_after_micros {
            return None;
        }
        if idle >= USE_RESOLUTION_MICROS.min(self.expire_after_micros / 2) {
            slot.used_at.store(now.as_micros(), Ordering::Relaxed);
        }
        Some(Arc::clone(&slot.key))
    }

    /// Takes `key` in, and pushes the longest unused one of its shard out when the shard is full.
    pub(crate) fn insert(&self, fingerprint: Fingerprint, key: Arc<K>, now: Timestamp) {
        let mut shard = self.shard(&fingerprint).write();
        if shard.len() >= self.capacity_per_shard && !shard.contains_key(&fingerprint) {
            let oldest = shard
                .iter()
                .min_by_key(|(_, slot)| slot.used_at.load(Ordering::Relaxed));
            if let Some(oldest) = oldest.map(|(fingerprint, _)| *fingerprint) {
                shard.remove(&oldest);
            }
        }
        shard.insert(
            fingerprint,
            Slot {
                key,
                used_at: AtomicI64::new(now.as_micros()),
            },
        );
    }

    /// Forgets a key.
    pub(crate) fn remove(&self, fingerprint: &Fingerprint) {
        self.shard(fingerprint).write().remove(fingerprint);
    }

    /// Forgets every expired key and says how many those were.
    pub(crate) fn sweep(&self, now: Timestamp) -> usize {
        let limit = now.as_micros().saturating_sub(self.expire_after_micros);
        let mut swept = 0;
        for shard in &self.shards {
            let mut shard = shard.write();
            let before = shard.len();
            shard.retain(|_, slot| slot.used_at.load(Ordering::Relaxed) > limit);
            swept += before - shard.len();
        }
        swept
    }

    /// Forgets everything.
    pub(crate) fn clear(&self) {
        for shard in &self.shards {
            shard.write().clear();
        }
    }

    pub(crate) fn len(&self) -> usize {
        self.shards.iter().map(|shard| shard.read().len()).sum()
    }

    /// The gate of `fingerprint`: who holds its lock may open the key, the others find it in the cache afterwards.
    pub(crate) fn gate(&self, fingerprint: &Fingerprint) -> Arc<tokio::sync::Mutex<()>> {
        Arc::clone(self.gates.lock().entry(*fingerprint).or_default())
    }

    /// Gives the gate back; the last one takes it away.
    pub(crate) fn close_gate(&self, fingerprint: &Fingerprint, gate: Arc<tokio::sync::Mutex<()>>) {
        let mut gates = self.gates.lock();
        drop(gate);
        if gates
            .get(fingerprint)
            .is_some_and(|gate| Arc::strong_count(gate) == 1)
        {
            gates.remove(fingerprint);
        }
    }

    #[expect(
        clippy::indexing_slicing,
        reason = "the index is taken modulo the number of shards"
    )]
    fn shard(&self, fingerprint: &Fingerprint) -> &RwLock<Shard<K>> {
        let [.., last] = fingerprint.as_bytes();
        &self.shards[usize::from(*last) % SHARDS]
    }
}

impl<K> fmt::Debug for KeyCache<K> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("KeyCache")
            .field("keys", &self.len())
            .finish_non_exhaustive()
    }
}

/// Takes the first eight bytes of a fingerprint as its hash: they are bytes of a SHA-256 already.
#[derive(Default)]
struct FingerprintHasher(u64);

impl Hasher for FingerprintHasher {
    fn write(&mut self, bytes: &[u8]) {
        if let Some(first) = bytes.first_chunk::<8>() {
            self.0 ^= u64::from_le_bytes(*first);
        }
    }

    fn finish(&self) -> u64 {
        self.0
    }
}
