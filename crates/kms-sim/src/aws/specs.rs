//! What AWS calls the kinds of keys and their algorithms.

use super::error::AwsError;
use super::input::not_in_set;
use crate::keys::{Key, KeySpec};

pub(super) const SYMMETRIC_DEFAULT: &str = "SYMMETRIC_DEFAULT";
pub(super) const RSAES_OAEP_SHA_256: &str = "RSAES_OAEP_SHA_256";

/// Kinds of keys that AWS has and the simulator has not.
const OTHER_SPECS: &[&str] = &[
    "RSA_3072",
    "RSA_4096",
    "ECC_NIST_P521",
    "HMAC_224",
    "HMAC_256",
    "HMAC_384",
    "HMAC_512",
    "SM2",
    "ML_DSA_44",
    "ML_DSA_87",
    "ML_KEM_512",
    "ML_KEM_768",
    "ML_KEM_1024",
];

const USAGES: &[&str] = &[
    "SIGN_VERIFY",
    "ENCRYPT_DECRYPT",
    "GENERATE_VERIFY_MAC",
    "KEY_AGREEMENT",
    "ENCAPSULATE_DECAPSULATE",
];

const ALL: [KeySpec; 7] = [
    KeySpec::Symmetric,
    KeySpec::EcP256,
    KeySpec::EcP384,
    KeySpec::EcSecp256k1,
    KeySpec::Ed25519,
    KeySpec::MlDsa65,
    KeySpec::Rsa2048,
];

/// The kind of key that AWS calls so.
pub(super) fn read_spec(name: &str) -> Result<KeySpec, AwsError> {
    if let Some(spec) = ALL.into_iter().find(|spec| spec_name(*spec) == name) {
        return Ok(spec);
    }
    if OTHER_SPECS.contains(&name) {
        return Err(AwsError::unsupported(format!(
            "The simulator holds no keys with KeySpec {name}"
        )));
    }
    Err(not_in_set(name, "keySpec"))
}

/// Refuses a usage that does not fit the kind of key.
pub(super) fn check_usage(spec: KeySpec, usage: &str) -> Result<(), AwsError> {
    if usage == usage_name(spec) {
        return Ok(());
    }
    if !USAGES.contains(&usage) {
        return Err(not_in_set(usage, "keyUsage"));
    }
    let real = matches!(
        (spec, usage),
        (KeySpec::Rsa2048, "SIGN_VERIFY") | (KeySpec::EcP256 | KeySpec::EcP384, "KEY_AGREEMENT")
    );
    let name = spec_name(spec);
    Err(if real {
        AwsError::unsupported(format!(
            "The simulator holds no keys with KeySpec {name} for {usage}"
        ))
    } else {
        AwsError::validation(format!(
            "KeyUsage {usage} is not compatible with KeySpec {name}"
        ))
    })
}

pub(super) const fn spec_name(spec: KeySpec) -> &'static str {
    match spec {
        KeySpec::Symmetric => SYMMETRIC_DEFAULT,
        KeySpec::EcP256 => "ECC_NIST_P256",
        KeySpec::EcP384 => "ECC_NIST_P384",
        KeySpec::EcSecp256k1 => "ECC_SECG_P256K1",
        KeySpec::Ed25519 => "ECC_NIST_EDWARDS25519",
        KeySpec::MlDsa65 => "ML_DSA_65",
        KeySpec::Rsa2048 => "RSA_2048",
    }
}

pub(super) const fn usage_name(spec: KeySpec) -> &'static str {
    if spec.signs() {
        "SIGN_VERIFY"
    } else {
        "ENCRYPT_DECRYPT"
    }
}

/// The one algorithm of a kind of key. AWS has a second one for RSA and for Ed25519; the simulator has not.
pub(super) const fn algorithm_name(spec: KeySpec) -> &'static str {
    match spec {
        KeySpec::Symmetric => SYMMETRIC_DEFAULT,
        KeySpec::EcP256 | KeySpec::EcSecp256k1 => "ECDSA_SHA_256",
        KeySpec::EcP384 => "ECDSA_SHA_384",
        KeySpec::Ed25519 => "ED25519_SHA_512",
        KeySpec::MlDsa65 => "ML_DSA_SHAKE_256",
        KeySpec::Rsa2048 => RSAES_OAEP_SHA_256,
    }
}

/// Refuses a key that is not for this, or not by this algorithm.
pub(super) fn check_fits(
    key: &Key,
    arn: &str,
    operation: &str,
    signs: bool,
    algorithm: &str,
) -> Result<(), AwsError> {
    let (usage, spec) = (usage_name(key.spec), spec_name(key.spec));
    let wrong = if key.spec.signs() != signs {
        format!("{arn} key usage is {usage} which is not valid for {operation}.")
    } else if algorithm_name(key.spec) != algorithm {
        format!("Algorithm {algorithm} is incompatible with key spec {spec}.")
    } else {
        return Ok(());
    };
    Err(AwsError::new("InvalidKeyUsageException", wrong))
}
