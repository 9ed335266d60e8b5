//! How many calls there were.

use crate::operation::KmsOperation;

/// How many calls there were, by operation, and how many of them failed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct CallCounts {
    calls: [u64; KmsOperation::ALL.len()],
    failures: [u64; KmsOperation::ALL.len()],
}

impl CallCounts {
    pub(super) const fn new(
        calls: [u64; KmsOperation::ALL.len()],
        failures: [u64; KmsOperation::ALL.len()],
    ) -> Self {
        Self { calls, failures }
    }

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
