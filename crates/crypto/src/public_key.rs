//! Public keys.

mod signing;

pub use self::signing::SigningPublicKey;

use crate::encryption::EncryptionPublicKey;
use crate::fingerprint::Fingerprint;
use crate::formats;
use crate::key_error::KeyError;
use crate::spec::{KeyPurpose, KeySpec};
use crate::usage::KeyUsages;

/// A public key of either purpose.
///
/// Not `#[non_exhaustive]`: there is one variant per [`KeyPurpose`].
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum PublicKey {
    /// Verifies signatures.
    Signing(SigningPublicKey),
    /// Encrypts.
    Encryption(EncryptionPublicKey),
}

impl PublicKey {
    /// Reads a public key whose spec is not known beforehand: SubjectPublicKeyInfo in PEM or DER, PKCS#1 of RSA,
    /// or the bare 32 bytes of an Ed25519 key. Checks everything that [`SigningPublicKey::from_spki`] checks.
    ///
    /// # Errors
    /// [`KeyError::NotAKey`], [`KeyError::WrongHalf`], [`KeyError::PurposeMismatch`],
    /// [`KeyError::UsagesMisplaced`] unless signing keys have usages and encryption keys have none; else the
    /// [`KeyError`] of the check that failed.
    pub fn detect(
        bytes: &[u8],
        purpose: KeyPurpose,
        usages: Option<KeyUsages>,
    ) -> Result<Self, KeyError> {
        let (spec, spki) = formats::detect_public(bytes, purpose)?;
        Self::from_checked(spec, spki, usages)
    }

    /// A key of declared spec from DER SubjectPublicKeyInfo; see [`SigningPublicKey::from_spki`].
    ///
    /// # Errors
    /// As [`Self::detect`], and [`KeyError::SpecMismatch`].
    pub fn from_spki(
        spec: KeySpec,
        spki: &[u8],
        usages: Option<KeyUsages>,
    ) -> Result<Self, KeyError> {
        Self::from_checked(spec, formats::validate_spki(spec, spki)?, usages)
    }

    pub(crate) fn from_checked(
        spec: KeySpec,
        spki: Box<[u8]>,
        usages: Option<KeyUsages>,
    ) -> Result<Self, KeyError> {
        match (spec, usages) {
            (KeySpec::Signing(spec), Some(usages)) => {
                SigningPublicKey::from_checked(spec, spki, usages).map(Self::Signing)
            }
            (KeySpec::Encryption(spec), None) => Ok(Self::Encryption(
                EncryptionPublicKey::from_validated(spec, spki),
            )),
            (KeySpec::Signing(_), None) | (KeySpec::Encryption(_), Some(_)) => {
                Err(KeyError::UsagesMisplaced)
            }
        }
    }

    /// The identity of the key.
    #[must_use]
    pub fn fingerprint(&self) -> Fingerprint {
        match self {
            Self::Signing(key) => key.fingerprint(),
            Self::Encryption(key) => key.fingerprint(),
        }
    }

    /// The spec, purpose included.
    #[must_use]
    pub fn spec(&self) -> KeySpec {
        match self {
            Self::Signing(key) => KeySpec::Signing(key.spec()),
            Self::Encryption(key) => KeySpec::Encryption(key.spec()),
        }
    }

    /// The usages of a signing key; `None` for an encryption key.
    #[must_use]
    pub fn usages(&self) -> Option<KeyUsages> {
        match self {
            Self::Signing(key) => Some(key.usages()),
            Self::Encryption(_) => None,
        }
    }

    /// DER SubjectPublicKeyInfo with an uncompressed point.
    #[must_use]
    pub fn spki(&self) -> &[u8] {
        match self {
            Self::Signing(key) => key.spki(),
            Self::Encryption(key) => key.spki(),
        }
    }

    /// [`Self::spki`] in PEM armour, with lines of 64 characters and a final line feed.
    #[must_use]
    pub fn to_pem(&self) -> String {
        formats::public_pem(self.spki())
    }
}

impl From<SigningPublicKey> for PublicKey {
    fn from(key: SigningPublicKey) -> Self {
        Self::Signing(key)
    }
}

impl From<EncryptionPublicKey> for PublicKey {
    fn from(key: EncryptionPublicKey) -> Self {
        Self::Encryption(key)
    }
}
