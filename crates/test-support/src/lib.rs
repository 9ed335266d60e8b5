//! Conformance suites, fault injectors, fixed clock and randomness, for tests only.

mod clock;
pub mod kms;
mod random;

pub mod store;

pub use clock::FixedClock;
pub use random::{FlakyRandom, SeededRandom};
