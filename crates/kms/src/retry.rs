//! Tries again what may succeed later, a stated number of times.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use strongroom_crypto::Random;
use tokio::time::{Instant, sleep};

use crate::error::KmsError;
use crate::guarded::{Answer, Attempt, Call, Next, Policy};

mod allowance;
mod backoff;

pub use allowance::{Allowance, AllowanceSettings};
pub use backoff::Backoff;

/// How often and how long a failed call is tried again.
///
/// The names and first delays are Canton's (reference: kms, section 3). Canton tries `failures` without end, and its delays do not
/// grow: a KMS that is away holds every caller until the node stops. Here a caller hears after a stated time that the KMS
/// is away, and decides.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RetrySettings {
    /// After a failure that may pass. Default: 5 attempts, from 500 ms (Canton's) up to 10 s (Canton's): at most 7.5 s of
    /// waiting in all, which outlasts a restart behind a load balancer.
    pub failures: Backoff,
    /// While a key that was just created is not ready. Default: Canton's 20 attempts from 100 ms up to 10 s, since an
    /// HSM takes seconds for an RSA key.
    pub not_ready: Backoff,
    /// No attempt starts later than this after the first one. Default: 30 s, what an operator waits before looking.
    pub total: Duration,
}

impl Default for RetrySettings {
    fn default() -> Self {
        let cap = Duration::from_secs(10);
        Self {
            failures: Backoff {
                attempts: 5,
                base: Duration::from_millis(500),
                cap,
            },
            not_ready: Backoff {
                attempts: 20,
                base: Duration::from_millis(100),
                cap,
            },
            total: Duration::from_secs(30),
        }
    }
}

/// Tries a failed call again if that can help and cannot hurt.
///
/// It can help if the error passes by itself ([`KmsError::is_retryable`]). It cannot hurt if the KMS has surely not done
/// the work, or if doing it twice is the same as doing it once: a generation whose answer was lost is never repeated. The
/// pause is drawn between nothing and a bound that doubles (full jitter), after the time that the KMS asks for, if it
/// does. A refusal of an open circuit breaker is final.
///
/// A deletion that is repeated after its answer was lost may end in [`KmsError::KeyNotFound`]: the first one did it.
#[derive(Debug)]
pub struct Retry {
    settings: RetrySettings,
    allowance: Arc<Allowance>,
    random: Arc<dyn Random>,
    retries: AtomicU64,
    withheld: AtomicU64,
}

impl Retry {
    /// Retries as `settings` say, as long as `allowance` has something left; pauses are drawn from `random`.
    #[must_use]
    pub fn new(
        settings: RetrySettings,
        allowance: Arc<Allowance>,
        random: Arc<dyn Random>,
    ) -> Self {
        Self {
            settings,
            allowance,
            random,
            retries: AtomicU64::new(0),
            withheld: AtomicU64::new(0),
        }
    }

    /// How many attempts were repetitions.
    #[must_use]
    pub fn retries(&self) -> u64 {
        self.retries.load(Ordering::Relaxed)
    }

    /// How many repetitions the allowance did not pay for.
    #[must_use]
    pub fn withheld(&self) -> u64 {
        self.withheld.load(Ordering::Relaxed)
    }

    /// How long to wait before the next attempt; `None`: there is none.
    fn pause(&self, call: &Call, error: &KmsError, made: u32, end: Instant) -> Option<Duration> {
        if !may_repeat(call, error) {
            return None;
        }
        let backoff = match error {
            KmsError::KeyNotReady { .. } => &self.settings.not_ready,
            _ => &self.settings.failures,
        };
        if made >= backoff.attempts {
            return None;
        }
        let asked = match error {
            KmsError::Throttled { retry_after } => retry_after.unwrap_or_default(),
            _ => Duration::ZERO,
        };
        // Jitter after what the KMS asks for: it says the same to everybody.
        let pause = asked.checked_add(backoff.pause(made, &*self.random))?;
        let in_time = Instant::now()
            .checked_add(pause)
            .is_some_and(|start| start < end);
        in_time.then_some(pause)
    }

    fn is_paid_for(&self) -> bool {
        let paid = self.allowance.withdraw();
        if !paid {
            self.withheld.fetch_add(1, Ordering::Relaxed);
        }
        paid
    }
}

fn may_repeat(call: &Call, error: &KmsError) -> bool {
    error.is_retryable()
        && !error.is_circuit_open()
        && (call.operation().is_idempotent() || !error.outcome_is_unknown())
}

impl Policy for Retry {
    async fn run<T: Answer>(&self, call: Call, next: Next<'_, T>) -> Result<T, KmsError> {
        self.allowance.deposit();
        let (mut call, end) = call.within(self.settings.total);
        let mut made = 0;
        loop {
            made += 1;
            let error = match next(call.clone()).await {
                Ok(answer) => return Ok(answer),
                Err(error) => error,
            };
            let Some(pause) = self.pause(&call, &error, made, end) else {
                return Err(error);
            };
            if !self.is_paid_for() {
                return Err(error);
            }
            sleep(pause).await;
            self.retries.fetch_add(1, Ordering::Relaxed);
            call = call.as_attempt(Attempt::Retry);
        }
    }
}
