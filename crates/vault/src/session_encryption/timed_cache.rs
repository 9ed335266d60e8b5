use std::{
    cmp::Reverse,
    collections::{BTreeMap, BTreeSet, HashMap},
    hash::Hash,
    sync::Arc,
    time::Duration,
};

use crate::settings::SessionCacheBounds;

/// Who had something kept, by name. None: whoever uses the library.
pub(crate) type Owner = Option<Arc<str>>;

/// Values that leave a fixed time after they were written, used or not. When there are too many, the oldest of whoever holds the most
/// leave first: nobody pushes out what others hold.
///
/// Times are those of a clock that never jumps.
pub(crate) struct TimedCache<K, V> {
    bounds: Option<SessionCacheBounds>,
    entries: HashMap<Arc<K>, Entry<V>>,
    /// The keys in the order in which they were written.
    written: BTreeMap<u64, Arc<K>>,
    /// The numbers of what each holds.
    held: HashMap<Owner, BTreeSet<u64>>,
    next: u64,
}

struct Entry<V> {
    value: V,
    owner: Owner,
    number: u64,
    written_at: Duration,
}

impl<K: Eq + Hash, V> TimedCache<K, V> {
    pub(crate) fn bounded(bounds: SessionCacheBounds) -> Self {
        Self::with(Some(bounds))
    }

    pub(crate) fn unbounded() -> Self {
        Self::with(None)
    }

    fn with(bounds: Option<SessionCacheBounds>) -> Self {
        Self {
            bounds,
            entries: HashMap::new(),
            written: BTreeMap::new(),
            held: HashMap::new(),
            next: 0,
        }
    }

    /// The value, unless it has expired.
    pub(crate) fn get(&mut self, key: &K, now: Duration) -> Option<&V> {
        self.sweep(now);
        self.entries.get(key).map(|entry| &entry.value)
    }

    pub(crate) fn insert(&mut self, owner: Owner, key: K, value: V, now: Duration) {
        self.sweep(now);
        self.remove(&key);
        let most = self.bounds.map_or(usize::MAX, |bounds| bounds.maximum_size);
        while self.entries.len() >= most.max(1)
            && let Some(number) = self.oldest_of_the_largest()
        {
            self.remove_number(number);
        }
        let (key, number) = (Arc::new(key), self.next);
        self.next += 1;
        self.written.insert(number, Arc::clone(&key));
        self.held.entry(owner.clone()).or_default().insert(number);
        let entry = Entry {
            value,
            owner,
            number,
            written_at: now,
        };
        self.entries.insert(key, entry);
    }

    pub(crate) fn remove(&mut self, key: &K) {
        if let Some(entry) = self.entries.remove(key) {
            self.is_gone(&entry);
        }
    }

    /// Forgets the others.
    pub(crate) fn retain(&mut self, is_kept: impl Fn(&V) -> bool) {
        let forgotten = self.entries.extract_if(|_, entry| !is_kept(&entry.value));
        for (_key, entry) in forgotten.collect::<Vec<_>>() {
            self.is_gone(&entry);
        }
    }

    /// Forgets what has expired.
    pub(crate) fn sweep(&mut self, now: Duration) {
        let Some(bounds) = self.bounds else {
            return;
        };
        while let Some((number, written_at)) = self.oldest()
            && now.saturating_sub(written_at) >= bounds.expire_after
        {
            self.remove_number(number);
        }
    }

    pub(crate) fn clear(&mut self) {
        self.entries.clear();
        self.written.clear();
        self.held.clear();
    }

    pub(crate) fn len(&self) -> usize {
        self.entries.len()
    }

    /// Its number, and when it was written.
    fn oldest(&self) -> Option<(u64, Duration)> {
        let (number, key) = self.written.first_key_value()?;
        let entry = self.entries.get(key)?;
        Some((*number, entry.written_at))
    }

    fn oldest_of_the_largest(&self) -> Option<u64> {
        let held = self.held.values();
        let largest = held.max_by_key(|numbers| (numbers.len(), Reverse(numbers.first())))?;
        largest.first().copied()
    }

    fn remove_number(&mut self, number: u64) {
        if let Some(key) = self.written.remove(&number) {
            self.remove(&key);
        }
    }

    /// Takes an entry that was removed out of the orders as well.
    fn is_gone(&mut self, entry: &Entry<V>) {
        self.written.remove(&entry.number);
        if let Some(numbers) = self.held.get_mut(&entry.owner) {
            numbers.remove(&entry.number);
            if numbers.is_empty() {
                self.held.remove(&entry.owner);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const BOUNDS: SessionCacheBounds = SessionCacheBounds {
        maximum_size: 4,
        expire_after: Duration::from_secs(10),
    };

    fn seconds(seconds: u64) -> Duration {
        Duration::from_secs(seconds)
    }

    #[test]
    fn a_value_leaves_a_fixed_time_after_it_was_written_however_often_it_is_read() {
        let mut cache = TimedCache::bounded(BOUNDS);
        cache.insert(None, "key", 1, seconds(5));
        for now in 5..15 {
            assert_eq!(cache.get(&"key", seconds(now)), Some(&1));
        }
        assert_eq!(cache.get(&"key", seconds(15)), None);
        assert_eq!(cache.len(), 0);
    }

    #[test]
    fn without_bounds_everything_stays() {
        let mut cache = TimedCache::unbounded();
        (0..100).for_each(|key| cache.insert(None, key, key, seconds(0)));
        assert_eq!(cache.get(&0, seconds(1_000_000)), Some(&0));
        assert_eq!(cache.len(), 100);
    }

    #[test]
    fn whoever_holds_the_most_makes_room_and_nobody_pushes_out_what_others_hold() {
        let mut cache = TimedCache::bounded(BOUNDS);
        let owner = |name: &str| Some(Arc::from(name));
        cache.insert(owner("alice"), 0, 0, seconds(0));
        for key in 1..100 {
            cache.insert(owner("mallory"), key, key, seconds(1));
        }
        let held = |cache: &mut TimedCache<i32, i32>| {
            let keys = (0..200).filter(|key| cache.get(key, seconds(2)).is_some());
            keys.collect::<Vec<_>>()
        };
        assert_eq!(held(&mut cache), [0, 97, 98, 99]);
        // Others get their share from whoever has more.
        cache.insert(owner("bob"), 100, 100, seconds(2));
        assert_eq!(held(&mut cache), [0, 98, 99, 100]);
        cache.insert(owner("alice"), 101, 101, seconds(2));
        assert_eq!(held(&mut cache), [0, 99, 100, 101]);
        cache.clear();
        assert!(cache.held.is_empty());
    }

    #[derive(Clone, Debug)]
    enum Act {
        Insert(u8),
        Remove(u8),
        /// Values that were written so many acts before or earlier.
        Forget(u8),
        Wait(u64),
    }

    fn acts() -> impl Strategy<Value = Vec<Act>> {
        let act = prop_oneof![
            4 => (0_u8..8).prop_map(Act::Insert),
            1 => (0_u8..8).prop_map(Act::Remove),
            1 => (0_u8..8).prop_map(Act::Forget),
            2 => (0_u64..6).prop_map(Act::Wait),
        ];
        proptest::collection::vec(act, 0..80)
    }

    proptest! {
        /// Against a list of everything that was ever written.
        #[test]
        fn what_is_found_was_written_last_and_is_neither_expired_nor_one_too_many(acts in acts()) {
            let mut cache = TimedCache::bounded(BOUNDS);
            let (mut model, mut now): (Vec<(u8, usize, u64)>, _) = (Vec::new(), 0);
            for (value, act) in acts.into_iter().enumerate() {
                match act {
                    Act::Insert(key) => {
                        model.retain(|(it, ..)| *it != key);
                        model.push((key, value, now));
                        cache.insert(None, key, value, seconds(now));
                    }
                    Act::Remove(key) => {
                        model.retain(|(it, ..)| *it != key);
                        cache.remove(&key);
                    }
                    Act::Forget(acts) => {
                        let is_kept = |written: usize| written + usize::from(acts) > value;
                        model.retain(|(_, written, _)| is_kept(*written));
                        cache.retain(|written| is_kept(*written));
                    }
                    Act::Wait(time) => now += time,
                }
                model.retain(|(_, _, written_at)| now - written_at < 10);
                let extra = model.len().saturating_sub(BOUNDS.maximum_size);
                model.drain(..extra);
                for key in 0..8 {
                    let expected = model.iter().find(|(it, ..)| *it == key);
                    let found = cache.get(&key, seconds(now)).copied();
                    prop_assert_eq!(found, expected.map(|(_, value, _)| *value));
                }
                prop_assert_eq!(cache.len(), model.len());
                prop_assert_eq!(cache.written.len(), model.len());
                let held = cache.held.values().map(BTreeSet::len).sum::<usize>();
                prop_assert_eq!(held, model.len());
            }
        }
    }
}
