//! What is made inside of the token stays there, and what is brought in too.

use cryptoki::error::{Error, RvError};
use cryptoki::mechanism::Mechanism;
use cryptoki::object::{Attribute, AttributeType, KeyType, ObjectClass, ObjectHandle};
use cryptoki::session::Session;
use cryptoki::types::Ulong;
use strongroom_crypto::{PrivateKey, SigningKeySpec, SystemRandom};
use strongroom_kms::{ExternalKeyRequest, ExternalKeys, KmsKeyId};
use strongroom_kms_pkcs11::Pkcs11Kms;

use crate::house::{House, code, id_bytes, new_wrapper_key, now, only, unwraps, version_id, wrap};

const SPECS: [SigningKeySpec; 4] = [
    SigningKeySpec::EcCurve25519,
    SigningKeySpec::EcP256,
    SigningKeySpec::EcP384,
    SigningKeySpec::EcSecp256k1,
];

fn signing_key(kms: &Pkcs11Kms, spec: SigningKeySpec) -> KmsKeyId {
    now(kms.generate_signing_key(spec, &ExternalKeyRequest::default())).unwrap()
}

fn imported_key(kms: &Pkcs11Kms, spec: SigningKeySpec) -> KmsKeyId {
    let private = PrivateKey::generate(spec.into(), &SystemRandom).unwrap();
    let (private, request) = (private.to_pkcs8().unwrap(), ExternalKeyRequest::default());
    now(kms.import_key(spec.into(), &private, &request)).unwrap()
}

/// The wrapper key, and a signing key of each spec from the token and one from elsewhere, as objects.
fn secrets(house: &House, session: &Session) -> Vec<ObjectHandle> {
    let kms = house.open();
    let wrapper_key = Attribute::Id(version_id(&new_wrapper_key(&kms), 1));
    let mut secrets = vec![only(session, &[wrapper_key])];
    for spec in SPECS {
        for key in [signing_key(&kms, spec), imported_key(&kms, spec)] {
            let id = Attribute::Id(id_bytes(&key));
            secrets.push(only(
                session,
                &[Attribute::Class(ObjectClass::PRIVATE_KEY), id],
            ));
        }
    }
    secrets
}

#[test]
fn no_secret_value_can_be_read() {
    let house = House::new();
    let session = house.session();
    for key in secrets(&house, &session) {
        let shown = session
            .get_attributes(key, &[AttributeType::Value])
            .unwrap();
        assert_eq!(shown, []);
    }
}

#[test]
fn no_secret_can_be_wrapped_out_of_the_token() {
    let house = House::new();
    let session = house.session();
    let template = [
        Attribute::Token(false),
        Attribute::ValueLen(Ulong::new(32)),
        Attribute::Wrap(true),
    ];
    let ours = session
        .generate_key(&Mechanism::AesKeyGen, &template)
        .unwrap();
    let taken = |key| session.wrap_key(&Mechanism::AesKeyWrapPad, ours, key);
    // It would work with a key that lets itself be taken.
    let willing = [
        Attribute::Token(false),
        Attribute::ValueLen(Ulong::new(32)),
        Attribute::Sensitive(false),
        Attribute::Extractable(true),
    ];
    let willing = session
        .generate_key(&Mechanism::AesKeyGen, &willing)
        .unwrap();
    assert!(taken(willing).is_ok());
    for key in secrets(&house, &session) {
        let error = taken(key).unwrap_err();
        assert!(
            matches!(error, Error::Pkcs11(RvError::KeyUnextractable, _)),
            "{error}"
        );
    }
}

#[test]
fn no_secret_can_be_loosened_afterwards() {
    let house = House::new();
    let session = house.session();
    for key in secrets(&house, &session) {
        for loosened in [
            Attribute::Extractable(true),
            Attribute::Sensitive(false),
            Attribute::Wrap(true),
            Attribute::Derive(true),
        ] {
            assert!(
                session
                    .update_attributes(key, std::slice::from_ref(&loosened))
                    .is_err(),
                "{loosened:?}"
            );
        }
    }
}

#[test]
fn a_wrapper_key_is_an_aes_key_of_256_bits_that_encrypts_and_decrypts_only() {
    let house = House::new();
    let session = house.session();
    let key = secrets(&house, &session)[0];
    let expected = [
        Attribute::Class(ObjectClass::SECRET_KEY),
        Attribute::KeyType(KeyType::AES),
        Attribute::ValueLen(Ulong::new(32)),
        Attribute::Token(true),
        Attribute::Private(true),
        Attribute::Sensitive(true),
        Attribute::Extractable(false),
        Attribute::Encrypt(true),
        Attribute::Decrypt(true),
        Attribute::Wrap(false),
        Attribute::Unwrap(false),
        Attribute::Sign(false),
        Attribute::Verify(false),
        Attribute::Derive(false),
    ];
    let types: Vec<_> = expected.iter().map(Attribute::attribute_type).collect();
    assert_eq!(session.get_attributes(key, &types).unwrap(), expected);
}

#[test]
fn nothing_of_ours_is_shown_without_the_pin_but_public_keys() {
    let house = House::new();
    let kms = house.open();
    new_wrapper_key(&kms);
    signing_key(&kms, SigningKeySpec::EcP256);
    let session = house.session();
    session.logout().unwrap();
    let public = only(&session, &[]);
    let class = session
        .get_attributes(public, &[AttributeType::Class])
        .unwrap();
    assert_eq!(class, [Attribute::Class(ObjectClass::PUBLIC_KEY)]);
}

/// Somebody with the PIN puts a key that they know beside ours, to have the next wraps made with it.
#[test]
fn a_key_that_was_imported_under_the_id_of_ours_is_left_aside() {
    let house = House::new();
    let session = house.session();
    let (kms, known) = (house.open(), [7; 32]);
    let wrapper_key = new_wrapper_key(&kms);
    let template = [
        Attribute::Class(ObjectClass::SECRET_KEY),
        Attribute::KeyType(KeyType::AES),
        Attribute::Token(true),
        Attribute::Sensitive(true),
        Attribute::Extractable(false),
        Attribute::Encrypt(true),
        Attribute::Decrypt(true),
        Attribute::Value(known.to_vec()),
        Attribute::Id(version_id(&wrapper_key, 1)),
    ];
    let planted = session.create_object(&template).unwrap();
    // Nothing is remembered yet: both keys are found. Handles come in no order, so several are planted.
    session.create_object(&template).unwrap();
    let wrapped = wrap(&kms, &wrapper_key).unwrap();
    unwraps(&kms, &wrapped).unwrap();
    session.destroy_object(planted).unwrap();
    let rest = session
        .find_objects(&[
            Attribute::Id(version_id(&wrapper_key, 1)),
            Attribute::Local(false),
        ])
        .unwrap();
    session.destroy_object(rest[0]).unwrap();
    unwraps(&house.open(), &wrapped).unwrap();
}

/// Which of two keys has the public half that the vault knows is not guessed.
#[test]
fn two_keys_of_one_id_do_not_sign_when_neither_is_known_to_be_ours() {
    const SPEC: SigningKeySpec = SigningKeySpec::EcP256;
    let house = House::new();
    let session = house.session();
    let kms = house.open();
    let id = signing_key(&kms, SPEC);
    let ours = [
        Attribute::Class(ObjectClass::PRIVATE_KEY),
        Attribute::Id(id_bytes(&id)),
    ];
    let imported = [
        ours.as_slice(),
        &[
            Attribute::KeyType(KeyType::EC),
            Attribute::EcParams(b"\x06\x08\x2a\x86\x48\xce\x3d\x03\x01\x07".to_vec()),
            Attribute::Value(vec![7; 32]),
            Attribute::Token(true),
            Attribute::Sign(true),
        ],
    ]
    .concat();
    let before = only(&session, &ours);
    session.create_object(&imported).unwrap();
    now(house.open().sign(&id, SPEC, b"m")).unwrap();
    session.destroy_object(before).unwrap();
    session.create_object(&imported).unwrap();
    let answer = now(house.open().sign(&id, SPEC, b"m"));
    assert_eq!(code(answer), "KMS_PKCS11_KEY_AMBIGUOUS");
}
