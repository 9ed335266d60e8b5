//! How many bytes of messages and answers a caller has under way: calls alone do not bound the memory that they take.

use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering},
};

use crate::topology::MOST_SNAPSHOT_BYTES;

/// What the messages and answers of one caller may hold together, in bytes: the largest snapshot, and 64 MiB beside it.
const MOST_BYTES: usize = MOST_SNAPSHOT_BYTES + 64 * 1024 * 1024;

/// So many bytes of the message of a call, and of its answer, are not counted: there are only so many calls, and nearly all are
/// smaller.
pub(crate) const UNCOUNTED_BYTES: usize = 16 * 1024;

/// The room for the messages and answers of one caller.
#[derive(Clone, Debug)]
pub(crate) struct Room {
    left: Arc<AtomicUsize>,
}

impl Default for Room {
    fn default() -> Self {
        Self {
            left: Arc::new(AtomicUsize::new(MOST_BYTES)),
        }
    }
}

impl Room {
    /// A part of it, for the message of one call.
    pub(crate) fn part(&self) -> Part {
        Part {
            room: self.clone(),
            bytes: AtomicUsize::new(0),
            held: AtomicUsize::new(0),
        }
    }

    /// Room for so many bytes, until what is returned is dropped; none: there is not so much.
    pub(crate) fn hold(&self, bytes: usize) -> Option<Held> {
        self.take(bytes).then(|| Held {
            room: self.clone(),
            bytes,
        })
    }

    fn take(&self, bytes: usize) -> bool {
        let less = |left: usize| left.checked_sub(bytes);
        let taken = self
            .left
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, less);
        taken.is_ok()
    }

    fn give_back(&self, bytes: usize) {
        self.left.fetch_add(bytes, Ordering::Relaxed);
    }
}

/// Room that something holds, until this is dropped.
#[derive(Debug)]
pub(crate) struct Held {
    room: Room,
    bytes: usize,
}

impl Drop for Held {
    fn drop(&mut self) {
        self.room.give_back(self.bytes);
    }
}

/// What the message of one call holds, until this is dropped.
#[derive(Debug)]
pub(crate) struct Part {
    room: Room,
    bytes: AtomicUsize,
    /// So many of them are counted.
    held: AtomicUsize,
}

impl Part {
    /// Takes room for so many bytes more; false: there is none.
    #[must_use]
    pub(crate) fn take(&self, more: usize) -> bool {
        let before = self.bytes.fetch_add(more, Ordering::Relaxed);
        let more = counted(before.saturating_add(more)) - counted(before);
        if more == 0 {
            return true;
        }
        let fits = self.room.take(more);
        if fits {
            self.held.fetch_add(more, Ordering::Relaxed);
        }
        fits
    }
}

impl Drop for Part {
    fn drop(&mut self) {
        let held = *self.held.get_mut();
        if held > 0 {
            self.room.give_back(held);
        }
    }
}

const fn counted(bytes: usize) -> usize {
    bytes.saturating_sub(UNCOUNTED_BYTES)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn left(room: &Room) -> usize {
        room.left.load(Ordering::Relaxed)
    }

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
        assert_eq!(left(&room), MOST_BYTES);
    }

    #[test]
    fn what_did_not_fit_counts_for_nothing() {
        let room = Room::default();
        let part = room.part();
        assert!(!part.take(2 * MOST_BYTES));
        assert_eq!(left(&room), MOST_BYTES);
        assert!(part.take(MOST_BYTES));
        drop(part);
        assert_eq!(left(&room), MOST_BYTES);
    }

    #[test]
    fn small_calls_hold_nothing() {
        let room = Room::default();
        let parts: Vec<_> = (0..100).map(|_| room.part()).collect();
        assert!(parts.iter().all(|part| part.take(UNCOUNTED_BYTES)));
        assert_eq!(left(&room), MOST_BYTES);
    }

    #[test]
    fn messages_and_answers_share_the_room() {
        let room = Room::default();
        let answer = room.hold(MOST_BYTES - 1).unwrap();
        let part = room.part();
        assert!(part.take(UNCOUNTED_BYTES + 1) && !part.take(1));
        assert!(room.hold(1).is_none());
        drop(answer);
        assert!(part.take(1));
    }
}
