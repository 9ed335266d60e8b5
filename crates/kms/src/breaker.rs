//! Stops asking a KMS that is down.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;
use tokio::time::Instant;

use crate::error::KmsError;
use crate::guarded::{Answer, Call, Next, Policy};
use crate::provider::KmsHealth;

mod circuit;

use circuit::{Circuit, Permit, Verdict};

/// When a circuit breaker opens and closes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BreakerSettings {
    /// Opens after so many failures of the KMS without anything else in between. Default: 5. It counts in a row and not
    /// by share: while some calls succeed, retries help, and nothing is gained by refusing.
    pub failures: u32,
    /// How long it stays open before it lets a probe through. Default: 5 s.
    pub open_for: Duration,
    /// The same after probes that failed: it doubles each time up to this. Default: 60 s.
    pub open_for_at_most: Duration,
    /// A call that got less time than this before it timed out says nothing about the KMS. Default: 1 s.
    pub fair_time: Duration,
}

impl Default for BreakerSettings {
    fn default() -> Self {
        Self {
            failures: 5,
            open_for: Duration::from_secs(5),
            open_for_at_most: Duration::from_secs(60),
            fair_time: Duration::from_secs(1),
        }
    }
}

/// What a circuit breaker does with calls.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum BreakerState {
    /// It lets them through.
    Closed,
    /// It lets one through, to see whether the KMS is back.
    HalfOpen,
    /// It refuses them.
    Open,
}

impl BreakerState {
    /// The stable name: `closed`, `half-open`, `open`.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Closed => "closed",
            Self::HalfOpen => "half-open",
            Self::Open => "open",
        }
    }
}

impl fmt::Display for BreakerState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// Refuses calls at once while the KMS does not work. Clones are handles of the same breaker: keep one to ask for its
/// [`state`](Self::state).
///
/// It counts only what is the KMS's fault ([`KmsError::is_fault_of_kms`]): a missing key, a denial, a throttled call show
/// that the KMS is there. A refusal is [`KmsError::Unavailable`] with a [`CircuitOpen`] as its source.
#[derive(Clone, Debug)]
pub struct Breaker(Arc<Mutex<Circuit>>);

impl Breaker {
    /// A closed one.
    #[must_use]
    pub fn new(settings: BreakerSettings) -> Self {
        Self(Arc::new(Mutex::new(Circuit::new(settings))))
    }

    /// What it does with calls now.
    #[must_use]
    pub fn state(&self) -> BreakerState {
        self.0.lock().state(Instant::now())
    }

    /// How often it opened so far, after failed probes included.
    #[must_use]
    pub fn opened(&self) -> u64 {
        self.0.lock().opened()
    }

    /// The policy that refuses what this breaker would refuse, and lets the rest pass without judging its answers: for the
    /// outside of what a call waits for, so that it fails before it waits.
    #[must_use]
    pub fn gate(&self) -> Gate {
        Gate(self.clone())
    }

    fn admit(&self) -> Result<Permit, KmsError> {
        let admitted = self.0.lock().admit(Instant::now());
        admitted.map_err(KmsError::from)
    }
}

impl Policy for Breaker {
    async fn run<T: Answer>(&self, call: Call, next: Next<'_, T>) -> Result<T, KmsError> {
        let mut passage = Passage {
            circuit: &self.0,
            permit: self.admit()?,
            verdict: Verdict::None,
        };
        let start = Instant::now();
        let answer = next(call).await;
        passage.verdict = self.0.lock().judge(answer.as_ref().err(), start.elapsed());
        answer
    }

    fn health(&self) -> Option<KmsHealth> {
        self.0.lock().health(Instant::now())
    }
}

/// See [`Breaker::gate`].
#[derive(Clone, Debug)]
pub struct Gate(Breaker);

impl Policy for Gate {
    async fn run<T: Answer>(&self, call: Call, next: Next<'_, T>) -> Result<T, KmsError> {
        let refusal = self.0.0.lock().refusal(Instant::now());
        match refusal {
            Some(refusal) => Err(refusal.into()),
            None => next(call).await,
        }
    }
}

/// A call on its way; one whose caller gave up has no verdict, but must not keep the place of the probe.
struct Passage<'b> {
    circuit: &'b Mutex<Circuit>,
    permit: Permit,
    verdict: Verdict,
}

impl Drop for Passage<'_> {
    fn drop(&mut self) {
        self.circuit
            .lock()
            .record(self.permit, self.verdict, Instant::now());
    }
}

/// The circuit breaker refused the call: nothing was sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("it failed {failures} times in a row; it is not asked again for {} ms", .retry_after.as_millis())]
pub struct CircuitOpen {
    /// After how many failures it opened.
    pub failures: u32,
    /// How long it refuses further; zero while a probe is under way.
    pub retry_after: Duration,
}

impl From<CircuitOpen> for KmsError {
    fn from(refusal: CircuitOpen) -> Self {
        Self::Unavailable {
            source: refusal.into(),
        }
    }
}
