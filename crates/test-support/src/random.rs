//! Randomness that repeats, and randomness that runs dry.

use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};

use strongroom_crypto::{HashBuilder, Random, RandomError};

/// Bytes that are random enough to make keys and the same for the same seed: hashes of the seed and a counter.
///
/// Never outside of tests. What a library draws by itself (RSA primes, ECDSA nonces) does not come from here.
#[derive(Debug)]
pub struct SeededRandom {
    seed: i64,
    drawn: AtomicU64,
}

impl SeededRandom {
    /// The source that starts anew for each `seed`.
    #[must_use]
    pub const fn new(seed: i64) -> Self {
        Self {
            seed,
            drawn: AtomicU64::new(0),
        }
    }
}

impl Random for SeededRandom {
    fn fill(&self, buffer: &mut [u8]) -> Result<(), RandomError> {
        for chunk in buffer.chunks_mut(32) {
            let number = self.drawn.fetch_add(1, Ordering::SeqCst);
            let block = HashBuilder::without_purpose()
                .long(self.seed)
                .raw(&number.to_be_bytes())
                .finish();
            for (byte, random) in chunk.iter_mut().zip(block.as_bytes()) {
                *byte = *random;
            }
        }
        Ok(())
    }
}

/// A source of random bytes that fails at a chosen draw.
#[derive(Debug)]
pub struct FlakyRandom<R> {
    inner: R,
    /// Draws until the failing one; 0: none fails.
    left: AtomicUsize,
}

impl<R: Random> FlakyRandom<R> {
    /// Passes every draw on to `inner` until told otherwise.
    #[must_use]
    pub const fn new(inner: R) -> Self {
        Self {
            inner,
            left: AtomicUsize::new(0),
        }
    }

    /// The `number`-th draw from now on (1: the next) fails.
    pub fn fail_draw(&self, number: usize) {
        self.left.store(number, Ordering::SeqCst);
    }

    /// Whether the failure that was asked for last has come.
    #[must_use]
    pub fn has_struck(&self) -> bool {
        self.left.load(Ordering::SeqCst) == 0
    }
}

impl<R: Random> Random for FlakyRandom<R> {
    fn fill(&self, buffer: &mut [u8]) -> Result<(), RandomError> {
        let before = self
            .left
            .fetch_update(Ordering::SeqCst, Ordering::SeqCst, |left| {
                left.checked_sub(1)
            });
        if before == Ok(1) {
            return Err(RandomError::Broken);
        }
        self.inner.fill(buffer)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn drawn(random: &dyn Random) -> Result<[u8; 40], RandomError> {
        let mut bytes = [0; 40];
        random.fill(&mut bytes)?;
        Ok(bytes)
    }

    #[test]
    fn a_seed_gives_the_same_bytes_again_and_no_bytes_twice() {
        let random = SeededRandom::new(7);
        let first = drawn(&random);
        assert_ne!(first, drawn(&random));
        assert_eq!(first, drawn(&SeededRandom::new(7)));
        assert_ne!(first, drawn(&SeededRandom::new(8)));
    }

    #[test]
    fn the_chosen_draw_fails_and_no_other() {
        let random = FlakyRandom::new(SeededRandom::new(1));
        assert!(drawn(&random).is_ok());
        random.fail_draw(2);
        assert!(drawn(&random).is_ok());
        assert!(!random.has_struck());
        assert_eq!(drawn(&random), Err(RandomError::Broken));
        assert!(random.has_struck());
        assert!(drawn(&random).is_ok());
    }
}
