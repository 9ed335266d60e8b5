use std::{collections::BTreeMap, sync::Arc};

use parking_lot::Mutex;
use strongroom_store::{Store, StoreError};

use super::{HookedStore, StoreCall, StoreHook};

/// A store that counts the calls it passes on.
pub type CountingStore = HookedStore<CallCounts>;

/// How often each call was made.
#[derive(Debug, Default)]
pub struct CallCounts(Mutex<BTreeMap<StoreCall, usize>>);

impl CountingStore {
    /// Counts the calls of `inner` from now on.
    #[must_use]
    pub fn new(inner: Arc<dyn Store>) -> Self {
        Self::around(inner, Arc::default())
    }
}

impl CallCounts {
    /// How often `call` was made.
    #[must_use]
    pub fn of(&self, call: StoreCall) -> usize {
        self.0.lock().get(&call).copied().unwrap_or_default()
    }

    /// How many calls were made altogether.
    #[must_use]
    pub fn total(&self) -> usize {
        self.0.lock().values().sum()
    }

    /// Counts from zero again.
    pub fn reset(&self) {
        self.0.lock().clear();
    }
}

impl StoreHook for CallCounts {
    fn before(&self, call: StoreCall) -> Result<(), StoreError> {
        *self.0.lock().entry(call).or_default() += 1;
        Ok(())
    }

    fn after(&self, _call: StoreCall) -> Result<(), StoreError> {
        Ok(())
    }
}
