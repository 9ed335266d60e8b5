//! What only the scripts for an offline root key write.

use std::collections::BTreeSet;

use prost::Message;
use strongroom_crypto::{KeySpec, KeyUsage, KeyUsages, SigningKeySpec, SigningPublicKey};
use strongroom_errors::Coded;
use strongroom_proto::{
    ProtoError,
    topology::{
        DelegationTarget, decode_transaction, encode_delegation_as_script,
        encode_revocation_as_script, v30,
    },
    v30 as crypto,
};
use strongroom_topology::{Mapping, MappingCode, Operation, Restriction, Serial, Transaction};

use crate::support::{generate, inside, with_unknown_fields, wrap};

fn namespace_key() -> SigningPublicKey {
    let private = generate(KeySpec::Signing(SigningKeySpec::EcP256)).private;
    let usages = KeyUsages::try_new([KeyUsage::Namespace]).unwrap();
    private.signing_public_key(usages).unwrap()
}

fn delegate(
    target: DelegationTarget,
    restriction: Restriction,
    order: &[MappingCode],
) -> Transaction {
    let namespace = namespace_key().fingerprint().into();
    encode_delegation_as_script(namespace, target, restriction, order, Serial::FIRST).unwrap()
}

fn message(transaction: &Transaction) -> v30::TopologyTransaction {
    v30::TopologyTransaction::decode(inside(transaction.bytes()).as_slice()).unwrap()
}

fn delegation(transaction: &Transaction) -> v30::NamespaceDelegation {
    match message(transaction).mapping.unwrap().mapping.unwrap() {
        v30::topology_mapping::Mapping::NamespaceDelegation(delegation) => delegation,
        other => panic!("{other:?}"),
    }
}

fn kinds(transaction: &Transaction) -> Vec<i32> {
    match delegation(transaction).restriction.unwrap() {
        v30::namespace_delegation::Restriction::CanSignSpecificMapings(specific) => {
            specific.mappings
        }
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_key_of_a_file_keeps_its_usages_in_their_order() {
    let key = namespace_key();
    let mut message = crypto::SigningPublicKey::from(&key);
    message.usage = vec![5, 4, 1];
    let target = DelegationTarget::from_key_file(&wrap(&message)).unwrap();
    let transaction = delegate(target, Restriction::AllMappings, &[]);
    let written = delegation(&transaction).target_key.unwrap();
    assert_eq!(written, message);
    let Mapping::NamespaceDelegation(read) = transaction.mapping() else {
        panic!("{transaction:?}")
    };
    let usages = [KeyUsage::Namespace, KeyUsage::Protocol];
    assert_eq!(read.target().usages(), KeyUsages::try_new(usages).unwrap());
}

#[test]
fn the_written_transaction_says_what_its_bytes_say() {
    let kinds_of_party = [
        MappingCode::PartyToParticipant,
        MappingCode::OwnerToKeyMapping,
    ];
    let codes = BTreeSet::from(kinds_of_party);
    for (restriction, order) in [
        (Restriction::AllMappings, &[][..]),
        (Restriction::AllButNamespaceDelegations, &[]),
        (Restriction::SpecificMappings(codes), &kinds_of_party),
        // An order of something else.
        (Restriction::AllMappings, &kinds_of_party),
    ] {
        let transaction = delegate(DelegationTarget::new(namespace_key()), restriction, order);
        let read = decode_transaction(transaction.bytes()).unwrap();
        assert_eq!(read.mapping(), transaction.mapping());
        assert_eq!(
            (read.operation(), read.serial().get()),
            (Operation::AddReplace, 1)
        );
    }
}

#[test]
fn kinds_of_mappings_keep_the_order_that_is_theirs() {
    let (later, earlier) = (
        MappingCode::PartyToParticipant,
        MappingCode::OwnerToKeyMapping,
    );
    for (order, expected) in [
        (&[later, earlier][..], [9, 4]),
        (&[earlier, later], [4, 9]),
        (&[], [4, 9]),
        (&[later], [4, 9]),
    ] {
        let restriction = Restriction::SpecificMappings(BTreeSet::from([later, earlier]));
        let transaction = delegate(DelegationTarget::new(namespace_key()), restriction, order);
        assert_eq!(kinds(&transaction), expected, "{order:?}");
    }
}

/// A delegation as live networks have it: its bytes are not those that anybody would write today.
fn legacy(serial: u32) -> Transaction {
    let delegation = v30::NamespaceDelegation {
        namespace: namespace_key().fingerprint().to_string(),
        target_key: Some((&namespace_key()).into()),
        ..v30::NamespaceDelegation::default()
    };
    let mapping = v30::TopologyMapping {
        mapping: Some(v30::topology_mapping::Mapping::NamespaceDelegation(
            delegation,
        )),
    };
    let message = v30::TopologyTransaction {
        operation: 1,
        serial,
        mapping: Some(mapping),
    };
    decode_transaction(&wrap(&message)).unwrap()
}

#[test]
fn a_revocation_keeps_the_mapping_as_it_was_received() {
    let delegation = legacy(7);
    let revocation = encode_revocation_as_script(&delegation).unwrap();
    assert_eq!(
        (revocation.operation(), revocation.serial().get()),
        (Operation::Remove, 8)
    );
    assert_eq!(revocation.unique_key(), delegation.unique_key());
    assert_eq!(
        revocation.bytes()[..3],
        [0x10, 30, 0x0a],
        "the version comes first"
    );
    let expected = v30::TopologyTransaction {
        operation: 2,
        serial: 8,
        ..message(&delegation)
    };
    assert_eq!(inside(revocation.bytes()), expected.encode_to_vec());
}

#[test]
fn a_revocation_keeps_what_nobody_here_knows() {
    let delegation = legacy(1);
    let mapping = message(&delegation).mapping.unwrap().encode_to_vec();
    let mapping = with_unknown_fields(mapping);
    // Operation 1, serial 1, and the mapping as field 3.
    let mut bytes = vec![0x08, 1, 0x10, 1, 0x1a];
    prost::encoding::encode_varint(mapping.len() as u64, &mut bytes);
    bytes.extend_from_slice(&mapping);
    let wrapped = strongroom_proto::versioned::wrap_message(&bytes);
    let received = decode_transaction(&wrapped).unwrap();
    let revocation = encode_revocation_as_script(&received).unwrap();
    assert!(inside(revocation.bytes()).ends_with(&mapping));
}

#[test]
fn nothing_comes_behind_the_last_serial() {
    let error = encode_revocation_as_script(&legacy(i32::MAX.cast_unsigned())).unwrap_err();
    assert!(matches!(error, ProtoError::InvalidMapping { .. }));
    assert_eq!(error.code().name(), "TOPOLOGY_INVALID_MAPPING");
}
