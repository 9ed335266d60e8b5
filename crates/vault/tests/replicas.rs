//! Three processes on one PostgreSQL database, under load, while whatever can go wrong does: every answer that was given is
//! true afterwards.

#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "a failed test panics, in its helpers too, and figures are printed"
)]

#[path = "replicas/chaos.rs"]
mod chaos;
#[path = "replicas/checker.rs"]
mod checker;
#[path = "replicas/company.rs"]
mod company;
#[path = "replicas/defaults.rs"]
mod defaults;
#[path = "replicas/faults.rs"]
mod faults;
#[path = "replicas/history.rs"]
mod history;
#[path = "replicas/load.rs"]
mod load;
#[path = "replicas/process.rs"]
mod process;
#[path = "replicas/remote.rs"]
mod remote;
