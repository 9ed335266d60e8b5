//! Encrypting for a key and decrypting with it, through the public interface.

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a fixture that cannot be made fails the test"
)]

use std::sync::LazyLock;

use data_encoding::HEXLOWER;
use proptest::prelude::*;
use strongroom_crypto::{
    AsymmetricEncrypted, DecryptError, DecryptionKey, EncryptError, EncryptionAlgorithm,
    EncryptionKeySpec, EncryptionPublicKey, KeyError, KeyFormat, KeyUsages, PrivateKey, PublicKey,
    SigningKeySpec, SystemRandom,
};

use crate::support::hex;

/// One key pair of a spec; RSA keys take long to generate.
struct Pair {
    private: PrivateKey,
    public: EncryptionPublicKey,
    decryption: DecryptionKey,
}

impl Pair {
    fn generate(spec: EncryptionKeySpec) -> Self {
        let private = PrivateKey::generate(spec.into(), &SystemRandom).unwrap();
        let PublicKey::Encryption(public) = private.public_key(None).unwrap() else {
            panic!("an encryption key")
        };
        let decryption = DecryptionKey::new(&private, &public).unwrap();
        Self {
            private,
            public,
            decryption,
        }
    }
}

static EC: LazyLock<Pair> = LazyLock::new(|| Pair::generate(EncryptionKeySpec::EcP256));
static RSA: LazyLock<Pair> = LazyLock::new(|| Pair::generate(EncryptionKeySpec::Rsa2048));

fn both() -> [&'static Pair; 2] {
    [&EC, &RSA]
}

#[test]
fn what_was_encrypted_for_a_key_decrypts_with_it() {
    for pair in both() {
        let encrypted = pair.public.encrypt(b"message", &SystemRandom).unwrap();
        assert_eq!(encrypted.encrypted_for, pair.public.fingerprint());
        assert_eq!(encrypted.algorithm, pair.public.spec().algorithm());
        assert_eq!(
            pair.decryption.decrypt(&encrypted).unwrap().expose(),
            b"message"
        );
    }
}

#[test]
fn a_decryption_key_has_the_identity_of_its_public_half() {
    for pair in both() {
        assert_eq!(pair.decryption.fingerprint(), pair.public.fingerprint());
        assert_eq!(pair.decryption.spec(), pair.public.spec());
    }
}

#[test]
fn a_message_for_another_key_is_not_even_tried() {
    let mut encrypted = EC.public.encrypt(b"message", &SystemRandom).unwrap();
    let other = Pair::generate(EncryptionKeySpec::EcP256);
    let (encrypted_for, key) = (EC.public.fingerprint(), other.public.fingerprint());
    assert_eq!(
        other.decryption.decrypt(&encrypted),
        Err(DecryptError::WrongKey { encrypted_for, key })
    );
    // With the name changed it is tried, and fails.
    encrypted.encrypted_for = key;
    assert_eq!(
        other.decryption.decrypt(&encrypted),
        Err(DecryptError::Failed)
    );
}

#[test]
fn an_algorithm_that_the_key_does_not_run_is_refused() {
    for (pair, algorithm) in [
        (&EC, EncryptionAlgorithm::RsaOaepSha256),
        (&RSA, EncryptionAlgorithm::EciesHkdfHmacSha256Aes128Cbc),
    ] {
        let encrypted = AsymmetricEncrypted {
            algorithm,
            ..pair.public.encrypt(b"message", &SystemRandom).unwrap()
        };
        let spec = pair.public.spec();
        assert_eq!(
            pair.decryption.decrypt(&encrypted),
            Err(DecryptError::AlgorithmMismatch { algorithm, spec })
        );
    }
}

#[test]
fn halves_that_do_not_belong_together_make_no_key() {
    for pair in both() {
        let other = Pair::generate(pair.public.spec());
        assert_eq!(
            DecryptionKey::new(&pair.private, &other.public).unwrap_err(),
            KeyError::HalvesDiffer
        );
    }
    assert_eq!(
        DecryptionKey::new(&EC.private, &RSA.public).unwrap_err(),
        KeyError::HalvesDiffer
    );
}

#[test]
fn a_signing_key_does_not_decrypt() {
    let signing = PrivateKey::generate(SigningKeySpec::EcP256.into(), &SystemRandom).unwrap();
    let public =
        EncryptionPublicKey::from_spki(EncryptionKeySpec::EcP256, &signing.public_spki().unwrap())
            .unwrap();
    assert_eq!(
        DecryptionKey::new(&signing, &public).unwrap_err(),
        KeyError::HalvesDiffer
    );
}

#[test]
fn rsa_takes_190_bytes_and_no_more() {
    assert!(RSA.public.encrypt(&[1; 190], &SystemRandom).is_ok());
    let refused = RSA.public.encrypt(&[1; 191], &SystemRandom).unwrap_err();
    assert_eq!(
        refused,
        EncryptError::MessageTooLong {
            maximum: 190,
            found: 191
        }
    );
    assert!(EC.public.encrypt(&vec![1; 1 << 20], &SystemRandom).is_ok());
}

#[test]
fn the_same_message_never_has_the_same_ciphertext() {
    for pair in both() {
        let encrypt = || {
            pair.public
                .encrypt(b"message", &SystemRandom)
                .unwrap()
                .ciphertext
        };
        assert_ne!(encrypt(), encrypt());
    }
}

#[test]
fn a_public_key_is_the_same_from_every_encoding() {
    for pair in both() {
        let (spec, public) = (pair.public.spec(), &pair.public);
        assert_eq!(
            &EncryptionPublicKey::from_spki(spec, public.spki()).unwrap(),
            public
        );
        assert_eq!(
            &EncryptionPublicKey::from_validated(spec, public.spki().into()),
            public
        );
        assert_eq!(&EncryptionPublicKey::detect(public.spki()).unwrap(), public);
        assert_eq!(
            &EncryptionPublicKey::detect(public.to_pem().as_bytes()).unwrap(),
            public
        );
        for (format, was_legacy) in [
            (KeyFormat::DerX509SubjectPublicKeyInfo, false),
            (KeyFormat::LegacyDer, true),
        ] {
            let migrated = EncryptionPublicKey::from_encoded(spec, format, public.spki()).unwrap();
            assert_eq!((&migrated.key, migrated.was_legacy), (public, was_legacy));
        }
        for format in [KeyFormat::Raw, KeyFormat::DerPkcs8PrivateKeyInfo] {
            let refused =
                EncryptionPublicKey::from_encoded(spec, format, public.spki()).unwrap_err();
            assert_eq!(
                refused,
                KeyError::UnexpectedFormat {
                    spec: spec.into(),
                    format
                }
            );
        }
    }
}

#[test]
fn a_public_key_of_another_spec_or_purpose_is_refused() {
    assert!(EncryptionPublicKey::from_spki(EncryptionKeySpec::Rsa2048, EC.public.spki()).is_err());
    assert!(EncryptionPublicKey::from_spki(EncryptionKeySpec::EcP256, RSA.public.spki()).is_err());
    let ed25519 = PrivateKey::generate(SigningKeySpec::EcCurve25519.into(), &SystemRandom).unwrap();
    let ed25519 = ed25519.signing_public_key(KeyUsages::ALL).unwrap();
    assert!(matches!(
        EncryptionPublicKey::detect(ed25519.spki()),
        Err(KeyError::PurposeMismatch { .. })
    ));
}

#[test]
fn a_key_that_was_never_validated_encrypts_nothing() {
    let mut off_curve = EC.public.spki().to_vec();
    off_curve[90] ^= 1;
    let broken = EncryptionPublicKey::from_validated(EncryptionKeySpec::EcP256, off_curve.into());
    assert_eq!(
        broken.encrypt(b"message", &SystemRandom),
        Err(EncryptError::Refused)
    );
}

#[test]
fn nothing_secret_is_shown() {
    for pair in both() {
        let shown = format!("{:?}", pair.decryption);
        assert_eq!(
            shown,
            format!(
                "DecryptionKey({} {})",
                pair.public.spec(),
                pair.public.fingerprint()
            )
        );
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn messages_of_any_length_come_back(message in proptest::collection::vec(any::<u8>(), 0..190)) {
        for pair in both() {
            let encrypted = pair.public.encrypt(&message, &SystemRandom).unwrap();
            let decrypted = pair.decryption.decrypt(&encrypted).unwrap();
            prop_assert_eq!(decrypted.expose(), &message[..]);
        }
    }

    /// The IV of ECIES is not authenticated (see there), so the bytes behind it.
    #[test]
    fn any_changed_byte_fails(position: prop::sample::Index, change in 1..=255_u8) {
        for (pair, unauthenticated) in [(&EC, 16), (&RSA, 0)] {
            let mut encrypted = pair.public.encrypt(b"message", &SystemRandom).unwrap();
            let position = unauthenticated + position.index(encrypted.ciphertext.len() - unauthenticated);
            encrypted.ciphertext[position] ^= change;
            prop_assert_eq!(pair.decryption.decrypt(&encrypted), Err(DecryptError::Failed));
        }
    }
}

/// `JceCryptoTest` of Canton, quoted in `vectors.json` of the reference: SPKI and what "foobar" becomes.
const CANTON: [(EncryptionKeySpec, &str, &str); 2] = [
    (
        EncryptionKeySpec::EcP256,
        include_str!("../vectors/deterministic/ecies-p256.spki.hex"),
        include_str!("../vectors/deterministic/ecies-p256.foobar.hex"),
    ),
    (
        EncryptionKeySpec::Rsa2048,
        include_str!("../vectors/deterministic/rsa-2048.spki.hex"),
        include_str!("../vectors/deterministic/rsa-2048.foobar.hex"),
    ),
];

#[test]
fn deterministic_encryption_gives_the_known_answers_of_canton() {
    for (spec, spki, expected) in CANTON {
        let public = EncryptionPublicKey::from_spki(spec, &hex(spki)).unwrap();
        let encrypted = public.encrypt_deterministically(b"foobar").unwrap();
        assert_eq!(
            HEXLOWER.encode(&encrypted.ciphertext),
            expected.trim(),
            "{spec}"
        );
        assert_eq!(encrypted.encrypted_for, public.fingerprint());
        assert_eq!(encrypted.algorithm, spec.algorithm());
    }
}

#[test]
fn what_was_encrypted_deterministically_decrypts_and_repeats() {
    for pair in both() {
        for message in [&b""[..], b"m", &[7; 190]] {
            let first = pair.public.encrypt_deterministically(message).unwrap();
            assert_eq!(
                pair.public.encrypt_deterministically(message).unwrap(),
                first
            );
            assert_eq!(pair.decryption.decrypt(&first).unwrap().expose(), message);
        }
        let one = pair.public.encrypt_deterministically(b"one").unwrap();
        let other = pair.public.encrypt_deterministically(b"two").unwrap();
        assert_ne!(one.ciphertext[..16], other.ciphertext[..16]);
    }
    assert_eq!(
        RSA.public.encrypt_deterministically(&[0; 191]),
        Err(EncryptError::MessageTooLong {
            maximum: 190,
            found: 191
        })
    );
}

/// No known answer exists; this one was computed by a Python script from section 10 of the reference.
#[test]
fn the_hash_of_an_encrypted_session_key_is_that_of_the_reference() {
    let encrypted = AsymmetricEncrypted {
        ciphertext: b"ciphertext".to_vec(),
        algorithm: EncryptionAlgorithm::RsaOaepSha256,
        encrypted_for: format!("1220{}", "ab".repeat(32)).parse().unwrap(),
    };
    assert_eq!(
        encrypted.session_key_hash().to_string(),
        "12200b0cb44cee1543ff0854a4b4c75385498ad51b230797e33646cf7f9e511ca75f"
    );
}
