//! Transactions, their serials and hashes.

use proptest::prelude::*;
use strongroom_crypto::HashBuilder;
use strongroom_topology::{Draft, MappingError, Operation, Serial, Transaction, TransactionHash};

use crate::support::mappings;

pub(crate) fn transaction(bytes: &[u8]) -> Transaction {
    let [mapping, ..] = mappings();
    let draft = Draft {
        operation: Operation::AddReplace,
        serial: Serial::FIRST,
        mapping,
    };
    Transaction::received(draft, bytes)
}

#[test]
fn a_serial_lies_between_one_and_the_largest_signed_number() {
    for serial in [1, 2, 2_147_483_647] {
        assert_eq!(Serial::try_new(serial).unwrap().get(), serial);
    }
    for serial in [0, 2_147_483_648, u32::MAX] {
        let error = Serial::try_new(serial).unwrap_err();
        assert_eq!(error, MappingError::Serial { serial });
        assert_eq!(
            error.to_string(),
            format!("the serial must be between 1 and 2147483647, got {serial}")
        );
    }
    assert_eq!((Serial::FIRST.get(), Serial::MAX.get()), (1, 2_147_483_647));
}

#[test]
fn behind_the_last_serial_there_is_none() {
    assert_eq!(Serial::FIRST.next().map(Serial::get), Some(2));
    assert_eq!(Serial::MAX.next(), None);
    assert_eq!(Serial::MAX.to_string(), "2147483647");
}

#[test]
fn operations_have_the_numbers_and_names_of_the_contract() {
    let found = [Operation::AddReplace, Operation::Remove].map(|it| (it.number(), it.name()));
    assert_eq!(found, [(1, "ADD_REPLACE"), (2, "REMOVE")]);
    assert_eq!(Operation::Remove.to_string(), "REMOVE");
}

#[test]
fn the_hash_covers_the_bytes_as_received_and_nothing_else() {
    let expected = |bytes: &[u8]| {
        let hash = HashBuilder::without_purpose().raw(&[0, 0, 0, 11]);
        hash.raw(bytes).finish().to_multihash()
    };
    for bytes in [&b""[..], b"abc", &[0; 300]] {
        let transaction = transaction(bytes);
        assert_eq!(transaction.hash().to_multihash(), expected(bytes));
        assert_eq!(transaction.bytes(), bytes);
        assert_eq!(TransactionHash::of(bytes), transaction.hash());
    }
    // The same statement in other bytes is another transaction.
    assert_ne!(transaction(b"abc"), transaction(b"abd"));
    assert_eq!(transaction(b"abc"), transaction(b"abc"));
    let [mapping, ..] = mappings();
    assert_eq!(transaction(b"abc").unique_key(), mapping.unique_key());
}

#[test]
fn a_hash_survives_as_bytes_and_as_text() {
    let hash = TransactionHash::of(b"abc");
    assert_eq!(
        TransactionHash::from_multihash(&hash.to_multihash()),
        Ok(hash)
    );
    assert_eq!(hash.to_string().parse(), Ok(hash));
    let mut other = hash.to_multihash();
    assert!(TransactionHash::from_multihash(&other[..33]).is_err());
    other[0] = 0x13;
    assert!(TransactionHash::from_multihash(&other).is_err());
    assert!("1220".parse::<TransactionHash>().is_err());
}

#[test]
fn the_combined_hash_covers_the_number_and_each_hash_behind_its_length() {
    let mut hashes = [b"a", b"b", b"c"].map(|bytes| TransactionHash::of(bytes));
    let mut texts = hashes.map(|hash| hash.to_string());
    texts.sort_unstable();
    let mut input = [0, 0, 0, 55, 0, 0, 0, 3].to_vec();
    for text in &texts {
        let hash: TransactionHash = text.parse().unwrap();
        input.extend_from_slice(&[0, 0, 0, 34]);
        input.extend_from_slice(&hash.to_multihash());
    }
    let expected = HashBuilder::without_purpose().raw(&input).finish();
    assert_eq!(TransactionHash::combined(&hashes), expected);
    hashes.reverse();
    assert_eq!(TransactionHash::combined(&hashes), expected);
    // A set: what is named twice counts once.
    let [first, second, third] = hashes;
    assert_eq!(
        TransactionHash::combined(&[first, second, third, first]),
        expected
    );
    assert_ne!(TransactionHash::combined(&[first, second]), expected);
}

proptest! {
    #[test]
    fn hashes_order_as_their_texts_do(one: Vec<u8>, other: Vec<u8>) {
        let (one, other) = (TransactionHash::of(&one), TransactionHash::of(&other));
        prop_assert_eq!(one.cmp(&other), one.to_string().cmp(&other.to_string()));
    }
}
