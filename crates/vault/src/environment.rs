//! What a vault stands on: injected, so that every test repeats and every fault can be made.

use std::sync::Arc;

use strongroom_crypto::{Random, clock::Clock};
use strongroom_kms::{KeyWrapper, KmsProvider};
use strongroom_store::Store;

use crate::anchor::Anchor;

/// Calls to KMSs at once, for work on many keys: enough to fill a quota, few enough to leave it to others.
pub(crate) const KMS_CALLS_AT_ONCE: usize = 16;

/// The parts that a vault uses and does not choose.
#[derive(Clone, Debug)]
pub struct Environment {
    /// Where records are kept; its operator is an adversary.
    pub store: Arc<dyn Store>,
    /// The key management systems that hold wrapper keys, in the order in which opening tries them.
    pub wrappers: Vec<NamedWrapper>,
    /// The key management systems that hold external keys, or may; one that holds none is not asked.
    pub kms: Vec<NamedKms>,
    /// Where the latest generation is remembered, out of the store operator's reach.
    pub anchor: Arc<dyn Anchor>,
    /// The time.
    pub clock: Arc<dyn Clock>,
    /// Randomness for keys, salts and nonces.
    pub random: Arc<dyn Random>,
}

/// A key management system under the name that the configuration gives it.
///
/// Stored wraps name their KMS by it, so it must stay the same for the life of the vault.
#[derive(Clone, Debug)]
pub struct NamedWrapper {
    /// The configured name, for example `local`.
    pub name: String,
    /// The provider.
    pub wrapper: Arc<dyn KeyWrapper>,
}

/// A key management system under the name that the configuration gives it, with all its roles.
///
/// Rows of external keys name their KMS by it, so it must stay the same for the life of the vault.
#[derive(Clone, Debug)]
pub struct NamedKms {
    /// The configured name, for example `cloud`.
    pub name: String,
    /// The provider.
    pub provider: Arc<dyn KmsProvider>,
}

impl Environment {
    /// The wrapper called `name`.
    pub(crate) fn wrapper(&self, name: &str) -> Option<&NamedWrapper> {
        self.wrappers.iter().find(|named| named.name == name)
    }
}
