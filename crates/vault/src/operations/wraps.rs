//! The wraps of the data keys: who else can open the vault.

pub(crate) mod add;
mod attempts;
pub(crate) mod check;
pub(crate) mod list;
pub(crate) mod prune;
pub(crate) mod remove;
pub(crate) mod rewrap;
pub(crate) mod rotate;
pub(crate) mod rotated;
pub(crate) mod wrapper_keys;

use std::collections::BTreeMap;

use crate::{environment::NamedWrapper, error::VaultError, vault::Vault};

impl Vault {
    /// The KMS with this configured name.
    pub(in crate::operations) fn configured_wrapper(
        &self,
        kms: &str,
    ) -> Result<&NamedWrapper, VaultError> {
        let named = self.environment().wrapper(kms);
        named.ok_or_else(|| VaultError::KmsNotConfigured {
            kms: kms.to_owned(),
        })
    }
}

/// What the audit log says of a wrap.
fn wrap_details(kms: &str, wrapper_key_id: &str) -> BTreeMap<String, String> {
    BTreeMap::from([
        ("kms".to_owned(), kms.to_owned()),
        ("wrapper_key_id".to_owned(), wrapper_key_id.to_owned()),
    ])
}
