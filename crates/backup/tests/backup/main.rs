//! Backup files, without a vault.

mod damage;
mod encryption;
mod identity;
mod support;
