//! Public keys as messages.

use prost::Message;
use strongroom_crypto::{
    EncryptionKeySpec, KeyName, KeyPurpose, KeySpec, KeyUsage, KeyUsages, PublicKey, SigningKeySpec,
};
use strongroom_proto::enums::read_key_purpose;
use strongroom_proto::read_usages;
use strongroom_proto::{
    NamedPublicKey, ProtoError, decode_named_public_key, decode_public_key,
    decode_stored_public_key, encode_named_public_key, encode_public_key, encode_stored_public_key,
    read_encryption_public_key, read_named_public_key, read_public_key, read_signing_public_key,
    v30,
};

use crate::support::{ED25519, P256, field, sample, samples, with_unknown_fields};

fn signing_message(spec: KeySpec) -> v30::SigningPublicKey {
    match &sample(spec).public {
        PublicKey::Signing(key) => key.into(),
        PublicKey::Encryption(_) => panic!("{spec} does not sign"),
    }
}

fn encryption_message(spec: EncryptionKeySpec) -> v30::EncryptionPublicKey {
    match &sample(KeySpec::Encryption(spec)).public {
        PublicKey::Encryption(key) => key.into(),
        PublicKey::Signing(_) => panic!("{spec} does not encrypt"),
    }
}

#[test]
fn a_public_key_of_every_spec_survives_bare_wrapped_and_named() {
    for sample in samples() {
        let key = &sample.public;
        let purpose = key.spec().purpose();
        let bare = decode_public_key(&encode_public_key(key)).unwrap();
        assert_eq!((&bare.key, bare.was_legacy), (key, false));
        assert_eq!(
            &decode_stored_public_key(purpose, &encode_stored_public_key(key))
                .unwrap()
                .key,
            key
        );
        for name in [None, Some(KeyName::try_new("Schlüssel 1").unwrap())] {
            let named = NamedPublicKey {
                key: key.clone(),
                name,
            };
            assert_eq!(
                decode_named_public_key(&encode_named_public_key(&named))
                    .unwrap()
                    .key,
                named
            );
        }
    }
}

#[test]
fn a_written_key_has_the_current_format_its_spec_and_no_scheme() {
    let numbers = [1, 2, 3, 4, 5];
    for (spec, number) in SigningKeySpec::ALL.into_iter().zip(numbers) {
        let message = signing_message(KeySpec::Signing(spec));
        assert_eq!((message.format, message.key_spec), (4, number));
        // Proof of ownership was added behind what was asked for.
        assert_eq!(message.usage, [4, 5]);
        #[expect(deprecated, reason = "checked to be unused")]
        let scheme = message.scheme;
        assert_eq!(scheme, 0);
    }
    for (spec, number) in EncryptionKeySpec::ALL.into_iter().zip(numbers) {
        let message = encryption_message(spec);
        assert_eq!((message.format, message.key_spec), (4, number));
    }
}

#[test]
fn usages_are_read_by_the_rules_of_version_30() {
    use KeyUsage::{Namespace, ProofOfOwnership, Protocol, SequencerAuthentication};
    let check = |given: &[i32], expected: &[KeyUsage]| {
        let message = v30::SigningPublicKey {
            usage: given.to_vec(),
            ..signing_message(P256)
        };
        let read = read_signing_public_key(&message).unwrap();
        assert_eq!(read.key.usages(), KeyUsages::any_of(expected), "{given:?}");
    };
    check(&[], &KeyUsage::ALL);
    check(&[2], &KeyUsage::ALL);
    check(&[1], &[Namespace]);
    check(&[1, 2], &[Namespace]);
    check(&[4], &[Protocol, ProofOfOwnership]);
    check(&[5, 4, 4], &[Protocol, ProofOfOwnership]);
    check(
        &[1, 2, 3, 4],
        &[
            Namespace,
            SequencerAuthentication,
            Protocol,
            ProofOfOwnership,
        ],
    );
}

#[test]
fn the_usages_of_a_request_are_taken_as_they_are() {
    let check = |given: &[i32], expected: &[KeyUsage]| {
        assert_eq!(
            read_usages("Request", given).unwrap(),
            KeyUsages::any_of(expected),
            "{given:?}"
        );
    };
    check(&[], &[]);
    check(&[2], &[]);
    check(&[1, 5], &[KeyUsage::Namespace, KeyUsage::ProofOfOwnership]);
    assert_eq!(
        field(&read_usages("Request", &[0]).unwrap_err()),
        ("not set", "usage")
    );
    assert_eq!(
        field(&read_usages("Request", &[6]).unwrap_err()),
        ("unrecognized", "usage")
    );
}

#[test]
fn a_purpose_is_read_from_its_number() {
    for purpose in KeyPurpose::ALL {
        let number = v30::KeyPurpose::from(purpose).into();
        assert_eq!(
            read_key_purpose("Request", "purpose", number).unwrap(),
            purpose
        );
    }
    for (number, expected) in [(0, "not set"), (3, "unrecognized")] {
        assert_eq!(
            field(&read_key_purpose("Request", "purpose", number).unwrap_err()),
            (expected, "purpose")
        );
    }
}

#[test]
fn a_legacy_format_reads_as_the_same_key_and_is_flagged() {
    for sample in samples() {
        let spki = sample.public.spki();
        let (format, bytes) = match sample.private.spec() {
            KeySpec::Signing(SigningKeySpec::EcSecp256k1) => continue, // has none
            KeySpec::Signing(SigningKeySpec::EcCurve25519) => (3, &spki[12..]),
            KeySpec::Signing(_) | KeySpec::Encryption(_) => (2, spki),
        };
        let mut message = v30::PublicKey::from(&sample.public);
        match message.key.as_mut().unwrap() {
            v30::public_key::Key::SigningPublicKey(key) => {
                (key.format, key.public_key) = (format, bytes.to_vec());
            }
            v30::public_key::Key::EncryptionPublicKey(key) => {
                (key.format, key.public_key) = (format, bytes.to_vec());
            }
        }
        let read = read_public_key(&message).unwrap();
        assert_eq!((&read.key, read.was_legacy), (&sample.public, true));
    }
}

#[test]
#[expect(deprecated, reason = "old messages have nothing else")]
fn a_key_with_nothing_but_the_legacy_scheme_has_the_spec_of_the_scheme() {
    for (scheme, spec) in [
        SigningKeySpec::EcCurve25519,
        SigningKeySpec::EcP256,
        SigningKeySpec::EcP384,
    ]
    .into_iter()
    .enumerate()
    .map(|(index, spec)| (i32::try_from(index).unwrap() + 1, spec))
    {
        let message = v30::SigningPublicKey {
            key_spec: 0,
            scheme,
            ..signing_message(KeySpec::Signing(spec))
        };
        assert_eq!(read_signing_public_key(&message).unwrap().key.spec(), spec);
    }
    let schemes = [
        (1, EncryptionKeySpec::EcP256),
        (2, EncryptionKeySpec::EcP256),
        (3, EncryptionKeySpec::Rsa2048),
    ];
    for (scheme, spec) in schemes {
        let message = v30::EncryptionPublicKey {
            key_spec: 0,
            scheme,
            ..encryption_message(spec)
        };
        assert_eq!(
            read_encryption_public_key(&message).unwrap().key.spec(),
            spec
        );
    }
}

#[test]
#[expect(deprecated, reason = "the scheme must not count")]
fn the_scheme_counts_for_nothing_when_the_spec_is_set() {
    for scheme in [1, 77] {
        let message = v30::SigningPublicKey {
            scheme,
            ..signing_message(P256)
        };
        assert_eq!(
            read_signing_public_key(&message).unwrap().key.spec(),
            SigningKeySpec::EcP256
        );
    }
}

#[test]
#[expect(
    deprecated,
    reason = "the scheme is one of the fields that can be broken"
)]
fn each_broken_field_of_a_signing_key_has_its_error() {
    let check = |change: fn(&mut v30::SigningPublicKey), expected: (&str, &str)| {
        let mut message = signing_message(P256);
        change(&mut message);
        let error = read_signing_public_key(&message).unwrap_err();
        assert_eq!(field(&error), expected, "{error:?}");
    };
    check(|key| key.format = 0, ("not set", "format"));
    check(|key| key.format = 1, ("unrecognized", "format"));
    check(|key| key.format = 10_000, ("symbolic", "format"));
    check(|key| key.format = 3, ("invalid", "key"));
    check(|key| key.format = 5, ("invalid", "key"));
    check(|key| key.public_key.clear(), ("invalid", "key"));
    check(|key| key.public_key.push(0), ("invalid", "key"));
    check(|key| key.public_key.truncate(90), ("invalid", "key"));
    check(|key| key.key_spec = 0, ("not set", "key_spec and scheme"));
    check(|key| key.key_spec = 3, ("invalid", "key"));
    check(|key| key.key_spec = 6, ("unrecognized", "key_spec"));
    check(|key| key.key_spec = -1, ("unrecognized", "key_spec"));
    check(
        |key| (key.key_spec, key.scheme) = (0, 4),
        ("unrecognized", "scheme"),
    );
    check(|key| key.usage = vec![0], ("not set", "usage"));
    check(|key| key.usage = vec![4, 6], ("unrecognized", "usage"));
    check(|key| key.usage = vec![5], ("invalid", "usage"));
    check(|key| key.usage = vec![1, 5], ("invalid", "usage"));
    check(|key| key.usage = vec![2, 5], ("invalid", "usage"));
}

#[test]
#[expect(
    deprecated,
    reason = "the scheme is one of the fields that can be broken"
)]
fn each_broken_field_of_an_encryption_key_has_its_error() {
    let check = |change: fn(&mut v30::EncryptionPublicKey), expected: (&str, &str)| {
        let mut message = encryption_message(EncryptionKeySpec::Rsa2048);
        change(&mut message);
        let error = read_encryption_public_key(&message).unwrap_err();
        assert_eq!(field(&error), expected, "{error:?}");
    };
    check(|key| key.format = 0, ("not set", "format"));
    check(|key| key.format = 6, ("unrecognized", "format"));
    check(|key| key.format = 10_000, ("symbolic", "format"));
    check(|key| key.format = 3, ("invalid", "key"));
    check(|key| key.public_key.clear(), ("invalid", "key"));
    check(|key| key.key_spec = 0, ("not set", "key_spec and scheme"));
    check(|key| key.key_spec = 1, ("invalid", "key"));
    check(|key| key.key_spec = 3, ("unrecognized", "key_spec"));
    check(
        |key| (key.key_spec, key.scheme) = (0, 4),
        ("unrecognized", "scheme"),
    );
}

#[test]
fn a_message_without_a_key_or_with_too_long_a_name_is_refused() {
    assert_eq!(
        field(&decode_public_key(&[]).unwrap_err()),
        ("not set", "key")
    );
    let named = |public_key, name: String| {
        read_named_public_key(&v30::PublicKeyWithName { public_key, name })
    };
    let key = || Some(v30::PublicKey::from(&sample(ED25519).public));
    assert_eq!(
        field(&named(None, String::new()).unwrap_err()),
        ("not set", "public_key")
    );
    assert_eq!(
        field(&named(key(), "n".repeat(301)).unwrap_err()),
        ("invalid", "name")
    );
    assert_eq!(
        named(key(), "n".repeat(300))
            .unwrap()
            .key
            .name
            .unwrap()
            .as_str()
            .len(),
        300
    );
}

#[test]
fn unknown_fields_and_the_fingerprint_of_old_messages_are_skipped() {
    let message = signing_message(P256);
    let mut bytes = vec![0x0a, 4];
    bytes.extend_from_slice(b"1220");
    bytes.extend(with_unknown_fields(message.encode_to_vec()));
    assert_eq!(
        v30::SigningPublicKey::decode(bytes.as_slice()).unwrap(),
        message
    );
}

#[test]
fn a_row_read_for_the_wrong_purpose_is_refused() {
    for sample in samples() {
        let (row, purpose) = (
            encode_stored_public_key(&sample.public),
            sample.public.spec().purpose(),
        );
        for wrong in KeyPurpose::ALL
            .into_iter()
            .filter(|wrong| *wrong != purpose)
        {
            assert!(
                decode_stored_public_key(wrong, &row).is_err(),
                "{}",
                sample.private.spec()
            );
        }
    }
}

#[test]
fn a_truncated_key_is_refused_or_is_the_same_key() {
    for sample in samples() {
        let (row, purpose) = (
            encode_stored_public_key(&sample.public),
            sample.public.spec().purpose(),
        );
        for length in 0..row.len() {
            match decode_stored_public_key(purpose, &row[..length]) {
                // Only the version can be missing without harm.
                Ok(read) => assert!(read.key == sample.public && length + 2 >= row.len()),
                Err(error) => assert!(!matches!(error, ProtoError::NotAKeyPair { .. })),
            }
        }
    }
}
