//! Private keys that are ready to sign.

use std::fmt;

use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_ASN1_SIGNING, ECDSA_P384_SHA384_ASN1_SIGNING, EcdsaKeyPair, Ed25519KeyPair,
    KeyPair, PqdsaKeyPair,
};

use super::{SignError, Signature};
use crate::fingerprint::Fingerprint;
use crate::key_error::KeyError;
use crate::private_key::PrivateKey;
use crate::private_key::derive::ml_dsa_pair;
use crate::public_key::SigningPublicKey;
use crate::secp256k1;
use crate::spec::{KeySpec, SigningAlgorithms, SigningKeySpec};
use crate::usage::KeyUsages;

/// A private signing key, parsed once so that each signature costs what the bare library takes.
///
/// Ed25519 and ML-DSA follow their standards; ECDSA draws its nonces from AWS-LC, but on secp256k1 it derives them
/// from key and message (RFC 6979), so that signing there is deterministic. There s is always in the lower half of
/// its range; on the other curves it is what comes out, as in Canton.
///
/// The private bytes are copied into memory of the libraries, which wipe it when the key is dropped.
pub struct SigningKey {
    spec: SigningKeySpec,
    usages: KeyUsages,
    fingerprint: Fingerprint,
    pair: Pair,
}

enum Pair {
    Ed25519(Ed25519KeyPair),
    Ecdsa(EcdsaKeyPair),
    /// Boxed, so that moving the key does not leave copies of the scalar on the stack.
    Secp256k1(Box<k256::ecdsa::SigningKey>),
    MlDsa(PqdsaKeyPair),
}

impl SigningKey {
    /// Makes a private key ready to sign as the given public key.
    ///
    /// # Errors
    /// [`KeyError::SpecMismatch`] if the two have different specs; [`KeyError::HalvesDiffer`] if the public key is
    /// not the one of the private key.
    pub fn new(private: &PrivateKey, public: &SigningPublicKey) -> Result<Self, KeyError> {
        let spec = public.spec();
        if private.spec() != KeySpec::Signing(spec) {
            return Err(KeyError::SpecMismatch {
                declared: spec.into(),
                found: private.spec().name(),
            });
        }
        // EXPOSE: parsed by the library that signs.
        let pair = Pair::new(spec, private.stored().expose(), public.bits())
            .ok_or(KeyError::HalvesDiffer)?;
        Ok(Self {
            spec,
            usages: public.usages(),
            fingerprint: public.fingerprint(),
            pair,
        })
    }

    /// Signs `message`, provided that the usages of the key and `allowed` have one in common.
    ///
    /// # Errors
    /// [`SignError::InvalidKeyUsage`]; [`SignError::Library`] if the library fails.
    pub fn sign(&self, message: &[u8], allowed: KeyUsages) -> Result<Signature, SignError> {
        self.sign_restricted(message, allowed, SigningAlgorithms::ALL)
    }

    /// As [`Self::sign`], but with one of `algorithms` only.
    ///
    /// # Errors
    /// As [`Self::sign`]; also [`SignError::NoMatchingAlgorithm`].
    pub fn sign_restricted(
        &self,
        message: &[u8],
        allowed: KeyUsages,
        algorithms: SigningAlgorithms,
    ) -> Result<Signature, SignError> {
        let Self {
            spec,
            usages,
            fingerprint,
            ref pair,
        } = *self;
        if !usages.intersects(allowed) {
            return Err(SignError::InvalidKeyUsage {
                fingerprint,
                usages,
                wanted: allowed,
            });
        }
        let algorithm = algorithms
            .for_spec(spec)
            .ok_or(SignError::NoMatchingAlgorithm { spec })?;
        let bytes = pair.sign(message).ok_or(SignError::Library)?;
        Ok(Signature {
            bytes,
            format: algorithm.format(),
            signed_by: fingerprint,
            algorithm: Some(algorithm),
        })
    }

    /// The identity of the key.
    #[must_use]
    pub fn fingerprint(&self) -> Fingerprint {
        self.fingerprint
    }

    /// The spec.
    #[must_use]
    pub fn spec(&self) -> SigningKeySpec {
        self.spec
    }

    /// What the key may sign.
    #[must_use]
    pub fn usages(&self) -> KeyUsages {
        self.usages
    }
}

impl Pair {
    /// `None` unless `public` is the public key of `private`, which was checked before.
    fn new(spec: SigningKeySpec, private: &[u8], public: &[u8]) -> Option<Self> {
        match spec {
            SigningKeySpec::EcCurve25519 => {
                Ed25519KeyPair::from_seed_and_public_key(private, public)
                    .ok()
                    .map(Self::Ed25519)
            }
            SigningKeySpec::EcP256 => {
                let algorithm = &ECDSA_P256_SHA256_ASN1_SIGNING;
                EcdsaKeyPair::from_private_key_and_public_key(algorithm, private, public)
                    .ok()
                    .map(Self::Ecdsa)
            }
            SigningKeySpec::EcP384 => {
                let algorithm = &ECDSA_P384_SHA384_ASN1_SIGNING;
                EcdsaKeyPair::from_private_key_and_public_key(algorithm, private, public)
                    .ok()
                    .map(Self::Ecdsa)
            }
            SigningKeySpec::EcSecp256k1 => {
                let key = secp256k1::leaving_no_stack(|| secp256k1::open(private))?;
                let ours = key.verifying_key().to_sec1_point(false);
                (ours.as_bytes() == public).then_some(Self::Secp256k1(key))
            }
            SigningKeySpec::MlDsa65 => {
                let pair = ml_dsa_pair(private).ok()?;
                (pair.public_key().as_ref() == public).then_some(Self::MlDsa(pair))
            }
        }
    }

    /// The one allocation of ours is the returned vector.
    fn sign(&self, message: &[u8]) -> Option<Vec<u8>> {
        match self {
            Self::Ed25519(pair) => pair
                .try_sign(message)
                .ok()
                .map(|bytes| bytes.as_ref().to_vec()),
            // AWS-LC ignores the generator that it is given and uses its own.
            Self::Ecdsa(pair) => pair
                .sign(&SystemRandom::new(), message)
                .ok()
                .map(|bytes| bytes.as_ref().to_vec()),
            Self::Secp256k1(key) => secp256k1::leaving_no_stack(|| secp256k1::sign(key, message)),
            Self::MlDsa(pair) => {
                let mut bytes = vec![0; pair.algorithm().signature_len()];
                pair.sign(message, &mut bytes).ok()?;
                Some(bytes)
            }
        }
    }
}

impl fmt::Debug for SigningKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SigningKey")
            .field("spec", &self.spec)
            .field("usages", &self.usages)
            .field("fingerprint", &self.fingerprint)
            .finish_non_exhaustive()
    }
}
