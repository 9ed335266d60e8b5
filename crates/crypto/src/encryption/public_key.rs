use std::fmt;

use super::{AsymmetricEncrypted, EncryptError, deterministic, ecies, rsa_oaep};
use crate::fingerprint::Fingerprint;
use crate::formats::{self, Migrated};
use crate::key_error::KeyError;
use crate::random::Random;
use crate::spec::{EncryptionKeySpec, KeyFormat, KeyPurpose, KeySpec};

/// The public half of an encryption key: whoever has it can write to the owner of the private half.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct EncryptionPublicKey {
    spec: EncryptionKeySpec,
    fingerprint: Fingerprint,
    spki: Box<[u8]>,
}

impl EncryptionPublicKey {
    /// The key in a DER SubjectPublicKeyInfo, fully checked. A compressed point is expanded first, so that one
    /// key has one fingerprint.
    ///
    /// # Errors
    /// [`KeyError`] says what is wrong with the key.
    pub fn from_spki(spec: EncryptionKeySpec, spki: &[u8]) -> Result<Self, KeyError> {
        formats::validate_spki(spec.into(), spki).map(|spki| Self::from_validated(spec, spki))
    }

    /// The key in a format of Canton, which may be one of old (reference: keys-and-schemes, section 4.8).
    ///
    /// # Errors
    /// [`KeyError::UnexpectedFormat`] for a format that public encryption keys never had, else as
    /// [`Self::from_spki`].
    pub fn from_encoded(
        spec: EncryptionKeySpec,
        format: KeyFormat,
        bytes: &[u8],
    ) -> Result<Migrated<Self>, KeyError> {
        let (spki, was_legacy) = formats::public_from_encoded(spec.into(), format, bytes)?;
        Ok(Migrated {
            key: Self::from_validated(spec, spki),
            was_legacy,
        })
    }

    /// The key in a PEM or DER file; the spec is found from its algorithm.
    ///
    /// # Errors
    /// [`KeyError`] says what is wrong with the file or the key.
    pub fn detect(bytes: &[u8]) -> Result<Self, KeyError> {
        match formats::detect_public(bytes, KeyPurpose::Encryption)? {
            (KeySpec::Encryption(spec), spki) => Ok(Self::from_validated(spec, spki)),
            (spec @ KeySpec::Signing(_), _) => Err(KeyError::PurposeMismatch {
                found: spec.name(),
                purpose: KeyPurpose::Encryption,
            }),
        }
    }

    /// The key in an SPKI that one of the other constructors has accepted before and that is known not to have
    /// changed since: only the fingerprint is computed.
    ///
    /// Unchecked bytes may hold a point that is on no curve; encrypting for it then fails.
    #[must_use]
    pub fn from_validated(spec: EncryptionKeySpec, spki: Box<[u8]>) -> Self {
        Self {
            spec,
            fingerprint: Fingerprint::of(spec.into(), &spki),
            spki,
        }
    }

    /// Its spec.
    #[must_use]
    pub const fn spec(&self) -> EncryptionKeySpec {
        self.spec
    }

    /// Its identity.
    #[must_use]
    pub const fn fingerprint(&self) -> Fingerprint {
        self.fingerprint
    }

    /// The DER SubjectPublicKeyInfo, with an uncompressed point.
    #[must_use]
    pub const fn spki(&self) -> &[u8] {
        &self.spki
    }

    /// The SubjectPublicKeyInfo in PEM.
    #[must_use]
    pub fn to_pem(&self) -> String {
        formats::public_pem(&self.spki)
    }

    /// Encrypts `message` for the owner of the private half: any length for P-256, at most 190 bytes for RSA.
    ///
    /// ECIES draws its IV and ephemeral key from `random`; the seed of RSA-OAEP comes from AWS-LC itself.
    ///
    /// # Errors
    /// [`EncryptError::MessageTooLong`] above 190 bytes for RSA, [`EncryptError::Random`] when `random` gives
    /// nothing, [`EncryptError::Refused`] for a key that was never validated.
    pub fn encrypt(
        &self,
        message: &[u8],
        random: &dyn Random,
    ) -> Result<AsymmetricEncrypted, EncryptError> {
        let ciphertext = match self.spec {
            EncryptionKeySpec::EcP256 => {
                ecies::encrypt(formats::ec_point(&self.spki), message, random)?
            }
            EncryptionKeySpec::Rsa2048 => rsa_oaep::encrypt(&self.spki, message)?,
        };
        Ok(self.encrypted(ciphertext))
    }

    /// As [`Self::encrypt`], but the same message gives the same ciphertext, byte for byte that of Canton: whoever knows the
    /// message can check what others were sent. Only for secrets that nobody can guess, such as session keys.
    ///
    /// # Errors
    /// As [`Self::encrypt`].
    pub fn encrypt_deterministically(
        &self,
        message: &[u8],
    ) -> Result<AsymmetricEncrypted, EncryptError> {
        let draws = deterministic::Draws::new(message, &self.fingerprint);
        let recipient = formats::key_bits(self.spec.into(), &self.spki);
        let ciphertext = match self.spec {
            EncryptionKeySpec::EcP256 => deterministic::ecies(recipient, message, draws)?,
            EncryptionKeySpec::Rsa2048 => deterministic::rsa_oaep(recipient, message, draws)?,
        };
        Ok(self.encrypted(ciphertext))
    }

    fn encrypted(&self, ciphertext: Vec<u8>) -> AsymmetricEncrypted {
        AsymmetricEncrypted {
            ciphertext,
            algorithm: self.spec.algorithm(),
            encrypted_for: self.fingerprint,
        }
    }
}

impl fmt::Debug for EncryptionPublicKey {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            formatter,
            "EncryptionPublicKey({} {})",
            self.spec, self.fingerprint
        )
    }
}
