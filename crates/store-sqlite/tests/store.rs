//! The embedded store keeps the rules of every store, and survives what happens to files and processes.

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a failed test panics, in its helpers too"
)]

#[path = "store/common.rs"]
mod common;
#[path = "store/crashes.rs"]
mod crashes;
#[path = "store/creation.rs"]
mod creation;
#[path = "store/damage.rs"]
mod damage;
#[path = "store/doubt.rs"]
mod doubt;
#[path = "store/faults.rs"]
mod faults;
#[path = "store/limits.rs"]
mod limits;
#[path = "store/locks.rs"]
mod locks;
#[path = "store/privacy.rs"]
mod privacy;
#[path = "store/tampering.rs"]
mod tampering;
#[path = "store/traces.rs"]
mod traces;

mod conformance {
    use super::common::TemporaryFolder;

    strongroom_test_support::store_conformance!(TemporaryFolder::new);
}

/// What counts, fails and crashes on purpose must not break a rule by itself.
mod conformance_behind_hooks {
    use super::common::HookedFolder;

    strongroom_test_support::store_conformance!(HookedFolder::new);
}
