//! Exported key pairs.

use prost::Message;
use strongroom_crypto::SecretBytes;
use strongroom_crypto::{
    EncryptionKeySpec, KeySpec, KeyUsage, KeyUsages, PrivateKey, SigningKeySpec,
};
use strongroom_errors::Coded;
use strongroom_proto::{
    ProtoError, decode_key_pair, encode_key_pair, encode_stored_public_key, versioned,
};

use crate::canton::{CryptoKeyPair, Pair, SigningKeyPair, SigningPrivateKey};
use crate::support::{
    ED25519, P256, chain, field, generate, inside, sample, samples, with_unknown_fields, wrap,
};

fn export(spec: KeySpec) -> Vec<u8> {
    let sample = sample(spec);
    encode_key_pair(&sample.private, &sample.public)
        .unwrap()
        .expose()
        .to_vec()
}

/// The export of a signing key, taken apart.
fn signing_key(spec: KeySpec) -> SigningPrivateKey {
    match CryptoKeyPair::decode(inside(&export(spec)).as_slice())
        .unwrap()
        .pair
    {
        Some(Pair::Signing(pair)) => pair.private_key.unwrap(),
        other => panic!("{other:?}"),
    }
}

fn pair_of(key: SigningPrivateKey) -> CryptoKeyPair {
    CryptoKeyPair {
        pair: Some(Pair::Signing(SigningKeyPair {
            public_key: None,
            private_key: Some(key),
        })),
    }
}

fn same(private: &PrivateKey, other: &PrivateKey) -> bool {
    private.stored() == other.stored() && private.spec() == other.spec()
}

#[test]
fn a_key_pair_of_every_spec_survives_wrapped_and_bare() {
    for sample in samples() {
        let wrapped = export(sample.private.spec());
        for bytes in [inside(&wrapped), wrapped] {
            let read = decode_key_pair(&bytes).unwrap();
            assert!(
                same(&read.private, &sample.private),
                "{}",
                sample.private.spec()
            );
            assert_eq!((&read.public, read.was_legacy), (&sample.public, false));
        }
    }
}

#[test]
fn another_reader_finds_what_the_contract_says() {
    for sample in samples() {
        let pair = CryptoKeyPair::decode(inside(&export(sample.private.spec())).as_slice())
            .unwrap()
            .pair
            .unwrap();
        let pkcs8 = sample.private.to_pkcs8().unwrap().expose().to_vec();
        let id = sample.public.fingerprint().to_string();
        match (pair, sample.private.spec()) {
            (Pair::Signing(pair), KeySpec::Signing(spec)) => {
                let key_spec = strongroom_proto::v30::SigningKeySpec::from(spec).into();
                let key = SigningPrivateKey {
                    id,
                    format: 5,
                    private_key: pkcs8,
                    scheme: 0,
                    usage: vec![4, 5],
                    key_spec,
                };
                assert_eq!((pair.public_key, pair.private_key), (None, Some(key)));
            }
            (Pair::Encryption(pair), KeySpec::Encryption(spec)) => {
                let key = pair.private_key.unwrap();
                let number = match spec {
                    EncryptionKeySpec::EcP256 => 1,
                    EncryptionKeySpec::Rsa2048 => 2,
                };
                assert_eq!(
                    (key.id, key.format, key.scheme, key.key_spec),
                    (id, 5, 0, number)
                );
                assert_eq!((pair.public_key, key.private_key), (None, pkcs8));
            }
            (pair, spec) => panic!("{pair:?} for {spec}"),
        }
    }
}

#[test]
fn the_id_and_the_public_half_that_came_along_are_ignored() {
    let stranger = generate(P256);
    let mut key = signing_key(P256);
    key.id = stranger.public.fingerprint().to_string();
    let public_key = Some(inside(&encode_stored_public_key(&stranger.public)));
    let pair = SigningKeyPair {
        public_key,
        private_key: Some(key),
    };
    let message = CryptoKeyPair {
        pair: Some(Pair::Signing(pair)),
    };
    for bytes in [wrap(&message), message.encode_to_vec()] {
        assert_eq!(decode_key_pair(&bytes).unwrap().public, sample(P256).public);
    }
}

#[test]
fn proof_of_ownership_is_added_where_it_is_missing_and_allowed() {
    use KeyUsage::{Namespace, ProofOfOwnership, Protocol};
    let check = |given: &[i32], expected: &[KeyUsage]| {
        let key = SigningPrivateKey {
            usage: given.to_vec(),
            ..signing_key(ED25519)
        };
        let read = decode_key_pair(&wrap(&pair_of(key))).unwrap();
        assert_eq!(
            read.public.usages(),
            Some(KeyUsages::any_of(expected)),
            "{given:?}"
        );
    };
    check(&[4], &[Protocol, ProofOfOwnership]);
    check(&[1, 4], &[Namespace, Protocol, ProofOfOwnership]);
    check(&[1], &[Namespace]);
    check(&[2], &KeyUsage::ALL);
    check(&[], &KeyUsage::ALL);
}

#[test]
fn a_legacy_format_is_read_and_flagged() {
    let seed = sample(ED25519).private.stored().expose().to_vec();
    let raw = SigningPrivateKey {
        format: 3,
        private_key: seed,
        key_spec: 0,
        scheme: 1,
        ..signing_key(ED25519)
    };
    let der = SigningPrivateKey {
        format: 2,
        key_spec: 0,
        scheme: 2,
        ..signing_key(P256)
    };
    for (key, spec) in [(raw, ED25519), (der, P256)] {
        let read = decode_key_pair(&wrap(&pair_of(key))).unwrap();
        assert!(same(&read.private, &sample(spec).private) && read.was_legacy);
        assert_eq!(read.public, sample(spec).public);
    }
}

#[test]
fn each_broken_field_has_its_error() {
    let check = |change: fn(&mut SigningPrivateKey), expected: (&str, &str)| {
        let mut key = signing_key(P256);
        change(&mut key);
        let message = pair_of(key);
        for bytes in [wrap(&message), message.encode_to_vec()] {
            let error = decode_key_pair(&bytes).unwrap_err();
            assert_eq!(field(&error), expected, "{error:?}");
            assert!(
                error
                    .to_string()
                    .starts_with("Failed to parse crypto key pair:"),
                "{error}"
            );
            assert_eq!(error.code().name(), "PROTO_NOT_A_KEY_PAIR");
        }
    };
    check(|key| key.format = 0, ("not set", "format"));
    check(|key| key.format = 1, ("unrecognized", "format"));
    check(|key| key.format = 3, ("invalid", "key"));
    check(|key| key.format = 4, ("invalid", "key"));
    check(|key| key.format = 10_000, ("symbolic", "format"));
    check(|key| key.private_key.clear(), ("invalid", "key"));
    check(|key| key.private_key.push(0), ("invalid", "key"));
    check(|key| key.key_spec = 0, ("not set", "key_spec and scheme"));
    check(|key| key.key_spec = 1, ("invalid", "key"));
    check(|key| key.key_spec = 9, ("unrecognized", "key_spec"));
    check(
        |key| (key.key_spec, key.scheme) = (0, 9),
        ("unrecognized", "scheme"),
    );
    check(|key| key.usage = vec![0], ("not set", "usage"));
    check(|key| key.usage = vec![7], ("unrecognized", "usage"));
    check(|key| key.usage = vec![1, 5], ("invalid", "usage"));
}

#[test]
fn a_pair_without_a_private_key_is_refused() {
    let empty = CryptoKeyPair {
        pair: Some(Pair::Signing(SigningKeyPair::default())),
    };
    let error = decode_key_pair(&wrap(&empty)).unwrap_err();
    assert_eq!(field(&error), ("not set", "private_key"));
    assert_eq!(
        field(&decode_key_pair(&wrap(&CryptoKeyPair::default())).unwrap_err()),
        ("not set", "pair")
    );
    for nonsense in [&b""[..], b"-----BEGIN PRIVATE KEY-----", &[0xff; 40]] {
        assert!(
            chain(&decode_key_pair(nonsense).unwrap_err())
                .starts_with("Failed to parse crypto key pair:")
        );
    }
}

#[test]
fn halves_of_two_keys_are_not_exported_together() {
    let stranger = generate(P256);
    for public in [&stranger.public, &sample(ED25519).public] {
        let error = encode_key_pair(&sample(P256).private, public).unwrap_err();
        assert!(
            matches!(error, ProtoError::HalvesDiffer { .. }),
            "{error:?}"
        );
    }
    // The same number as a key for the other purpose is another key, although the fingerprint is the same.
    let spec = KeySpec::Encryption(EncryptionKeySpec::EcP256);
    let scalar = SecretBytes::from_slice(sample(P256).private.stored().expose());
    let encryption = PrivateKey::from_stored(spec, scalar).unwrap();
    let error = encode_key_pair(&encryption, &sample(P256).public).unwrap_err();
    assert!(
        matches!(error, ProtoError::HalvesDiffer { .. }),
        "{error:?}"
    );
    let public = encryption.public_key(None).unwrap();
    assert_eq!(public.fingerprint(), sample(P256).public.fingerprint());
    assert!(encode_key_pair(&sample(P256).private, &public).is_err());
}

#[test]
fn unknown_fields_are_skipped_at_every_level() {
    let key = with_unknown_fields(signing_key(P256).encode_to_vec());
    let mut pair = vec![0x12];
    prost::encoding::encode_varint(key.len() as u64, &mut pair);
    pair.extend(key);
    let pair = with_unknown_fields(pair);
    let mut message = vec![0x0a];
    prost::encoding::encode_varint(pair.len() as u64, &mut message);
    message.extend(pair);
    let wrapped = with_unknown_fields(versioned::wrap_message(&with_unknown_fields(message)));
    assert_eq!(
        decode_key_pair(&wrapped).unwrap().public,
        sample(P256).public
    );
}

#[test]
fn messages_that_occur_twice_are_merged_as_protobuf_says() {
    let decode = |bytes: &[u8]| {
        decode_key_pair(&versioned::wrap_message(bytes))
            .unwrap()
            .public
    };
    let (signing, stranger) = (pair_of(signing_key(P256)).encode_to_vec(), generate(P256));
    let other = inside(
        encode_key_pair(&stranger.private, &stranger.public)
            .unwrap()
            .expose(),
    );
    let encryption = inside(&export(KeySpec::Encryption(EncryptionKeySpec::EcP256)));

    // The last of two keys of one family, and of two families.
    assert_eq!(
        decode(&[other, signing.clone()].concat()),
        sample(P256).public
    );
    assert_eq!(
        decode(&[encryption, signing.clone()].concat()),
        sample(P256).public
    );
    // Two halves of one message.
    let key = signing_key(P256);
    let first = SigningPrivateKey {
        usage: vec![1],
        ..Default::default()
    };
    let second = SigningPrivateKey {
        usage: vec![3],
        ..key
    };
    let merged = decode(
        &[
            pair_of(first).encode_to_vec(),
            pair_of(second).encode_to_vec(),
        ]
        .concat(),
    );
    let expected = [
        KeyUsage::Namespace,
        KeyUsage::SequencerAuthentication,
        KeyUsage::ProofOfOwnership,
    ];
    assert_eq!(merged.usages(), Some(KeyUsages::any_of(&expected)));
}

#[test]
fn usages_are_read_unpacked_too() {
    let key = SigningPrivateKey {
        usage: Vec::new(),
        ..signing_key(P256)
    };
    let unpacked = [key.encode_to_vec(), vec![0x28, 1, 0x28, 4]].concat();
    let key = SigningPrivateKey::decode(unpacked.as_slice()).unwrap();
    assert_eq!(key.usage, [1, 4]);
    let mut pair = vec![0x12];
    prost::encoding::encode_varint(unpacked.len() as u64, &mut pair);
    pair.extend(unpacked);
    let mut message = vec![0x0a];
    prost::encoding::encode_varint(pair.len() as u64, &mut message);
    message.extend(pair);
    let expected = [
        KeyUsage::Namespace,
        KeyUsage::Protocol,
        KeyUsage::ProofOfOwnership,
    ];
    assert_eq!(
        decode_key_pair(&message).unwrap().public.usages(),
        Some(KeyUsages::any_of(&expected))
    );
}

#[test]
fn a_truncated_export_is_refused_or_is_the_same_key() {
    for sample in samples() {
        let bytes = export(sample.private.spec());
        for length in 0..bytes.len() {
            match decode_key_pair(&bytes[..length]) {
                // Only the version can be missing without harm.
                Ok(read) => assert!(read.public == sample.public && length + 2 >= bytes.len()),
                Err(error) => assert!(
                    error
                        .to_string()
                        .starts_with("Failed to parse crypto key pair:")
                ),
            }
        }
    }
}

#[test]
fn neither_a_key_pair_nor_an_error_shows_the_private_key() {
    let hex = |bytes: &[u8]| data_encoding::HEXLOWER.encode(bytes);
    for sample in samples() {
        let spec = sample.private.spec();
        let bytes = export(spec);
        let secret = sample.private.to_pkcs8().unwrap().expose().to_vec();
        let mut texts = vec![format!("{:?}", decode_key_pair(&bytes).unwrap())];
        for spoilt in 0..bytes.len().min(300) {
            let mut bytes = bytes.clone();
            bytes[spoilt] ^= 0x55;
            if let Err(error) = decode_key_pair(&bytes) {
                texts.push(format!("{error:?} {}", chain(&error)));
            }
        }
        // Any eight bytes in a row count as a leak; the first sixteen are structure that every key shares.
        for text in texts {
            for run in secret.windows(8).skip(16) {
                let decimal = format!("{run:?}");
                let decimal = decimal.trim_matches(['[', ']']);
                assert!(
                    !text.contains(&hex(run)) && !text.contains(decimal),
                    "{spec}: {text}"
                );
            }
        }
    }
}

#[test]
fn every_spec_is_tested() {
    assert_eq!(
        samples().len(),
        SigningKeySpec::ALL.len() + EncryptionKeySpec::ALL.len()
    );
}
