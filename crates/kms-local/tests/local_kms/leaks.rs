//! Secrets stay where they belong.

use strongroom_crypto::SigningKeySpec;
use strongroom_errors::{Coded, ErrorCode};
use strongroom_kms::{ExternalKeyRequest, ExternalKeys, KmsError};
use strongroom_kms_local::LocalKmsError;

use crate::house::{House, new_wrapper_key, now, passphrase, wrap};

#[test]
fn the_key_of_an_unprotected_file_is_not_printed() {
    let house = House::new();
    let kms = house.unprotected();
    let wrapper_key = new_wrapper_key(&kms);
    now(kms.generate_signing_key(SigningKeySpec::EcCurve25519, &ExternalKeyRequest::default()))
        .unwrap();
    // After magic, format, KMS id and kind of protection comes the key.
    let sealing_key = house.bytes()[34..66].to_vec();
    let printed = format!("{kms:?} {} {:?}", kms.describe(), wrap(&kms, &wrapper_key));
    let as_list = format!("{sealing_key:?}");
    let as_hex: String = sealing_key
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect();
    assert!(
        !printed.contains(as_list.trim_matches(['[', ']'])),
        "as a list"
    );
    assert!(!printed.contains(&as_hex), "as hex");
}

#[test]
fn a_passphrase_is_not_printed_and_does_not_stand_in_the_file() {
    let house = House::new();
    let protection = passphrase("open sesame");
    let kms = house.create(&protection).unwrap();
    let error = house.open(Some("open sesame!")).unwrap_err();
    let printed = format!("{protection:?} {kms:?} {error:?} {error}");
    assert!(!printed.contains("sesame"), "{printed}");
    assert!(!house.bytes().windows(6).any(|window| window == b"sesame"));
}

#[test]
fn a_sealed_file_shows_neither_ids_nor_labels() {
    let house = House::new();
    let kms = house.with_passphrase();
    let id = new_wrapper_key(&kms);
    assert!(
        !house
            .bytes()
            .windows(6)
            .any(|window| window == &id.as_str().as_bytes()[..6])
    );
}

#[test]
fn errors_of_the_key_file_keep_their_codes_inside_a_kms_error() {
    let error = KmsError::from(LocalKmsError::KeyFileMissing {
        path: "kms.key".into(),
    });
    assert_eq!(error.code().name(), "KMS_LOCAL_KEY_FILE_MISSING");
    let mut names: Vec<_> = LocalKmsError::CODES
        .iter()
        .chain(KmsError::CODES)
        .map(ErrorCode::name)
        .collect();
    names.sort_unstable();
    names.dedup();
    assert_eq!(
        names.len(),
        LocalKmsError::CODES.len() + KmsError::CODES.len()
    );
}
