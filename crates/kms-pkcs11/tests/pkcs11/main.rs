//! The KMS over a token as its users see it, on SoftHSM and kryoptic (`cargo xtask setup`).

#![expect(
    clippy::unwrap_used,
    reason = "helpers of tests: a failure is a failed test"
)]

mod administration;
mod concurrency;
mod conformance;
mod healing;
mod house;
mod opening;
mod process;
mod protection;
mod tags;
