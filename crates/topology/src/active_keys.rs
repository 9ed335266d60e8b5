use strongroom_crypto::{EncryptionPublicKey, Fingerprint, KeyUsage, KeyUsages, SigningPublicKey};

use crate::mapping::OwnerToKeyMapping;

/// The key with which a node signs for `usage`: the last one in its mapping that may, and whose private half is here.
///
/// So a rotated key, which stands behind the old one, is used as soon as it is announced. Source: reference, topology
/// rules, section 8.
#[must_use]
pub fn current_signing_key<'m>(
    mapping: &'m OwnerToKeyMapping,
    usage: KeyUsage,
    holds: &dyn Fn(&Fingerprint) -> bool,
) -> Option<&'m SigningPublicKey> {
    let wanted = KeyUsages::only(usage);
    mapping
        .signing_keys()
        .rev()
        .find(|key| key.usages().intersects(wanted) && holds(&key.fingerprint()))
}

/// The key that others encrypt to: the last encryption key in the mapping.
#[must_use]
pub fn current_encryption_key(mapping: &OwnerToKeyMapping) -> Option<&EncryptionPublicKey> {
    mapping.encryption_keys().next_back()
}
