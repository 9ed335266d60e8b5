use std::collections::BTreeSet;

use strongroom_crypto::{KeyUsage, SigningPublicKey};

use super::{MappingCode, MappingError};
use crate::identifier::Namespace;

/// What a delegation allows its target to sign.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Restriction {
    /// Everything, further delegations included.
    AllMappings,
    /// Everything but delegations.
    AllButNamespaceDelegations,
    /// These kinds of mappings only; never empty.
    SpecificMappings(BTreeSet<MappingCode>),
}

impl Restriction {
    /// Whether mappings of this kind may be signed.
    #[must_use]
    pub fn can_sign(&self, code: MappingCode) -> bool {
        match self {
            Self::AllMappings => true,
            Self::AllButNamespaceDelegations => code != MappingCode::NamespaceDelegation,
            Self::SpecificMappings(codes) => codes.contains(&code),
        }
    }
}

/// A key may sign for a namespace.
///
/// Source: reference, topology, section 4.2.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NamespaceDelegation {
    namespace: Namespace,
    target: SigningPublicKey,
    restriction: Restriction,
}

impl NamespaceDelegation {
    /// `target` may sign for `namespace` what `restriction` allows.
    ///
    /// # Errors
    /// [`MappingError::NoMappings`]; [`MappingError::TargetWithoutNamespaceUsage`]; [`MappingError::RootMustDelegate`] for
    /// the namespace's own key without the right to delegate.
    pub fn try_new(
        namespace: Namespace,
        target: SigningPublicKey,
        restriction: Restriction,
    ) -> Result<Self, MappingError> {
        if matches!(&restriction, Restriction::SpecificMappings(codes) if codes.is_empty()) {
            return Err(MappingError::NoMappings);
        }
        if !target.usages().contains(KeyUsage::Namespace) {
            return Err(MappingError::TargetWithoutNamespaceUsage {
                key: target.fingerprint(),
            });
        }
        let delegation = Self {
            namespace,
            target,
            restriction,
        };
        if delegation.targets_root() && !delegation.can_sign(MappingCode::NamespaceDelegation) {
            return Err(MappingError::RootMustDelegate {
                namespace: delegation.namespace,
            });
        }
        Ok(delegation)
    }

    /// The namespace.
    #[must_use]
    pub fn namespace(&self) -> &Namespace {
        &self.namespace
    }

    /// The key that may sign.
    #[must_use]
    pub fn target(&self) -> &SigningPublicKey {
        &self.target
    }

    /// What it may sign.
    #[must_use]
    pub fn restriction(&self) -> &Restriction {
        &self.restriction
    }

    /// Whether the target may sign mappings of this kind.
    #[must_use]
    pub fn can_sign(&self, code: MappingCode) -> bool {
        self.restriction.can_sign(code)
    }

    /// Whether it is about the namespace's own key. Signed by nobody else, it is a root certificate.
    #[must_use]
    pub fn targets_root(&self) -> bool {
        self.namespace.is_root(&self.target.fingerprint())
    }
}
