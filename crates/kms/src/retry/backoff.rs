//! How long to wait between attempts.

use std::time::Duration;

use strongroom_crypto::Random;

/// Exponential back-off with full jitter: before the attempt after `n`, a time between nothing and
/// `min(cap, base * 2^(n-1))`.
///
/// Full jitter, since callers that failed together would otherwise come back together.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Backoff {
    /// How many attempts in all, the first one included; 1: none is repeated.
    pub attempts: u32,
    /// The bound of the first pause.
    pub base: Duration,
    /// The bound of every pause.
    pub cap: Duration,
}

impl Backoff {
    /// Draws the pause after `made` attempts.
    pub(super) fn pause(&self, made: u32, random: &dyn Random) -> Duration {
        let doubled = 1_u32
            .checked_shl(made.saturating_sub(1))
            .unwrap_or(u32::MAX);
        let bound = self.base.saturating_mul(doubled).min(self.cap);
        let mut bytes = [0; 4];
        // Without randomness everybody waits the longest time: late, but right.
        if random.fill(&mut bytes).is_err() {
            return bound;
        }
        let fraction = f64::from(u32::from_be_bytes(bytes)) / f64::from(u32::MAX);
        bound.mul_f64(fraction)
    }
}
