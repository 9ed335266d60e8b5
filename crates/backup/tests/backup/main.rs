//! Backup files, without a vault.

#![expect(
    clippy::unwrap_used,
    reason = "a failed test panics, in its helpers too"
)]

mod damage;
mod encryption;
mod frozen;
mod identity;
mod support;
