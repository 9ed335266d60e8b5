//! How often which operation was called.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// How often which operation was called since the start, or since the counters were reset.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Calls {
    operations: BTreeMap<String, Count>,
}

/// The calls of one operation by their end. Calls that an outage swallowed only arrived.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Count {
    /// Requests that came, whatever became of them.
    pub arrived: u64,
    /// Those that did what they were asked for, their answers sent or lost.
    pub succeeded: u64,
    /// Those that were answered with an error.
    pub failed: u64,
    /// Those whose work was done and whose answer was not sent.
    pub lost: u64,
}

impl Calls {
    /// The calls of an operation; its name is that of the cloud, for example `Decrypt`.
    #[must_use]
    pub fn of(&self, operation: &str) -> Count {
        self.operations.get(operation).copied().unwrap_or_default()
    }

    /// How many requests came in all.
    #[must_use]
    pub fn total(&self) -> u64 {
        self.operations.values().map(|count| count.arrived).sum()
    }

    /// Names and counts of the operations that were called.
    pub fn iter(&self) -> impl Iterator<Item = (&str, Count)> {
        self.operations
            .iter()
            .map(|(name, count)| (name.as_str(), *count))
    }

    pub(crate) fn change(&mut self, operation: &str, change: impl FnOnce(&mut Count)) {
        change(self.operations.entry(operation.to_owned()).or_default());
    }
}
