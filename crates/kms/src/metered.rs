//! Counts and times the calls that reach a provider.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use parking_lot::Mutex;
use strongroom_errors::Coded;
use tokio::time::Instant;

use crate::error::KmsError;
use crate::guarded::{Answer, Call, Guarded, Next, Policy};
use crate::operation::KmsOperation;
use crate::provider::KmsProvider;
use crate::quota_class::{PerClass, QuotaClass};

mod counts;
mod latency;

pub use counts::CallCounts;
pub use latency::{LATENCY_BOUNDS_MS, Latency};

/// A provider whose calls are counted, by operation. The handles it gives out count into one place, however many there are.
pub type Metered = Guarded<Meter>;

impl Guarded<Meter> {
    /// Counts the calls to `provider` from now on.
    #[must_use]
    pub fn new(provider: Arc<dyn KmsProvider>) -> Self {
        Self::around(provider, Meter::default())
    }

    /// How many calls there were so far.
    #[must_use]
    pub fn calls(&self) -> CallCounts {
        self.policy().calls()
    }
}

/// Counts what passes: calls by operation and class, errors by code, the time until the answer.
///
/// A call counts when it starts, so that one whose answer is lost or not awaited counts too.
#[derive(Default)]
pub struct Meter {
    calls: [AtomicU64; KmsOperation::ALL.len()],
    failures: [AtomicU64; KmsOperation::ALL.len()],
    by_class: PerClass<AtomicU64>,
    latency: [latency::Histogram; KmsOperation::ALL.len()],
    throttled: AtomicU64,
    // A lock is good enough for what ought to be rare.
    errors: Mutex<BTreeMap<&'static str, u64>>,
}

impl Meter {
    /// How many calls there were so far.
    #[must_use]
    pub fn calls(&self) -> CallCounts {
        CallCounts::new(read(&self.calls), read(&self.failures))
    }

    /// How many calls of each class.
    #[must_use]
    pub fn by_class(&self) -> PerClass<u64> {
        self.by_class.map(|count| count.load(Ordering::Relaxed))
    }

    /// How many calls failed, by the code of the error.
    #[must_use]
    pub fn errors(&self) -> BTreeMap<&'static str, u64> {
        self.errors.lock().clone()
    }

    /// How many calls the KMS throttled.
    #[must_use]
    pub fn throttled(&self) -> u64 {
        self.throttled.load(Ordering::Relaxed)
    }

    /// How long the answered calls of one operation took, failures included.
    #[must_use]
    pub fn latency(&self, operation: KmsOperation) -> Latency {
        self.latency
            .get(operation as usize)
            .map(latency::Histogram::snapshot)
            .unwrap_or_default()
    }

    fn answered(&self, operation: KmsOperation, since: Instant) {
        if let Some(histogram) = self.latency.get(operation as usize) {
            histogram.record(since.elapsed());
        }
    }

    fn failed(&self, operation: KmsOperation, error: &KmsError) {
        add(&self.failures, operation);
        if matches!(error, KmsError::Throttled { .. }) {
            self.throttled.fetch_add(1, Ordering::Relaxed);
        }
        *self.errors.lock().entry(error.code().name()).or_default() += 1;
    }
}

impl fmt::Debug for Meter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Meter")
            .field("calls", &self.calls())
            .finish_non_exhaustive()
    }
}

impl Policy for Meter {
    async fn run<T: Answer>(&self, call: Call, next: Next<'_, T>) -> Result<T, KmsError> {
        let operation = call.operation();
        add(&self.calls, operation);
        let class = QuotaClass::of(operation, call.subject());
        self.by_class.of(class).fetch_add(1, Ordering::Relaxed);
        let start = Instant::now();
        let answer = next(call).await;
        self.answered(operation, start);
        if let Err(error) = &answer {
            self.failed(operation, error);
        }
        answer
    }
}

fn add(counters: &[AtomicU64], operation: KmsOperation) {
    if let Some(counter) = counters.get(operation as usize) {
        // Relaxed: the numbers order nothing else.
        counter.fetch_add(1, Ordering::Relaxed);
    }
}

fn read<const N: usize>(counters: &[AtomicU64; N]) -> [u64; N] {
    counters
        .each_ref()
        .map(|counter| counter.load(Ordering::Relaxed))
}
