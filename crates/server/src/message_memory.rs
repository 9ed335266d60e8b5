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

/// The memory for the messages and answers of one caller.
#[derive(Clone, Debug)]
pub(crate) struct MessageMemory {
    left: Arc<AtomicUsize>,
}

impl Default for MessageMemory {
    fn default() -> Self {
        Self {
            left: Arc::new(AtomicUsize::new(MOST_BYTES)),
        }
    }
}

impl MessageMemory {
    /// A part of it, for the message of one call.
    pub(crate) fn of_call(&self) -> CallMemory {
        CallMemory {
            memory: self.clone(),
            bytes: AtomicUsize::new(0),
            held: AtomicUsize::new(0),
        }
    }

    /// Memory for so many bytes, until what is returned is dropped; none: there is not so much.
    pub(crate) fn hold(&self, bytes: usize) -> Option<HeldBytes> {
        self.take(bytes).then(|| HeldBytes {
            memory: self.clone(),
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

/// Memory that something holds, until this is dropped.
#[derive(Debug)]
pub(crate) struct HeldBytes {
    memory: MessageMemory,
    bytes: usize,
}

impl Drop for HeldBytes {
    fn drop(&mut self) {
        self.memory.give_back(self.bytes);
    }
}

/// What the message of one call holds, until this is dropped.
#[derive(Debug)]
pub(crate) struct CallMemory {
    memory: MessageMemory,
    bytes: AtomicUsize,
    /// So many of them are counted.
    held: AtomicUsize,
}

impl CallMemory {
    /// Takes memory for so many bytes more; false: there is none.
    #[must_use]
    pub(crate) fn take(&self, more: usize) -> bool {
        let before = self.bytes.fetch_add(more, Ordering::Relaxed);
        let more = counted(before.saturating_add(more)) - counted(before);
        if more == 0 {
            return true;
        }
        let fits = self.memory.take(more);
        if fits {
            self.held.fetch_add(more, Ordering::Relaxed);
        }
        fits
    }
}

impl Drop for CallMemory {
    fn drop(&mut self) {
        let held = *self.held.get_mut();
        if held > 0 {
            self.memory.give_back(held);
        }
    }
}

const fn counted(bytes: usize) -> usize {
    bytes.saturating_sub(UNCOUNTED_BYTES)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn left(memory: &MessageMemory) -> usize {
        memory.left.load(Ordering::Relaxed)
    }

    #[test]
    fn what_calls_hold_together_is_bounded_and_given_back() {
        let memory = MessageMemory::default();
        let (one, other) = (memory.of_call(), memory.of_call());
        assert!(one.take(MOST_BYTES / 2) && one.take(MOST_BYTES / 2));
        assert!(other.take(UNCOUNTED_BYTES) && other.take(UNCOUNTED_BYTES));
        assert!(!other.take(1));
        drop(one);
        assert!(other.take(MOST_BYTES / 2));
        drop(other);
        assert_eq!(left(&memory), MOST_BYTES);
    }

    #[test]
    fn what_did_not_fit_counts_for_nothing() {
        let memory = MessageMemory::default();
        let part = memory.of_call();
        assert!(!part.take(2 * MOST_BYTES));
        assert_eq!(left(&memory), MOST_BYTES);
        assert!(part.take(MOST_BYTES));
        drop(part);
        assert_eq!(left(&memory), MOST_BYTES);
    }

    #[test]
    fn small_calls_hold_nothing() {
        let memory = MessageMemory::default();
        let parts: Vec<_> = (0..100).map(|_| memory.of_call()).collect();
        assert!(parts.iter().all(|part| part.take(UNCOUNTED_BYTES)));
        assert_eq!(left(&memory), MOST_BYTES);
    }

    #[test]
    fn messages_and_answers_share_the_memory() {
        let memory = MessageMemory::default();
        let answer = memory.hold(MOST_BYTES - 1).unwrap();
        let part = memory.of_call();
        assert!(part.take(UNCOUNTED_BYTES + 1) && !part.take(1));
        assert!(memory.hold(1).is_none());
        drop(answer);
        assert!(part.take(1));
    }
}
