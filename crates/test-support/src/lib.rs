//! Conformance suites, fault injectors, fixed clock and randomness, a log that is heard, for tests only.

mod clock;
pub mod kms;
mod log;
mod random;

pub mod store;

pub use clock::FixedClock;
pub use log::HeardLog;
pub use random::{FlakyRandom, SeededRandom};
