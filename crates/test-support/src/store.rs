//! For stores: the rules that each must keep, and wrappers that count, fail or crash.
//!
//! A store runs the rules by one macro, [`store_conformance!`](crate::store_conformance), over its [`Storage`].
//! [`CountingStore`], [`FlakyStore`] and [`CrashingStore`] wrap any store, so that what uses it can be shown to
//! survive a failure or a crash at every call.

pub mod conformance;
mod counting;
mod crashing;
mod flaky;
mod hooked;
pub mod samples;
mod shared;
mod storage;

pub use counting::{CallCounts, CountingStore};
pub use crashing::{CrashPlan, CrashingStore, DurableSteps};
pub use flaky::{Faults, FlakyStore};
pub use hooked::{HookedStore, StoreCall, StoreHook};
pub use shared::{SharedHandle, SharedStore};
pub use storage::{Storage, run};
