//! The face of Google's Cloud KMS: REST v1, which is JSON over HTTP below `/v1/`.
//!
//! A request is read ([`Call`]), meets the weather, and is answered by the handler that [`operations`] names for it.
//!
//! Google's keys are made of versions, each with a material and a state of its own: one version is one key of
//! [`crate::keys`], whose id is the version's resource name. What a key ring and a crypto key have beside their versions
//! is in the [`Inventory`].

mod asymmetric;
mod call;
mod crypto_keys;
mod encryption;
mod enums;
mod error;
mod import_jobs;
mod inventory;
mod key_changes;
mod key_rings;
mod locations;
mod names;
mod operations;
mod paging;
mod public_key;
mod query;
mod resources;
mod session;
mod version_states;
mod versions;
mod wire;

pub(crate) use call::{Call, is_ours};
pub(crate) use inventory::Inventory;
