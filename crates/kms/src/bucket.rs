//! A bucket of tokens that fills with time.

use std::time::Duration;

use tokio::time::Instant;

/// At most `burst` tokens; `per_second` come by themselves. Time goes forward only: an older moment changes nothing.
#[derive(Clone, Debug)]
pub(crate) struct Bucket {
    per_second: f64,
    burst: f64,
    tokens: f64,
    /// Until when tokens were added; ahead of the present while the bucket is paused.
    filled: Instant,
}

impl Bucket {
    /// A full bucket.
    pub(crate) fn full(per_second: f64, burst: f64, now: Instant) -> Self {
        Self {
            per_second: per_second.max(0.0),
            burst: burst.max(0.0),
            tokens: burst.max(0.0),
            filled: now,
        }
    }

    /// Adds what has come until `now`.
    pub(crate) fn fill(&mut self, now: Instant) {
        if let Some(passed) = now.checked_duration_since(self.filled) {
            self.add(passed.as_secs_f64() * self.per_second);
            self.filled = now;
        }
    }

    /// Adds tokens; what does not fit is lost.
    pub(crate) fn add(&mut self, tokens: f64) {
        self.tokens = (self.tokens + tokens).min(self.burst);
    }

    /// Takes one token if `others` more would be left for others.
    pub(crate) fn take_beside(&mut self, others: usize) -> bool {
        let there = self.lacks(others) <= 0.0;
        if there {
            self.tokens -= 1.0;
        }
        there
    }

    /// Takes all tokens, and lets none come before `until`.
    pub(crate) fn pause(&mut self, until: Instant) {
        self.tokens = self.tokens.min(0.0);
        self.filled = self.filled.max(until);
    }

    /// When there will be a token beside `others` more; `None`: never.
    pub(crate) fn ready_beside(&self, others: usize) -> Option<Instant> {
        let lacking = self.lacks(others).max(0.0);
        if lacking == 0.0 {
            return Some(self.filled);
        }
        let wait = Duration::try_from_secs_f64(lacking / self.per_second).ok()?;
        self.filled.checked_add(wait)
    }

    fn lacks(&self, others: usize) -> f64 {
        // No queue is ever so long that the conversion would round.
        let wanted = 1.0 + f64::from(u32::try_from(others).unwrap_or(u32::MAX));
        // Sums of fractions: a billionth of a token is none.
        wanted - self.tokens - 1e-9
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_gives_its_burst_at_once_and_then_its_rate() {
        let start = Instant::now();
        let mut bucket = Bucket::full(10.0, 2.0, start);
        assert!(bucket.take_beside(0) && bucket.take_beside(0));
        assert!(!bucket.take_beside(0));
        bucket.fill(start + Duration::from_millis(100));
        assert!(bucket.take_beside(0) && !bucket.take_beside(0));
        bucket.fill(start + Duration::from_secs(60));
        assert!(bucket.take_beside(1), "one for us and one for another");
        assert!(!bucket.take_beside(1));
    }

    #[test]
    fn nothing_comes_while_it_is_paused() {
        let start = Instant::now();
        let mut bucket = Bucket::full(10.0, 5.0, start);
        bucket.pause(start + Duration::from_secs(1));
        bucket.fill(start + Duration::from_secs(1));
        assert!(!bucket.take_beside(0));
        bucket.fill(start + Duration::from_millis(1101));
        assert!(bucket.take_beside(0));
    }

    #[test]
    fn a_bucket_that_never_fills_is_never_ready() {
        let start = Instant::now();
        let mut bucket = Bucket::full(0.0, 1.0, start);
        assert!(bucket.ready_beside(0).is_some());
        assert!(bucket.take_beside(0));
        assert_eq!(bucket.ready_beside(0), None);
    }
}
