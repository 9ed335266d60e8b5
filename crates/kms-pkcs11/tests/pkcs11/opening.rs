//! Getting into a token.

use strongroom_crypto::SigningKeySpec;
use strongroom_errors::{Coded, ErrorCode};
use strongroom_kms::{ExternalKeyRequest, ExternalKeys, KmsError, KmsProvider, MAX_MESSAGE_BYTES};
use strongroom_kms_pkcs11::{Pkcs11Error, Settings, TokenName, make_soft_token};

use crate::house::{House, code, library, new_wrapper_key, now, secret, slot_of, unwraps, wrap};
use crate::process::module;

/// SoftHSM lists OAEP but takes SHA-1 only, so the promise must not be made.
#[test]
fn the_capabilities_are_what_the_token_does_and_not_what_it_lists() {
    let house = House::new();
    let kms = house.open();
    let capabilities = kms.capabilities();
    assert!(capabilities.wrapper_keys);
    assert_eq!(
        capabilities.signing_specs,
        [
            SigningKeySpec::EcCurve25519,
            SigningKeySpec::EcP256,
            SigningKeySpec::EcP384,
            SigningKeySpec::EcSecp256k1,
        ]
    );
    assert_eq!(capabilities.encryption_specs, []);
    assert_eq!(capabilities.max_message_bytes, MAX_MESSAGE_BYTES);
    assert!(!capabilities.rewraps_inside && !capabilities.multi_region);
}

#[test]
fn trying_out_leaves_nothing_on_the_token() {
    let house = House::new();
    let _kms = house.open();
    assert_eq!(house.session().find_objects(&[]).unwrap(), []);
}

#[test]
fn a_spec_that_the_token_has_not_is_refused_by_name() {
    let kms = House::new().open();
    let request = ExternalKeyRequest::default();
    let answer = now(kms.generate_signing_key(SigningKeySpec::MlDsa65, &request));
    assert_eq!(code(answer), "KMS_UNSUPPORTED_SPEC");
    let answer =
        now(kms.generate_encryption_key(strongroom_crypto::EncryptionKeySpec::Rsa2048, &request));
    assert_eq!(code(answer), "KMS_UNSUPPORTED_SPEC");
}

#[test]
fn a_wrong_pin_is_told_from_everything_else() {
    let house = House::new();
    let settings = Settings {
        pin: secret("4321"),
        ..house.settings()
    };
    let error = house.open_with(settings).unwrap_err();
    assert!(
        matches!(error, KmsError::CredentialsRejected { .. }),
        "{error:?}"
    );
    assert!(!error.is_retryable());
    let printed = format!("{error:?} {error}");
    assert!(!printed.contains("4321"), "{printed}");
    // One wrong try does no harm.
    house.open();
}

#[test]
fn an_ambiguous_label_is_refused_and_the_serial_number_helps() {
    let (first, second) = (House::with_label("twins"), House::with_label("twins"));
    let answer = first.open_with(first.settings());
    assert_eq!(code(answer), "KMS_PKCS11_TOKEN_AMBIGUOUS");
    let library = library();
    let serial = library.get_token_info(slot_of(&library, "twins")).unwrap();
    let token = TokenName::Serial(serial.serial_number().to_owned());
    let settings = Settings {
        token,
        ..second.settings()
    };
    let kms = second.open_with(settings).unwrap();
    let key = new_wrapper_key(&kms);
    unwraps(&kms, &wrap(&kms, &key).unwrap()).unwrap();
}

#[test]
fn a_token_that_is_not_there_is_refused_with_those_that_are() {
    let house = House::with_label("the only one of this name");
    let token = TokenName::Label("another".to_owned());
    let answer = house.open_with(Settings {
        token,
        ..house.settings()
    });
    let error = answer.unwrap_err();
    assert_eq!(error.code().name(), "KMS_PKCS11_TOKEN_MISSING");
    let cause = std::error::Error::source(&error).unwrap().to_string();
    assert!(
        cause.contains("\"another\"") && cause.contains("the only one of this name"),
        "{cause}"
    );
}

#[test]
fn a_file_that_is_no_pkcs11_library_is_refused() {
    let house = House::new();
    for module in ["/nowhere/at/all.so", "/etc/passwd"] {
        let settings = Settings {
            module: module.into(),
            ..house.settings()
        };
        assert_eq!(
            code(house.open_with(settings)),
            "KMS_PKCS11_MODULE_UNUSABLE",
            "{module}"
        );
    }
}

#[test]
fn a_token_can_be_opened_twice_in_one_process() {
    let house = House::new();
    let (one, other) = (house.open(), house.open());
    let key = new_wrapper_key(&one);
    let wrapped = wrap(&other, &key).unwrap();
    drop(other);
    unwraps(&one, &wrapped).unwrap();
}

#[test]
fn codes_of_the_token_do_not_meet_those_of_every_kms() {
    let mut names: Vec<_> = Pkcs11Error::CODES
        .iter()
        .chain(KmsError::CODES)
        .map(ErrorCode::name)
        .collect();
    names.sort_unstable();
    names.dedup();
    assert_eq!(
        names.len(),
        Pkcs11Error::CODES.len() + KmsError::CODES.len()
    );
}

/// To initialize a token is to wipe it.
#[test]
fn no_token_is_made_where_there_is_one() {
    let house = House::new();
    let kms = house.open();
    let key = new_wrapper_key(&kms);
    let wrapped = wrap(&kms, &key).unwrap();
    let refused = make_soft_token(&module(), "second", &secret("12345678"), &secret("1234"));
    let error = refused.unwrap_err();
    assert_eq!(error.code().name(), "KMS_PKCS11_SETTINGS_INVALID");
    unwraps(&kms, &wrapped).unwrap();
}
