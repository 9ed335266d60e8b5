//! Truncated, oversized, re-ordered and bit-flipped input: read or refused, never a panic.

use proptest::prelude::*;
use strongroom_proto::{
    topology::{
        encode_broadcast, encode_signed_transaction, encode_signed_transactions, write_snapshot_v1,
        write_snapshot_v2,
    },
    versioned::wrap_message,
};

use crate::bodies::TARGETS;
use crate::topology::samples::{field, rows, signed, successor, transactions};

/// Reads `bytes` as everything there is.
fn read_as_everything(bytes: &[u8]) {
    for (_name, target) in TARGETS {
        target(bytes);
    }
}

/// Everything of topology that comes from outside, one of each kind of mapping and two rows per snapshot.
fn inputs() -> Vec<Vec<u8>> {
    let rows = rows();
    let mut inputs: Vec<Vec<u8>> = transactions()
        .iter()
        .map(|it| it.bytes().to_vec())
        .collect();
    inputs.extend(signed().iter().map(encode_signed_transaction));
    inputs.push(encode_signed_transactions(&signed()[..2]));
    inputs.push(encode_broadcast(
        &successor().parse().unwrap(),
        &signed()[..2],
    ));
    let (mut first, mut second) = (Vec::new(), Vec::new());
    write_snapshot_v1(&rows[..2], &mut first).unwrap();
    write_snapshot_v2(&rows[..2], &mut second).unwrap();
    inputs.extend([first, second]);
    inputs
}

/// The fields of a message, each with its tag.
fn split(message: &[u8]) -> Vec<Vec<u8>> {
    let mut fields = Vec::new();
    let mut rest = message;
    while !rest.is_empty() {
        let start = rest;
        let tag = prost::encoding::decode_varint(&mut rest).unwrap();
        let value = prost::encoding::decode_varint(&mut rest).unwrap();
        if tag & 7 == 2 {
            rest = &rest[usize::try_from(value).unwrap()..];
        }
        fields.push(start[..start.len() - rest.len()].to_vec());
    }
    fields
}

/// One change to an input.
#[derive(Clone, Debug)]
enum Change {
    Flip(prop::sample::Index, u8),
    Cut(prop::sample::Index),
    Drop(prop::sample::Index, usize),
    Repeat(prop::sample::Index, prop::sample::Index),
    Insert(prop::sample::Index, Vec<u8>),
}

fn any_change() -> impl Strategy<Value = Change> {
    use prop::sample::Index;
    prop_oneof![
        4 => (any::<Index>(), 1..=255u8).prop_map(|(place, bits)| Change::Flip(place, bits)),
        1 => any::<Index>().prop_map(Change::Cut),
        1 => (any::<Index>(), 1..40usize).prop_map(|(place, length)| Change::Drop(place, length)),
        1 => any::<(Index, Index)>().prop_map(|(one, other)| Change::Repeat(one, other)),
        1 => (any::<Index>(), any::<Vec<u8>>()).prop_map(|(place, bytes)| Change::Insert(place, bytes)),
    ]
}

fn apply(bytes: &mut Vec<u8>, change: &Change) {
    if bytes.is_empty() {
        return;
    }
    match change {
        Change::Flip(place, bits) => *place.get_mut(bytes) ^= bits,
        Change::Cut(place) => bytes.truncate(place.index(bytes.len())),
        Change::Drop(place, length) => {
            let start = place.index(bytes.len());
            bytes.drain(start..bytes.len().min(start + length));
        }
        Change::Repeat(one, other) => {
            let (one, other) = (one.index(bytes.len()), other.index(bytes.len()));
            let part = bytes[one.min(other)..one.max(other)].to_vec();
            bytes.splice(one..one, part);
        }
        Change::Insert(place, inserted) => {
            let place = place.index(bytes.len());
            bytes.splice(place..place, inserted.iter().copied());
        }
    }
}

proptest! {
    #[test]
    fn arbitrary_bytes_never_panic(bytes: Vec<u8>) {
        read_as_everything(&bytes);
        read_as_everything(&wrap_message(&bytes));
        read_as_everything(&wrap_message(&field(1, &wrap_message(&bytes))));
    }

    #[test]
    fn spoilt_input_never_panics(
        input in prop::sample::select(inputs()),
        changes in prop::collection::vec(any_change(), 1..4),
    ) {
        let mut bytes = input;
        for change in &changes {
            apply(&mut bytes, change);
        }
        read_as_everything(&bytes);
    }

    #[test]
    fn fields_in_another_order_say_the_same(
        (input, order) in prop::sample::select(transactions()).prop_flat_map(|transaction| {
            let inside = strongroom_proto::versioned::unwrap_message(transaction.bytes()).unwrap();
            let fields = split(inside.data);
            (Just(transaction), Just(fields).prop_shuffle())
        }),
    ) {
        let bytes = wrap_message(&order.concat());
        let read = strongroom_proto::topology::decode_transaction(&bytes).unwrap();
        prop_assert_eq!(read.mapping(), input.mapping());
        prop_assert_eq!(read.bytes(), bytes);
    }

    #[test]
    fn cut_anywhere_input_never_panics(input in prop::sample::select(inputs()), at: prop::sample::Index) {
        read_as_everything(&input[..at.index(input.len())]);
    }
}
