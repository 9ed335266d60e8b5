use std::collections::BTreeSet;

use strongroom_crypto::{EncryptionPublicKey, Fingerprint, PublicKey, SigningPublicKey};

use super::{MAX_KEYS, MappingError};
use crate::identifier::Member;

/// The keys of a node, in an order that means something: the last fitting key is the one in use.
///
/// Source: reference, topology, section 4.4.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OwnerToKeyMapping {
    member: Member,
    keys: Vec<PublicKey>,
}

impl OwnerToKeyMapping {
    /// `keys` are those of `member`.
    ///
    /// # Errors
    /// [`MappingError::NoKeys`]; [`MappingError::DuplicateKeys`]; [`MappingError::TooManyKeys`] above 20.
    pub fn try_new(member: Member, keys: Vec<PublicKey>) -> Result<Self, MappingError> {
        if keys.is_empty() {
            return Err(MappingError::NoKeys);
        }
        let (mut seen, mut duplicates) = (BTreeSet::new(), BTreeSet::new());
        for key in &keys {
            if !seen.insert(key.fingerprint()) {
                duplicates.insert(key.fingerprint());
            }
        }
        if !duplicates.is_empty() {
            return Err(MappingError::DuplicateKeys {
                keys: duplicates.into_iter().collect(),
            });
        }
        if keys.len() > MAX_KEYS {
            return Err(MappingError::TooManyKeys {
                limit: MAX_KEYS,
                found: keys.len(),
            });
        }
        Ok(Self { member, keys })
    }

    /// The node.
    #[must_use]
    pub fn member(&self) -> &Member {
        &self.member
    }

    /// Its keys, in their order; never empty.
    #[must_use]
    pub fn keys(&self) -> &[PublicKey] {
        &self.keys
    }

    /// Its signing keys, in their order.
    pub fn signing_keys(&self) -> impl DoubleEndedIterator<Item = &SigningPublicKey> {
        self.keys.iter().filter_map(|key| match key {
            PublicKey::Signing(key) => Some(key),
            PublicKey::Encryption(_) => None,
        })
    }

    /// Its encryption keys, in their order.
    pub fn encryption_keys(&self) -> impl DoubleEndedIterator<Item = &EncryptionPublicKey> {
        self.keys.iter().filter_map(|key| match key {
            PublicKey::Encryption(key) => Some(key),
            PublicKey::Signing(_) => None,
        })
    }

    /// Whether `key` is among them.
    #[must_use]
    pub fn contains(&self, key: &Fingerprint) -> bool {
        self.keys.iter().any(|known| known.fingerprint() == *key)
    }

    /// The same with `key` behind the others.
    ///
    /// # Errors
    /// [`MappingError::DuplicateKeys`]; [`MappingError::TooManyKeys`].
    pub fn with_key(&self, key: PublicKey) -> Result<Self, MappingError> {
        let mut keys = self.keys.clone();
        keys.push(key);
        Self::try_new(self.member.clone(), keys)
    }

    /// The same without `key`; none if it was the only one.
    ///
    /// # Errors
    /// [`MappingError::KeyNotInMapping`].
    pub fn without_key(&self, key: &Fingerprint) -> Result<Option<Self>, MappingError> {
        if !self.contains(key) {
            return Err(MappingError::KeyNotInMapping { key: *key });
        }
        let others = self.keys.iter().filter(|known| known.fingerprint() != *key);
        let keys: Vec<_> = others.cloned().collect();
        if keys.is_empty() {
            return Ok(None);
        }
        Self::try_new(self.member.clone(), keys).map(Some)
    }
}
