//! Key specs and algorithms by their names in Google Cloud.
//!
//! Source: reference, kms, section 5; which level has which algorithm from the service definition.

use google_cloud_kms_v1::model::{
    crypto_key::CryptoKeyPurpose, crypto_key_version::CryptoKeyVersionAlgorithm as Algorithm,
};
use strongroom_crypto::{EncryptionKeySpec, KeySpec, SigningAlgorithm, SigningKeySpec};
use strongroom_kms::KeyKind;

use crate::settings::ProtectionLevel;

/// What Google signs with.
const SIGNING_SPECS: [SigningKeySpec; 5] = [
    SigningKeySpec::EcCurve25519,
    SigningKeySpec::EcP256,
    SigningKeySpec::EcP384,
    SigningKeySpec::EcSecp256k1,
    SigningKeySpec::MlDsa65,
];

/// What Google decrypts with.
pub(crate) const ENCRYPTION_SPECS: [EncryptionKeySpec; 1] = [EncryptionKeySpec::Rsa2048];

/// What keys of this level sign with: Google has secp256k1 in hardware only.
pub(crate) fn signing_specs(level: ProtectionLevel) -> Vec<SigningKeySpec> {
    let has = |spec: &SigningKeySpec| {
        level == ProtectionLevel::Hsm || *spec != SigningKeySpec::EcSecp256k1
    };
    SIGNING_SPECS.into_iter().filter(has).collect()
}

/// What keys of this level take in.
///
/// Source: Google's page on formatting keys for import (PKCS#8 in DER) and the algorithms that `gcloud kms keys versions import`
/// names. In which of its forms a key of ML-DSA would have to come is said nowhere, so none is sent.
pub(crate) fn import_specs(level: ProtectionLevel) -> Vec<KeySpec> {
    let signing = signing_specs(level).into_iter();
    signing
        .filter(|spec| *spec != SigningKeySpec::MlDsa65)
        .map(KeySpec::Signing)
        .chain(ENCRYPTION_SPECS.map(KeySpec::Encryption))
        .collect()
}

/// What a key of this spec is for and its algorithm; none for ECIES, which Google does not have.
pub(crate) fn kind_of(spec: KeySpec) -> Option<(KeyKind, Algorithm)> {
    match spec {
        KeySpec::Signing(spec) => Some((KeyKind::Signing(spec), signing_key(spec))),
        KeySpec::Encryption(spec) => Some((KeyKind::Encryption(spec), encryption_key(spec)?)),
    }
}

pub(crate) const fn signing_key(spec: SigningKeySpec) -> Algorithm {
    match spec {
        SigningKeySpec::EcCurve25519 => Algorithm::EcSignEd25519,
        SigningKeySpec::EcP256 => Algorithm::EcSignP256Sha256,
        SigningKeySpec::EcP384 => Algorithm::EcSignP384Sha384,
        SigningKeySpec::EcSecp256k1 => Algorithm::EcSignSecp256K1Sha256,
        SigningKeySpec::MlDsa65 => Algorithm::PqSignMlDsa65,
    }
}

/// None for ECIES, which Google does not have.
pub(crate) const fn encryption_key(spec: EncryptionKeySpec) -> Option<Algorithm> {
    match spec {
        EncryptionKeySpec::Rsa2048 => Some(Algorithm::RsaDecryptOaep2048Sha256),
        EncryptionKeySpec::EcP256 => None,
    }
}

pub(crate) const fn purpose(kind: KeyKind) -> CryptoKeyPurpose {
    match kind {
        KeyKind::Wrapper => CryptoKeyPurpose::EncryptDecrypt,
        KeyKind::Signing(_) => CryptoKeyPurpose::AsymmetricSign,
        KeyKind::Encryption(_) => CryptoKeyPurpose::AsymmetricDecrypt,
    }
}

/// What a key of this algorithm is for; none if nothing here uses such a key.
pub(crate) fn known(algorithm: &Algorithm) -> Option<KeyKind> {
    if *algorithm == Algorithm::GoogleSymmetricEncryption {
        return Some(KeyKind::Wrapper);
    }
    let mut signing = SIGNING_SPECS.into_iter();
    let mut encryption = ENCRYPTION_SPECS.into_iter();
    let signing = signing.find(|spec| signing_key(*spec) == *algorithm);
    let encryption = encryption.find(|spec| encryption_key(*spec).as_ref() == Some(algorithm));
    signing
        .map(KeyKind::Signing)
        .or(encryption.map(KeyKind::Encryption))
}

/// Whether a signature is one of this algorithm, by its shape.
///
/// Google is not told the algorithm: a key signs with its own. Ed25519 and ML-DSA have signatures of one length (RFC 8032,
/// FIPS 204), those of ECDSA are a DER sequence whose length follows from the curve; that one of P-384 is as short as one on a
/// curve of 256 bits happens once in about 2^240 signatures.
pub(crate) fn is_signature_of(algorithm: SigningAlgorithm, signature: &[u8]) -> bool {
    // A sequence of this very length, which begins with an integer: one byte is right in every 256th signature of Ed25519.
    let is_sequence = matches!(signature, [0x30, length, 0x02, rest @ ..] if usize::from(*length) == rest.len() + 1);
    match algorithm {
        SigningAlgorithm::Ed25519 => signature.len() == 64,
        SigningAlgorithm::EcDsaSha256 => is_sequence && signature.len() <= 72,
        SigningAlgorithm::EcDsaSha384 => is_sequence && (73..=104).contains(&signature.len()),
        SigningAlgorithm::MlDsa65 => signature.len() == 3309,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_spec_that_is_offered_is_found_again_under_its_name_in_google_cloud() {
        for spec in SIGNING_SPECS {
            assert_eq!(known(&signing_key(spec)), Some(KeyKind::Signing(spec)));
        }
        for spec in ENCRYPTION_SPECS {
            let name = encryption_key(spec).unwrap();
            assert_eq!(known(&name), Some(KeyKind::Encryption(spec)));
        }
        assert_eq!(
            known(&Algorithm::GoogleSymmetricEncryption),
            Some(KeyKind::Wrapper)
        );
        assert_eq!(known(&Algorithm::RsaSignPkcs12048Sha256), None);
    }

    #[test]
    fn secp256k1_is_promised_in_hardware_only() {
        let k1 = SigningKeySpec::EcSecp256k1;
        assert!(signing_specs(ProtectionLevel::Hsm).contains(&k1));
        assert!(!signing_specs(ProtectionLevel::Software).contains(&k1));
        assert_eq!(signing_specs(ProtectionLevel::Software).len(), 4);
    }

    #[test]
    fn a_signature_is_of_one_algorithm() {
        let sequence = |length: u8| {
            let rest = vec![2; usize::from(length) - 2];
            [&[0x30, length - 2][..], &rest].concat()
        };
        let all = [
            SigningAlgorithm::Ed25519,
            SigningAlgorithm::EcDsaSha256,
            SigningAlgorithm::EcDsaSha384,
            SigningAlgorithm::MlDsa65,
        ];
        for (signature, of) in [
            (vec![7; 64], SigningAlgorithm::Ed25519),
            (vec![0x30; 64], SigningAlgorithm::Ed25519),
            (sequence(70), SigningAlgorithm::EcDsaSha256),
            (sequence(102), SigningAlgorithm::EcDsaSha384),
            (vec![7; 3309], SigningAlgorithm::MlDsa65),
        ] {
            let mut fits = all.into_iter();
            let fits: Vec<_> = fits
                .by_ref()
                .filter(|algorithm| is_signature_of(*algorithm, &signature))
                .collect();
            assert_eq!(fits, [of]);
        }
    }
}
