//! Checking signatures.

use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_ASN1, ECDSA_P384_SHA384_ASN1, ED25519, ML_DSA_65, UnparsedPublicKey,
    VerificationAlgorithm,
};
use k256::ecdsa::signature::Verifier;

use super::{Signature, VerifyError};
use crate::public_key::SigningPublicKey;
use crate::spec::{SigningAlgorithm, SigningAlgorithms, SigningKeySpec};
use crate::usage::KeyUsages;

impl SigningPublicKey {
    /// Checks that this key signed `message`, and that it may: its usages and `allowed` must have one in common.
    ///
    /// The checks come in the order of section 6 of the reference: signer, algorithm, usages, format, signature.
    /// ECDSA takes strict DER only, and s in either half of its range on every curve, as Canton does.
    ///
    /// # Errors
    /// The [`VerifyError`] of the first check that failed.
    pub fn verify(
        &self,
        message: &[u8],
        signature: &Signature,
        allowed: KeyUsages,
    ) -> Result<(), VerifyError> {
        self.verify_restricted(message, signature, allowed, SigningAlgorithms::ALL)
    }

    /// As [`Self::verify`], but refuses algorithms outside of `algorithms`.
    ///
    /// # Errors
    /// As [`Self::verify`]; also [`VerifyError::UnsupportedAlgorithm`] and [`VerifyError::NoMatchingAlgorithm`].
    pub fn verify_restricted(
        &self,
        message: &[u8],
        signature: &Signature,
        allowed: KeyUsages,
        algorithms: SigningAlgorithms,
    ) -> Result<(), VerifyError> {
        let key = self.fingerprint();
        if signature.signed_by != key {
            return Err(VerifyError::SignatureWithWrongKey {
                key,
                signed_by: signature.signed_by,
            });
        }
        let algorithm = self.choose_algorithm(signature.algorithm, algorithms)?;
        let usages = self.usages();
        if !usages.intersects(allowed) {
            return Err(VerifyError::InvalidKeyUsage {
                fingerprint: key,
                usages,
                wanted: allowed,
            });
        }
        let format = signature.format;
        if format != algorithm.format() {
            return Err(VerifyError::UnsupportedSignatureFormat { algorithm, format });
        }
        if verifies(self.spec(), self.bits(), message, &signature.bytes) {
            Ok(())
        } else {
            Err(VerifyError::InvalidSignature)
        }
    }

    fn choose_algorithm(
        &self,
        named: Option<SigningAlgorithm>,
        allowed: SigningAlgorithms,
    ) -> Result<SigningAlgorithm, VerifyError> {
        let spec = self.spec();
        match named {
            None => allowed
                .for_spec(spec)
                .ok_or(VerifyError::NoMatchingAlgorithm { spec }),
            Some(algorithm) if !algorithm.supports(spec) => {
                Err(VerifyError::KeyAlgorithmMismatch { algorithm, spec })
            }
            Some(algorithm) if !allowed.contains(algorithm) => {
                Err(VerifyError::UnsupportedAlgorithm { algorithm })
            }
            Some(algorithm) => Ok(algorithm),
        }
    }
}

fn verifies(spec: SigningKeySpec, key: &[u8], message: &[u8], signature: &[u8]) -> bool {
    let algorithm: &'static dyn VerificationAlgorithm = match spec {
        SigningKeySpec::EcCurve25519 => &ED25519,
        SigningKeySpec::EcP256 => &ECDSA_P256_SHA256_ASN1,
        SigningKeySpec::EcP384 => &ECDSA_P384_SHA384_ASN1,
        SigningKeySpec::MlDsa65 => &ML_DSA_65,
        SigningKeySpec::EcSecp256k1 => return verifies_secp256k1(key, message, signature).is_ok(),
    };
    UnparsedPublicKey::new(algorithm, key)
        .verify(message, signature)
        .is_ok()
}

/// ECDSA on secp256k1 over SHA-256.
fn verifies_secp256k1(
    key: &[u8],
    message: &[u8],
    signature: &[u8],
) -> Result<(), k256::ecdsa::Error> {
    let key = k256::ecdsa::VerifyingKey::from_sec1_bytes(key)?;
    // `k256` refuses s in the upper half, a rule of Bitcoin that Canton does not have: valid signatures with a high
    // s exist. (r, s) and (r, n - s) verify alike, so the lower of the two is checked instead.
    let signature = k256::ecdsa::Signature::from_der(signature)?.normalize_s();
    key.verify(message, &signature)
}
