//! Private keys at rest in memory.

pub(crate) mod derive;
mod generate;
mod read;

use std::fmt;

use strongroom_memory::SecretBytes;

use crate::formats::{self, KeyKind};
use crate::key_error::KeyError;
use crate::public_key::{PublicKey, SigningPublicKey};
use crate::spec::KeySpec;
use crate::usage::KeyUsages;

/// A checked private key of any spec, in the compact form that the vault stores.
///
/// The form is the seed of an Ed25519 key (32 bytes), the scalar of an elliptic curve key (32 bytes, 48 for
/// P-384, big endian), the seed of an ML-DSA-65 key (32 bytes; 4032 bytes if the key was imported without its
/// seed), and PKCS#8 of an RSA key. To use a key, make a [`SigningKey`](crate::SigningKey) or a
/// [`DecryptionKey`](crate::DecryptionKey) of it.
///
/// The bytes lie in locked memory and are wiped on drop; there is no `Clone` and no serialisation.
pub struct PrivateKey {
    spec: KeySpec,
    stored: SecretBytes,
}

impl PrivateKey {
    /// The spec, purpose included.
    #[must_use]
    pub fn spec(&self) -> KeySpec {
        self.spec
    }

    /// The key in the form that [`Self::from_stored`] reads.
    #[must_use]
    pub fn stored(&self) -> &SecretBytes {
        &self.stored
    }

    /// PKCS#8 in DER, as BouncyCastle and so Canton lay it out (section 4.7): version 0 without an outer public
    /// key; elliptic curve keys with curve name and public point inside; ML-DSA keys with seed and expanded key.
    ///
    /// # Errors
    /// [`KeyError::Library`] if AWS-LC fails.
    pub fn to_pkcs8(&self) -> Result<SecretBytes, KeyError> {
        formats::encode_pkcs8(KeyKind::of(self.spec), &self.stored)
    }

    /// [`Self::to_pkcs8`] in PEM armour, with lines of 64 characters and a final line feed.
    ///
    /// # Errors
    /// As [`Self::to_pkcs8`].
    pub fn to_pkcs8_pem(&self) -> Result<SecretBytes, KeyError> {
        use pem_rfc7468::{LineEnding, encode, encoded_len};
        const LABEL: &str = "PRIVATE KEY";
        let pkcs8 = self.to_pkcs8()?;
        // EXPOSE: armoured for export, from locked memory into locked memory.
        let der = pkcs8.expose();
        let length = encoded_len(LABEL, LineEnding::LF, der).map_err(KeyError::MalformedPem)?;
        SecretBytes::fill_with(length, |buffer| {
            encode(LABEL, LineEnding::LF, der, buffer).map(|_| ())
        })
        .map_err(KeyError::MalformedPem)
    }

    /// The public half. A signing key needs usages, an encryption key has none.
    ///
    /// # Errors
    /// [`KeyError::UsagesMisplaced`]; [`KeyError::Usages`] for usages that no key can have.
    pub fn public_key(&self, usages: Option<KeyUsages>) -> Result<PublicKey, KeyError> {
        PublicKey::from_checked(self.spec, self.public_spki()?, usages)
    }

    /// The public half of a signing key.
    ///
    /// # Errors
    /// [`KeyError::PurposeMismatch`] if it is an encryption key; [`KeyError::Usages`].
    pub fn signing_public_key(&self, usages: KeyUsages) -> Result<SigningPublicKey, KeyError> {
        match self.spec {
            KeySpec::Signing(spec) => {
                SigningPublicKey::from_checked(spec, self.public_spki()?, usages)
            }
            KeySpec::Encryption(_) => Err(KeyError::PurposeMismatch {
                found: KeyKind::of(self.spec).name(),
                purpose: crate::spec::KeyPurpose::Signing,
            }),
        }
    }
}

impl fmt::Debug for PrivateKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PrivateKey")
            .field("spec", &self.spec)
            .finish_non_exhaustive()
    }
}
