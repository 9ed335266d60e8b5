//! Signing and verifying: who may, in which order it is checked, and what is refused.

use strongroom_crypto::{
    Fingerprint, KeyError, KeyPurpose, KeySpec, KeyUsage, KeyUsages, PrivateKey, SignError,
    Signature, SignatureFormat, SigningAlgorithm, SigningAlgorithms, SigningKey, SigningKeySpec,
    SigningPublicKey, VerifyError,
};

use crate::support::{generate, hex, pair, protocol, sample, secret};

const MESSAGE: &[u8] = b"Strongroom";

fn allowed() -> KeyUsages {
    KeyUsages::only(KeyUsage::Protocol)
}

#[test]
fn what_a_key_signs_its_public_key_verifies_for_every_spec() {
    for spec in SigningKeySpec::ALL {
        let (key, public) = pair(spec, 1);
        let signature = key.sign(MESSAGE, allowed()).unwrap();
        assert_eq!(signature.signed_by, public.fingerprint());
        assert_eq!(signature.algorithm, Some(spec.algorithm()));
        assert_eq!(signature.format, spec.algorithm().format());
        public.verify(MESSAGE, &signature, allowed()).unwrap();
        assert_eq!(
            public.verify(b"strongroom", &signature, allowed()),
            Err(VerifyError::InvalidSignature),
            "{spec}"
        );
    }
}

#[test]
fn the_empty_message_and_a_long_one_can_be_signed() {
    for spec in SigningKeySpec::ALL {
        let (key, public) = pair(spec, 2);
        for message in [&[][..], &[0xa5; 100_000]] {
            let signature = key.sign(message, allowed()).unwrap();
            public.verify(message, &signature, allowed()).unwrap();
        }
    }
}

#[test]
fn signatures_have_the_lengths_of_their_formats() {
    let length = |spec| {
        pair(spec, 3)
            .0
            .sign(MESSAGE, allowed())
            .unwrap()
            .bytes
            .len()
    };
    assert_eq!(length(SigningKeySpec::EcCurve25519), 64);
    assert_eq!(length(SigningKeySpec::MlDsa65), 3309);
    assert!((66..=72).contains(&length(SigningKeySpec::EcP256)));
    assert!((66..=72).contains(&length(SigningKeySpec::EcSecp256k1)));
    assert!((98..=104).contains(&length(SigningKeySpec::EcP384)));
    assert_eq!(
        SigningKeySpec::ALL.map(SigningKeySpec::longest_signature),
        [64, 72, 104, 72, 3309]
    );
}

#[test]
fn a_key_does_not_sign_for_a_usage_that_it_lacks() {
    let (key, public) = pair(SigningKeySpec::EcCurve25519, 4);
    let wanted = KeyUsages::only(KeyUsage::Namespace);
    let fingerprint = public.fingerprint();
    let usages = protocol();
    assert_eq!(
        key.sign(MESSAGE, wanted),
        Err(SignError::InvalidKeyUsage {
            fingerprint,
            usages,
            wanted
        })
    );
    let signature = key.sign(MESSAGE, KeyUsages::ALL).unwrap();
    assert_eq!(
        public.verify(MESSAGE, &signature, wanted),
        Err(VerifyError::InvalidKeyUsage {
            fingerprint,
            usages,
            wanted
        })
    );
    public.verify(MESSAGE, &signature, KeyUsages::ALL).unwrap();
}

#[test]
fn a_protocol_key_proves_its_ownership_and_a_namespace_key_does_not() {
    let proof = KeyUsages::only(KeyUsage::ProofOfOwnership);
    let (key, _) = pair(SigningKeySpec::EcCurve25519, 5);
    assert!(key.sign(MESSAGE, proof).is_ok());
    let private = generate(SigningKeySpec::EcCurve25519, 5);
    let namespace = KeyUsages::try_new([KeyUsage::Namespace]).unwrap();
    let public = private.signing_public_key(namespace).unwrap();
    let key = SigningKey::new(&private, &public).unwrap();
    assert!(matches!(
        key.sign(MESSAGE, proof),
        Err(SignError::InvalidKeyUsage { .. })
    ));
}

#[test]
fn a_signature_of_another_key_is_refused_before_anything_else_is_checked() {
    let (key, _) = pair(SigningKeySpec::EcP256, 6);
    let (_, other) = pair(SigningKeySpec::EcCurve25519, 7);
    let mut signature = key.sign(MESSAGE, allowed()).unwrap();
    signature.format = SignatureFormat::Concat;
    let expected = VerifyError::SignatureWithWrongKey {
        key: other.fingerprint(),
        signed_by: key.fingerprint(),
    };
    assert_eq!(
        other.verify(MESSAGE, &signature, KeyUsages::only(KeyUsage::Namespace)),
        Err(expected)
    );
}

#[test]
fn the_algorithm_is_checked_before_the_usage_the_usage_before_the_format_the_format_before_the_signature()
 {
    let (key, public) = pair(SigningKeySpec::EcP256, 8);
    let namespace = KeyUsages::only(KeyUsage::Namespace);
    let mut signature = key.sign(MESSAGE, allowed()).unwrap();
    signature.bytes.clear();
    signature.format = SignatureFormat::Concat;
    signature.algorithm = Some(SigningAlgorithm::EcDsaSha384);
    let verify =
        |signature: &Signature, usages| public.verify(MESSAGE, signature, usages).unwrap_err();

    let (algorithm, spec) = (SigningAlgorithm::EcDsaSha384, SigningKeySpec::EcP256);
    assert_eq!(
        verify(&signature, namespace),
        VerifyError::KeyAlgorithmMismatch { algorithm, spec }
    );
    signature.algorithm = Some(SigningAlgorithm::EcDsaSha256);
    assert!(matches!(
        verify(&signature, namespace),
        VerifyError::InvalidKeyUsage { .. }
    ));
    let (algorithm, format) = (SigningAlgorithm::EcDsaSha256, SignatureFormat::Concat);
    assert_eq!(
        verify(&signature, allowed()),
        VerifyError::UnsupportedSignatureFormat { algorithm, format }
    );
    signature.format = SignatureFormat::Der;
    assert_eq!(verify(&signature, allowed()), VerifyError::InvalidSignature);
}

#[test]
fn a_signature_without_algorithm_verifies_with_the_algorithm_of_the_key() {
    for spec in SigningKeySpec::ALL {
        let (key, public) = pair(spec, 9);
        let mut signature = key.sign(MESSAGE, allowed()).unwrap();
        signature.algorithm = None;
        public.verify(MESSAGE, &signature, allowed()).unwrap();
    }
}

#[test]
fn a_key_whose_algorithm_is_not_allowed_neither_signs_nor_verifies() {
    let only_ed25519 = SigningAlgorithms::of(&[SigningAlgorithm::Ed25519]);
    let spec = SigningKeySpec::EcP256;
    let (key, public) = pair(spec, 10);
    assert_eq!(
        key.sign_restricted(MESSAGE, allowed(), only_ed25519),
        Err(SignError::NoMatchingAlgorithm { spec })
    );
    let mut signature = key.sign(MESSAGE, allowed()).unwrap();
    let verify = |signature: &Signature| {
        public.verify_restricted(MESSAGE, signature, allowed(), only_ed25519)
    };
    let algorithm = SigningAlgorithm::EcDsaSha256;
    assert_eq!(
        verify(&signature),
        Err(VerifyError::UnsupportedAlgorithm { algorithm })
    );
    signature.algorithm = None;
    assert_eq!(
        verify(&signature),
        Err(VerifyError::NoMatchingAlgorithm { spec })
    );
}

#[test]
fn random_bytes_are_no_signature() {
    for spec in SigningKeySpec::ALL {
        let (key, public) = pair(spec, 11);
        let mut signature = key.sign(MESSAGE, allowed()).unwrap();
        for bytes in [
            vec![],
            vec![0],
            vec![0; signature.bytes.len()],
            vec![0x5a; signature.bytes.len()],
        ] {
            signature.bytes = bytes;
            assert_eq!(
                public.verify(MESSAGE, &signature, allowed()),
                Err(VerifyError::InvalidSignature),
                "{spec}"
            );
        }
    }
}

#[test]
fn halves_of_different_pairs_do_not_make_a_signing_key() {
    for spec in SigningKeySpec::ALL {
        let private = generate(spec, 12);
        let (_, other) = pair(spec, 13);
        assert_eq!(
            SigningKey::new(&private, &other).unwrap_err(),
            KeyError::HalvesDiffer,
            "{spec}"
        );
    }
    let private = generate(SigningKeySpec::EcP256, 14);
    let (_, other) = pair(SigningKeySpec::EcSecp256k1, 14);
    assert!(matches!(
        SigningKey::new(&private, &other),
        Err(KeyError::SpecMismatch { .. })
    ));
}

#[test]
fn an_encryption_key_does_not_become_a_signing_key() {
    let private = generate(
        KeySpec::Encryption(strongroom_crypto::EncryptionKeySpec::EcP256),
        15,
    );
    let error = private.signing_public_key(protocol()).unwrap_err();
    assert!(matches!(error, KeyError::PurposeMismatch { .. }));
    let spki = private.public_spki().unwrap();
    let public = SigningPublicKey::from_spki(SigningKeySpec::EcP256, &spki, protocol()).unwrap();
    assert!(matches!(
        SigningKey::new(&private, &public),
        Err(KeyError::SpecMismatch { .. })
    ));
}

#[test]
fn ecdsa_accepts_s_in_either_half_of_its_range() {
    for spec in [
        SigningKeySpec::EcP256,
        SigningKeySpec::EcP384,
        SigningKeySpec::EcSecp256k1,
    ] {
        let (key, public) = pair(spec, 16);
        let mut signature = key.sign(MESSAGE, allowed()).unwrap();
        signature.bytes = negate_s(spec, &signature.bytes);
        public.verify(MESSAGE, &signature, allowed()).unwrap();
    }
}

#[test]
fn ecdsa_signatures_in_ber_or_with_trailing_bytes_are_refused() {
    for spec in [
        SigningKeySpec::EcP256,
        SigningKeySpec::EcP384,
        SigningKeySpec::EcSecp256k1,
    ] {
        let (key, public) = pair(spec, 17);
        let good = key.sign(MESSAGE, allowed()).unwrap();
        let (r, s) = split(&good.bytes);
        let trailing = [good.bytes.as_slice(), &[0]].concat();
        let inner = [good.bytes[2..].to_vec(), vec![5, 0]].concat();
        let trailing_inside = [vec![0x30, u8::try_from(inner.len()).unwrap()], inner].concat();
        let long_length = [&[0x30, 0x81, good.bytes[1]], &good.bytes[2..]].concat();
        let padded = join(&[&[0], r.as_slice()].concat(), &s, true);
        let negative = join(&r, &s, false);
        for bytes in [
            trailing,
            trailing_inside,
            long_length,
            padded,
            negative,
            r,
            s,
        ] {
            if bytes == good.bytes {
                continue; // r and s happened to need no sign byte
            }
            let bad = Signature {
                bytes,
                ..good.clone()
            };
            assert_eq!(
                public.verify(MESSAGE, &bad, allowed()),
                Err(VerifyError::InvalidSignature),
                "{spec}"
            );
        }
    }
}

#[test]
fn openssl_signatures_verify() {
    let cases = [
        (
            sample!("ed25519-public.pem"),
            sample!("ed25519-signature.hex"),
        ),
        (sample!("p256-public.pem"), sample!("p256-signature.hex")),
        (sample!("p384-public.pem"), sample!("p384-signature.hex")),
        (
            sample!("secp256k1-public.pem"),
            sample!("secp256k1-signature.hex"),
        ),
    ];
    for (pem, signature) in cases {
        let key = SigningPublicKey::detect(pem.as_bytes(), protocol()).unwrap();
        verify_foreign(&key, signature);
    }
    let private =
        PrivateKey::from_file(&secret(sample!("ml-dsa-65-pkcs8.pem")), KeyPurpose::Signing)
            .unwrap();
    verify_foreign(
        &private.signing_public_key(protocol()).unwrap(),
        sample!("ml-dsa-65-signature.hex"),
    );
}

fn verify_foreign(key: &SigningPublicKey, signature: &str) {
    let signature = Signature::from_legacy(hex(signature), key.fingerprint(), None);
    let signature = Signature {
        format: key.spec().algorithm().format(),
        ..signature
    };
    key.verify(MESSAGE, &signature, allowed()).unwrap();
}

#[test]
fn a_key_that_was_not_checked_verifies_nothing() {
    for spec in SigningKeySpec::ALL {
        let (key, public) = pair(spec, 18);
        let mut signature = key.sign(MESSAGE, allowed()).unwrap();
        for spki in [vec![], vec![0; 20], vec![0x30; public.spki().len()]] {
            let unchecked = SigningPublicKey::from_validated(spec, spki.into(), protocol());
            signature.signed_by = unchecked.fingerprint();
            assert_eq!(
                unchecked.verify(MESSAGE, &signature, allowed()),
                Err(VerifyError::InvalidSignature)
            );
        }
    }
}

#[test]
fn an_authenticated_row_gives_the_same_key_as_full_validation() {
    for spec in SigningKeySpec::ALL {
        let (_, public) = pair(spec, 19);
        let again = SigningPublicKey::from_validated(spec, public.spki().into(), public.usages());
        assert_eq!(again, public);
        assert_ne!(again.fingerprint(), Fingerprint::from_bytes([0; 32]));
    }
}

#[test]
fn an_opened_signing_key_stays_small() {
    assert!(
        size_of::<SigningKey>() <= 192,
        "{} bytes",
        size_of::<SigningKey>()
    );
}

/// The order of each curve (SEC 2).
fn order(spec: SigningKeySpec) -> Vec<u8> {
    hex(match spec {
        SigningKeySpec::EcP256 => {
            "ffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551"
        }
        SigningKeySpec::EcP384 => {
            "ffffffffffffffffffffffffffffffffffffffffffffffffc7634d81f4372ddf581a0db248b0a77aecec196accc52973"
        }
        _ => "fffffffffffffffffffffffffffffffebaaedce6af48a03bbfd25e8cd0364141",
    })
}

/// The magnitudes of r and s, without sign bytes.
fn split(der: &[u8]) -> (Vec<u8>, Vec<u8>) {
    let r_end = 4 + usize::from(der[3]);
    let strip = |bytes: &[u8]| {
        bytes
            .iter()
            .copied()
            .skip_while(|byte| *byte == 0)
            .collect()
    };
    (strip(&der[4..r_end]), strip(&der[r_end + 2..]))
}

fn join(r: &[u8], s: &[u8], sign_bytes: bool) -> Vec<u8> {
    let integer = |magnitude: &[u8]| {
        let needs_sign = sign_bytes && magnitude[0] >= 0x80;
        let value = [if needs_sign { &[0][..] } else { &[] }, magnitude].concat();
        [vec![2, u8::try_from(value.len()).unwrap()], value].concat()
    };
    let body = [integer(r), integer(s)].concat();
    [vec![0x30, u8::try_from(body.len()).unwrap()], body].concat()
}

/// The signature with n - s for s.
fn negate_s(spec: SigningKeySpec, der: &[u8]) -> Vec<u8> {
    let (r, s) = split(der);
    let order = order(spec);
    let mut padded = vec![0; order.len() - s.len()];
    padded.extend(s);
    let mut borrow = 0;
    let mut negated = vec![0; order.len()];
    for index in (0..order.len()).rev() {
        let difference = i16::from(order[index]) - i16::from(padded[index]) - borrow;
        borrow = i16::from(difference < 0);
        negated[index] = u8::try_from(difference.rem_euclid(256)).unwrap();
    }
    let negated: Vec<u8> = negated.into_iter().skip_while(|byte| *byte == 0).collect();
    join(&r, &negated, true)
}
