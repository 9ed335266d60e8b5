//! Public keys that are imported: bare as they should be, wrapped as clients send them.

use prost::Message;
use strongroom_crypto::{EncryptionKeySpec, KeySpec, PublicKey, SigningKeySpec};
use strongroom_proto::{
    ProtoError, decode_public_key, decode_public_key_for_import, encode_public_key,
    encode_stored_public_key, v30, versioned,
};

use crate::support::{field, sample, samples, wrap};

fn encryption_message() -> v30::EncryptionPublicKey {
    match &sample(KeySpec::Encryption(EncryptionKeySpec::EcP256)).public {
        PublicKey::Encryption(key) => key.into(),
        PublicKey::Signing(_) => panic!("signs"),
    }
}

#[test]
fn a_bare_key_of_every_spec_is_imported() {
    for sample in samples() {
        let imported = decode_public_key_for_import(&encode_public_key(&sample.public)).unwrap();
        assert_eq!(imported.key, sample.public);
        assert!(!imported.was_wrapped && !imported.was_legacy);
    }
}

#[test]
fn a_wrapped_key_of_every_spec_is_imported_as_what_it_is() {
    for sample in samples() {
        let imported =
            decode_public_key_for_import(&encode_stored_public_key(&sample.public)).unwrap();
        assert_eq!(imported.key, sample.public);
        assert!(imported.was_wrapped);
    }
}

#[test]
#[expect(deprecated, reason = "this is what old keys look like")]
fn a_wrapped_key_that_does_not_say_its_purpose_is_refused() {
    let message = v30::EncryptionPublicKey {
        format: 2,
        key_spec: 0,
        scheme: 2,
        ..encryption_message()
    };
    let error = decode_public_key_for_import(&wrap(&message)).unwrap_err();
    assert!(matches!(error, ProtoError::AmbiguousPublicKey), "{error:?}");
    // Bare, the purpose is said.
    let key = v30::public_key::Key::EncryptionPublicKey(message);
    assert!(
        decode_public_key_for_import(&v30::PublicKey { key: Some(key) }.encode_to_vec()).is_ok()
    );
}

#[test]
#[expect(deprecated, reason = "this is what old keys look like")]
fn a_wrapped_legacy_key_whose_bytes_say_the_purpose_is_imported() {
    let encryption = v30::EncryptionPublicKey {
        format: 2,
        key_spec: 0,
        scheme: 1,
        ..encryption_message()
    };
    let imported = decode_public_key_for_import(&wrap(&encryption)).unwrap();
    assert!(imported.was_legacy && imported.was_wrapped);
    assert_eq!(
        imported.key,
        sample(KeySpec::Encryption(EncryptionKeySpec::EcP256)).public
    );

    let ed25519 = &sample(KeySpec::Signing(SigningKeySpec::EcCurve25519)).public;
    let raw = ed25519.spki()[12..].to_vec();
    let signing = v30::SigningPublicKey {
        format: 3,
        public_key: raw,
        scheme: 1,
        ..Default::default()
    };
    let imported = decode_public_key_for_import(&wrap(&signing)).unwrap();
    assert_eq!(imported.key.fingerprint(), ed25519.fingerprint());
}

#[test]
fn a_broken_wrapped_key_is_refused_for_what_is_broken() {
    let broken = v30::EncryptionPublicKey {
        public_key: vec![1, 2, 3],
        ..encryption_message()
    };
    match decode_public_key_for_import(&wrap(&broken)).unwrap_err() {
        ProtoError::InvalidKey { message, .. } => assert_eq!(message, "EncryptionPublicKey"),
        other => panic!("{other:?}"),
    }
    let unspecific = v30::SigningPublicKey {
        format: 4,
        ..Default::default()
    };
    let error = decode_public_key_for_import(&wrap(&unspecific)).unwrap_err();
    assert_eq!(field(&error), ("not set", "key_spec and scheme"));
}

#[test]
fn something_else_in_a_wrapper_is_refused() {
    let bare = encode_public_key(&sample(KeySpec::Signing(SigningKeySpec::EcP256)).public);
    assert!(decode_public_key_for_import(&versioned::wrap_message(&bare)).is_err());
    assert!(decode_public_key_for_import(&versioned::wrap_message(b"")).is_err());
    assert!(decode_public_key_for_import(&[0x10, 0x1e]).is_err());
    assert!(decode_public_key_for_import(b"-----BEGIN PUBLIC KEY-----").is_err());
}

#[test]
fn only_the_import_takes_a_wrapped_key() {
    let wrapped =
        encode_stored_public_key(&sample(KeySpec::Signing(SigningKeySpec::EcP256)).public);
    assert!(matches!(
        decode_public_key(&wrapped),
        Err(ProtoError::Malformed { .. })
    ));
}
