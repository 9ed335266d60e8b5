use std::collections::BTreeSet;

use strongroom_crypto::{Fingerprint, HashBuilder, HashPurpose};

use super::MappingError;
use crate::identifier::Namespace;

/// Several namespaces own one together: so many of them must agree.
///
/// Source: reference, topology, section 4.3.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DecentralizedNamespaceDefinition {
    namespace: Namespace,
    threshold: u32,
    owners: BTreeSet<Namespace>,
}

impl DecentralizedNamespaceDefinition {
    /// `threshold` of `owners` sign for `namespace`. Whether it is a hash of the first owners is looked at when the
    /// definition is added to a store, since later ones keep the namespace of the first.
    ///
    /// # Errors
    /// [`MappingError::NoOwners`]; [`MappingError::OwnerThreshold`] outside of 1 to the number of owners.
    pub fn try_new(
        namespace: Namespace,
        threshold: i32,
        owners: BTreeSet<Namespace>,
    ) -> Result<Self, MappingError> {
        if owners.is_empty() {
            return Err(MappingError::NoOwners);
        }
        let in_range = u32::try_from(threshold)
            .ok()
            .filter(|threshold| (1..=owners.len()).contains(&(*threshold as usize)));
        match in_range {
            Some(threshold) => Ok(Self {
                namespace,
                threshold,
                owners,
            }),
            None => Err(MappingError::OwnerThreshold {
                threshold: threshold.into(),
                namespace,
                owners: owners.len(),
            }),
        }
    }

    /// What a namespace with these first owners is called.
    #[must_use]
    pub fn derive_namespace(owners: &BTreeSet<Namespace>) -> Namespace {
        let mut hash = HashBuilder::new(HashPurpose::DecentralizedNamespace);
        for owner in owners {
            hash = hash.string(&owner.to_string());
        }
        Fingerprint::from_bytes(*hash.finish().as_bytes()).into()
    }

    /// The namespace.
    #[must_use]
    pub fn namespace(&self) -> &Namespace {
        &self.namespace
    }

    /// How many owners must agree, at least 1.
    #[must_use]
    pub fn threshold(&self) -> usize {
        self.threshold as usize
    }

    /// The owners; never empty.
    #[must_use]
    pub fn owners(&self) -> &BTreeSet<Namespace> {
        &self.owners
    }
}
