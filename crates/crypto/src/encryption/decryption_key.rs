use std::fmt;

use aws_lc_rs::agreement;
use aws_lc_rs::encoding::AsDer;
use aws_lc_rs::rsa::{OaepPrivateDecryptingKey, PrivateDecryptingKey};
use strongroom_memory::SecretBytes;

use super::{AsymmetricEncrypted, DecryptError, EncryptionPublicKey, ecies, rsa_oaep};
use crate::fingerprint::Fingerprint;
use crate::formats;
use crate::key_error::KeyError;
use crate::private_key::PrivateKey;
use crate::spec::{EncryptionKeySpec, KeySpec};

/// A private encryption key, parsed and ready for use from any number of threads.
///
/// The library holds the key in memory of its own, which it wipes when the key is dropped.
pub struct DecryptionKey {
    fingerprint: Fingerprint,
    parsed: Parsed,
}

enum Parsed {
    EcP256(agreement::PrivateKey),
    Rsa2048(OaepPrivateDecryptingKey),
}

impl DecryptionKey {
    /// Parses the private half of `public`.
    ///
    /// # Errors
    /// [`KeyError::HalvesDiffer`] when the two do not belong together, other [`KeyError`]s for a private key
    /// that is none.
    pub fn new(private: &PrivateKey, public: &EncryptionPublicKey) -> Result<Self, KeyError> {
        if private.spec() != KeySpec::Encryption(public.spec()) {
            return Err(KeyError::HalvesDiffer);
        }
        // EXPOSE: parsed by the library.
        let stored = private.stored().expose();
        let parsed = match public.spec() {
            EncryptionKeySpec::EcP256 => parse_p256(stored, public)?,
            EncryptionKeySpec::Rsa2048 => parse_rsa(stored, public)?,
        };
        Ok(Self {
            fingerprint: public.fingerprint(),
            parsed,
        })
    }

    /// The key's identity, which is that of its public half.
    #[must_use]
    pub const fn fingerprint(&self) -> Fingerprint {
        self.fingerprint
    }

    /// Its spec.
    #[must_use]
    pub const fn spec(&self) -> EncryptionKeySpec {
        match self.parsed {
            Parsed::EcP256(_) => EncryptionKeySpec::EcP256,
            Parsed::Rsa2048(_) => EncryptionKeySpec::Rsa2048,
        }
    }

    /// Decrypts a message for this key.
    ///
    /// # Errors
    /// [`DecryptError::WrongKey`], [`DecryptError::AlgorithmMismatch`], and for all else
    /// [`DecryptError::Failed`], in this order.
    pub fn decrypt(&self, encrypted: &AsymmetricEncrypted) -> Result<SecretBytes, DecryptError> {
        if encrypted.encrypted_for != self.fingerprint {
            return Err(DecryptError::WrongKey {
                encrypted_for: encrypted.encrypted_for,
                key: self.fingerprint,
            });
        }
        if !encrypted.algorithm.supports(self.spec()) {
            return Err(DecryptError::AlgorithmMismatch {
                algorithm: encrypted.algorithm,
                spec: self.spec(),
            });
        }
        match &self.parsed {
            Parsed::EcP256(key) => ecies::decrypt(key, &encrypted.ciphertext),
            Parsed::Rsa2048(key) => rsa_oaep::decrypt(key, &encrypted.ciphertext),
        }
    }
}

fn parse_p256(scalar: &[u8], public: &EncryptionPublicKey) -> Result<Parsed, KeyError> {
    let spec = KeySpec::Encryption(EncryptionKeySpec::EcP256);
    let key = ecies::key_of_scalar(scalar).ok_or(KeyError::ScalarOutOfRange { spec })?;
    let point = key
        .compute_public_key()
        .map_err(library("compute a public point"))?;
    belong_together(point.as_ref(), formats::ec_point(public.spki()))?;
    Ok(Parsed::EcP256(key))
}

fn parse_rsa(pkcs8: &[u8], public: &EncryptionPublicKey) -> Result<Parsed, KeyError> {
    let key = PrivateDecryptingKey::from_pkcs8(pkcs8).map_err(KeyError::RsaInconsistent)?;
    let spki = key
        .public_key()
        .as_der()
        .map_err(library("encode a public key"))?;
    belong_together(spki.as_ref(), public.spki())?;
    OaepPrivateDecryptingKey::new(key)
        .map(Parsed::Rsa2048)
        .map_err(library("prepare an RSA key"))
}

fn belong_together(of_private: &[u8], public: &[u8]) -> Result<(), KeyError> {
    if of_private == public {
        Ok(())
    } else {
        Err(KeyError::HalvesDiffer)
    }
}

/// The library's errors say nothing, so what it was doing takes their place.
fn library(operation: &'static str) -> impl Fn(aws_lc_rs::error::Unspecified) -> KeyError {
    move |aws_lc_rs::error::Unspecified| KeyError::Library { operation }
}

impl fmt::Debug for DecryptionKey {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            formatter,
            "DecryptionKey({} {})",
            self.spec(),
            self.fingerprint
        )
    }
}
