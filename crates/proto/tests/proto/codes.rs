//! The codes that programs rely on.

use std::collections::BTreeSet;

use strongroom_errors::Coded;
use strongroom_proto::{ProtoError, WireError};

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
