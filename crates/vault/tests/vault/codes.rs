//! Errors tell programs by a code and people by a sentence and advice.

use std::collections::BTreeSet;

use strongroom_crypto::Fingerprint;
use strongroom_errors::{Category, Coded, ErrorCode};
use strongroom_vault::{AnchorError, VaultError};

#[test]
fn every_code_has_its_own_name_and_advice() {
    let codes: Vec<ErrorCode> = [VaultError::CODES, AnchorError::CODES].concat();
    let names: BTreeSet<_> = codes.iter().map(ErrorCode::name).collect();
    assert_eq!(names.len(), codes.len());
    for code in codes {
        assert!(code.advice().ends_with('.'), "{}", code.name());
        let is_screaming = |letter: char| letter.is_ascii_uppercase() || letter == '_';
        assert!(code.name().chars().all(is_screaming), "{}", code.name());
    }
}

#[test]
fn tampering_is_told_from_mistakes_and_from_outages() {
    let category = |error: VaultError| error.code().category();
    let fingerprint = Fingerprint::from_bytes([1; 32]);
    assert_eq!(
        category(VaultError::StateNotAuthentic),
        Category::DataCorrupted
    );
    assert_eq!(
        category(VaultError::KeyNotFound { fingerprint }),
        Category::NotFound
    );
    assert_eq!(
        category(VaultError::ChangedUnderneath),
        Category::Contention
    );
}

#[test]
fn an_error_of_a_part_keeps_its_own_code_and_is_told_as_the_source() {
    let error = VaultError::from(strongroom_store::StoreError::Busy { source: None });
    assert_eq!(error.code().name(), "STORE_BUSY");
    assert_eq!(error.to_string(), "the store failed");
    let source = std::error::Error::source(&error).unwrap();
    assert_eq!(source.to_string(), "the store is busy");
}
