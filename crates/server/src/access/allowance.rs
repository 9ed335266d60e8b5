//! How often a caller may call.

use std::{fmt, num::NonZeroU32};

use governor::{DefaultDirectRateLimiter, Quota, RateLimiter};

/// Calls per second, and as many at once; or no limit.
pub(super) struct Allowance(Option<(NonZeroU32, DefaultDirectRateLimiter)>);

impl Allowance {
    pub(super) fn new(per_second: Option<NonZeroU32>) -> Self {
        let limiter = |most| (most, RateLimiter::direct(Quota::per_second(most)));
        Self(per_second.map(limiter))
    }

    /// Takes `calls` if they are there. More than there can ever be never are.
    pub(super) fn take(&self, calls: NonZeroU32) -> bool {
        match &self.0 {
            None => true,
            Some((_most, limiter)) => matches!(limiter.check_n(calls), Ok(Ok(()))),
        }
    }
}

impl fmt::Debug for Allowance {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0 {
            None => f.write_str("Allowance(unlimited)"),
            Some((most, _limiter)) => write!(f, "Allowance({most} per second)"),
        }
    }
}
