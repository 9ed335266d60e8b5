//! The codes that programs rely on.

use std::collections::BTreeSet;

use strongroom_crypto::Hash;
use strongroom_errors::Coded;
use strongroom_proto::{
    ProtoError, WireError,
    topology::{DetectError, StreamError},
};
use strongroom_topology::{IdentifierError, MappingError, SignaturesError};

#[test]
fn every_code_is_named_once_and_gives_advice() {
    let names: BTreeSet<_> = ProtoError::CODES.iter().map(|code| code.name()).collect();
    assert_eq!(names.len(), ProtoError::CODES.len());
    for code in ProtoError::CODES {
        assert!(code.name().starts_with("PROTO_"), "{}", code.name());
        assert!(
            code.name()
                .bytes()
                .all(|byte| byte.is_ascii_uppercase() || byte.is_ascii_digit() || byte == b'_')
        );
        assert!(code.advice().ends_with('.'), "{}", code.advice());
    }
}

#[test]
fn an_error_has_one_of_the_codes() {
    let errors = [
        ProtoError::AmbiguousPublicKey,
        ProtoError::FieldNotSet {
            message: "M",
            field: "f",
        },
        ProtoError::InvalidSalt { length: 3 },
        ProtoError::KeyPairEncrypted,
        ProtoError::MalformedSecret {
            message: "M",
            source: WireError::Truncated,
        },
        ProtoError::NotAKeyPair {
            source: Box::new(ProtoError::KeyPairEncrypted),
        },
        ProtoError::Symbolic {
            message: "M",
            field: "f",
        },
        ProtoError::UnrecognizedEnum {
            message: "M",
            field: "f",
            value: 3,
        },
        ProtoError::UnsupportedDelegation,
    ];
    for error in errors {
        assert!(ProtoError::CODES.contains(&error.code()), "{error:?}");
    }
}

#[test]
fn every_code_of_a_container_is_named_once_and_gives_advice() {
    let codes = [StreamError::CODES, DetectError::CODES].concat();
    let names: BTreeSet<_> = codes.iter().map(|code| code.name()).collect();
    assert_eq!(names.len(), codes.len());
    for code in codes {
        assert!(
            code.name().starts_with("TOPOLOGY_INPUT_"),
            "{}",
            code.name()
        );
        assert!(code.advice().ends_with('.'), "{}", code.advice());
    }
}

#[test]
fn what_is_wrong_inside_of_a_message_brings_its_own_code() {
    let not_a_hash = Hash::from_multihash(&[]).unwrap_err();
    let check = |error: ProtoError, source: &dyn Coded| {
        assert_eq!(error.code(), source.code(), "{error:?}");
        assert!(std::error::Error::source(&error).is_some());
    };
    let (message, field) = ("M", "f");
    check(
        ProtoError::InvalidHash {
            message,
            field,
            source: not_a_hash.clone(),
        },
        &not_a_hash,
    );
    let source = IdentifierError::Empty;
    check(
        ProtoError::InvalidIdentifier {
            message,
            field,
            source: source.clone(),
        },
        &source,
    );
    let source = MappingError::NoKeys;
    check(
        ProtoError::InvalidMapping {
            message,
            source: source.clone(),
        },
        &source,
    );
    let source = SignaturesError::None;
    check(
        ProtoError::InvalidSignatures {
            source: source.clone(),
        },
        &source,
    );
}
