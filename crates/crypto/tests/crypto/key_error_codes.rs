//! The codes of errors about keys and signatures: a code, once given out, keeps its meaning.

use std::collections::HashMap;

use strongroom_crypto::{
    DelegationError, FingerprintError, KeyError, NameError, RandomError, SignError, SpecError,
    UsageError, VerifyError,
};
use strongroom_errors::{Category, ErrorCode};

/// Every code with its category. A new code is added; an old one is never changed or given to another failure.
const KNOWN: &[(&str, Category)] = &[
    ("FINGERPRINT_MALFORMED", Category::InvalidRequest),
    ("KEY_ALGORITHM_UNSUPPORTED", Category::InvalidRequest),
    ("KEY_CURVE_EXPLICIT", Category::InvalidRequest),
    ("KEY_ENCRYPTED", Category::InvalidRequest),
    ("KEY_FILE_AMBIGUOUS", Category::InvalidRequest),
    ("KEY_FORMAT_UNEXPECTED", Category::InvalidRequest),
    ("KEY_HALVES_DIFFER", Category::InvalidRequest),
    ("KEY_INVALID", Category::InvalidRequest),
    ("KEY_JWK_UNSUPPORTED", Category::Unsupported),
    ("KEY_LIBRARY_FAILED", Category::Internal),
    ("KEY_MALFORMED", Category::InvalidRequest),
    ("KEY_NAME_CONTROL_CHARACTER", Category::InvalidRequest),
    ("KEY_NAME_EMPTY", Category::InvalidRequest),
    ("KEY_NAME_TOO_LONG", Category::InvalidRequest),
    ("KEY_NOT_RECOGNISED", Category::InvalidRequest),
    ("KEY_PEM_LABEL_UNEXPECTED", Category::InvalidRequest),
    ("KEY_PURPOSE_MISMATCH", Category::InvalidRequest),
    ("KEY_PURPOSE_UNKNOWN", Category::InvalidRequest),
    ("KEY_SPEC_MISMATCH", Category::InvalidRequest),
    ("KEY_SPEC_UNKNOWN", Category::InvalidRequest),
    ("KEY_USAGES_MISPLACED", Category::InvalidRequest),
    ("KEY_USAGE_MISSING", Category::InvalidRequest),
    ("KEY_USAGE_REFUSED", Category::InvalidRequest),
    ("KEY_USAGE_SET_INVALID", Category::InvalidRequest),
    ("KEY_USAGE_STORED_UNKNOWN", Category::DataCorrupted),
    ("KEY_USAGE_UNKNOWN", Category::InvalidRequest),
    ("KEY_WRAPPING_KEY_UNFIT", Category::InvalidRequest),
    ("KEY_WRONG_HALF", Category::InvalidRequest),
    ("RANDOM_SOURCE_FAILED", Category::Unavailable),
    ("SIGNATURE_ALGORITHM_MISMATCH", Category::InvalidRequest),
    ("SIGNATURE_DELEGATION_MALFORMED", Category::InvalidRequest),
    ("SIGNATURE_FORMAT_UNSUPPORTED", Category::InvalidRequest),
    ("SIGNATURE_INVALID", Category::InvalidRequest),
    ("SIGNATURE_WRONG_KEY", Category::InvalidRequest),
    ("SIGNING_ALGORITHM_NOT_ALLOWED", Category::InvalidRequest),
    ("SIGNING_FAILED", Category::Internal),
];

fn all() -> Vec<ErrorCode> {
    [
        DelegationError::CODES,
        FingerprintError::CODES,
        KeyError::CODES,
        NameError::CODES,
        RandomError::CODES,
        SignError::CODES,
        SpecError::CODES,
        UsageError::CODES,
        VerifyError::CODES,
    ]
    .concat()
}

#[test]
fn the_codes_of_keys_and_signatures_are_the_known_ones() {
    let mut codes: Vec<_> = all()
        .iter()
        .map(|code| (code.name(), code.category()))
        .collect();
    codes.sort_by_key(|(name, _)| *name);
    codes.dedup();
    assert_eq!(codes, KNOWN);
}

#[test]
fn a_code_that_two_errors_share_says_the_same_in_both() {
    let mut seen = HashMap::new();
    for code in all() {
        assert_eq!(*seen.entry(code.name()).or_insert(code), code);
    }
}

#[test]
fn every_code_gives_advice_in_sentences() {
    for code in all() {
        let advice = code.advice();
        assert!(
            advice.len() > 10 && advice.ends_with(['.', ')']),
            "{}: {advice}",
            code.name()
        );
    }
}
