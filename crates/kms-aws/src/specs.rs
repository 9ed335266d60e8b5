//! Key specs and algorithms by their names in AWS.
//!
//! Source: reference, kms, section 4; Ed25519 and ML-DSA from the API reference of AWS.

use aws_sdk_kms::types::{
    EncryptionAlgorithmSpec, KeyMetadata, KeySpec as AwsSpec, KeyUsageType, SigningAlgorithmSpec,
};
use strongroom_crypto::{EncryptionKeySpec, KeySpec, SigningAlgorithm, SigningKeySpec};
use strongroom_kms::KeyKind;

/// What AWS signs with.
pub(crate) const SIGNING_SPECS: [SigningKeySpec; 5] = [
    SigningKeySpec::EcCurve25519,
    SigningKeySpec::EcP256,
    SigningKeySpec::EcP384,
    SigningKeySpec::EcSecp256k1,
    SigningKeySpec::MlDsa65,
];

/// What AWS decrypts with.
pub(crate) const ENCRYPTION_SPECS: [EncryptionKeySpec; 1] = [EncryptionKeySpec::Rsa2048];

/// What AWS takes in under RSA_AES_KEY_WRAP_SHA_256.
///
/// Source: API reference of AWS, `GetParametersForImport`: that algorithm is for "RSA and ECC key material", which Ed25519 is
/// too. For ML-DSA it is named nowhere, nor is the form in which such a key would have to come.
pub(crate) const IMPORT_SPECS: [KeySpec; 5] = [
    KeySpec::Signing(SigningKeySpec::EcCurve25519),
    KeySpec::Signing(SigningKeySpec::EcP256),
    KeySpec::Signing(SigningKeySpec::EcP384),
    KeySpec::Signing(SigningKeySpec::EcSecp256k1),
    KeySpec::Encryption(EncryptionKeySpec::Rsa2048),
];

/// Name and usage of a key of this spec; none for ECIES, which AWS does not have.
pub(crate) fn kind_of(spec: KeySpec) -> Option<(AwsSpec, KeyUsageType)> {
    match spec {
        KeySpec::Signing(spec) => Some((signing_key(spec), KeyUsageType::SignVerify)),
        KeySpec::Encryption(spec) => Some((encryption_key(spec)?, KeyUsageType::EncryptDecrypt)),
    }
}

pub(crate) const fn signing_key(spec: SigningKeySpec) -> AwsSpec {
    match spec {
        SigningKeySpec::EcCurve25519 => AwsSpec::EccNistEdwards25519,
        SigningKeySpec::EcP256 => AwsSpec::EccNistP256,
        SigningKeySpec::EcP384 => AwsSpec::EccNistP384,
        SigningKeySpec::EcSecp256k1 => AwsSpec::EccSecgP256K1,
        SigningKeySpec::MlDsa65 => AwsSpec::MlDsa65,
    }
}

/// None for ECIES, which AWS does not have.
pub(crate) const fn encryption_key(spec: EncryptionKeySpec) -> Option<AwsSpec> {
    match spec {
        EncryptionKeySpec::Rsa2048 => Some(AwsSpec::Rsa2048),
        EncryptionKeySpec::EcP256 => None,
    }
}

pub(crate) const fn signing_algorithm(algorithm: SigningAlgorithm) -> SigningAlgorithmSpec {
    match algorithm {
        SigningAlgorithm::Ed25519 => SigningAlgorithmSpec::Ed25519Sha512,
        SigningAlgorithm::EcDsaSha256 => SigningAlgorithmSpec::EcdsaSha256,
        SigningAlgorithm::EcDsaSha384 => SigningAlgorithmSpec::EcdsaSha384,
        SigningAlgorithm::MlDsa65 => SigningAlgorithmSpec::MlDsaShake256,
    }
}

/// None for ECIES, which AWS does not have.
pub(crate) const fn encryption_algorithm(
    spec: EncryptionKeySpec,
) -> Option<EncryptionAlgorithmSpec> {
    match spec {
        EncryptionKeySpec::Rsa2048 => Some(EncryptionAlgorithmSpec::RsaesOaepSha256),
        EncryptionKeySpec::EcP256 => None,
    }
}

/// The spec of an asymmetric key; none if nothing here uses such a key.
pub(crate) fn known(spec: &AwsSpec, usage: &KeyUsageType) -> Option<KeySpec> {
    let signing = |spec: &SigningKeySpec| KeySpec::Signing(*spec);
    let encryption = |spec: &EncryptionKeySpec| KeySpec::Encryption(*spec);
    match usage {
        KeyUsageType::SignVerify => SIGNING_SPECS
            .iter()
            .find(|it| signing_key(**it) == *spec)
            .map(signing),
        KeyUsageType::EncryptDecrypt => ENCRYPTION_SPECS
            .iter()
            .find(|it| encryption_key(**it).as_ref() == Some(spec))
            .map(encryption),
        _ => None,
    }
}

/// What a key that AWS describes is for; none if nothing here uses such a key.
pub(crate) fn kind(described: &KeyMetadata) -> Option<KeyKind> {
    let (spec, usage) = (described.key_spec.as_ref()?, described.key_usage.as_ref()?);
    if *spec == AwsSpec::SymmetricDefault {
        return Some(KeyKind::Wrapper);
    }
    Some(match known(spec, usage)? {
        KeySpec::Signing(spec) => KeyKind::Signing(spec),
        KeySpec::Encryption(spec) => KeyKind::Encryption(spec),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_spec_that_is_offered_is_found_again_under_its_name_in_aws() {
        for spec in SIGNING_SPECS {
            let found = known(&signing_key(spec), &KeyUsageType::SignVerify);
            assert_eq!(found, Some(KeySpec::Signing(spec)));
            assert_eq!(known(&signing_key(spec), &KeyUsageType::KeyAgreement), None);
        }
        for spec in ENCRYPTION_SPECS {
            let name = encryption_key(spec).unwrap();
            let found = known(&name, &KeyUsageType::EncryptDecrypt);
            assert_eq!(found, Some(KeySpec::Encryption(spec)));
            assert_eq!(known(&name, &KeyUsageType::SignVerify), None);
            assert!(encryption_algorithm(spec).is_some());
        }
        assert_eq!(
            known(&AwsSpec::Rsa4096, &KeyUsageType::EncryptDecrypt),
            None
        );
    }
}
