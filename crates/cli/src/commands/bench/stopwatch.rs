//! How fast something runs.

use std::time::{Duration, Instant};

/// Calls between two looks at the clock, so that looking costs nothing.
const STRIDE: u64 = 16;

/// Counts calls until `time` has passed.
pub(super) struct Stopwatch {
    started: Instant,
    time: Duration,
    calls: u64,
}

impl Stopwatch {
    pub(super) fn start(time: Duration) -> Self {
        Self {
            started: Instant::now(),
            time,
            calls: 0,
        }
    }

    /// Counts one call; false when the time is up.
    pub(super) fn goes_on(&mut self) -> bool {
        self.calls += 1;
        !self.calls.is_multiple_of(STRIDE) || self.started.elapsed() < self.time
    }

    /// Calls per second.
    pub(super) fn rate(&self) -> f64 {
        self.calls as f64 / self.started.elapsed().as_secs_f64()
    }
}

/// The middle value.
pub(super) fn median(values: &mut [f64]) -> f64 {
    values.sort_unstable_by(f64::total_cmp);
    values.get(values.len() / 2).copied().unwrap_or(f64::NAN)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_median_is_the_middle_value() {
        assert_eq!(median(&mut [9.0, 1.0, 5.0]), 5.0);
        assert!(median(&mut []).is_nan());
    }
}
