use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering},
};

use strongroom_store::{Store, StoreError};

use super::{HookedStore, StoreCall, StoreHook};

/// A store that ends the process before or after a durable step: a commit, or a scrub.
pub type CrashingStore = HookedStore<DurableSteps>;

/// Ends the process at a chosen point, as a loss of power would: no destructor runs.
///
/// One plan is shared by everything that writes in a process, so that a sweep over the points 1, 2, 3, … visits the
/// steps of stores and of files in the order in which they happen. [`CrashPlan::never`] tells how many there are.
#[derive(Debug)]
pub struct CrashPlan {
    fatal: Option<usize>,
    passed: AtomicUsize,
}

impl CrashPlan {
    /// The process ends at the `number`-th point (1: the first).
    #[must_use]
    pub fn at(number: usize) -> Arc<Self> {
        Arc::new(Self {
            fatal: Some(number),
            passed: AtomicUsize::new(0),
        })
    }

    /// The process survives; points are only counted.
    #[must_use]
    pub fn never() -> Arc<Self> {
        Arc::new(Self {
            fatal: None,
            passed: AtomicUsize::new(0),
        })
    }

    /// A point at which the process may end: call it before and after each durable step.
    pub fn point(&self) {
        let number = self.passed.fetch_add(1, Ordering::SeqCst) + 1;
        if self.fatal == Some(number) {
            std::process::abort();
        }
    }

    /// How many points were passed.
    #[must_use]
    pub fn passed(&self) -> usize {
        self.passed.load(Ordering::SeqCst)
    }
}

/// The points before and after each durable step of a store.
#[derive(Debug)]
pub struct DurableSteps(Arc<CrashPlan>);

impl CrashingStore {
    /// `inner`, in a process that ends according to `plan`.
    #[must_use]
    pub fn new(inner: Arc<dyn Store>, plan: Arc<CrashPlan>) -> Self {
        Self::around(inner, Arc::new(DurableSteps(plan)))
    }
}

impl DurableSteps {
    fn pass(&self, call: StoreCall) {
        if matches!(call, StoreCall::Commit | StoreCall::Scrub) {
            self.0.point();
        }
    }
}

impl StoreHook for DurableSteps {
    fn before(&self, call: StoreCall) -> Result<(), StoreError> {
        self.pass(call);
        Ok(())
    }

    fn after(&self, call: StoreCall) -> Result<(), StoreError> {
        self.pass(call);
        Ok(())
    }
}
