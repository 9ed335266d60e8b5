//! Counts the calls that reach a provider.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use async_trait::async_trait;

use crate::capabilities::Capabilities;
use crate::error::KmsError;
use crate::external_keys::ExternalKeys;
use crate::key_wrapper::KeyWrapper;
use crate::operation::KmsOperation;
use crate::provider::{KmsHealth, KmsProvider};

mod keys;
mod wrapper;

/// A provider whose calls are counted, by operation.
///
/// The handles it gives out count into one place, however many there are; [`Self::calls`] reads it at any time. A call
/// counts when it starts, so that one whose answer is lost counts too.
pub struct Metered {
    provider: Arc<dyn KmsProvider>,
    counters: Arc<Counters>,
}

impl Metered {
    /// Counts the calls to `provider` from now on.
    #[must_use]
    pub fn new(provider: Arc<dyn KmsProvider>) -> Self {
        Self {
            provider,
            counters: Arc::default(),
        }
    }

    /// How many calls there were so far.
    #[must_use]
    pub fn calls(&self) -> CallCounts {
        self.counters.snapshot()
    }
}

impl fmt::Debug for Metered {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Metered")
            .field("provider", &self.provider)
            .field("calls", &self.calls())
            .finish()
    }
}

#[async_trait]
impl KmsProvider for Metered {
    fn capabilities(&self) -> &Capabilities {
        self.provider.capabilities()
    }

    fn key_wrapper(&self) -> Option<Arc<dyn KeyWrapper>> {
        let inner = self.provider.key_wrapper()?;
        Some(Arc::new(wrapper::MeteredWrapper {
            inner,
            counters: Arc::clone(&self.counters),
        }))
    }

    fn external_keys(&self) -> Option<Arc<dyn ExternalKeys>> {
        let inner = self.provider.external_keys()?;
        Some(Arc::new(keys::MeteredKeys {
            inner,
            counters: Arc::clone(&self.counters),
        }))
    }

    async fn health(&self) -> KmsHealth {
        self.provider.health().await
    }
}

/// How many calls there were, by operation, and how many of them failed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct CallCounts {
    calls: [u64; KmsOperation::ALL.len()],
    failures: [u64; KmsOperation::ALL.len()],
}

impl CallCounts {
    /// All calls.
    #[must_use]
    pub fn total(&self) -> u64 {
        self.calls.iter().sum()
    }

    /// All calls that answered with an error.
    #[must_use]
    pub fn failed(&self) -> u64 {
        self.failures.iter().sum()
    }

    /// The calls of one operation.
    #[must_use]
    pub fn of(&self, operation: KmsOperation) -> u64 {
        self.calls
            .get(operation as usize)
            .copied()
            .unwrap_or_default()
    }

    /// Name and number of calls of each operation that was called at least once: `("wrap_key", 1)`.
    pub fn by_name(&self) -> impl Iterator<Item = (&'static str, u64)> {
        KmsOperation::ALL
            .into_iter()
            .map(|operation| (operation.name(), self.of(operation)))
            .filter(|(_, n)| *n > 0)
    }
}

#[derive(Debug, Default)]
struct Counters {
    calls: [AtomicU64; KmsOperation::ALL.len()],
    failures: [AtomicU64; KmsOperation::ALL.len()],
}

impl Counters {
    async fn count<T>(
        &self,
        operation: KmsOperation,
        call: impl Future<Output = Result<T, KmsError>>,
    ) -> Result<T, KmsError> {
        add(&self.calls, operation);
        let answer = call.await;
        if answer.is_err() {
            add(&self.failures, operation);
        }
        answer
    }

    fn snapshot(&self) -> CallCounts {
        CallCounts {
            calls: read(&self.calls),
            failures: read(&self.failures),
        }
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
