//! Keys as old releases stored and sent them.

use strongroom_crypto::{
    KeyError, KeyFormat, KeySpec, PrivateKey, SigningKeySpec, SigningPublicKey,
};

use crate::support::{generate, pair, protocol, secret};

const CURRENT_PUBLIC: KeyFormat = KeyFormat::DerX509SubjectPublicKeyInfo;
const CURRENT_PRIVATE: KeyFormat = KeyFormat::DerPkcs8PrivateKeyInfo;

fn public(
    spec: SigningKeySpec,
    format: KeyFormat,
    bytes: &[u8],
) -> Result<(SigningPublicKey, bool), KeyError> {
    SigningPublicKey::from_encoded(spec, format, bytes, protocol())
        .map(|read| (read.key, read.was_legacy))
}

fn has_legacy_der(spec: SigningKeySpec) -> bool {
    !matches!(
        spec,
        SigningKeySpec::EcCurve25519 | SigningKeySpec::EcSecp256k1
    )
}

#[test]
fn a_current_public_key_is_not_flagged_as_legacy() {
    for spec in SigningKeySpec::ALL {
        let (_, key) = pair(spec, 1);
        assert_eq!(public(spec, CURRENT_PUBLIC, key.spki()), Ok((key, false)));
    }
}

#[test]
fn a_raw_ed25519_public_key_becomes_spki_with_the_same_fingerprint() {
    let spec = SigningKeySpec::EcCurve25519;
    let (_, key) = pair(spec, 2);
    assert_eq!(
        public(spec, KeyFormat::Raw, key.raw_ed25519().unwrap()),
        Ok((key, true))
    );
}

#[test]
fn legacy_der_public_keys_keep_their_bytes_and_fingerprint() {
    for spec in SigningKeySpec::ALL {
        let (_, key) = pair(spec, 3);
        let read = public(spec, KeyFormat::LegacyDer, key.spki());
        if has_legacy_der(spec) {
            assert_eq!(read, Ok((key, true)), "{spec}");
        } else {
            let format = KeyFormat::LegacyDer;
            assert_eq!(
                read,
                Err(KeyError::UnexpectedFormat {
                    spec: spec.into(),
                    format
                }),
                "{spec}"
            );
        }
    }
}

#[test]
fn legacy_private_keys_give_the_same_key() {
    for spec in KeySpec::ALL {
        let key = generate(spec, 4);
        let read = PrivateKey::from_encoded(spec, KeyFormat::LegacyDer, &key.to_pkcs8().unwrap());
        let has_legacy = !matches!(spec, KeySpec::Signing(signing) if !has_legacy_der(signing));
        match read {
            Ok(read) => {
                assert!(has_legacy && read.was_legacy, "{spec}");
                assert_eq!(read.key.stored(), key.stored());
            }
            Err(error) => assert!(
                !has_legacy && matches!(error, KeyError::UnexpectedFormat { .. }),
                "{spec}"
            ),
        }
    }
}

#[test]
fn a_raw_ed25519_seed_becomes_pkcs8() {
    let spec = KeySpec::Signing(SigningKeySpec::EcCurve25519);
    let key = generate(spec, 5);
    let read = PrivateKey::from_encoded(spec, KeyFormat::Raw, key.stored()).unwrap();
    assert!(read.was_legacy);
    assert_eq!(read.key.to_pkcs8().unwrap(), key.to_pkcs8().unwrap());
    let current =
        PrivateKey::from_encoded(spec, CURRENT_PRIVATE, &key.to_pkcs8().unwrap()).unwrap();
    assert!(!current.was_legacy);
    let short = PrivateKey::from_encoded(spec, KeyFormat::Raw, &secret([7; 31])).unwrap_err();
    assert!(matches!(
        short,
        KeyError::Length {
            expected: 32,
            found: 31,
            ..
        }
    ));
}

#[test]
fn a_format_of_the_other_half_is_refused() {
    for spec in SigningKeySpec::ALL {
        let (_, key) = pair(spec, 6);
        let error = public(spec, CURRENT_PRIVATE, key.spki()).unwrap_err();
        assert_eq!(
            error,
            KeyError::UnexpectedFormat {
                spec: spec.into(),
                format: CURRENT_PRIVATE
            }
        );
        let private = generate(spec, 6);
        let error =
            PrivateKey::from_encoded(spec.into(), CURRENT_PUBLIC, &private.to_pkcs8().unwrap())
                .unwrap_err();
        assert_eq!(
            error,
            KeyError::UnexpectedFormat {
                spec: spec.into(),
                format: CURRENT_PUBLIC
            }
        );
    }
}

#[test]
fn only_ed25519_has_a_raw_form() {
    for spec in SigningKeySpec::ALL
        .into_iter()
        .filter(|spec| *spec != SigningKeySpec::EcCurve25519)
    {
        let (_, key) = pair(spec, 7);
        assert!(matches!(
            public(spec, KeyFormat::Raw, key.spki()),
            Err(KeyError::UnexpectedFormat { .. })
        ));
    }
}
