//! How long calls took.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

/// The upper bounds of the buckets, in milliseconds; what is slower falls into one more. From a token beside the process
/// (1 ms) to a cloud at its worst (10 s, the default limit of an attempt).
pub const LATENCY_BOUNDS_MS: [u64; 12] = [1, 2, 5, 10, 25, 50, 100, 250, 500, 1000, 2500, 10_000];

const BUCKETS: usize = LATENCY_BOUNDS_MS.len() + 1;

/// How long calls took, as a histogram.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Latency {
    /// How many calls took at most the bound of the same index in [`LATENCY_BOUNDS_MS`] and more than the one before; the
    /// last one counts what was slower than all bounds. Not cumulative.
    pub buckets: [u64; BUCKETS],
    /// The sum of all times.
    pub sum: Duration,
}

impl Latency {
    /// How many calls were timed.
    #[must_use]
    pub fn count(&self) -> u64 {
        self.buckets.iter().sum()
    }
}

#[derive(Debug, Default)]
pub(super) struct Histogram {
    buckets: [AtomicU64; BUCKETS],
    sum_micros: AtomicU64,
}

impl Histogram {
    pub(super) fn record(&self, time: Duration) {
        let bucket =
            LATENCY_BOUNDS_MS.partition_point(|bound| Duration::from_millis(*bound) < time);
        if let Some(bucket) = self.buckets.get(bucket) {
            bucket.fetch_add(1, Ordering::Relaxed);
        }
        let micros = u64::try_from(time.as_micros()).unwrap_or(u64::MAX);
        self.sum_micros.fetch_add(micros, Ordering::Relaxed);
    }

    pub(super) fn snapshot(&self) -> Latency {
        Latency {
            buckets: super::read(&self.buckets),
            sum: Duration::from_micros(self.sum_micros.load(Ordering::Relaxed)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_falls_into_the_bucket_whose_bound_it_does_not_exceed() {
        let histogram = Histogram::default();
        for millis in [0, 1, 3, 10_000, 10_001] {
            histogram.record(Duration::from_millis(millis));
        }
        let latency = histogram.snapshot();
        assert_eq!(latency.buckets, [2, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 1, 1]);
        assert_eq!(latency.count(), 5);
        assert_eq!(latency.sum, Duration::from_millis(20_005));
    }
}
