//! The simulator's time: that of an injected clock, and as much ahead of it as a test wants.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use strongroom_crypto::Timestamp;
use strongroom_crypto::clock::Clock;

/// Microseconds of a day, as rotations and deletions count it.
pub(crate) const DAY_MICROS: i64 = 24 * 60 * 60 * 1_000_000;

/// A clock that can be put forward, never back.
#[derive(Debug)]
pub(crate) struct SimulatorClock {
    base: Arc<dyn Clock>,
    ahead_micros: AtomicI64,
}

impl SimulatorClock {
    pub(crate) fn new(base: Arc<dyn Clock>) -> Self {
        Self {
            base,
            ahead_micros: AtomicI64::new(0),
        }
    }

    pub(crate) fn advance(&self, by: Duration) {
        let micros = i64::try_from(by.as_micros()).unwrap_or(i64::MAX);
        // Two tests that advance at once both count; a clock at the end of time stays there.
        let add = |ahead: i64| Some(ahead.saturating_add(micros));
        let _previous = self
            .ahead_micros
            .fetch_update(Ordering::SeqCst, Ordering::SeqCst, add);
    }
}

impl Clock for SimulatorClock {
    fn now(&self) -> Timestamp {
        after_micros(self.base.now(), self.ahead_micros.load(Ordering::SeqCst))
    }
}

/// The time `micros` after `time`.
pub(crate) const fn after_micros(time: Timestamp, micros: i64) -> Timestamp {
    Timestamp::from_micros(time.as_micros().saturating_add(micros))
}

/// The time `millis` milliseconds after `time`.
pub(crate) fn after_millis(time: Timestamp, millis: u64) -> Timestamp {
    let micros = i64::try_from(millis.saturating_mul(1000)).unwrap_or(i64::MAX);
    after_micros(time, micros)
}

/// Whole days after `time`.
pub(crate) fn after_days(time: Timestamp, days: u32) -> Timestamp {
    after_micros(time, i64::from(days).saturating_mul(DAY_MICROS))
}
