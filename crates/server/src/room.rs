//! How many bytes of messages a caller has under way: calls alone do not bound the memory that they take.

use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering},
};

use tokio::sync::Semaphore;

/// What the messages of one caller may hold together, in bytes.
const MOST_BYTES: usize = 256 * 1024 * 1024;

/// So many bytes of a call are not counted: there are only so many calls, and nearly all are smaller.
const UNCOUNTED_BYTES: usize = 16 * 1024;

/// The room for the messages of one caller.
#[derive(Clone, Debug)]
pub(crate) struct Room(Arc<Semaphore>);

impl Default for Room {
    fn default() -> Self {
        Self(Arc::new(Semaphore::new(MOST_BYTES)))
    }
}

impl Room {
    /// A part of it, for one call.
    pub(crate) fn part(&self) -> Part {
        Part {
            room: self.clone(),
            bytes: AtomicUsize::new(0),
        }
    }
}

/// What one call holds, until this is dropped.
#[derive(Debug)]
pub(crate) struct Part {
    room: Room,
    bytes: AtomicUsize,
}

impl Part {
    /// Takes room for so many bytes more; false: there is none.
    #[must_use]
    pub(crate) fn take(&self, more: usize) -> bool {
        let before = self.bytes.load(Ordering::Relaxed);
        let (held, holds) = (counted(before), counted(before.saturating_add(more)));
        if holds > held {
            let Ok(permits) = u32::try_from(holds - held) else {
                return false;
            };
            match self.room.0.try_acquire_many(permits) {
                Ok(taken) => taken.forget(),
                Err(_full) => return false,
            }
        }
        self.bytes.fetch_add(more, Ordering::Relaxed);
        true
    }
}

impl Drop for Part {
    fn drop(&mut self) {
        let held = counted(*self.bytes.get_mut());
        if held > 0 {
            self.room.0.add_permits(held);
        }
    }
}

const fn counted(bytes: usize) -> usize {
    bytes.saturating_sub(UNCOUNTED_BYTES)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_calls_hold_together_is_bounded_and_given_back() {
        let room = Room::default();
        let (one, other) = (room.part(), room.part());
        assert!(one.take(MOST_BYTES / 2) && one.take(MOST_BYTES / 2));
        assert!(other.take(UNCOUNTED_BYTES) && other.take(UNCOUNTED_BYTES));
        assert!(!other.take(1));
        drop(one);
        assert!(other.take(MOST_BYTES / 2));
        drop(other);
        assert_eq!(room.0.available_permits(), MOST_BYTES);
    }

    #[test]
    fn small_calls_hold_nothing() {
        let room = Room::default();
        let parts: Vec<_> = (0..100).map(|_| room.part()).collect();
        assert!(parts.iter().all(|part| part.take(UNCOUNTED_BYTES)));
        assert_eq!(room.0.available_permits(), MOST_BYTES);
    }
}
