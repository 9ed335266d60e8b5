use proptest::prelude::*;
use strongroom_memory::SecretBytes;

use super::{NONCE_LEN, OpenError, SymmetricKey, TAG_LEN};
use crate::hmac::SecretLengthError;
use crate::random::SystemRandom;

fn key(bytes: [u8; 16]) -> SymmetricKey {
    SymmetricKey::try_new(SecretBytes::from_slice(&bytes)).unwrap()
}

#[test]
fn only_a_key_of_16_bytes_is_accepted() {
    for found in [0, 15, 17, 32] {
        let refused = SymmetricKey::try_new(SecretBytes::zeroed(found)).unwrap_err();
        assert_eq!(refused, SecretLengthError::Symmetric { found });
    }
}

/// Canton's `JceCryptoTest`, quoted in `vectors.json` of the reference.
#[test]
fn a_ciphertext_of_canton_opens() {
    let key = key(*data_encoding::HEXLOWER
        .decode(b"559c878ca247196970654e1dfbd0c52f")
        .unwrap()
        .first_chunk()
        .unwrap());
    let sealed = data_encoding::HEXLOWER
        .decode(b"27a7c0b0c9d0189f826be98828a4278326c36279dec929812541defcf251b57e315d")
        .unwrap();
    assert_eq!(key.open(&sealed).unwrap().expose(), b"foobar");
}

#[test]
fn two_seals_of_the_same_plaintext_differ() {
    let key = SymmetricKey::generate(&SystemRandom).unwrap();
    assert_ne!(
        key.seal(b"same", &SystemRandom).unwrap(),
        key.seal(b"same", &SystemRandom).unwrap()
    );
}

#[test]
fn another_key_does_not_open() {
    let sealed = key([1; 16]).seal(b"content", &SystemRandom).unwrap();
    assert_eq!(key([2; 16]).open(&sealed), Err(OpenError::NotAuthentic));
}

proptest! {
    #[test]
    fn what_was_sealed_opens(bytes: [u8; 16], plaintext: Vec<u8>) {
        let key = key(bytes);
        let sealed = key.seal(&plaintext, &SystemRandom).unwrap();
        prop_assert_eq!(sealed.len(), NONCE_LEN + plaintext.len() + TAG_LEN);
        let opened = key.open(&sealed).unwrap();
        prop_assert_eq!(opened.expose(), plaintext);
    }

    #[test]
    fn any_changed_byte_and_any_cut_fails(plaintext: Vec<u8>, position: prop::sample::Index, change in 1..=255_u8) {
        let key = key([3; 16]);
        let mut sealed = key.seal(&plaintext, &SystemRandom).unwrap();
        let position = position.index(sealed.len());
        prop_assert!(key.open(&sealed[..position]).is_err());
        sealed[position] ^= change;
        prop_assert!(key.open(&sealed).is_err());
    }
}
