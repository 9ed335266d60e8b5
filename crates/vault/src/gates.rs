//! Gates: what several want and one of them fetches is not fetched twice at once.

use std::{collections::HashMap, hash::Hash, sync::Arc};

use parking_lot::Mutex;
use tokio::sync::MutexGuard;

/// One gate per thing that is being fetched.
pub(crate) struct Gates<K>(Mutex<HashMap<K, Arc<tokio::sync::Mutex<()>>>>);

impl<K> Default for Gates<K> {
    fn default() -> Self {
        Self(Mutex::default())
    }
}

impl<K: Copy + Eq + Hash> Gates<K> {
    /// The gate of `key`.
    pub(crate) fn gate(&self, key: K) -> Gate<'_, K> {
        let lock = Arc::clone(self.0.lock().entry(key).or_default());
        Gate {
            gates: self,
            key,
            lock: Some(lock),
        }
    }
}

/// Keeps something from being fetched twice at once. The last one to go takes it away, also when an operation is cancelled.
pub(crate) struct Gate<'g, K: Copy + Eq + Hash> {
    gates: &'g Gates<K>,
    key: K,
    lock: Option<Arc<tokio::sync::Mutex<()>>>,
}

impl<K: Copy + Eq + Hash> Gate<'_, K> {
    /// Waits until nobody else is at it; none only while the gate is being closed.
    pub(crate) async fn lock(&self) -> Option<MutexGuard<'_, ()>> {
        match &self.lock {
            Some(lock) => Some(lock.lock().await),
            None => None,
        }
    }
}

impl<K: Copy + Eq + Hash> Drop for Gate<'_, K> {
    fn drop(&mut self) {
        let mut gates = self.gates.0.lock();
        drop(self.lock.take());
        if gates
            .get(&self.key)
            .is_some_and(|lock| Arc::strong_count(lock) == 1)
        {
            gates.remove(&self.key);
        }
    }
}
