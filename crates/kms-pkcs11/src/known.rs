//! What is remembered of the token between calls: a look-up costs more than a signature.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use cryptoki::object::ObjectHandle;
use parking_lot::Mutex;
use strongroom_crypto::Timestamp;

use crate::key_id::{KeyId, ObjectId};
use crate::record::Record;

/// Records for a while, handles for as long as the login lasts that they come from.
#[derive(Debug, Default)]
pub(crate) struct Known {
    inside: Mutex<Inside>,
}

#[derive(Debug, Default)]
struct Inside {
    records: HashMap<KeyId, (Arc<Record>, Timestamp)>,
    generation: u64,
    keys: HashMap<ObjectId, Vec<ObjectHandle>>,
}

impl Known {
    /// A record that was read at most `window` ago.
    pub(crate) fn record(
        &self,
        id: KeyId,
        now: Timestamp,
        window: Duration,
    ) -> Option<Arc<Record>> {
        let inside = self.inside.lock();
        let (record, read_at) = inside.records.get(&id)?;
        is_fresh(*read_at, now, window).then(|| Arc::clone(record))
    }

    /// Remembers what was read or written at `now`, unless something newer was learned within the window: by somebody who
    /// changed it while it was read here.
    pub(crate) fn learn(&self, record: Record, now: Timestamp, window: Duration) -> Arc<Record> {
        let mut inside = self.inside.lock();
        match inside.records.get(&record.id) {
            Some((known, learned_at))
                if known.sequence > record.sequence && is_fresh(*learned_at, now, window) =>
            {
                Arc::clone(known)
            }
            _ => {
                let record = Arc::new(record);
                inside.records.insert(record.id, (Arc::clone(&record), now));
                record
            }
        }
    }

    /// The handles of a key, if they are of this login.
    pub(crate) fn keys(&self, id: ObjectId, generation: u64) -> Option<Vec<ObjectHandle>> {
        let inside = self.inside.lock();
        if inside.generation == generation {
            inside.keys.get(&id).cloned()
        } else {
            None
        }
    }

    /// Remembers handles that a session of this login found.
    pub(crate) fn learn_keys(&self, id: ObjectId, generation: u64, handles: Vec<ObjectHandle>) {
        let mut inside = self.inside.lock();
        if inside.generation < generation {
            inside.generation = generation;
            inside.keys.clear();
        }
        if inside.generation == generation {
            inside.keys.insert(id, handles);
        }
    }

    pub(crate) fn forget_keys(&self, id: ObjectId) {
        self.inside.lock().keys.remove(&id);
    }

    /// Forgets everything about a key.
    pub(crate) fn forget(&self, id: KeyId) {
        let mut inside = self.inside.lock();
        inside.records.remove(&id);
        inside.keys.retain(|object, _| match object {
            ObjectId::Pair(of) | ObjectId::Version(of, _) => *of != id,
        });
    }
}

/// Whether something of the time `then` is at most `window` old. A clock that was set back makes ages negative: then nothing
/// is known about how old it is.
fn is_fresh(then: Timestamp, now: Timestamp, window: Duration) -> bool {
    let age = now.as_micros().checked_sub(then.as_micros());
    age.and_then(|age| u64::try_from(age).ok())
        .is_some_and(|age| Duration::from_micros(age) < window)
}

#[cfg(test)]
mod tests {
    use crate::record::{KeyKind, StoredState};

    use super::*;

    const ID: KeyId = KeyId::from_bytes([1; 16]);
    const WINDOW: Duration = Duration::from_micros(10);

    fn at(micros: i64) -> Timestamp {
        Timestamp::from_micros(micros)
    }

    fn record(sequence: i32) -> Record {
        Record {
            sequence,
            id: ID,
            kind: KeyKind::Wrapper,
            label: None,
            tags: Vec::new(),
            state: StoredState::Enabled,
            created_at: at(0),
            version: 1,
        }
    }

    #[test]
    fn a_record_is_believed_for_its_window_and_not_when_the_clock_was_set_back() {
        let known = Known::default();
        known.learn(record(1), at(100), WINDOW);
        for (now, believed) in [(100, true), (109, true), (110, false), (99, false)] {
            assert_eq!(
                known.record(ID, at(now), WINDOW).is_some(),
                believed,
                "{now}"
            );
        }
        assert!(known.record(ID, at(100), Duration::ZERO).is_none());
    }

    #[test]
    fn a_slow_reader_does_not_bring_an_old_state_back() {
        let known = Known::default();
        known.learn(record(2), at(100), WINDOW);
        assert_eq!(known.learn(record(1), at(101), WINDOW).sequence, 2);
        // Much later it is no slow reader: the token was restored.
        assert_eq!(known.learn(record(1), at(110), WINDOW).sequence, 1);
    }

    #[test]
    fn handles_are_of_no_use_after_another_login() {
        let (known, key) = (Known::default(), ObjectId::Pair(ID));
        known.learn_keys(key, 1, Vec::new());
        assert!(known.keys(key, 1).is_some());
        assert!(known.keys(key, 2).is_none(), "of another login");
        known.learn_keys(ObjectId::Version(ID, 1), 2, Vec::new());
        known.learn_keys(key, 1, Vec::new());
        assert!(known.keys(key, 1).is_none() && known.keys(key, 2).is_none());
    }
}
