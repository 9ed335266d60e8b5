//! Generating, reading and writing private keys.

use strongroom_crypto::{
    EncryptionKeySpec, KeyError, KeyPurpose, KeySpec, PrivateKey, PublicKey, Random, RandomError,
    SigningKeySpec, SystemRandom,
};

use crate::support::{der, generate, hex, protocol, sample, secret, variant};

fn file(bytes: impl AsRef<[u8]>, purpose: KeyPurpose) -> Result<PrivateKey, KeyError> {
    PrivateKey::from_file(&secret(bytes), purpose)
}

fn pkcs8(spec: KeySpec, bytes: impl AsRef<[u8]>) -> Result<PrivateKey, KeyError> {
    PrivateKey::from_pkcs8(Some(spec), &secret(bytes))
}

fn same(one: &PrivateKey, other: &PrivateKey) -> bool {
    one.spec() == other.spec() && one.stored() == other.stored()
}

#[test]
fn a_generated_key_of_every_spec_reads_back_from_every_form_it_is_written_in() {
    for spec in KeySpec::ALL {
        let key = generate(spec, 1);
        let exported = key.to_pkcs8().unwrap();
        assert!(
            same(
                &PrivateKey::from_pkcs8(Some(spec), &exported).unwrap(),
                &key
            ),
            "{spec}"
        );
        assert!(
            same(
                &PrivateKey::from_file(&exported, spec.purpose()).unwrap(),
                &key
            ),
            "{spec}"
        );
        let pem = key.to_pkcs8_pem().unwrap();
        assert!(
            same(&PrivateKey::from_file(&pem, spec.purpose()).unwrap(), &key),
            "{spec}"
        );
        // EXPOSE: a key of this test.
        let stored = secret(key.stored().expose());
        assert!(
            same(&PrivateKey::from_stored(spec, stored).unwrap(), &key),
            "{spec}"
        );
    }
}

#[test]
fn without_an_expected_spec_it_is_found_and_p256_signs() {
    let found = |spec| {
        PrivateKey::from_pkcs8(None, &generate(spec, 2).to_pkcs8().unwrap())
            .unwrap()
            .spec()
    };
    for spec in SigningKeySpec::ALL {
        assert_eq!(found(KeySpec::Signing(spec)), KeySpec::Signing(spec));
    }
    let rsa = KeySpec::Encryption(EncryptionKeySpec::Rsa2048);
    assert_eq!(found(rsa), rsa);
    let p256 = KeySpec::Encryption(EncryptionKeySpec::EcP256);
    assert_eq!(found(p256), KeySpec::Signing(SigningKeySpec::EcP256));
}

#[test]
fn every_generated_key_is_another_one() {
    for spec in SigningKeySpec::ALL {
        let one = PrivateKey::generate(spec.into(), &SystemRandom).unwrap();
        let other = PrivateKey::generate(spec.into(), &SystemRandom).unwrap();
        assert!(!same(&one, &other), "{spec}");
    }
}

#[test]
fn seeds_and_scalars_are_the_bytes_of_the_injected_generator() {
    #[derive(Debug)]
    struct Sevens;
    impl Random for Sevens {
        fn fill(&self, buffer: &mut [u8]) -> Result<(), RandomError> {
            buffer.fill(7);
            Ok(())
        }
    }
    for spec in SigningKeySpec::ALL {
        let key = PrivateKey::generate(spec.into(), &Sevens).unwrap();
        // EXPOSE: a key of this test.
        assert!(
            key.stored().expose().iter().all(|byte| *byte == 7),
            "{spec}"
        );
    }
}

#[test]
fn a_scalar_outside_of_the_range_is_drawn_again() {
    #[derive(Debug, Default)]
    struct FirstTooLarge(std::sync::atomic::AtomicU8);
    impl Random for FirstTooLarge {
        fn fill(&self, buffer: &mut [u8]) -> Result<(), RandomError> {
            let draw = self.0.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
            buffer.fill(
                [0xff, 0x00, 0x11]
                    .get(usize::from(draw))
                    .copied()
                    .unwrap_or(0x22),
            );
            Ok(())
        }
    }
    for spec in [
        SigningKeySpec::EcP256,
        SigningKeySpec::EcP384,
        SigningKeySpec::EcSecp256k1,
    ] {
        let key = PrivateKey::generate(spec.into(), &FirstTooLarge::default()).unwrap();
        // EXPOSE: a key of this test.
        assert!(
            key.stored().expose().iter().all(|byte| *byte == 0x11),
            "{spec}"
        );
    }
}

#[test]
fn a_generator_that_only_repeats_bytes_out_of_range_is_reported_and_does_not_hang() {
    #[derive(Debug)]
    struct Zeros;
    impl Random for Zeros {
        fn fill(&self, buffer: &mut [u8]) -> Result<(), RandomError> {
            buffer.fill(0);
            Ok(())
        }
    }
    let error = PrivateKey::generate(SigningKeySpec::EcP256.into(), &Zeros).unwrap_err();
    assert_eq!(error, KeyError::Random(RandomError::Broken));
}

#[test]
fn scalars_outside_of_the_range_are_refused() {
    let order = hex("ffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551");
    for spec in [
        KeySpec::Signing(SigningKeySpec::EcP256),
        KeySpec::Encryption(EncryptionKeySpec::EcP256),
    ] {
        for scalar in [vec![0; 32], order.clone(), vec![0xff; 32]] {
            let error = PrivateKey::from_stored(spec, secret(scalar)).unwrap_err();
            assert_eq!(error, KeyError::ScalarOutOfRange { spec });
        }
    }
}

#[test]
fn stored_keys_of_a_wrong_length_are_refused() {
    for spec in KeySpec::ALL {
        for length in [0, 31, 33, 64] {
            assert!(
                PrivateKey::from_stored(spec, secret(vec![7; length])).is_err(),
                "{spec} {length}"
            );
        }
    }
}

#[test]
fn an_exported_curve_key_names_its_curve_and_holds_its_public_point() {
    for spec in [
        SigningKeySpec::EcP256,
        SigningKeySpec::EcP384,
        SigningKeySpec::EcSecp256k1,
    ] {
        let key = generate(spec, 3);
        let exported = key.to_pkcs8().unwrap();
        // EXPOSE: a key of this test.
        let bytes = exported.expose();
        let spki = key.public_spki().unwrap();
        let point = &spki[spki.len() - 1 - 2 * key.stored().len()..];
        assert!(
            bytes.ends_with(point),
            "{spec}: the point stands at the end"
        );
        // Version 0, not 1: the point is inside of the ECPrivateKey.
        assert_eq!(
            bytes[bytes.iter().position(|byte| *byte == 2).unwrap()..][..3],
            [2, 1, 0]
        );
        let parameters = hex(match spec {
            SigningKeySpec::EcP256 => "a00a06082a8648ce3d030107",
            SigningKeySpec::EcP384 => "a00706052b81040022",
            _ => "a00706052b8104000a",
        });
        assert!(
            bytes
                .windows(parameters.len())
                .any(|window| window == parameters),
            "{spec}"
        );
    }
}

#[test]
fn an_ml_dsa_key_is_exported_with_seed_and_expanded_key() {
    let key = generate(SigningKeySpec::MlDsa65, 4);
    let exported = key.to_pkcs8().unwrap();
    // EXPOSE: a key of this test.
    let bytes = exported.expose();
    assert_eq!(bytes.len(), 4 + 3 + 13 + 4 + 4 + 34 + 4 + 4032);
    let inner = &bytes[24..];
    assert_eq!(inner[..6], [0x30, 0x82, 0x0f, 0xe6, 4, 32]);
    assert_eq!(&inner[6..38], key.stored().expose());
    assert_eq!(inner[38..42], [4, 0x82, 0x0f, 0xc0]);
}

#[test]
fn an_ml_dsa_key_without_its_seed_is_imported_signs_and_is_exported_as_it_came() {
    let with_seed = generate(SigningKeySpec::MlDsa65, 5);
    let exported = with_seed.to_pkcs8().unwrap();
    // EXPOSE: a key of this test.
    let expanded = &exported.expose()[24 + 38..];
    let header = hex("30820fd8020100300b060960864801650304031204820fc4");
    let expanded_only = [header.as_slice(), expanded].concat();
    let key = PrivateKey::from_pkcs8(None, &secret(&expanded_only)).unwrap();
    assert_eq!(key.stored().len(), 4032);
    assert_eq!(key.public_spki().unwrap(), with_seed.public_spki().unwrap());
    assert_eq!(key.to_pkcs8().unwrap().expose(), expanded_only);

    let public = key.signing_public_key(protocol()).unwrap();
    let signing = strongroom_crypto::SigningKey::new(&key, &public).unwrap();
    let signature = signing.sign(b"message", protocol()).unwrap();
    public.verify(b"message", &signature, protocol()).unwrap();
}

#[test]
fn an_ml_dsa_key_whose_two_forms_differ_is_refused() {
    let exported = generate(SigningKeySpec::MlDsa65, 6).to_pkcs8().unwrap();
    // EXPOSE: a key of this test.
    let mut bytes = exported.expose().to_vec();
    bytes[24 + 6] ^= 1;
    assert_eq!(
        pkcs8(SigningKeySpec::MlDsa65.into(), bytes).unwrap_err(),
        KeyError::HalvesDiffer
    );
}

#[test]
fn another_ml_dsa_parameter_set_is_refused() {
    let mut bytes = der(sample!("ml-dsa-65-pkcs8.pem"));
    let parameter_set = bytes.iter().position(|byte| *byte == 0x12).unwrap();
    bytes[parameter_set] = 0x11;
    assert_eq!(
        variant(&pkcs8(SigningKeySpec::MlDsa65.into(), bytes).unwrap_err()),
        "UnsupportedAlgorithm"
    );
}

#[test]
fn openssl_files_are_read_whatever_their_structure() {
    let signing = KeyPurpose::Signing;
    let from_sec1 = file(sample!("p256-sec1.pem"), signing).unwrap();
    let from_pkcs8 = file(sample!("p256-pkcs8.pem"), signing).unwrap();
    assert!(same(&from_sec1, &from_pkcs8));
    let sec1_der = sample!("p256-sec1.pem")
        .split("-----END EC PARAMETERS-----\n")
        .nth(1)
        .unwrap();
    assert!(same(&file(der(sec1_der), signing).unwrap(), &from_pkcs8));
    let public = PublicKey::detect(
        sample!("p256-public.pem").as_bytes(),
        signing,
        Some(protocol()),
    )
    .unwrap();
    assert_eq!(from_sec1.public_key(Some(protocol())).unwrap(), public);

    let encryption = KeyPurpose::Encryption;
    let from_pkcs1 = file(sample!("rsa2048-pkcs1.pem"), encryption).unwrap();
    assert!(same(
        &from_pkcs1,
        &file(sample!("rsa2048-pkcs8.pem"), encryption).unwrap()
    ));
    assert!(same(
        &from_pkcs1,
        &file(der(sample!("rsa2048-pkcs1.pem")), encryption).unwrap()
    ));
    let public =
        PublicKey::detect(sample!("rsa2048-public.pem").as_bytes(), encryption, None).unwrap();
    assert_eq!(from_pkcs1.public_key(None).unwrap(), public);
    // EXPOSE: a key of this test.
    assert_eq!(
        from_pkcs1.to_pkcs8().unwrap().expose(),
        der(sample!("rsa2048-pkcs8.pem"))
    );
    assert_eq!(
        file(sample!("ed25519-pkcs8.pem"), signing)
            .unwrap()
            .to_pkcs8_pem()
            .unwrap()
            .expose(),
        sample!("ed25519-pkcs8.pem").as_bytes()
    );
}

#[test]
fn a_p256_file_serves_the_purpose_that_was_asked_for() {
    let spec = |purpose| file(sample!("p256-sec1.pem"), purpose).unwrap().spec();
    assert_eq!(
        spec(KeyPurpose::Signing),
        KeySpec::Signing(SigningKeySpec::EcP256)
    );
    assert_eq!(
        spec(KeyPurpose::Encryption),
        KeySpec::Encryption(EncryptionKeySpec::EcP256)
    );
}

#[test]
fn encrypted_files_are_refused_with_advice() {
    use strongroom_errors::Coded;
    for pem in [
        sample!("p256-pkcs8-encrypted.pem"),
        sample!("p256-sec1-encrypted.pem"),
    ] {
        let error = file(pem, KeyPurpose::Signing).unwrap_err();
        assert_eq!(error, KeyError::Encrypted);
        assert!(error.code().advice().contains("Remove the password"));
    }
    let der = der(sample!("p256-pkcs8-encrypted.pem"));
    assert_eq!(
        file(der, KeyPurpose::Signing).unwrap_err(),
        KeyError::Encrypted
    );
}

#[test]
fn curves_given_by_explicit_parameters_are_refused() {
    for pem in [
        sample!("p256-sec1-explicit.pem"),
        sample!("p256-pkcs8-explicit.pem"),
    ] {
        assert_eq!(
            file(pem, KeyPurpose::Signing).unwrap_err(),
            KeyError::ExplicitCurve
        );
    }
}

#[test]
fn files_that_are_not_private_keys_are_told_apart() {
    let signing = |bytes: &[u8]| file(bytes, KeyPurpose::Signing).unwrap_err();
    let none = KeyError::NotAKey { wanted: "private" };
    assert_eq!(signing(b""), none);
    assert_eq!(signing(b"# a README\n"), none);
    assert_eq!(signing(&[7; 32]), none, "any 32 bytes would be a seed");
    let public = KeyError::WrongHalf {
        wanted: "private",
        found: "public",
    };
    assert_eq!(signing(sample!("p256-public.pem").as_bytes()), public);
    assert_eq!(signing(&der(sample!("rsa2048-public-pkcs1.pem"))), public);
    let certificate = KeyError::UnexpectedPem {
        label: "CERTIFICATE".to_owned(),
    };
    assert_eq!(signing(sample!("certificate.pem").as_bytes()), certificate);
    assert_eq!(
        variant(&signing(sample!("rsa2048-pkcs1.pem").as_bytes())),
        "PurposeMismatch"
    );
    let both = [sample!("certificate.pem"), sample!("p256-pkcs8.pem")].concat();
    assert!(
        file(both, KeyPurpose::Signing).is_ok(),
        "a certificate beside the key is no obstacle"
    );
    let two = [sample!("p384-pkcs8.pem"), sample!("p256-pkcs8.pem")].concat();
    assert_eq!(signing(two.as_bytes()), KeyError::SeveralKeys);
}

#[test]
fn rsa_keys_of_another_size_or_exponent_are_refused() {
    let refused = |pem: &str| file(pem, KeyPurpose::Encryption).unwrap_err();
    assert_eq!(
        refused(sample!("rsa1024-pkcs1.pem")),
        KeyError::RsaModulus { bits: 1024 }
    );
    assert_eq!(
        refused(sample!("rsa2048-e3-pkcs1.pem")),
        KeyError::RsaExponent
    );
}

#[test]
fn an_rsa_key_whose_numbers_do_not_belong_together_is_refused() {
    let pkcs1 = der(sample!("rsa2048-pkcs1.pem"));
    // Within modulus, private exponent and first prime.
    for position in [100, 400, 600] {
        let mut damaged = pkcs1.clone();
        damaged[position] ^= 4;
        assert_eq!(
            variant(&file(damaged, KeyPurpose::Encryption).unwrap_err()),
            "RsaInconsistent",
            "{position}"
        );
    }
}

#[test]
fn trailing_bytes_are_refused() {
    for spec in KeySpec::ALL {
        let exported = generate(spec, 7).to_pkcs8().unwrap();
        // EXPOSE: a key of this test.
        let longer = [exported.expose(), &[0]].concat();
        assert_eq!(
            pkcs8(spec, longer).unwrap_err(),
            KeyError::TrailingBytes { count: 1 },
            "{spec}"
        );
    }
}

#[test]
fn a_key_of_another_spec_than_expected_is_refused() {
    for spec in KeySpec::ALL {
        let exported = generate(spec, 8).to_pkcs8().unwrap();
        for expected in KeySpec::ALL
            .into_iter()
            .filter(|other| other.name() != spec.name())
        {
            let error = PrivateKey::from_pkcs8(Some(expected), &exported).unwrap_err();
            assert!(
                matches!(error, KeyError::SpecMismatch { .. }),
                "{spec} as {expected}: {error:?}"
            );
        }
    }
}

#[test]
fn pkcs8_of_version_2_is_read_and_its_public_half_must_match() {
    // RFC 8410, section 10.3, but without the attributes.
    let v2 = "3051020101300506032b657004220420d4ee72dbf913584ad5b6d8f1f769f8ad3afe7c28cbf1d4fbe097a88f44755842\
              81210019bf44096984cdfe8541bac167dc3b96c85086aa30b6b6cb0c5c38ad703166e1";
    let mut bytes = hex(v2);
    let spec = KeySpec::Signing(SigningKeySpec::EcCurve25519);
    let key = pkcs8(spec, &bytes).unwrap();
    assert_eq!(key.to_pkcs8().unwrap().len(), 48);
    *bytes.last_mut().unwrap() ^= 1;
    assert_eq!(pkcs8(spec, &bytes).unwrap_err(), KeyError::HalvesDiffer);
}

#[test]
fn pkcs8_with_attributes_is_read() {
    // RFC 8410, section 10.3.
    let pem = "-----BEGIN PRIVATE KEY-----\n\
               MHICAQEwBQYDK2VwBCIEINTuctv5E1hK1bbY8fdp+K06/nwoy/HU++CXqI9EdVhC\n\
               oB8wHQYKKoZIhvcNAQkJFDEPDA1DdXJkbGUgQ2hhaXJzgSEAGb9ECWmEzf6FQbrB\n\
               Z9w7lshQhqowtrbLDFw4rXAxZuE=\n\
               -----END PRIVATE KEY-----\n";
    assert!(file(pem, KeyPurpose::Signing).is_ok());
}

#[test]
fn a_curve_key_with_the_point_of_another_key_is_refused() {
    let exported = generate(SigningKeySpec::EcP256, 9).to_pkcs8().unwrap();
    let other = generate(SigningKeySpec::EcP256, 10).public_spki().unwrap();
    // EXPOSE: a key of this test.
    let mut bytes = exported.expose().to_vec();
    let start = bytes.len() - 65;
    bytes[start..].copy_from_slice(&other[other.len() - 65..]);
    assert_eq!(
        pkcs8(SigningKeySpec::EcP256.into(), bytes).unwrap_err(),
        KeyError::HalvesDiffer
    );
}

#[test]
fn a_curve_key_without_public_point_or_with_a_short_scalar_is_read() {
    // ECPrivateKey { 1, 7 } as some old Java programs wrote it, in PKCS#8.
    let short = hex("301f020100301306072a8648ce3d020106082a8648ce3d0301070405300302010104");
    assert!(
        pkcs8(SigningKeySpec::EcP256.into(), short).is_err(),
        "no scalar at all"
    );
    let short = hex(
        "3022020100301306072a8648ce3d020106082a8648ce3d030107040830060201010401 07"
            .replace(' ', "")
            .as_str(),
    );
    let key = pkcs8(SigningKeySpec::EcP256.into(), short).unwrap();
    // EXPOSE: a key of this test.
    assert_eq!(key.stored().expose()[..31], [0; 31]);
    assert_eq!(key.stored().expose()[31], 7);
}
