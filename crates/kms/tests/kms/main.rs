//! What surrounds a KMS, as its users see it. Time is the runtime's, paused: no test waits.

#![expect(
    clippy::unwrap_used,
    reason = "helpers of tests: a failure is a failed test"
)]

mod audit;
mod breaker;
mod budget;
mod deadline;
mod hedge;
mod house;
mod retry;
mod searching;
mod surroundings;
