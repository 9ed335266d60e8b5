use prost::{
    Name,
    encoding::{encode_key, encode_varint},
};

use strongroom_proto::{
    topology::v30::SignedTopologyTransaction,
    v30::{Signature, SigningPublicKey},
};

use super::*;
use crate::contract::{
    strongroom::{
        GenerateSigningKeyRequest, ListKeysRequest, ListKeysResponse, SignBatchRequest, SignItem,
        SignRequest,
    },
    topology::{AddTransactionsRequest, AuthorizeRequest, generate_transactions_request::Proposal},
};

const MEGABYTES_10: usize = 10 * 1024 * 1024;

fn is_refused<M: Name>(bytes: &[u8]) -> bool {
    has_too_many_items(M::PACKAGE, M::NAME, bytes)
}

/// A field with this number and content.
fn field(number: u32, content: &[u8]) -> Vec<u8> {
    let mut bytes = Vec::new();
    encode_key(number, WireType::LengthDelimited, &mut bytes);
    encode_varint(content.len() as u64, &mut bytes);
    bytes.extend_from_slice(content);
    bytes
}

fn filled(item: &[u8], bytes: usize) -> Vec<u8> {
    item.repeat(bytes / item.len())
}

#[test]
fn the_contract_is_read_with_all_its_requests() {
    let requests: usize = SHAPES.requests.values().map(HashMap::len).sum();
    assert!(requests > 80, "{requests}");
    let signs = SHAPES.of(SignBatchRequest::PACKAGE, SignBatchRequest::NAME);
    let items = |field: &Field| field.number == 1 && field.is_repeated;
    assert!(signs.unwrap().0.iter().any(items));
    let answers = SHAPES.of(ListKeysResponse::PACKAGE, ListKeysResponse::NAME);
    assert!(answers.is_none(), "who asks takes what it asked for");
}

#[test]
fn a_message_of_empty_items_is_refused_at_any_depth_and_behind_whatever_is_skipped() {
    let empty = field(1, &[]);
    assert!(is_refused::<SignBatchRequest>(&filled(
        &empty,
        MEGABYTES_10
    )));
    assert!(is_refused::<SignBatchRequest>(&filled(&empty, 10_000)));
    // A transaction with very many signatures, and one after the other with a few.
    let signatures = filled(&field(2, &[]), 100_000);
    assert!(is_refused::<AddTransactionsRequest>(&field(1, &signatures)));
    let few = field(1, &filled(&field(2, &[]), 10));
    assert!(is_refused::<AddTransactionsRequest>(&filled(&few, 100_000)));
    let mut hidden = Vec::new();
    encode_key(1000, WireType::StartGroup, &mut hidden);
    encode_key(1000, WireType::EndGroup, &mut hidden);
    hidden.extend(field(999, b"unknown"));
    hidden.extend([
        0x08 | 0x80,
        0x80,
        0x01,
        0x07,
        0x09,
        0,
        0,
        0,
        0,
        0,
        0,
        0,
        0,
        0x0d,
        0,
        0,
        0,
        0,
    ]);
    hidden.extend(filled(&empty, 100_000));
    assert!(is_refused::<SignBatchRequest>(&hidden));
}

#[test]
fn what_items_are_really_like_passes() {
    let item = SignItem {
        content: Some(crate::contract::strongroom::sign_item::Content::Hash(
            vec![7; 34],
        )),
        usages: vec![4],
        ..SignItem::default()
    };
    let batch = SignBatchRequest {
        items: vec![item; 4096],
    };
    assert!(!is_refused::<SignBatchRequest>(&batch.encode_to_vec()));
    let smallest = SignBatchRequest {
        items: vec![SignItem::default(); 4096],
    };
    assert!(!is_refused::<SignBatchRequest>(&smallest.encode_to_vec()));
    // Of one message a single text, of a list each.
    let text = filled(b"x", MEGABYTES_10);
    assert!(!is_refused::<SignRequest>(&field(1, &field(3, &text))));
    let fingerprint = field(1, &[0x61; 68]);
    assert!(!is_refused::<SignBatchRequest>(&filled(
        &fingerprint,
        MEGABYTES_10
    )));
    // What does not repeat is not counted, whatever it is.
    assert!(!is_refused::<ListKeysRequest>(&filled(
        &field(2, &[]),
        100_000
    )));
    assert!(!is_refused::<AuthorizeRequest>(&text));
}

#[test]
fn the_largest_that_passes_takes_so_many_times_its_bytes() {
    let item = field(1, &[]);
    let most = FEW + MEGABYTES_10 / BYTES_OF_ITEM - 1;
    let mut bytes = filled(&item, most * item.len());
    // What is left is something unknown.
    bytes.extend(field(999, &vec![0; MEGABYTES_10 - bytes.len() - 10]));
    assert!(bytes.len() <= MEGABYTES_10 && !is_refused::<SignBatchRequest>(&bytes));
    let read = SignBatchRequest::decode(bytes.as_slice()).unwrap();
    assert!(read.items.len() > FEW);
    let taken = read.items.capacity() * size_of::<SignItem>();
    assert!(taken <= 6 * MEGABYTES_10, "{taken}");
    // A list has room for twice as many as are in it, at most.
    for size in [
        size_of::<Proposal>(),
        size_of::<SignedTopologyTransaction>(),
        size_of::<Signature>(),
        size_of::<SigningPublicKey>(),
        size_of::<GenerateSigningKeyRequest>(),
    ] {
        assert!(2 * size <= 10 * BYTES_OF_ITEM, "{size}");
    }
}
