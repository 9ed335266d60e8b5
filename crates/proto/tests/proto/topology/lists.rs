//! Lists of transactions, alone and on their way to a synchronizer.

use prost::Message;
use strongroom_proto::{
    ProtoError,
    topology::{
        decode_broadcast, decode_signed_transactions, encode_broadcast, encode_signed_transaction,
        encode_signed_transactions,
        v30::{SignedTopologyTransactions, TopologyTransactionsBroadcast},
    },
    versioned::wrap_message,
};
use strongroom_topology::{PhysicalSynchronizerId, SignedTransaction};

use crate::support::{chain, with_unknown_fields, wrap};
use crate::topology::samples::{field, parts_of_signed, signed, successor};

fn list(signed: &[SignedTransaction]) -> SignedTopologyTransactions {
    SignedTopologyTransactions {
        signed_transaction: signed.iter().map(encode_signed_transaction).collect(),
    }
}

fn same(found: &[SignedTransaction], expected: &[SignedTransaction]) {
    let parts =
        |signed: &[SignedTransaction]| -> Vec<_> { signed.iter().map(parts_of_signed).collect() };
    assert_eq!(parts(found), parts(expected));
}

#[test]
fn a_list_survives_in_its_order() {
    let signed = signed();
    for length in [0, 1, signed.len()] {
        let signed = &signed[..length];
        let written = encode_signed_transactions(signed);
        assert_eq!(written, wrap(&list(signed)));
        same(&decode_signed_transactions(&written).unwrap(), signed);
        let padded = wrap_message(&with_unknown_fields(list(signed).encode_to_vec()));
        same(&decode_signed_transactions(&padded).unwrap(), signed);
    }
}

#[test]
fn of_several_broken_transactions_the_first_one_is_named() {
    let signed = signed();
    let mut message = list(&signed[..3]);
    message.signed_transaction[1] = vec![0x0a, 0];
    message.signed_transaction[2] = vec![0x0a, 9];
    assert_eq!(
        chain(&decode_signed_transactions(&wrap(&message)).unwrap_err()),
        "transaction of SignedTopologyTransaction is not set"
    );
    let truncated = wrap_message(&[0x0a, 5, 1]);
    assert!(matches!(
        decode_signed_transactions(&truncated),
        Err(ProtoError::MalformedSecret {
            message: "SignedTopologyTransactions",
            ..
        })
    ));
}

#[test]
fn a_broadcast_survives() {
    let signed = signed();
    let synchronizer: PhysicalSynchronizerId = successor().parse().unwrap();
    for length in [0, 2] {
        let signed = &signed[..length];
        let written = encode_broadcast(&synchronizer, signed);
        let message = TopologyTransactionsBroadcast {
            physical_synchronizer_id: successor(),
            signed_transactions: Some(list(signed)),
        };
        assert_eq!(written, wrap(&message));
        let (read, transactions) = decode_broadcast(&written).unwrap();
        assert_eq!(read, synchronizer);
        same(&transactions, signed);
    }
}

#[test]
fn each_broken_field_of_a_broadcast_has_its_error() {
    let check = |message: &[u8], text: &str| {
        let error = decode_broadcast(&wrap_message(message)).unwrap_err();
        assert_eq!(chain(&error), text);
    };
    let name = field(1, successor().as_bytes());
    let not_set = "physical_synchronizer_id of TopologyTransactionsBroadcast is not set";
    check(&field(2, &[]), not_set);
    check(&[field(1, &[0xff]), field(2, &[])].concat(), not_set);
    check(
        &name,
        "signed_transactions of TopologyTransactionsBroadcast is not set",
    );
    check(
        &[field(1, b"sync"), field(2, &[])].concat(),
        "physical_synchronizer_id of TopologyTransactionsBroadcast is not a name on the ledger: `sync` is not a physical \
         synchronizer: NAME::NAMESPACE::VERSION-SERIAL",
    );
    check(
        &[name, vec![0x12]].concat(),
        "the bytes are not a message TopologyTransactionsBroadcast: the message ends inside a field",
    );
}

#[test]
fn the_two_halves_of_a_list_in_a_broadcast_are_one_list() {
    // A message field that stands there twice is merged: what both halves hold belongs to the list.
    let signed = signed();
    let halves = [&signed[..1], &signed[1..3]].map(|half| field(2, &list(half).encode_to_vec()));
    let message = [field(1, successor().as_bytes()), halves.concat()].concat();
    let theirs = TopologyTransactionsBroadcast::decode(message.as_slice()).unwrap();
    assert_eq!(
        theirs.signed_transactions.unwrap().signed_transaction.len(),
        3
    );
    let (_, transactions) = decode_broadcast(&wrap_message(&message)).unwrap();
    same(&transactions, &signed[..3]);
}
