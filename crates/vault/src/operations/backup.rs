//! Backups: making, verifying, remembering and restoring them.

pub(crate) mod create;
pub(crate) mod forget;
pub(crate) mod hashing;
pub(crate) mod pages;
pub(crate) mod record;
pub(crate) mod release;
pub(crate) mod restore;
pub(crate) mod schedule;
pub(crate) mod seal;
pub(crate) mod verify;
