//! Private keys on their way to another key store that shows an RSA public key ("bring your own key").

use std::fmt;

use aws_lc_rs::encoding::{AsDer, PublicKeyX509Der};
use aws_lc_rs::key_wrap::{AES_256, AesKek, KeyWrapPadded};
use aws_lc_rs::rsa::{
    OAEP_SHA1_MGF1SHA1, OAEP_SHA256_MGF1SHA256, OaepAlgorithm, OaepPublicEncryptingKey,
    PublicEncryptingKey,
};
use aws_lc_rs::{digest, error::Unspecified};
use data_encoding::HEXLOWER;
use strongroom_memory::SecretBytes;

use crate::formats;
use crate::key_error::KeyError;
use crate::private_key::PrivateKey;
use crate::random::Random;

/// Bytes of the AES key between the RSA key and the private key.
const KEK_LEN: usize = 32;
/// What AES-KWP works on: the ciphertext is the plaintext filled up to such blocks, and one more.
const SEMIBLOCK_LEN: usize = 8;

/// The hash of OAEP and of its mask generation function.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum OaepHash {
    /// What new key stores expect.
    Sha256,
    /// What older hardware security modules know only. OAEP does not need a hash without collisions (RFC 8017, B.1).
    Sha1,
}

impl OaepHash {
    /// `sha256` or `sha1`.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Sha256 => "sha256",
            Self::Sha1 => "sha1",
        }
    }

    const fn algorithm(self) -> &'static OaepAlgorithm {
        match self {
            Self::Sha256 => &OAEP_SHA256_MGF1SHA256,
            Self::Sha1 => &OAEP_SHA1_MGF1SHA1,
        }
    }
}

/// The RSA public key of the key store that a private key is on its way to, 2048 to 8192 bits.
///
/// Whoever has its private half reads what is wrapped for it. Only the operator can know whose it is.
pub struct WrappingKey {
    key: OaepPublicEncryptingKey,
    fingerprint: [u8; digest::SHA256_OUTPUT_LEN],
}

impl WrappingKey {
    /// The key in a PEM or DER file: SubjectPublicKeyInfo or PKCS#1.
    ///
    /// # Errors
    /// [`KeyError::NotAWrappingKey`] for a key that is not RSA, [`KeyError::WrappingKeyRefused`] for one that is too short or
    /// too long; others say what is wrong with the file.
    pub fn detect(bytes: &[u8]) -> Result<Self, KeyError> {
        let spki = formats::detect_rsa(bytes)?;
        let key = PublicEncryptingKey::from_der(&spki).map_err(KeyError::WrappingKeyRefused)?;
        let failed = |_: Unspecified| KeyError::Library {
            operation: "read the wrapping key",
        };
        // As the library writes it, so that one key has one fingerprint.
        let spki: PublicKeyX509Der<'_> = key.as_der().map_err(failed)?;
        let mut fingerprint = [0; digest::SHA256_OUTPUT_LEN];
        fingerprint.copy_from_slice(digest::digest(&digest::SHA256, spki.as_ref()).as_ref());
        let key = OaepPublicEncryptingKey::new(key).map_err(failed)?;
        Ok(Self { key, fingerprint })
    }

    /// SHA-256 of the DER SubjectPublicKeyInfo, 64 hexadecimal digits: what
    /// `openssl pkey -pubin -outform DER | sha256sum` shows. It is no [`Fingerprint`](crate::Fingerprint) of the ledger.
    #[must_use]
    pub fn fingerprint(&self) -> String {
        HEXLOWER.encode(&self.fingerprint)
    }

    /// Bits of the modulus.
    #[must_use]
    pub fn bits(&self) -> usize {
        self.key.key_size_bits()
    }

    /// The private key for the owner of this key: a new AES-256 key, encrypted with RSA-OAEP (RFC 8017, empty label), then
    /// the PKCS#8 of the private key, wrapped under the AES key with AES-KWP (RFC 5649).
    ///
    /// AWS calls this `RSA_AES_KEY_WRAP_SHA_256` or `_SHA_1`, Google `rsa-oaep-N-sha256-aes-256`, PKCS#11
    /// `CKM_RSA_AES_KEY_WRAP`. The seed of OAEP comes from AWS-LC itself.
    ///
    /// # Errors
    /// [`KeyError::Random`] when `random` gives nothing, [`KeyError::Library`] if AWS-LC fails.
    pub fn wrap(
        &self,
        private: &PrivateKey,
        hash: OaepHash,
        random: &dyn Random,
    ) -> Result<Vec<u8>, KeyError> {
        let pkcs8 = private.to_pkcs8()?;
        let kek = SecretBytes::fill_with(KEK_LEN, |bytes| random.fill(bytes))?;
        let failed = |_: Unspecified| KeyError::Library {
            operation: "wrap the private key",
        };
        let mut wrapped = vec![0; self.key.ciphertext_size()];
        // EXPOSE: encrypted under the RSA key.
        let length = self
            .key
            .encrypt(hash.algorithm(), kek.expose(), &mut wrapped, None)
            .map_err(failed)?
            .len();
        wrapped.truncate(length);
        wrapped.extend(wrap_padded(&kek, &pkcs8).map_err(failed)?);
        Ok(wrapped)
    }
}

impl fmt::Debug for WrappingKey {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (bits, fingerprint) = (self.bits(), self.fingerprint());
        write!(formatter, "WrappingKey(rsa-{bits} {fingerprint})")
    }
}

/// AES-256-KWP (RFC 5649).
fn wrap_padded(kek: &SecretBytes, secret: &SecretBytes) -> Result<Vec<u8>, Unspecified> {
    // EXPOSE: to wrap with it; the copy of the library is wiped on drop.
    let kek = AesKek::new(&AES_256, kek.expose())?;
    let blocks = secret.len().div_ceil(SEMIBLOCK_LEN) + 1;
    let mut wrapped = vec![0; blocks * SEMIBLOCK_LEN];
    // EXPOSE: wrapped, from locked memory into the ciphertext.
    let length = kek.wrap_with_padding(secret.expose(), &mut wrapped)?.len();
    wrapped.truncate(length);
    Ok(wrapped)
}

#[cfg(test)]
mod tests;
