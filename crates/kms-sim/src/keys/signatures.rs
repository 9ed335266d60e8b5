//! Signing and verifying.

use aws_lc_rs::digest::{Algorithm, Digest, SHA256, SHA384, digest};
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_ASN1, ECDSA_P384_SHA384_ASN1, ED25519, KeyPair, ML_DSA_65, ParsedPublicKey,
    UnparsedPublicKey, VerificationAlgorithm,
};

use super::error::KeyError;
use super::key::Key;
use super::material::Material;
use super::secp256k1;
use super::spec::KeySpec;

/// What is signed.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Signed<'a> {
    /// The message; the algorithm hashes it.
    Message(&'a [u8]),
    /// The hash of the message, made by the caller. ECDSA only.
    Digest(&'a [u8]),
}

impl Key {
    /// How many bytes a digest has that this key signs; none if it signs messages only.
    pub(crate) const fn digest_bytes(&self) -> Option<usize> {
        match self.spec {
            KeySpec::EcP256 | KeySpec::EcSecp256k1 => Some(32),
            KeySpec::EcP384 => Some(48),
            KeySpec::Ed25519 | KeySpec::MlDsa65 | KeySpec::Symmetric | KeySpec::Rsa2048 => None,
        }
    }

    /// A signature: DER for ECDSA, 64 bytes for Ed25519, 3309 for ML-DSA-65.
    pub(crate) fn sign(&self, what: Signed<'_>) -> Result<Vec<u8>, KeyError> {
        let failed = |_unspecified| KeyError::Library("signing");
        match (&self.current.material, what) {
            (Material::Ecdsa(key), Signed::Message(message)) => key
                .sign(&SystemRandom::new(), message)
                .map(|signature| signature.as_ref().to_vec())
                .map_err(failed),
            (Material::Ecdsa(key), Signed::Digest(_)) => key
                .sign_digest(&self.digest(what)?)
                .map(|signature| signature.as_ref().to_vec())
                .map_err(failed),
            (Material::Secp256k1(key), _) => secp256k1::sign(key, self.digest(what)?.as_ref()),
            (Material::Ed25519(key), Signed::Message(message)) => {
                Ok(key.sign(message).as_ref().to_vec())
            }
            (Material::MlDsa(key), Signed::Message(message)) => {
                let mut signature = vec![0; key.algorithm().signature_len()];
                let length = key.sign(message, &mut signature).map_err(failed)?;
                signature.truncate(length);
                Ok(signature)
            }
            _ => Err(KeyError::Unsupported("sign that")),
        }
    }

    /// Whether this key made `signature`.
    pub(crate) fn verify(&self, what: Signed<'_>, signature: &[u8]) -> Result<(), KeyError> {
        let fine = match (&self.current.material, what) {
            (Material::Ecdsa(key), _) => {
                let algorithm: &'static dyn VerificationAlgorithm = if self.spec == KeySpec::EcP384
                {
                    &ECDSA_P384_SHA384_ASN1
                } else {
                    &ECDSA_P256_SHA256_ASN1
                };
                let digest = self.digest(what)?;
                ParsedPublicKey::new(algorithm, key.public_key().as_ref())
                    .is_ok_and(|key| key.verify_digest_sig(&digest, signature).is_ok())
            }
            (Material::Secp256k1(key), _) => {
                let digest = self.digest(what)?;
                secp256k1::verifies(key.verifying_key(), digest.as_ref(), signature)
            }
            (Material::Ed25519(key), Signed::Message(message)) => {
                UnparsedPublicKey::new(&ED25519, key.public_key().as_ref())
                    .verify(message, signature)
                    .is_ok()
            }
            (Material::MlDsa(key), Signed::Message(message)) => {
                UnparsedPublicKey::new(&ML_DSA_65, key.public_key().as_ref())
                    .verify(message, signature)
                    .is_ok()
            }
            _ => return Err(KeyError::Unsupported("verify that")),
        };
        if fine {
            Ok(())
        } else {
            Err(KeyError::SignatureInvalid)
        }
    }

    fn digest(&self, what: Signed<'_>) -> Result<Digest, KeyError> {
        let algorithm: &'static Algorithm = if self.spec == KeySpec::EcP384 {
            &SHA384
        } else {
            &SHA256
        };
        match what {
            Signed::Message(message) => Ok(digest(algorithm, message)),
            Signed::Digest(bytes) => Digest::import_less_safe(bytes, algorithm)
                .map_err(|_wrong_length| KeyError::Unsupported("sign digests of that length")),
        }
    }
}
