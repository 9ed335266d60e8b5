//! Backup files, without a vault.

mod damage;
mod encryption;
mod frozen;
mod identity;
mod support;
