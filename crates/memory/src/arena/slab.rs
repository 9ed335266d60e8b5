//! Which blocks of one size are free. No `unsafe`, but the soundness of the arena rests on it: a slot is handed out to
//! one owner at a time, and slots never overlap.

use std::collections::BTreeSet;
use std::ptr::NonNull;

use super::Pages;

/// Blocks of up to 32, 64, 128, … 65,536 bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct SizeClass(u8);

impl SizeClass {
    pub(super) const COUNT: usize = 12;
    const SMALLEST: usize = 32;
    /// Chunks are small because locked memory is scarce (8 MiB by default) and every class in use holds one at least.
    const CHUNK: usize = 64 * 1024;

    /// The smallest class whose blocks hold `len` bytes; `None` when `len` asks for pages of its own.
    pub(super) fn holding(len: usize) -> Option<Self> {
        (0u8..)
            .take(Self::COUNT)
            .map(Self)
            .find(|class| len <= class.block_len())
    }

    pub(super) fn of(self, slabs: &mut [Slab; Self::COUNT]) -> &mut Slab {
        #[expect(
            clippy::indexing_slicing,
            reason = "`holding` makes no class beyond COUNT"
        )]
        &mut slabs[usize::from(self.0)]
    }

    pub(super) fn block_len(self) -> usize {
        Self::SMALLEST << self.0
    }

    fn slots(self) -> u16 {
        u16::try_from(Self::CHUNK / self.block_len()).unwrap_or(u16::MAX)
    }

    fn offset(self, index: u16) -> usize {
        usize::from(index) * self.block_len()
    }
}

/// One block: which chunk of the slab, and which place in it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Slot {
    chunk: usize,
    index: u16,
}

/// All blocks of one size.
pub(super) struct Slab {
    /// A chunk that was unmapped leaves `None`, so that the numbers of the others stay.
    chunks: Vec<Option<Chunk>>,
    /// The chunks that have a free slot. The lowest is filled first, so that high ones run empty and can go.
    with_room: BTreeSet<usize>,
    /// The numbers of unmapped chunks.
    vacant: Vec<usize>,
    /// A chunk with no slot in use, kept so that one secret coming and going does not map and unmap each time.
    spare: Option<usize>,
}

struct Chunk {
    pages: Pages,
    /// The last one freed is taken first: it is still in the processor's cache.
    free: Vec<u16>,
}

impl Slab {
    pub(super) const fn new() -> Self {
        Self {
            chunks: Vec::new(),
            with_room: BTreeSet::new(),
            vacant: Vec::new(),
            spare: None,
        }
    }

    /// A free slot and where it starts; `mapped` is told of a chunk that had to be mapped for it.
    pub(super) fn take(
        &mut self,
        class: SizeClass,
        mapped: impl FnOnce(&Pages),
    ) -> (NonNull<u8>, Slot) {
        let number = match self.with_room.first() {
            Some(number) => *number,
            None => self.add_chunk(class, mapped),
        };
        let (start, slot) = self.chunk(number).take(class, number);
        if self.chunk(number).free.is_empty() {
            self.with_room.remove(&number);
        }
        if self.spare == Some(number) {
            self.spare = None;
        }
        (start, slot)
    }

    /// Takes a slot back; returns a chunk that is not needed any more.
    pub(super) fn give_back(&mut self, class: SizeClass, slot: Slot) -> Option<Pages> {
        let chunk = self.chunk(slot.chunk);
        debug_assert!(
            !chunk.free.contains(&slot.index),
            "a slot has one owner, who gives it back once"
        );
        chunk.free.push(slot.index);
        let all_free = chunk.free.len() == usize::from(class.slots());
        self.with_room.insert(slot.chunk);
        if !all_free {
            return None;
        }
        if self.spare.is_none() {
            self.spare = Some(slot.chunk);
            return None;
        }
        self.with_room.remove(&slot.chunk);
        self.vacant.push(slot.chunk);
        self.chunks
            .get_mut(slot.chunk)?
            .take()
            .map(|chunk| chunk.pages)
    }

    fn add_chunk(&mut self, class: SizeClass, mapped: impl FnOnce(&Pages)) -> usize {
        let chunk = Chunk {
            pages: Pages::map(SizeClass::CHUNK),
            free: (0..class.slots()).rev().collect(),
        };
        mapped(&chunk.pages);
        let number = self.vacant.pop().unwrap_or_else(|| {
            self.chunks.push(None);
            self.chunks.len() - 1
        });
        if let Some(place) = self.chunks.get_mut(number) {
            *place = Some(chunk);
        }
        self.with_room.insert(number);
        number
    }

    fn chunk(&mut self, number: usize) -> &mut Chunk {
        #[expect(
            clippy::expect_used,
            reason = "only mapped chunks are in `with_room` or in a slot that is in use"
        )]
        self.chunks
            .get_mut(number)
            .and_then(Option::as_mut)
            .expect("a mapped chunk")
    }
}

impl Chunk {
    fn take(&mut self, class: SizeClass, number: usize) -> (NonNull<u8>, Slot) {
        #[expect(clippy::expect_used, reason = "a chunk in `with_room` has a free slot")]
        let index = self.free.pop().expect("a free slot");
        (
            self.pages.at(class.offset(index)),
            Slot {
                chunk: number,
                index,
            },
        )
    }
}
