//! A clock that a test moves.

use std::{
    sync::atomic::{AtomicI64, AtomicU64, Ordering},
    time::Duration,
};

use strongroom_crypto::{Timestamp, clock::Clock};

/// A clock that stands still until somebody moves it.
#[derive(Debug)]
pub struct FixedClock {
    now: AtomicI64,
    elapsed_micros: AtomicU64,
}

impl FixedClock {
    /// A clock that shows `time`.
    #[must_use]
    pub const fn at(time: Timestamp) -> Self {
        Self {
            now: AtomicI64::new(time.as_micros()),
            elapsed_micros: AtomicU64::new(0),
        }
    }

    /// Moves the clock ahead.
    pub fn advance(&self, by: Duration) {
        let by = i64::try_from(by.as_micros()).unwrap_or(i64::MAX);
        self.now.fetch_add(by, Ordering::SeqCst);
        self.elapsed_micros
            .fetch_add(by.unsigned_abs(), Ordering::SeqCst);
    }

    /// Sets the time of day, also back: clocks of machines do that. No time has passed by it.
    pub fn set(&self, time: Timestamp) {
        self.now.store(time.as_micros(), Ordering::SeqCst);
    }
}

impl Default for FixedClock {
    /// Some moment in January 2027.
    fn default() -> Self {
        Self::at(Timestamp::from_micros(1_800_000_000_000_000))
    }
}

impl Clock for FixedClock {
    fn now(&self) -> Timestamp {
        Timestamp::from_micros(self.now.load(Ordering::SeqCst))
    }

    fn elapsed(&self) -> Duration {
        Duration::from_micros(self.elapsed_micros.load(Ordering::SeqCst))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_stands_still_until_it_is_moved() {
        let clock = FixedClock::at(Timestamp::from_micros(5));
        assert_eq!(clock.now(), clock.now());
        clock.advance(Duration::from_millis(1));
        assert_eq!(clock.now(), Timestamp::from_micros(1005));
        clock.set(Timestamp::from_micros(-3));
        assert_eq!(clock.now(), Timestamp::from_micros(-3));
        assert_eq!(clock.elapsed(), Duration::from_millis(1));
    }
}
