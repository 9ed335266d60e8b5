//! Delegations in the forms of today and of the genesis.

use strongroom_crypto::{KeyFormat, KeyUsages};
use strongroom_proto::{
    ProtoError,
    topology::{
        decode_transaction, encode_transaction,
        v30::{
            self,
            namespace_delegation::{
                CanSignAllButNamespaceDelegations, CanSignAllMappings, CanSignSpecificMappings,
                Restriction as Wire,
            },
            topology_mapping,
        },
    },
    v30 as crypto,
};
use strongroom_topology::{
    Draft, Mapping, MappingCode, NamespaceDelegation, Operation, Restriction, Serial,
};

use crate::support::chain;
use crate::topology::samples::{bytes, delegation, key, key_message};

/// Reads a delegation of the root namespace to the key with seed 2.
#[expect(deprecated, reason = "the genesis has nothing but the flag")]
fn read(restriction: Option<Wire>, is_root: bool) -> Result<NamespaceDelegation, ProtoError> {
    read_message(v30::NamespaceDelegation {
        target_key: Some(key_message(2)),
        restriction,
        is_root_delegation: is_root,
        ..delegation()
    })
}

fn read_message(message: v30::NamespaceDelegation) -> Result<NamespaceDelegation, ProtoError> {
    let wrapped = bytes(topology_mapping::Mapping::NamespaceDelegation(message));
    match decode_transaction(&wrapped)?.mapping() {
        Mapping::NamespaceDelegation(it) => Ok(it.clone()),
        other => panic!("{other:?}"),
    }
}

const ALL: Wire = Wire::CanSignAllMappings(CanSignAllMappings {});
const ALL_BUT: Wire = Wire::CanSignAllButNamespaceDelegations(CanSignAllButNamespaceDelegations {});

fn specific(mappings: &[i32]) -> Wire {
    Wire::CanSignSpecificMapings(CanSignSpecificMappings {
        mappings: mappings.to_vec(),
    })
}

#[test]
fn without_a_restriction_the_legacy_flag_counts() {
    let check = |wire, is_root, expected| {
        assert_eq!(read(wire, is_root).unwrap().restriction(), &expected);
    };
    check(None, true, Restriction::AllMappings);
    check(None, false, Restriction::AllButNamespaceDelegations);
    check(Some(ALL), false, Restriction::AllMappings);
    check(
        Some(ALL_BUT),
        false,
        Restriction::AllButNamespaceDelegations,
    );
    let some = [MappingCode::OwnerToKeyMapping, MappingCode::LsuAnnouncement];
    // In any order, and twice.
    check(
        Some(specific(&[19, 4, 19])),
        false,
        Restriction::SpecificMappings(some.into()),
    );
}

#[test]
fn a_restriction_beside_the_legacy_flag_is_refused() {
    for restriction in [ALL, ALL_BUT, specific(&[4])] {
        assert_eq!(
            chain(&read(Some(restriction), true).unwrap_err()),
            "the content of NamespaceDelegation was refused: is_root_delegation must not be set beside a restriction"
        );
    }
}

#[test]
fn a_restriction_to_nothing_or_to_unknown_kinds_is_refused() {
    let check = |mappings: &[i32], expected: &str| {
        let error = read(Some(specific(mappings)), false).unwrap_err();
        assert_eq!(chain(&error), expected);
    };
    check(
        &[],
        "the content of NamespaceDelegation was refused: a delegation for specific mappings must name at least one",
    );
    check(&[4, 0], "mappings of CanSignSpecificMappings is not set");
    for unknown in [2, 10, 14, 15, 16, 21, 260, -1, i32::MIN] {
        check(
            &[4, unknown],
            &format!("mappings of CanSignSpecificMappings has the unknown value {unknown}"),
        );
    }
}

#[test]
fn the_root_must_be_allowed_to_delegate() {
    #[expect(deprecated, reason = "the genesis has nothing but the flag")]
    let root = |restriction, is_root_delegation| {
        read_message(v30::NamespaceDelegation {
            restriction,
            is_root_delegation,
            ..delegation()
        })
    };
    for refused in [None, Some(ALL_BUT), Some(specific(&[4]))] {
        let error = chain(&root(refused, false).unwrap_err());
        assert!(
            error.ends_with("needs to be be able to sign other NamespaceDelegations"),
            "{error}"
        );
    }
    for accepted in [Some(ALL), Some(specific(&[1]))] {
        assert!(root(accepted, false).unwrap().targets_root());
    }
    assert!(root(None, true).unwrap().targets_root());
}

#[test]
#[expect(
    deprecated,
    reason = "the keys of live networks have nothing but a scheme"
)]
fn a_target_in_a_legacy_form_is_the_key_of_today() {
    let today = key_message(2);
    let raw = key(2).raw_ed25519().unwrap().to_vec();
    let legacy = crypto::SigningPublicKey {
        format: crypto::CryptoKeyFormat::from(KeyFormat::Raw).into(),
        public_key: raw,
        scheme: 1,
        key_spec: 0,
        usage: Vec::new(),
    };
    for target in [today, legacy] {
        let read = read_message(v30::NamespaceDelegation {
            target_key: Some(target),
            ..delegation()
        });
        assert_eq!(read.unwrap().target(), &key(2));
    }
}

#[test]
fn a_target_that_cannot_sign_for_a_namespace_is_refused() {
    let check = |usage: &[i32], accepted: bool| {
        let target = crypto::SigningPublicKey {
            usage: usage.to_vec(),
            ..key_message(2)
        };
        let read = read_message(v30::NamespaceDelegation {
            target_key: Some(target),
            ..delegation()
        });
        match read {
            Ok(read) => assert!(accepted, "{:?}", read.target().usages()),
            Err(error) => {
                let text = chain(&error);
                assert!(!accepted, "{text}");
                assert!(text.ends_with("must include a namespace usage."), "{text}");
            }
        }
    };
    check(&[1], true);
    check(&[1, 4], true);
    // Of old keys: none is all, and the removed usage is none.
    check(&[], true);
    check(&[2], true);
    check(&[4], false);
    check(&[3, 4, 5], false);
}

#[test]
fn what_we_write_is_always_restricted_sorted_and_without_the_legacy_flag() {
    let codes = [MappingCode::LsuAnnouncement, MappingCode::OwnerToKeyMapping];
    let mapping = NamespaceDelegation::try_new(
        key(1).fingerprint().into(),
        key(2),
        Restriction::SpecificMappings(codes.into()),
    )
    .unwrap();
    let written = encode_transaction(Draft {
        operation: Operation::Remove,
        serial: Serial::FIRST,
        mapping: Mapping::NamespaceDelegation(mapping),
    });
    let expected = v30::NamespaceDelegation {
        target_key: Some(key_message(2)),
        restriction: Some(specific(&[4, 19])),
        ..delegation()
    };
    let mut message =
        crate::topology::samples::message(topology_mapping::Mapping::NamespaceDelegation(expected));
    (message.operation, message.serial) = (2, 1);
    assert_eq!(written.bytes(), crate::support::wrap(&message));
    assert_eq!(key(2).usages(), KeyUsages::ALL);
}
