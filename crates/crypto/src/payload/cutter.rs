//! Cuts what comes in pieces of any length into chunks of one length, the last of which is known to be the last.

use zeroize::Zeroizing;

use super::chunks::Place;

/// A chunk goes on as soon as it is clear that more follows. Chunks that arrive whole are worked on where they are.
pub(super) struct Cutter {
    length: usize,
    /// The beginning of the next chunk, at most a whole one. Wiped, since on one side it is content; not locked, since the
    /// content is in the caller's memory as well, and locking costs as much as sealing.
    held: Zeroizing<Vec<u8>>,
}

impl Cutter {
    pub(super) fn new(length: usize) -> Self {
        Self {
            length,
            held: Zeroizing::default(),
        }
    }

    /// Gives every chunk to `each` that is now complete and not the last.
    pub(super) fn push<E>(
        &mut self,
        piece: &mut [u8],
        mut each: impl FnMut(&mut [u8], Place) -> Result<(), E>,
    ) -> Result<(), E> {
        let rest = self.whole_chunks(piece, &mut each)?;
        self.hold(rest);
        Ok(())
    }

    /// As [`Self::push`] with the last piece; then gives the last chunk, which may be empty.
    pub(super) fn finish<E>(
        mut self,
        piece: &mut [u8],
        mut each: impl FnMut(&mut [u8], Place) -> Result<(), E>,
    ) -> Result<(), E> {
        let rest = self.whole_chunks(piece, &mut each)?;
        if self.held.is_empty() {
            return each(rest, Place::Last);
        }
        self.hold(rest);
        each(&mut self.held, Place::Last)
    }

    /// What is left of `piece`: as much as may still become the last chunk, together with what is held.
    fn whole_chunks<'p, E>(
        &mut self,
        mut piece: &'p mut [u8],
        each: &mut impl FnMut(&mut [u8], Place) -> Result<(), E>,
    ) -> Result<&'p mut [u8], E> {
        if !self.held.is_empty() {
            let missing = self.length - self.held.len();
            if piece.len() <= missing {
                return Ok(piece);
            }
            let (head, tail) = piece.split_at_mut(missing);
            self.hold(head);
            each(&mut self.held, Place::Inner)?;
            self.held.clear();
            piece = tail;
        }
        while piece.len() > self.length {
            let (chunk, tail) = piece.split_at_mut(self.length);
            each(chunk, Place::Inner)?;
            piece = tail;
        }
        Ok(piece)
    }

    /// Copies what does not exceed a chunk. A vector that grows leaves copies behind: this one moves into a larger one, and is wiped.
    fn hold(&mut self, piece: &[u8]) {
        let needed = self.held.len() + piece.len();
        if needed > self.held.capacity() {
            let room = needed.max(2 * self.held.capacity()).min(self.length);
            let mut larger = Zeroizing::new(Vec::with_capacity(room));
            larger.extend_from_slice(&self.held);
            self.held = larger;
        }
        self.held.extend_from_slice(piece);
    }
}

#[cfg(test)]
mod tests {
    use std::convert::Infallible;

    use proptest::prelude::*;

    use super::*;

    /// The chunks of `pieces`, of which all but the last are pushed.
    fn cut(length: usize, pieces: &[Vec<u8>]) -> Vec<(Vec<u8>, Place)> {
        let mut chunks = Vec::new();
        let mut each = |chunk: &mut [u8], place| {
            chunks.push((chunk.to_vec(), place));
            Ok::<(), Infallible>(())
        };
        let mut cutter = Cutter::new(length);
        let mut pieces = pieces.to_vec();
        let (last, first) = pieces.split_last_mut().unwrap();
        for piece in first {
            cutter.push(piece, &mut each).unwrap();
        }
        cutter.finish(last, &mut each).unwrap();
        chunks
    }

    proptest! {
        #[test]
        fn chunks_do_not_depend_on_how_the_bytes_come(
            pieces in proptest::collection::vec(proptest::collection::vec(any::<u8>(), 0..12), 1..12),
            length in 1_usize..9,
        ) {
            let whole = pieces.concat();
            let mut expected: Vec<_> = whole.chunks(length).map(|chunk| (chunk.to_vec(), Place::Inner)).collect();
            match expected.last_mut() {
                Some((_, place)) => *place = Place::Last,
                None => expected.push((Vec::new(), Place::Last)),
            }
            prop_assert_eq!(cut(length, &pieces), expected);
        }
    }
}
