//! What the log, and whoever follows traces, hear of those of whom it is not known who they are.

use std::{
    fmt,
    num::NonZeroU32,
    sync::atomic::{AtomicU64, Ordering},
};

use governor::{DefaultDirectRateLimiter, Quota, RateLimiter};

/// Refusals that are logged in a second, and as many at once; and so many spans.
const PER_SECOND: NonZeroU32 = NonZeroU32::MIN.saturating_add(9);

/// Refusals and spans of strangers. Whoever reaches the port can cause them without an end, and must neither fill the disk nor keep the
/// collector of spans busy.
pub(crate) struct StrangerLog {
    limiter: DefaultDirectRateLimiter,
    spans: DefaultDirectRateLimiter,
    left_out: AtomicU64,
}

impl fmt::Debug for StrangerLog {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("StrangerLog").finish_non_exhaustive()
    }
}

impl Default for StrangerLog {
    fn default() -> Self {
        Self {
            limiter: RateLimiter::direct(Quota::per_second(PER_SECOND)),
            spans: RateLimiter::direct(Quota::per_second(PER_SECOND)),
            left_out: AtomicU64::new(0),
        }
    }
}

impl StrangerLog {
    /// Whether one more call of a connection of which nobody knows whose it is has a span.
    pub(crate) fn may_trace(&self) -> bool {
        self.spans.check().is_ok()
    }

    /// Has one refusal logged, together with how many before it were not, or counts it.
    pub(crate) fn tell(&self, log: impl FnOnce()) {
        if self.limiter.check().is_err() {
            self.left_out.fetch_add(1, Ordering::Relaxed);
            return;
        }
        let left_out = self.left_out.swap(0, Ordering::Relaxed);
        if left_out > 0 {
            tracing::warn!(left_out, "refusals of strangers were not logged");
        }
        log();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_many_refusals_some_are_logged_and_the_others_are_counted() {
        let stranger_log = StrangerLog::default();
        let logged = std::cell::Cell::new(0);
        for _refusal in 0..10_000 {
            stranger_log.tell(|| logged.set(logged.get() + 1));
        }
        assert!(logged.get() >= 10, "{}", logged.get());
        // Those left out before a logged one were told with it.
        let counted = stranger_log.left_out.load(Ordering::Relaxed);
        assert!(counted > 0 && counted + logged.get() <= 10_000, "{counted}");
    }
}
