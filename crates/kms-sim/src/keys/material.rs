//! The secret of one key version, in the form in which it is used.

use std::fmt;

use aws_lc_rs::aead::{AES_256_GCM, Aad, LessSafeKey, NONCE_LEN, Nonce, UnboundKey};
use aws_lc_rs::encoding::{AsDer, PublicKeyX509Der};
use aws_lc_rs::rsa::{
    KeySize, OAEP_SHA256_MGF1SHA256, OaepPrivateDecryptingKey, OaepPublicEncryptingKey,
    PrivateDecryptingKey,
};
use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_ASN1_SIGNING, ECDSA_P384_SHA384_ASN1_SIGNING, EcdsaKeyPair, Ed25519KeyPair,
    KeyPair, ML_DSA_65_SIGNING, PqdsaKeyPair,
};
use strongroom_crypto::Random;
use strongroom_memory::SecretBytes;

use super::error::KeyError;
use super::secp256k1;
use super::spec::KeySpec;

const SYMMETRIC_KEY_BYTES: usize = 32;

/// The longest plaintext that RSA-2048 with OAEP and SHA-256 encrypts, in bytes: 256 - 2 * 32 - 2 (RFC 8017, 7.1.1).
pub(crate) const RSA_MAX_PLAINTEXT: usize = 190;

/// The secret of one key version.
pub(crate) enum Material {
    Symmetric(LessSafeKey),
    Ecdsa(EcdsaKeyPair),
    Secp256k1(Box<k256::ecdsa::SigningKey>),
    Ed25519(Ed25519KeyPair),
    MlDsa(PqdsaKeyPair),
    Rsa(PrivateDecryptingKey),
    /// There is none: it is to be imported.
    Awaited,
}

impl fmt::Debug for Material {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Material(redacted)")
    }
}

impl Material {
    /// New material. What AWS-LC generates is drawn from its own generator, the rest from `random`.
    pub(super) fn generate(spec: KeySpec, random: &dyn Random) -> Result<Self, KeyError> {
        let failed = |_unspecified| KeyError::Library("generating a key");
        Ok(match spec {
            KeySpec::Symmetric => {
                let mut key = SecretBytes::zeroed(SYMMETRIC_KEY_BYTES);
                // EXPOSE: filled here and handed to the cipher below; wiped when this block ends.
                random.fill(key.expose_mut())?;
                let key = UnboundKey::new(&AES_256_GCM, key.expose()).map_err(failed)?;
                Self::Symmetric(LessSafeKey::new(key))
            }
            KeySpec::EcP256 => Self::Ecdsa(
                EcdsaKeyPair::generate(&ECDSA_P256_SHA256_ASN1_SIGNING).map_err(failed)?,
            ),
            KeySpec::EcP384 => Self::Ecdsa(
                EcdsaKeyPair::generate(&ECDSA_P384_SHA384_ASN1_SIGNING).map_err(failed)?,
            ),
            KeySpec::EcSecp256k1 => Self::Secp256k1(Box::new(secp256k1::generate(random)?)),
            KeySpec::Ed25519 => Self::Ed25519(Ed25519KeyPair::generate().map_err(failed)?),
            KeySpec::MlDsa65 => {
                Self::MlDsa(PqdsaKeyPair::generate(&ML_DSA_65_SIGNING).map_err(failed)?)
            }
            KeySpec::Rsa2048 => {
                Self::Rsa(PrivateDecryptingKey::generate(KeySize::Rsa2048).map_err(failed)?)
            }
        })
    }

    /// The public half as DER SPKI; none for a symmetric key.
    pub(super) fn spki(&self) -> Result<Option<Vec<u8>>, KeyError> {
        let der = match self {
            Self::Symmetric(_) => return Ok(None),
            Self::Awaited => return Err(KeyError::PendingImport),
            Self::Secp256k1(key) => return Ok(Some(secp256k1::spki(key))),
            Self::Ecdsa(key) => key.public_key().as_der(),
            Self::Ed25519(key) => key.public_key().as_der(),
            Self::MlDsa(key) => key.public_key().as_der(),
            Self::Rsa(key) => key.public_key().as_der(),
        };
        der.map(|der: PublicKeyX509Der<'_>| Some(der.as_ref().to_vec()))
            .map_err(|_unspecified| KeyError::Library("encoding a public key"))
    }

    /// `nonce ‖ ciphertext ‖ tag` of a symmetric key.
    pub(super) fn seal(
        &self,
        plaintext: &[u8],
        bound_to: &[u8],
        random: &dyn Random,
    ) -> Result<Vec<u8>, KeyError> {
        let Self::Symmetric(key) = self else {
            return Err(KeyError::Unsupported("seal"));
        };
        let mut nonce = [0; NONCE_LEN];
        random.fill(&mut nonce)?;
        let mut sealed = plaintext.to_vec();
        key.seal_in_place_append_tag(
            Nonce::assume_unique_for_key(nonce),
            Aad::from(bound_to),
            &mut sealed,
        )
        .map_err(|_unspecified| KeyError::Library("sealing"))?;
        Ok([nonce.as_slice(), &sealed].concat())
    }

    /// Reverses [`Self::seal`].
    pub(super) fn open(&self, sealed: &[u8], bound_to: &[u8]) -> Result<Vec<u8>, KeyError> {
        let Self::Symmetric(key) = self else {
            return Err(KeyError::Undecryptable);
        };
        let (nonce, ciphertext) = sealed
            .split_first_chunk::<NONCE_LEN>()
            .ok_or(KeyError::Undecryptable)?;
        let mut buffer = ciphertext.to_vec();
        let plaintext = key
            .open_in_place(
                Nonce::assume_unique_for_key(*nonce),
                Aad::from(bound_to),
                &mut buffer,
            )
            .map_err(|_unspecified| KeyError::Undecryptable)?
            .len();
        buffer.truncate(plaintext);
        Ok(buffer)
    }

    /// RSA OAEP with SHA-256: 256 bytes. The caller checked the length of the plaintext.
    pub(super) fn rsa_encrypt(&self, plaintext: &[u8]) -> Result<Vec<u8>, KeyError> {
        let Self::Rsa(key) = self else {
            return Err(KeyError::Unsupported("encrypt with RSA"));
        };
        let failed = |_unspecified| KeyError::Library("encrypting with RSA");
        let key = OaepPublicEncryptingKey::new(key.public_key()).map_err(failed)?;
        let mut ciphertext = vec![0; key.ciphertext_size()];
        let length = key
            .encrypt(&OAEP_SHA256_MGF1SHA256, plaintext, &mut ciphertext, None)
            .map_err(failed)?
            .len();
        ciphertext.truncate(length);
        Ok(ciphertext)
    }

    /// Reverses [`Self::rsa_encrypt`].
    pub(super) fn rsa_decrypt(&self, ciphertext: &[u8]) -> Result<Vec<u8>, KeyError> {
        let Self::Rsa(key) = self else {
            return Err(KeyError::Undecryptable);
        };
        let key = OaepPrivateDecryptingKey::new(key.clone())
            .map_err(|_unspecified| KeyError::Library("reading an RSA key"))?;
        let mut plaintext = vec![0; key.min_output_size()];
        let length = key
            .decrypt(&OAEP_SHA256_MGF1SHA256, ciphertext, &mut plaintext, None)
            .map_err(|_unspecified| KeyError::Undecryptable)?
            .len();
        plaintext.truncate(length);
        Ok(plaintext)
    }
}
