//! How much may be sent beyond what callers asked for.

use parking_lot::Mutex;
use tokio::time::Instant;

use crate::bucket::Bucket;

/// How many calls may be repeated.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct AllowanceSettings {
    /// How much can be saved up: as many repetitions are free after a quiet time. Default: 10.
    pub burst: u32,
    /// How much each call of a caller earns. Default: 0.1, a tenth more traffic at worst.
    pub per_call: f64,
    /// How much comes with each second, so that a vault that calls rarely can repeat at all. Default: 0.5.
    pub per_second: f64,
}

impl Default for AllowanceSettings {
    fn default() -> Self {
        Self {
            burst: 10,
            per_call: 0.1,
            per_second: 0.5,
        }
    }
}

/// What keeps a storm from being amplified: retries and hedges of all callers draw from it, and when it is empty an error
/// is answered as it is. In `t` seconds with `n` calls at most `burst + per_call * n + per_second * t` are sent beyond them.
#[derive(Debug)]
pub struct Allowance {
    per_call: f64,
    bucket: Mutex<Bucket>,
}

impl Allowance {
    /// A full allowance.
    #[must_use]
    pub fn new(settings: AllowanceSettings) -> Self {
        let burst = f64::from(settings.burst);
        Self {
            per_call: settings.per_call.max(0.0),
            bucket: Mutex::new(Bucket::full(settings.per_second, burst, Instant::now())),
        }
    }

    /// A caller made a call.
    pub(crate) fn deposit(&self) {
        self.bucket.lock().add(self.per_call);
    }

    /// Pays for one more attempt.
    pub(crate) fn withdraw(&self) -> bool {
        let mut bucket = self.bucket.lock();
        bucket.fill(Instant::now());
        bucket.take_beside(0)
    }
}
