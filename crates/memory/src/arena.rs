//! Memory for secrets: blocks in pages that are locked, left out of dumps, and wiped before they are free again.
//!
//! Invariants:
//! - a free block holds only zeros, so taking one costs no clearing and a freed secret is gone at once;
//! - the list of free blocks stands outside the pages (see [`slab`]): a wild write into a secret cannot forge it, and
//!   a forked child, for which the kernel wipes the pages, finds it intact;
//! - a block is in exactly one place: free in its slab, or owned by one [`Block`].

#![expect(
    unsafe_code,
    reason = "system calls that map memory, and slices over what they mapped"
)]

mod slab;

use std::alloc::{Layout, handle_alloc_error};
use std::fmt;
use std::ptr::{self, NonNull};
use std::slice;
use std::sync::{Mutex, MutexGuard, PoisonError};

use rustix::io::Errno;
use rustix::mm::{Advice, MapFlags, ProtFlags, madvise, mlock, mmap_anonymous, munmap};
use rustix::param::page_size;
use zeroize::Zeroize;

use self::slab::{SizeClass, Slab, Slot};
use crate::LockRefusal;

/// Where all secrets of the process live.
static ARENA: Arena = Arena::new();

/// What the secret arena holds now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct ArenaStatistics {
    /// Secrets alive, empty ones not counted.
    pub secrets: usize,
    /// Bytes of the secrets alive.
    pub bytes_used: usize,
    /// Bytes of the pages that are locked in memory, used or not.
    pub bytes_locked: usize,
    /// Pages of the arena that could not be locked, used or not.
    pub pages_not_locked: usize,
    /// Why the last page that could not be locked was refused.
    pub last_refusal: Option<LockRefusal>,
}

impl ArenaStatistics {
    const EMPTY: Self = Self {
        secrets: 0,
        bytes_used: 0,
        bytes_locked: 0,
        pages_not_locked: 0,
        last_refusal: None,
    };

    fn mapped(&mut self, pages: &Pages) {
        match pages.locked {
            Ok(()) => self.bytes_locked += pages.len,
            Err(refusal) => {
                self.pages_not_locked += pages.len / page_size();
                self.last_refusal = Some(refusal);
            }
        }
    }

    fn unmapped(&mut self, pages: &Pages) {
        match pages.locked {
            Ok(()) => self.bytes_locked -= pages.len,
            Err(_) => self.pages_not_locked -= pages.len / page_size(),
        }
    }
}

/// What the arena of this process holds now.
pub(crate) fn statistics() -> ArenaStatistics {
    ARENA.state().statistics
}

/// Whether the system locks a page for us now.
pub(crate) fn try_lock_a_page() -> Result<(), LockRefusal> {
    Pages::map(page_size()).locked
}

struct Arena {
    state: Mutex<State>,
}

struct State {
    slabs: [Slab; SizeClass::COUNT],
    statistics: ArenaStatistics,
}

impl Arena {
    const fn new() -> Self {
        let slabs = [const { Slab::new() }; SizeClass::COUNT];
        Self {
            state: Mutex::new(State {
                slabs,
                statistics: ArenaStatistics::EMPTY,
            }),
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        // Nothing between a lock and its release can unwind and leave the lists half changed.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn take(&'static self, len: usize) -> Block {
        let (start, home) = if len == 0 {
            (NonNull::dangling(), Home::Nowhere)
        } else if let Some(class) = SizeClass::holding(len) {
            self.take_slot(class, len)
        } else {
            self.take_pages(len)
        };
        Block {
            start,
            len,
            home,
            arena: self,
        }
    }

    fn take_slot(&self, class: SizeClass, len: usize) -> (NonNull<u8>, Home) {
        let mut state = self.state();
        let State { slabs, statistics } = &mut *state;
        let (start, slot) = class
            .of(slabs)
            .take(class, |chunk| statistics.mapped(chunk));
        statistics.secrets += 1;
        statistics.bytes_used += len;
        (start, Home::Slot(class, slot))
    }

    fn take_pages(&self, len: usize) -> (NonNull<u8>, Home) {
        let pages = Pages::map(len);
        let mut state = self.state();
        state.statistics.mapped(&pages);
        state.statistics.secrets += 1;
        state.statistics.bytes_used += len;
        (pages.start, Home::Own(pages))
    }

    /// Takes back what held `len` bytes, all of them wiped by now.
    fn give_back(&self, home: Home, len: usize) {
        if matches!(home, Home::Nowhere) {
            return;
        }
        let mut state = self.state();
        let State { slabs, statistics } = &mut *state;
        statistics.secrets -= 1;
        statistics.bytes_used -= len;
        let unused = match home {
            Home::Nowhere => None,
            Home::Slot(class, slot) => class.of(slabs).give_back(class, slot),
            Home::Own(pages) => Some(pages),
        };
        if let Some(pages) = &unused {
            statistics.unmapped(pages);
        }
        // Unmapping needs no lock.
        drop(state);
        drop(unused);
    }
}

/// What a block gives back.
enum Home {
    /// A block without bytes has none.
    Nowhere,
    /// One slot of a slab.
    Slot(SizeClass, Slot),
    /// Pages of its own.
    Own(Pages),
}

/// Exclusive bytes of the arena; wiped when dropped.
pub(crate) struct Block {
    /// Readable and writable for `len` bytes as long as `home` is not given back; aligned to 32 bytes.
    start: NonNull<u8>,
    len: usize,
    home: Home,
    arena: &'static Arena,
}

// SAFETY: a block owns its bytes alone and nothing in it is bound to a thread; the arena has its own lock.
unsafe impl Send for Block {}
// SAFETY: a shared block only lends shared slices.
unsafe impl Sync for Block {}

impl Block {
    /// `len` zeros of the process's arena. Ends the process when the system has no memory left, as `Vec` does.
    pub(crate) fn zeroed(len: usize) -> Self {
        ARENA.take(len)
    }

    pub(crate) fn bytes(&self) -> &[u8] {
        // SAFETY: `start` is readable for `len` initialised bytes (the kernel's zeros or later writes), or dangling,
        // aligned and not null for none; this block alone owns them, so nobody writes while `self` is borrowed.
        unsafe { slice::from_raw_parts(self.start.as_ptr(), self.len) }
    }

    pub(crate) fn bytes_mut(&mut self) -> &mut [u8] {
        // SAFETY: as in `bytes`, and `self` is borrowed exclusively.
        unsafe { slice::from_raw_parts_mut(self.start.as_ptr(), self.len) }
    }
}

impl Drop for Block {
    fn drop(&mut self) {
        // Before anything else: from the next line on another thread may own these bytes.
        self.bytes_mut().zeroize();
        self.arena
            .give_back(std::mem::replace(&mut self.home, Home::Nowhere), self.len);
    }
}

impl fmt::Debug for Block {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Block({} bytes)", self.len)
    }
}

/// Whole pages of our own, zero at first, unmapped when dropped.
struct Pages {
    start: NonNull<u8>,
    /// A multiple of the page size, above zero.
    len: usize,
    locked: Result<(), LockRefusal>,
}

// SAFETY: a mapping belongs to the process and not to a thread, and `Pages` is never copied.
unsafe impl Send for Pages {}

impl Pages {
    /// At least `len` zeros, `len` above zero.
    fn map(len: usize) -> Self {
        let Some(whole) = len.checked_next_multiple_of(page_size()) else {
            out_of_memory(len)
        };
        let (protection, flags) = (ProtFlags::READ | ProtFlags::WRITE, MapFlags::PRIVATE);
        // SAFETY: the system chooses the place of a new anonymous mapping; it replaces nothing.
        let mapped = unsafe { mmap_anonymous(ptr::null_mut(), whole, protection, flags) };
        let Some(start) = mapped.ok().and_then(|start| NonNull::new(start.cast())) else {
            out_of_memory(len)
        };
        let mut pages = Self {
            start,
            len: whole,
            locked: Ok(()),
        };
        // Locked first: only then can no page have been swapped out before.
        pages.locked = pages.lock();
        // Best effort: an old kernel may not know them, and then the dump limit and the lock still hold.
        pages.advise(Advice::LinuxDontDump);
        pages.advise(Advice::LinuxWipeOnFork);
        pages
    }

    fn lock(&self) -> Result<(), LockRefusal> {
        // SAFETY: the range is a mapping of ours; locking changes no contents.
        let locked = unsafe { mlock(self.start.as_ptr().cast(), self.len) };
        locked.map_err(|errno| match errno {
            Errno::NOMEM | Errno::PERM | Errno::AGAIN => LockRefusal::Limit,
            _ => LockRefusal::Unsupported,
        })
    }

    fn advise(&self, advice: Advice) -> bool {
        // SAFETY: the range is a mapping of ours; neither advice used here changes contents that this process sees.
        unsafe { madvise(self.start.as_ptr().cast(), self.len, advice) }.is_ok()
    }

    /// The place `offset` bytes behind the start, which lies inside.
    fn at(&self, offset: usize) -> NonNull<u8> {
        assert!(offset < self.len, "a slot lies inside its chunk");
        // SAFETY: just checked to lie inside the mapping.
        unsafe { self.start.add(offset) }
    }
}

impl Drop for Pages {
    fn drop(&mut self) {
        // SAFETY: the range was mapped by `map`, and a `Pages` is dropped only when no block points into it: chunks
        // when all their slots are free, own pages with their only block. Unmapping unlocks.
        let unmapped = unsafe { munmap(self.start.as_ptr().cast(), self.len) };
        debug_assert_eq!(unmapped, Ok(()), "unmapping our own pages cannot fail");
    }
}

fn out_of_memory(len: usize) -> ! {
    handle_alloc_error(Layout::array::<u8>(len).unwrap_or(Layout::new::<u8>()))
}

#[cfg(test)]
mod tests;
