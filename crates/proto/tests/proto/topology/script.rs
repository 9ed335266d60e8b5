//! Bytes as Canton's scripts for an offline root key write them: reference, offline root key, section 2.

use strongroom_crypto::{KeyUsage, KeyUsages, SigningPublicKey};
use strongroom_proto::topology::{
    assemble_as_script, decode_signed_transaction, decode_transaction, encode_revocation_as_script,
    encode_transaction, encode_transaction_as_script,
    v30::{self, topology_mapping::Mapping as Wire},
};
use strongroom_topology::{
    Draft, Mapping, MappingCode, NamespaceDelegation, Operation, Restriction, Serial,
};

use crate::support::chain;
use crate::topology::samples::{
    bytes, delegation, field, fingerprint, key_message, message, private, sign, transactions,
    wrap_version_first,
};

fn target() -> SigningPublicKey {
    private(2)
        .signing_public_key(KeyUsages::only(KeyUsage::Namespace))
        .unwrap()
}

fn draft(restriction: Restriction) -> Draft {
    let namespace = fingerprint(1).parse().unwrap();
    Draft {
        operation: Operation::AddReplace,
        serial: Serial::FIRST,
        mapping: Mapping::NamespaceDelegation(
            NamespaceDelegation::try_new(namespace, target(), restriction).unwrap(),
        ),
    }
}

/// The bytes of the reference, written out.
fn prepared(restriction: &[u8]) -> Vec<u8> {
    let key = [
        &[0x10, 0x04][..],
        &field(3, target().spki()),
        &[0x2a, 0x01, 0x01, 0x30, 0x01],
    ]
    .concat();
    let delegation = [
        &field(1, fingerprint(1).as_bytes())[..],
        &field(2, &key),
        restriction,
    ]
    .concat();
    let transaction = [
        &[0x08, 0x01, 0x10, 0x01][..],
        &field(3, &field(1, &delegation)),
    ]
    .concat();
    [&[0x10, 0x1e][..], &field(1, &transaction)].concat()
}

#[test]
fn a_prepared_transaction_has_the_version_in_front_and_the_restriction_last() {
    let check = |restriction, expected: &[u8]| {
        let made = encode_transaction_as_script(draft(restriction), &[]);
        assert_eq!(made.bytes(), prepared(expected));
    };
    check(Restriction::AllMappings, &[0x22, 0]);
    check(Restriction::AllButNamespaceDelegations, &[0x2a, 0]);
    let codes = [
        MappingCode::PartyToParticipant,
        MappingCode::LsuAnnouncement,
    ];
    check(
        Restriction::SpecificMappings(codes.into()),
        &[0x32, 4, 0x0a, 2, 9, 19],
    );
}

#[test]
fn the_kinds_keep_the_order_in_which_they_were_asked_for() {
    let order = [
        MappingCode::LsuAnnouncement,
        MappingCode::NamespaceDelegation,
        MappingCode::PartyToParticipant,
    ];
    let draft = draft(Restriction::SpecificMappings(order.into()));
    let made = encode_transaction_as_script(draft.clone(), &order);
    assert_eq!(made.bytes(), prepared(&[0x32, 5, 0x0a, 3, 19, 1, 9]));
    let read = decode_transaction(made.bytes()).unwrap();
    assert_eq!(read.mapping(), &draft.mapping);
    // Sorted, and in Canton's own order of the wrapper, it is another transaction.
    let sorted = encode_transaction_as_script(draft.clone(), &[]);
    let canton = encode_transaction(draft);
    assert_ne!(sorted.hash(), made.hash());
    assert_ne!(sorted.hash(), canton.hash());
}

#[test]
fn an_order_means_nothing_to_other_mappings() {
    for transaction in transactions() {
        if transaction.mapping().code() == MappingCode::NamespaceDelegation {
            continue;
        }
        let draft = Draft {
            operation: transaction.operation(),
            serial: transaction.serial(),
            mapping: transaction.mapping().clone(),
        };
        let plain = encode_transaction_as_script(draft.clone(), &[]);
        let ordered = encode_transaction_as_script(draft, &[MappingCode::VettedPackages]);
        assert_eq!(plain, ordered);
        assert!(plain.bytes().starts_with(&[0x10, 30, 0x0a]));
    }
}

#[test]
fn a_certificate_has_the_version_in_front_and_one_signature() {
    let made = encode_transaction_as_script(draft(Restriction::AllMappings), &[]);
    let signature = sign(1, &made.hash().to_multihash());
    let certificate = assemble_as_script(&made, &signature);
    let encoded = [
        &[0x08, 0x03][..],
        &field(2, &signature.bytes),
        &field(3, fingerprint(1).as_bytes()),
        &[0x20, 0x01],
    ]
    .concat();
    let message = [field(1, made.bytes()), field(2, &encoded)].concat();
    let expected = [&[0x10, 0x1e][..], &field(1, &message)].concat();
    assert_eq!(certificate, expected);
    let read = decode_signed_transaction(&certificate).unwrap();
    assert_eq!(read.transaction(), &made);
}

#[test]
fn a_revocation_keeps_everything_but_operation_and_serial() {
    use v30::namespace_delegation::{CanSignSpecificMappings, Restriction as WireRestriction};
    // As a node exports it, with the kinds in an order that nobody would write.
    let unsorted = v30::NamespaceDelegation {
        target_key: Some(key_message(2)),
        restriction: Some(WireRestriction::CanSignSpecificMapings(
            CanSignSpecificMappings {
                mappings: vec![19, 4, 9],
            },
        )),
        ..delegation()
    };
    #[expect(deprecated, reason = "the genesis has nothing but the flag")]
    let legacy = v30::NamespaceDelegation {
        restriction: None,
        is_root_delegation: true,
        ..delegation()
    };
    for delegation in [unsorted, legacy] {
        let wire = Wire::NamespaceDelegation(delegation);
        let revoked = decode_transaction(&bytes(wire.clone())).unwrap();
        let revocation = encode_revocation_as_script(&revoked).unwrap();
        let mut expected = message(wire);
        (expected.operation, expected.serial) = (2, revoked.serial().get() + 1);
        assert_eq!(revocation.bytes(), wrap_version_first(&expected));
        assert_eq!(
            (revocation.operation(), revocation.mapping()),
            (Operation::Remove, revoked.mapping())
        );
        assert_eq!(
            decode_transaction(revocation.bytes()).unwrap().serial(),
            revocation.serial()
        );
    }
}

#[test]
fn behind_the_last_serial_nothing_is_revoked() {
    let mut last = message(Wire::NamespaceDelegation(delegation()));
    last.serial = 2_147_483_647;
    let last = decode_transaction(&crate::support::wrap(&last)).unwrap();
    assert_eq!(
        chain(&encode_revocation_as_script(&last).unwrap_err()),
        "the content of TopologyTransaction was refused: the serial must be between 1 and 2147483647, got 2147483648"
    );
}
