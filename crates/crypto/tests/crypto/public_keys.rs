//! Which public keys are accepted.

use strongroom_crypto::{
    EncryptionKeySpec, KeyError, KeyPurpose, KeySpec, KeyUsage, KeyUsages, PublicKey,
    SigningKeySpec, SigningPublicKey, UsageError, spki_of_key_bits,
};

use crate::support::{der, generate, hex, pair, protocol, sample, variant};

const P256: KeySpec = KeySpec::Signing(SigningKeySpec::EcP256);
const RSA: KeySpec = KeySpec::Encryption(EncryptionKeySpec::Rsa2048);

fn usages(spec: KeySpec) -> Option<KeyUsages> {
    (spec.purpose() == KeyPurpose::Signing).then(protocol)
}

fn refused(spec: KeySpec, spki: &[u8]) -> KeyError {
    PublicKey::from_spki(spec, spki, usages(spec)).unwrap_err()
}

fn detected(bytes: impl AsRef<[u8]>, purpose: KeyPurpose) -> Result<PublicKey, KeyError> {
    let usages = (purpose == KeyPurpose::Signing).then(protocol);
    PublicKey::detect(bytes.as_ref(), purpose, usages)
}

fn ed25519_spki(raw: &str) -> Vec<u8> {
    [hex("302a300506032b6570032100"), hex(raw)].concat()
}

#[test]
fn a_key_of_every_spec_reads_back_from_its_spki_and_its_pem() {
    for spec in KeySpec::ALL {
        let public = generate(spec, 1).public_key(usages(spec)).unwrap();
        assert_eq!(
            PublicKey::from_spki(spec, public.spki(), usages(spec)),
            Ok(public.clone()),
            "{spec}"
        );
        assert_eq!(
            detected(public.to_pem(), spec.purpose()),
            Ok(public.clone()),
            "{spec}"
        );
        assert_eq!(
            detected(public.spki(), spec.purpose()),
            Ok(public.clone()),
            "{spec}"
        );
        assert_eq!(public.spec(), spec);
        assert_eq!(public.usages(), usages(spec));
    }
}

/// The subject public key, which ends the SPKI; `header` bytes stand before it.
const HEADERS: [(KeySpec, usize); 7] = [
    (KeySpec::Signing(SigningKeySpec::EcCurve25519), 12),
    (P256, 26),
    (KeySpec::Signing(SigningKeySpec::EcP384), 23),
    (KeySpec::Signing(SigningKeySpec::EcSecp256k1), 23),
    (KeySpec::Signing(SigningKeySpec::MlDsa65), 22),
    (KeySpec::Encryption(EncryptionKeySpec::EcP256), 26),
    (RSA, 24),
];

#[test]
fn the_spki_around_the_bare_key_is_the_one_that_the_key_has() {
    assert_eq!(HEADERS.map(|(spec, _)| spec), KeySpec::ALL);
    for (spec, header) in HEADERS {
        let public = generate(spec, 3).public_key(usages(spec)).unwrap();
        let bits = &public.spki()[header..];
        assert_eq!(
            spki_of_key_bits(spec, bits).unwrap()[..],
            *public.spki(),
            "{spec}"
        );
    }
}

#[test]
fn bare_keys_are_checked_as_those_in_an_spki_are() {
    let ed25519 = KeySpec::Signing(SigningKeySpec::EcCurve25519);
    assert_eq!(
        spki_of_key_bits(ed25519, &[0; 32]),
        Err(KeyError::SmallOrderPoint)
    );
    let off_the_curve = [[4].as_slice(), &[7; 64]].concat();
    assert_eq!(
        spki_of_key_bits(P256, &off_the_curve),
        Err(KeyError::InvalidPoint { spec: P256 })
    );
    for (spec, _) in HEADERS {
        assert!(spki_of_key_bits(spec, &[]).is_err(), "{spec}");
    }
}

#[test]
fn a_key_declared_as_another_spec_is_refused() {
    for spec in KeySpec::ALL {
        let spki = generate(spec, 2).public_spki().unwrap();
        for declared in KeySpec::ALL {
            let same_curve = declared.name() == spec.name();
            let result = PublicKey::from_spki(declared, &spki, usages(declared));
            match result {
                Ok(_) => assert!(same_curve, "{spec} taken for {declared}"),
                Err(error) => {
                    assert!(!same_curve);
                    assert!(matches!(error, KeyError::SpecMismatch { .. }), "{error:?}");
                }
            }
        }
    }
}

#[test]
fn trailing_bytes_are_refused() {
    for spec in KeySpec::ALL {
        let spki = generate(spec, 3).public_spki().unwrap();
        let longer = [&spki, &[0][..]].concat();
        assert_eq!(refused(spec, &longer), KeyError::TrailingBytes { count: 1 });
        let shorter = &spki[..spki.len() - 1];
        assert_eq!(variant(&refused(spec, shorter)), "Malformed");
    }
}

#[test]
fn a_point_that_is_not_on_the_curve_is_refused() {
    for spec in [
        SigningKeySpec::EcP256,
        SigningKeySpec::EcP384,
        SigningKeySpec::EcSecp256k1,
    ] {
        let (_, public) = pair(spec, 4);
        let mut spki = public.spki().to_vec();
        *spki.last_mut().unwrap() ^= 1;
        assert_eq!(
            refused(spec.into(), &spki),
            KeyError::InvalidPoint { spec: spec.into() }
        );
    }
}

#[test]
fn the_point_at_infinity_is_refused() {
    let infinity = hex("3019301306072a8648ce3d020106082a8648ce3d03010703020000");
    assert_eq!(
        refused(P256, &infinity),
        KeyError::InvalidPoint { spec: P256 }
    );
}

#[test]
fn ed25519_points_of_small_order_are_refused() {
    let points = [
        "0000000000000000000000000000000000000000000000000000000000000000",
        "0100000000000000000000000000000000000000000000000000000000000000",
        "0000000000000000000000000000000000000000000000000000000000000080",
        "0100000000000000000000000000000000000000000000000000000000000080",
        "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
        "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff",
        "edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
        "eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
        "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05",
        "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc85",
        "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a",
        "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac03fa",
    ];
    for point in points {
        let error = refused(SigningKeySpec::EcCurve25519.into(), &ed25519_spki(point));
        assert!(
            matches!(
                error,
                KeyError::SmallOrderPoint | KeyError::InvalidPoint { .. }
            ),
            "{point} {error:?}"
        );
        assert!(detected(hex(point), KeyPurpose::Signing).is_err());
    }
}

#[test]
fn an_ed25519_point_with_a_component_of_small_order_is_refused() {
    use curve25519_dalek::constants::{ED25519_BASEPOINT_POINT, EIGHT_TORSION};
    for torsion in &EIGHT_TORSION[1..] {
        let point = (ED25519_BASEPOINT_POINT + torsion).compress();
        let spki = [hex("302a300506032b6570032100").as_slice(), point.as_bytes()].concat();
        assert_eq!(
            refused(SigningKeySpec::EcCurve25519.into(), &spki),
            KeyError::MixedOrderPoint
        );
    }
}

/// The y coordinates 0 to 18 can be written as they are, and with the prime added.
#[test]
fn the_second_encoding_of_an_ed25519_point_is_refused() {
    let read = |bytes: &[u8]| {
        let spki = [hex("302a300506032b6570032100").as_slice(), bytes].concat();
        let spec = SigningKeySpec::EcCurve25519.into();
        PublicKey::from_spki(spec, &spki, usages(spec))
    };
    for (y, sign) in (0..19_u8).flat_map(|y| [(y, 0), (y, 0x80)]) {
        let mut small = [0; 32];
        (small[0], small[31]) = (y, sign);
        let mut large = [0xff; 32];
        (large[0], large[31]) = (0xed + y, 0x7f | sign);
        // No key has the first encoding, so that none is lost with the second.
        assert!(read(&small).is_err(), "{y} {sign}");
        assert!(read(&large).is_err(), "{y} {sign} with the prime added");
    }
}

#[test]
fn ed25519_bytes_that_are_no_point_are_refused() {
    let spec = KeySpec::Signing(SigningKeySpec::EcCurve25519);
    let no_point = "0200000000000000000000000000000000000000000000000000000000000000";
    assert_eq!(
        refused(spec, &ed25519_spki(no_point)),
        KeyError::InvalidPoint { spec }
    );
    let short = &hex("3029300506032b6570032000")[..];
    let short = [short, &[7; 31]].concat();
    let part = "Ed25519 public key";
    assert_eq!(
        refused(spec, &short),
        KeyError::Length {
            part,
            expected: 32,
            found: 31
        }
    );
}

#[test]
fn curves_given_by_explicit_parameters_are_refused() {
    assert_eq!(
        refused(P256, &der(sample!("p256-public-explicit.pem"))),
        KeyError::ExplicitCurve
    );
    let error = detected(sample!("p256-public-explicit.pem"), KeyPurpose::Signing);
    assert_eq!(error, Err(KeyError::ExplicitCurve));
}

#[test]
fn a_compressed_point_is_normalised_before_the_fingerprint_and_a_hybrid_one_refused() {
    let compressed = detected(sample!("p256-public-compressed.pem"), KeyPurpose::Signing).unwrap();
    let plain = detected(sample!("p256-public.pem"), KeyPurpose::Signing).unwrap();
    assert_eq!(compressed, plain);
    assert_eq!(compressed.spki(), der(sample!("p256-public.pem")));
    let hybrid = detected(sample!("p256-public-hybrid.pem"), KeyPurpose::Signing);
    assert_eq!(hybrid, Err(KeyError::InvalidPoint { spec: P256 }));
}

#[test]
fn an_rsa_modulus_must_have_2048_bits_and_the_exponent_be_65537() {
    let encryption = KeyPurpose::Encryption;
    assert_eq!(
        detected(sample!("rsa4096-public.pem"), encryption),
        Err(KeyError::RsaModulus { bits: 4096 })
    );
    assert_eq!(
        refused(RSA, &der(sample!("rsa4096-public.pem"))),
        KeyError::RsaModulus { bits: 4096 }
    );
    assert_eq!(
        detected(sample!("rsa2048-e3-public.pem"), encryption),
        Err(KeyError::RsaExponent)
    );
    assert!(detected(sample!("rsa2048-public.pem"), encryption).is_ok());
}

#[test]
fn an_rsa_modulus_of_2047_bits_is_refused() {
    let mut spki = der(sample!("rsa2048-public.pem"));
    // Clears the top bit: still an INTEGER of 257 bytes would not be minimal, so the sign byte goes too.
    let modulus = 33;
    spki[modulus] &= 0x7f;
    assert!(matches!(
        refused(RSA, &spki),
        KeyError::Malformed { .. } | KeyError::RsaModulus { bits: 2047 }
    ));
}

#[test]
fn another_ml_dsa_parameter_set_is_refused() {
    let spec = KeySpec::Signing(SigningKeySpec::MlDsa65);
    let mut spki = generate(spec, 5).public_spki().unwrap();
    let parameter_set = 16;
    assert_eq!(spki[parameter_set], 0x12);
    for other in [0x11, 0x13] {
        spki[parameter_set] = other;
        let error = refused(spec, &spki);
        assert!(
            matches!(error, KeyError::UnsupportedAlgorithm { .. }),
            "{error:?}"
        );
    }
}

#[test]
fn algorithms_outside_of_the_list_are_refused_by_name() {
    let unsupported = |pem: &str, oid: &str| {
        let error = detected(pem, KeyPurpose::Signing).unwrap_err();
        assert_eq!(
            error,
            KeyError::UnsupportedAlgorithm {
                oid: oid.to_owned()
            }
        );
    };
    unsupported(sample!("p521-public.pem"), "1.3.132.0.35");
    unsupported(sample!("x25519-public.pem"), "1.3.101.110");
}

#[test]
fn algorithm_parameters_must_be_what_the_standard_says() {
    let with_null = hex(
        "302c300706032b65700500032100d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a",
    );
    let spec = KeySpec::Signing(SigningKeySpec::EcCurve25519);
    assert_eq!(
        refused(spec, &with_null),
        KeyError::AlgorithmParameters {
            algorithm: "Ed25519"
        }
    );
    let error = KeyError::AlgorithmParameters {
        algorithm: "elliptic curve",
    };
    let no_curve = hex("300f300906072a8648ce3d02010302000400");
    assert_eq!(refused(P256, &no_curve[..17]), error);
    let curve_of_the_issuer = hex("3011300b06072a8648ce3d020105000302000400");
    assert_eq!(refused(P256, &curve_of_the_issuer[..19]), error);
    let mut rsa = der(sample!("rsa2048-public.pem"));
    let null = rsa.windows(2).position(|window| window == [5, 0]).unwrap();
    rsa[null] = 4;
    assert_eq!(
        refused(RSA, &rsa),
        KeyError::AlgorithmParameters { algorithm: "RSA" }
    );
}

#[test]
fn a_key_that_cannot_serve_the_purpose_is_refused() {
    let refused = |pem: &str, purpose| variant(&detected(pem, purpose).unwrap_err());
    assert_eq!(
        refused(sample!("rsa2048-public.pem"), KeyPurpose::Signing),
        "PurposeMismatch"
    );
    assert_eq!(
        refused(sample!("ed25519-public.pem"), KeyPurpose::Encryption),
        "PurposeMismatch"
    );
    assert_eq!(
        refused(sample!("p384-public.pem"), KeyPurpose::Encryption),
        "PurposeMismatch"
    );
}

#[test]
fn files_that_are_not_public_keys_are_told_apart() {
    let signing = |bytes: &[u8]| detected(bytes, KeyPurpose::Signing).unwrap_err();
    assert_eq!(signing(b""), KeyError::NotAKey { wanted: "public" });
    assert_eq!(
        signing(b"hello, I am not a key"),
        KeyError::NotAKey { wanted: "public" }
    );
    assert_eq!(
        signing(&[0x30, 0x80, 0, 0]),
        KeyError::NotAKey { wanted: "public" }
    );
    let private = KeyError::WrongHalf {
        wanted: "public",
        found: "private",
    };
    assert_eq!(signing(sample!("p256-sec1.pem").as_bytes()), private);
    assert_eq!(signing(&der(sample!("ed25519-pkcs8.pem"))), private);
    let certificate = KeyError::UnexpectedPem {
        label: "CERTIFICATE".to_owned(),
    };
    assert_eq!(signing(sample!("certificate.pem").as_bytes()), certificate);
    let two = [sample!("p256-public.pem"), sample!("p384-public.pem")].concat();
    assert_eq!(signing(two.as_bytes()), KeyError::SeveralKeys);
    let cut = &sample!("p256-public.pem").as_bytes()[..100];
    assert_eq!(variant(&signing(cut)), "MalformedPem");
}

#[test]
fn pem_may_have_text_around_it_and_windows_line_ends() {
    let pem = sample!("p256-public.pem");
    let plain = detected(pem, KeyPurpose::Signing);
    assert!(plain.is_ok());
    assert_eq!(
        detected(
            format!("The key of node 1:\n{pem}\nbye\n"),
            KeyPurpose::Signing
        ),
        plain
    );
    assert_eq!(
        detected(pem.replace('\n', "\r\n"), KeyPurpose::Signing),
        plain
    );
    assert_eq!(detected(pem.trim_end(), KeyPurpose::Signing), plain);
    assert_eq!(plain.unwrap().to_pem(), pem);
}

#[test]
fn signing_keys_have_usages_and_encryption_keys_have_none() {
    let signing = generate(P256, 6).public_spki().unwrap();
    assert_eq!(
        PublicKey::from_spki(P256, &signing, None),
        Err(KeyError::UsagesMisplaced)
    );
    let encryption = KeySpec::Encryption(EncryptionKeySpec::EcP256);
    assert_eq!(
        PublicKey::from_spki(encryption, &signing, Some(protocol())),
        Err(KeyError::UsagesMisplaced)
    );
}

#[test]
fn a_key_gains_proof_of_ownership_and_refuses_impossible_usages() {
    let spki = generate(P256, 7).public_spki().unwrap();
    let key = |usages| SigningPublicKey::from_spki(SigningKeySpec::EcP256, &spki, usages);
    let protocol_only = KeyUsages::only(KeyUsage::Protocol);
    assert!(
        key(protocol_only)
            .unwrap()
            .usages()
            .contains(KeyUsage::ProofOfOwnership)
    );
    let impossible = KeyUsages::only(KeyUsage::ProofOfOwnership);
    assert_eq!(
        key(impossible),
        Err(KeyError::Usages(UsageError::InvalidSet {
            usages: impossible
        }))
    );
    assert_eq!(
        key(KeyUsages::any_of(&[])),
        Err(KeyError::Usages(UsageError::Empty))
    );
}
