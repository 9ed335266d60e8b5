//! What synchronizers take of signatures and of encryptions.
//!
//! The static parameters of a synchronizer say it. Topology does not tell them, so the vault's owner does
//! ([`Settings::synchronizers`](crate::Settings::synchronizers)), and whoever knows more may ask for less.

use std::collections::BTreeSet;

use strongroom_crypto::{
    EncryptionAlgorithm, EncryptionKeySpec, EncryptionPublicKey, SignatureFormat,
    SigningAlgorithms, SigningKeySpec, SigningPublicKey,
};
use strongroom_topology::{KeySpecs, PhysicalSynchronizerId, StoreId};

use crate::{
    error::{PayloadUseError, SignatureCheckError},
    vault::Vault,
};

/// What a synchronizer takes; by default everything that is known here.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SynchronizerSchemes {
    /// Of signatures.
    pub signing: RequiredSchemes,
    /// Of encryptions.
    pub encryption: RequiredEncryption,
}

impl SynchronizerSchemes {
    /// The keys that are of use there.
    pub(crate) fn key_specs(&self) -> KeySpecs {
        KeySpecs::of(
            |spec| self.signing.take(spec),
            |spec| self.encryption.take(spec, spec.algorithm()),
        )
    }
}

/// What a synchronizer takes of signatures. There is one hash algorithm, and one format of public keys.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RequiredSchemes {
    /// Signing algorithms.
    pub algorithms: SigningAlgorithms,
    /// Specs of signing keys.
    pub keys: BTreeSet<SigningKeySpec>,
    /// Formats of signatures.
    pub formats: BTreeSet<SignatureFormat>,
}

impl Default for RequiredSchemes {
    fn default() -> Self {
        Self {
            algorithms: SigningAlgorithms::ALL,
            keys: SigningKeySpec::ALL.into(),
            formats: SignatureFormat::ALL.into(),
        }
    }
}

impl RequiredSchemes {
    /// What both take.
    pub(crate) fn and(&self, other: &Self) -> Self {
        Self {
            algorithms: self.algorithms.and(other.algorithms),
            keys: &self.keys & &other.keys,
            formats: &self.formats & &other.formats,
        }
    }

    /// Whether signatures of `key` in this format are taken, as far as the algorithm is not asked.
    pub(crate) fn check(
        &self,
        key: &SigningPublicKey,
        format: SignatureFormat,
    ) -> Result<(), SignatureCheckError> {
        if !self.formats.contains(&format) {
            return Err(SignatureCheckError::FormatNotAllowed { format });
        }
        let spec = key.spec();
        if !self.keys.contains(&spec) {
            return Err(SignatureCheckError::KeySpecNotAllowed { spec });
        }
        Ok(())
    }

    /// Whether what keys of this spec sign is taken.
    pub(crate) fn take(&self, spec: SigningKeySpec) -> bool {
        let algorithm = spec.algorithm();
        self.keys.contains(&spec)
            && self.algorithms.contains(algorithm)
            && self.formats.contains(&algorithm.format())
    }
}

/// What a synchronizer takes of encryptions.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct RequiredEncryption {
    /// Algorithms.
    pub algorithms: BTreeSet<EncryptionAlgorithm>,
    /// Specs of encryption keys.
    pub keys: BTreeSet<EncryptionKeySpec>,
}

impl Default for RequiredEncryption {
    fn default() -> Self {
        Self {
            algorithms: EncryptionAlgorithm::ALL.into(),
            keys: EncryptionKeySpec::ALL.into(),
        }
    }
}

impl RequiredEncryption {
    /// What both take.
    pub(crate) fn and(&self, other: &Self) -> Self {
        Self {
            algorithms: &self.algorithms & &other.algorithms,
            keys: &self.keys & &other.keys,
        }
    }

    fn take(&self, spec: EncryptionKeySpec, algorithm: EncryptionAlgorithm) -> bool {
        self.keys.contains(&spec) && self.algorithms.contains(&algorithm)
    }

    /// Whether an encryption to `key` is taken.
    pub(crate) fn check(
        &self,
        key: &EncryptionPublicKey,
        algorithm: EncryptionAlgorithm,
    ) -> Result<(), PayloadUseError> {
        let spec = key.spec();
        if self.take(spec, algorithm) {
            return Ok(());
        }
        Err(PayloadUseError::SchemeNotAllowed {
            key: key.fingerprint(),
            spec,
            algorithm,
        })
    }
}

impl Vault {
    /// What the synchronizer of a topology store takes, as the vault's owner says; none: nothing is known, or the store is not one of
    /// a synchronizer, and everything is taken.
    #[must_use]
    pub fn schemes(&self, store: &StoreId) -> Option<&SynchronizerSchemes> {
        match store {
            StoreId::Synchronizer(synchronizer) => self.schemes_on(synchronizer),
            StoreId::Authorized | StoreId::Temporary(_) => None,
        }
    }

    pub(crate) fn schemes_on(
        &self,
        synchronizer: &PhysicalSynchronizerId,
    ) -> Option<&SynchronizerSchemes> {
        self.settings().synchronizers.get(synchronizer)
    }

    /// Others refuse what the synchronizer does not take: such a key does not sign there.
    pub(crate) fn check_signer(
        &self,
        store: &StoreId,
        key: &SigningPublicKey,
    ) -> Result<(), SignatureCheckError> {
        let Some(known) = self.schemes(store) else {
            return Ok(());
        };
        let spec = key.spec();
        known.signing.check(key, spec.algorithm().format())?;
        if known.signing.take(spec) {
            Ok(())
        } else {
            Err(SignatureCheckError::KeySpecNotAllowed { spec })
        }
    }
}
