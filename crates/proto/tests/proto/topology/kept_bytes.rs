//! Lossless means keeping the received bytes: order of fields, unknown fields, legacy forms, repeated fields.

use prost::Message;
use strongroom_proto::{
    ProtoError,
    topology::{
        decode_signed_transaction, decode_transaction, encode_signed_transaction,
        v30::topology_mapping::Mapping as Wire,
    },
    versioned::wrap_message,
};
use strongroom_topology::{Operation, Transaction, TransactionHash};

use crate::canton::Versioned;
use crate::support::{chain, inside, with_unknown_fields, wrap};
use crate::topology::samples::{
    bytes, delegation, field, message, root, signature_message, signed_message, wires,
    wrap_version_first,
};

/// Reads a transaction in a signed one, and writes that again: the transaction is what it was, byte for byte.
fn keeps(transaction: &[u8]) -> Transaction {
    let read = decode_transaction(transaction).unwrap();
    assert_eq!(read.bytes(), transaction);
    assert_eq!(read.hash(), TransactionHash::of(transaction));
    let mut signed = signed_message(&[]);
    signed.transaction = transaction.to_vec();
    signed.signatures = vec![signature_message(1, &read)];
    let received = wrap(&signed);
    let read_again = decode_signed_transaction(&received).unwrap();
    assert_eq!(read_again.transaction().bytes(), transaction);
    assert_eq!(encode_signed_transaction(&read_again), received);
    let key = crate::topology::samples::key(1);
    read_again
        .verify(&key, strongroom_crypto::KeyUsages::ALL)
        .unwrap();
    read
}

#[test]
fn both_orders_of_the_wrapper_are_read_and_give_different_hashes() {
    for wire in wires() {
        let message = message(wire);
        let (data_first, version_first) = (wrap(&message), wrap_version_first(&message));
        let (one, other) = (keeps(&data_first), keeps(&version_first));
        assert_eq!(one.mapping(), other.mapping());
        assert_ne!(one.hash(), other.hash());
    }
}

#[test]
fn a_version_that_nobody_knows_is_read_as_the_highest_that_is_known() {
    let data = inside(&bytes(Wire::NamespaceDelegation(delegation())));
    for version in [0, 1, 29, 30, 31, i32::MAX, -1] {
        let wrapped = Versioned {
            data: Some(data.clone()),
            version,
        };
        keeps(&wrapped.encode_to_vec());
    }
}

#[test]
fn a_wrapper_without_data_is_refused() {
    for wrapper in [&[][..], &[0x10, 30], &[0x08, 1, 0x10, 30]] {
        assert!(
            matches!(
                decode_transaction(wrapper),
                Err(ProtoError::FieldNotSet { field: "data", .. })
            ),
            "{wrapper:02x?}"
        );
        assert!(matches!(
            decode_signed_transaction(wrapper),
            Err(ProtoError::FieldNotSet { field: "data", .. })
        ));
    }
    // Data that is there and empty is a message without fields.
    assert_eq!(
        chain(&decode_transaction(&[0x0a, 0, 0x10, 30]).unwrap_err()),
        "operation of TopologyTransaction is not set"
    );
    assert_eq!(
        chain(&decode_signed_transaction(&[0x0a, 0, 0x10, 30]).unwrap_err()),
        "transaction of SignedTopologyTransaction is not set"
    );
}

#[test]
fn unknown_fields_are_kept_at_every_depth() {
    for wire in wires() {
        let mapping = message(wire.clone()).mapping.unwrap().encode_to_vec();
        // In the mapping's own message: its tag and length are in front of it.
        let mut rest = mapping.as_slice();
        let tag = prost::encoding::decode_varint(&mut rest).unwrap();
        let _length = prost::encoding::decode_varint(&mut rest).unwrap();
        let number = u32::try_from(tag >> 3).unwrap();
        let deep = field(number, &with_unknown_fields(rest.to_vec()));
        for mapping in [mapping.clone(), with_unknown_fields(mapping), deep] {
            let mut transaction = vec![0x08, 1, 0x10, 3];
            transaction.extend(field(3, &mapping));
            let plain = decode_transaction(&bytes(wire.clone())).unwrap();
            for transaction in [transaction.clone(), with_unknown_fields(transaction)] {
                let read = keeps(&wrap_message(&transaction));
                assert_eq!(read.mapping(), plain.mapping());
                keeps(&with_unknown_fields(wrap_message(&transaction)));
            }
        }
    }
}

#[test]
fn the_fingerprint_in_front_of_a_legacy_key_is_kept() {
    // Field 1 of SigningPublicKey, which nobody writes any more.
    let key = crate::topology::samples::key_message(1).encode_to_vec();
    let mut legacy = field(1, crate::topology::samples::fingerprint(1).as_bytes());
    legacy.extend(key);
    let mut delegation = field(1, crate::topology::samples::fingerprint(1).as_bytes());
    delegation.extend(field(2, &legacy));
    delegation.extend([0x18, 1]);
    let mut transaction = vec![0x08, 1, 0x10, 1];
    transaction.extend(field(3, &field(1, &delegation)));
    let read = keeps(&wrap_message(&transaction));
    assert_eq!(read.mapping(), root().mapping());
}

#[test]
fn the_order_of_fields_is_kept() {
    let mapping = message(Wire::NamespaceDelegation(delegation()))
        .mapping
        .unwrap()
        .encode_to_vec();
    let mut transaction = field(3, &mapping);
    transaction.extend([0x10, 3, 0x08, 2]);
    let read = keeps(&wrap_message(&transaction));
    assert_eq!(read.operation(), Operation::Remove);
    assert_eq!(read.mapping(), root().mapping());
}

#[test]
fn integers_written_longer_than_needed_are_kept() {
    let mapping = message(Wire::NamespaceDelegation(delegation()))
        .mapping
        .unwrap()
        .encode_to_vec();
    let mut transaction = vec![0x88, 0x00, 0x81, 0x00, 0x10, 0x83, 0x80, 0x00];
    transaction.extend(field(3, &mapping));
    let read = keeps(&wrap_message(&transaction));
    assert_eq!(
        (read.operation(), read.serial().get()),
        (Operation::AddReplace, 3)
    );
}

#[test]
fn of_a_repeated_field_the_last_one_holds_and_all_are_kept() {
    let mut wires = wires();
    let (first, second) = (wires.remove(0), wires.remove(0));
    let mapping = |wire| message(wire).mapping.unwrap().encode_to_vec();
    // Of a oneof the last one set is set.
    let both = [mapping(first.clone()), mapping(second.clone())].concat();
    let mut transaction = vec![0x08, 2, 0x10, 9, 0x08, 1, 0x10, 3];
    transaction.extend(field(3, &both));
    let read = keeps(&wrap_message(&transaction));
    assert_eq!(
        (read.operation(), read.serial().get()),
        (Operation::AddReplace, 3)
    );
    let plain = decode_transaction(&bytes(second)).unwrap();
    assert_eq!(read.mapping(), plain.mapping());

    // Of a wrapper too.
    let mut twice = wrap_message(b"something else");
    twice.extend(bytes(first));
    assert_eq!(keeps(&twice).mapping(), root().mapping());
}

#[test]
fn a_message_that_stands_there_twice_is_merged_as_the_format_says() {
    // The namespace in one half, the key and the restriction in the other.
    let mut key_half = delegation();
    key_half.namespace.clear();
    let halves = [
        field(1, &field(1, delegation().namespace.as_bytes())),
        field(1, &key_half.encode_to_vec()),
    ];
    let mut transaction = vec![0x08, 1, 0x10, 3];
    for half in &halves {
        transaction.extend(field(3, half));
    }
    assert_eq!(
        keeps(&wrap_message(&transaction)).mapping(),
        root().mapping()
    );
}

#[test]
fn groups_are_refused_or_skipped_but_never_followed_down() {
    // A hundred thousand groups inside of each other.
    let mut deep = message(Wire::NamespaceDelegation(delegation())).encode_to_vec();
    deep.extend(std::iter::repeat_n([0xfb, 0x07], 100_000).flatten());
    assert!(matches!(
        decode_transaction(&wrap_message(&deep)),
        Err(ProtoError::Malformed { .. })
    ));
    assert!(matches!(
        decode_transaction(&deep),
        Err(ProtoError::MalformedSecret { .. })
    ));
    // And messages inside of each other: what is not in the contract is not looked into.
    let mut nested = Vec::new();
    for _ in 0..2_000 {
        nested = field(3, &nested);
    }
    assert!(decode_transaction(&wrap_message(&nested)).is_err());
    assert!(decode_signed_transaction(&wrap_message(&nested)).is_err());
}
