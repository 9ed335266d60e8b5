//! Errors tell programs by a code and people by a sentence and advice.

use std::collections::BTreeSet;

use strongroom_crypto::Fingerprint;
use strongroom_errors::{Category, Coded, ErrorCode};
use strongroom_vault::{AnchorError, AnchorTagError, ApprovalError, VaultError};

#[test]
fn every_code_has_its_own_name_and_advice() {
    let codes: Vec<ErrorCode> = [
        VaultError::CODES,
        AnchorError::CODES,
        AnchorTagError::CODES,
        ApprovalError::CODES,
    ]
    .concat();
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

#[test]
fn times_are_told_as_people_write_them() {
    let at = strongroom_crypto::Timestamp::from_micros;
    let check = |sequenced, last, expected: &str| {
        let (sequenced, last) = (at(sequenced), at(last));
        let error = VaultError::SequencedTooEarly { sequenced, last };
        assert_eq!(error.to_string(), expected);
    };
    check(
        1_782_907_200_000_000,
        1_782_907_200_000_001,
        "sequenced at 2026-07-01T12:00:00Z, but the store has seen 2026-07-01T12:00:00.000001Z",
    );
    check(
        i64::MIN,
        0,
        "sequenced at -9223372036854775808 microseconds, but the store has seen 1970-01-01T00:00:00Z",
    );
}

#[test]
fn advice_names_the_flag_that_takes_a_danger() {
    let topology = strongroom_topology::TopologyError::CODES.iter();
    for code in topology.chain(VaultError::CODES) {
        assert!(!code.advice().contains("--force"), "{}", code.name());
    }
    let error = strongroom_topology::TopologyError::AlienMember {
        code: strongroom_topology::MappingCode::VettedPackages,
    };
    assert!(error.code().advice().contains("--danger alien-member"));
}
