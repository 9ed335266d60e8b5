//! Public keys that verify.

use std::fmt;

use crate::fingerprint::Fingerprint;
use crate::formats::{self, Migrated};
use crate::jwk::Jwk;
use crate::key_error::KeyError;
use crate::spec::{KeyFormat, KeyPurpose, KeySpec, SigningKeySpec};
use crate::usage::KeyUsages;

/// A checked public key that verifies signatures, with what it may be used for.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct SigningPublicKey {
    spec: SigningKeySpec,
    usages: KeyUsages,
    fingerprint: Fingerprint,
    spki: Box<[u8]>,
}

impl SigningPublicKey {
    /// Reads DER SubjectPublicKeyInfo of a declared spec and checks everything that section 6.1 demands.
    ///
    /// A compressed point is rewritten as the uncompressed one *before* the fingerprint is computed, so that a key
    /// has one fingerprint. Proof of ownership is added to the usages where that is allowed.
    ///
    /// # Errors
    /// The [`KeyError`] of the check that failed: [`SpecMismatch`](KeyError::SpecMismatch),
    /// [`InvalidPoint`](KeyError::InvalidPoint), [`SmallOrderPoint`](KeyError::SmallOrderPoint),
    /// [`ExplicitCurve`](KeyError::ExplicitCurve), [`TrailingBytes`](KeyError::TrailingBytes),
    /// [`Usages`](KeyError::Usages) and others.
    pub fn from_spki(
        spec: SigningKeySpec,
        spki: &[u8],
        usages: KeyUsages,
    ) -> Result<Self, KeyError> {
        Self::from_checked(spec, formats::validate_spki(spec.into(), spki)?, usages)
    }

    /// Reads a key of declared spec and format, as Canton's messages and databases hold it. The legacy formats of
    /// section 4.8 are read too; the fingerprint is the same in each.
    ///
    /// # Errors
    /// [`KeyError::UnexpectedFormat`] for a format that public keys of this spec never had; else as
    /// [`Self::from_spki`].
    pub fn from_encoded(
        spec: SigningKeySpec,
        format: KeyFormat,
        bytes: &[u8],
        usages: KeyUsages,
    ) -> Result<Migrated<Self>, KeyError> {
        let (spki, was_legacy) = formats::public_from_encoded(spec.into(), format, bytes)?;
        Ok(Migrated {
            key: Self::from_checked(spec, spki, usages)?,
            was_legacy,
        })
    }

    /// Reads a key whose spec is not known beforehand: SubjectPublicKeyInfo in PEM or DER, or the bare 32 bytes of
    /// an Ed25519 key.
    ///
    /// # Errors
    /// [`KeyError::NotAKey`], [`KeyError::WrongHalf`], [`KeyError::PurposeMismatch`]; else as
    /// [`Self::from_spki`].
    pub fn detect(bytes: &[u8], usages: KeyUsages) -> Result<Self, KeyError> {
        match formats::detect_public(bytes, KeyPurpose::Signing)? {
            (KeySpec::Signing(spec), spki) => Self::from_checked(spec, spki, usages),
            (KeySpec::Encryption(spec), _) => Err(KeyError::PurposeMismatch {
                found: spec.name(),
                purpose: KeyPurpose::Signing,
            }),
        }
    }

    /// A key from a row that a MAC authenticates: what was checked before it was written is not checked again,
    /// only the fingerprint is recomputed.
    ///
    /// `spki` must be what [`Self::spki`] returned. Other bytes give a key that verifies nothing.
    #[must_use]
    pub fn from_validated(spec: SigningKeySpec, spki: Box<[u8]>, usages: KeyUsages) -> Self {
        let fingerprint = Fingerprint::of(spec.into(), &spki);
        Self {
            spec,
            usages,
            fingerprint,
            spki,
        }
    }

    /// From an SPKI that was checked or derived; checks the usages.
    pub(crate) fn from_checked(
        spec: SigningKeySpec,
        spki: Box<[u8]>,
        usages: KeyUsages,
    ) -> Result<Self, KeyError> {
        Ok(Self::from_validated(spec, spki, usages.for_key()?))
    }

    /// The spec.
    #[must_use]
    pub fn spec(&self) -> SigningKeySpec {
        self.spec
    }

    /// The identity of the key.
    #[must_use]
    pub fn fingerprint(&self) -> Fingerprint {
        self.fingerprint
    }

    /// What signatures of the key are accepted for.
    #[must_use]
    pub fn usages(&self) -> KeyUsages {
        self.usages
    }

    /// DER SubjectPublicKeyInfo with an uncompressed point.
    #[must_use]
    pub fn spki(&self) -> &[u8] {
        &self.spki
    }

    /// The bare 32 bytes of an Ed25519 key; `None` for other specs.
    #[must_use]
    pub fn raw_ed25519(&self) -> Option<&[u8; 32]> {
        match self.spec {
            SigningKeySpec::EcCurve25519 => self.spki.last_chunk(),
            _ => None,
        }
    }

    /// [`Self::spki`] in PEM armour, with lines of 64 characters and a final line feed.
    #[must_use]
    pub fn to_pem(&self) -> String {
        formats::public_pem(&self.spki)
    }

    /// The key as a JSON Web Key for verifying signatures (RFC 7517, section 12 of the reference).
    ///
    /// # Errors
    /// [`KeyError::NoJsonWebKey`] for ML-DSA-65.
    pub fn to_jwk(&self) -> Result<Jwk, KeyError> {
        Jwk::of(self)
    }

    /// The key without its header: 32 bytes of Ed25519, an uncompressed point, the bytes of ML-DSA.
    pub(crate) fn bits(&self) -> &[u8] {
        formats::key_bits(self.spec.into(), &self.spki)
    }
}

impl fmt::Debug for SigningPublicKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SigningPublicKey")
            .field("spec", &self.spec)
            .field("usages", &self.usages)
            .field("fingerprint", &self.fingerprint)
            .finish_non_exhaustive()
    }
}
