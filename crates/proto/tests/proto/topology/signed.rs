//! Signed transactions: signatures over one and over several transactions, duplicates, proposals.

use prost::Message;
use strongroom_crypto::{KeyUsages, VerifyError};
use strongroom_proto::{
    ProtoError,
    topology::{
        decode_signed_transaction, encode_signed_transaction, topology_signature,
        v30::{MultiTransactionSignatures, SignedTopologyTransaction},
    },
    v30 as crypto,
};
use strongroom_topology::{Covers, SignedTransaction, TransactionHash};

use crate::support::{chain, with_unknown_fields, wrap};
use crate::topology::samples::{
    field, key, parts_of_signed, root, sign, sign_several, signature_message, signed, signed_by,
    signed_message, transactions, wrap_version_first,
};

fn read(message: &SignedTopologyTransaction) -> Result<SignedTransaction, ProtoError> {
    decode_signed_transaction(&wrap(message))
}

fn refused(message: &SignedTopologyTransaction) -> String {
    chain(&read(message).unwrap_err())
}

fn signers(signed: &SignedTransaction) -> Vec<String> {
    signed.signed_by().map(|it| it.to_string()).collect()
}

fn names(seeds: &[u8]) -> Vec<String> {
    seeds
        .iter()
        .map(|seed| key(*seed).fingerprint().to_string())
        .collect()
}

/// Signatures by the keys with these seeds over the root certificate and every hash of `others`.
fn several(seeds: &[u8], others: &[TransactionHash]) -> MultiTransactionSignatures {
    let hashes = [&[root().hash()], others].concat();
    MultiTransactionSignatures {
        transaction_hashes: hashes.iter().map(|it| it.to_multihash().to_vec()).collect(),
        signatures: seeds
            .iter()
            .map(|seed| (&sign_several(*seed, &hashes)).into())
            .collect(),
    }
}

#[test]
fn every_kind_of_transaction_survives_with_its_signatures() {
    for signed in signed() {
        let written = encode_signed_transaction(&signed);
        let read = decode_signed_transaction(&written).unwrap();
        assert_eq!(parts_of_signed(&read), parts_of_signed(&signed));
        assert_eq!(encode_signed_transaction(&read), written);
        for seed in [1, 2] {
            read.verify(&key(seed), KeyUsages::ALL).unwrap();
        }
        // The other encoder writes the same.
        let message = SignedTopologyTransaction {
            transaction: signed.transaction().bytes().to_vec(),
            signatures: [1, 2]
                .map(|seed| signature_message(seed, signed.transaction()))
                .to_vec(),
            ..Default::default()
        };
        assert_eq!(written, wrap(&message));
    }
}

#[test]
fn a_proposal_says_so() {
    for proposal in [false, true] {
        let message = SignedTopologyTransaction {
            proposal,
            ..signed_message(&[1])
        };
        let read = read(&message).unwrap();
        assert_eq!(read.is_proposal(), proposal);
        assert_eq!(encode_signed_transaction(&read), wrap(&message));
    }
    // Any integer but 0 is true.
    let mut bytes = signed_message(&[1]).encode_to_vec();
    bytes.extend([0x18, 0x80, 0x02]);
    let wrapped = strongroom_proto::versioned::wrap_message(&bytes);
    assert!(decode_signed_transaction(&wrapped).unwrap().is_proposal());
}

#[test]
fn a_certificate_of_a_script_is_read_in_its_own_order() {
    let message = signed_message(&[1]);
    let (canton, script) = (wrap(&message), wrap_version_first(&message));
    let read = decode_signed_transaction(&script).unwrap();
    assert_eq!(encode_signed_transaction(&read), canton);
}

#[test]
fn somebody_must_have_signed() {
    assert_eq!(
        refused(&signed_message(&[])),
        "the signatures of SignedTopologyTransaction were refused: a signed topology transaction must have at least one \
         signature"
    );
    let message = SignedTopologyTransaction {
        transaction: Vec::new(),
        ..signed_message(&[1])
    };
    assert_eq!(
        refused(&message),
        "transaction of SignedTopologyTransaction is not set"
    );
}

#[test]
fn later_signatures_by_the_same_key_are_dropped() {
    let mut message = signed_message(&[1, 2, 1, 3, 2]);
    // The second signature of key 1 is one over something else.
    message.signatures[2] = (&sign(1, b"else")).into();
    message.multi_transaction_signatures = vec![several(&[3, 4], &[])];
    let read = read(&message).unwrap();
    assert_eq!(signers(&read), names(&[1, 2, 3, 4]));
    for seed in 1..=4 {
        read.verify(&key(seed), KeyUsages::ALL).unwrap();
    }
    let written = decode_signed_transaction(&encode_signed_transaction(&read)).unwrap();
    assert_eq!(parts_of_signed(&written), parts_of_signed(&read));
}

#[test]
fn one_signature_may_cover_several_transactions() {
    let others: Vec<_> = transactions().iter().map(|it| it.hash()).collect();
    let mut message = signed_message(&[]);
    message.multi_transaction_signatures = vec![several(&[1, 2], &others[1..4])];
    let all = read(&message).unwrap();
    for seed in [1, 2] {
        all.verify(&key(seed), KeyUsages::ALL).unwrap();
        let signature = all.signature_by(&key(seed).fingerprint()).unwrap();
        assert!(matches!(signature.covers(), Covers::Several(hashes) if hashes.len() == 4));
    }
    // Another set of hashes is another message.
    let [group] = message.multi_transaction_signatures.as_mut_slice() else {
        panic!("one group expected")
    };
    group.transaction_hashes.pop();
    let fewer = read(&message).unwrap();
    assert_eq!(
        fewer.verify(&key(1), KeyUsages::ALL),
        Err(VerifyError::InvalidSignature)
    );
}

#[test]
fn signatures_over_the_same_set_share_a_group_when_written() {
    let others: Vec<_> = transactions().iter().map(|it| it.hash()).collect();
    let mut message = signed_message(&[5]);
    let mut reversed = several(&[3], &others[1..3]);
    reversed.transaction_hashes.reverse();
    message.multi_transaction_signatures = vec![
        several(&[1], &others[1..3]),
        several(&[2], &others[1..2]),
        reversed,
    ];
    let written = encode_signed_transaction(&read(&message).unwrap());
    let written = SignedTopologyTransaction::decode(
        strongroom_proto::versioned::unwrap_message(&written)
            .unwrap()
            .data,
    )
    .unwrap();
    let groups: Vec<_> = written
        .multi_transaction_signatures
        .iter()
        .map(|group| {
            let signers = group.signatures.iter().map(|it| it.signed_by.clone());
            assert!(group.transaction_hashes.is_sorted());
            (group.transaction_hashes.len(), signers.collect::<Vec<_>>())
        })
        .collect();
    assert_eq!(groups, [(3, names(&[1, 3])), (2, names(&[2]))]);
    assert_eq!(written.signatures.len(), 1);
    let again = read(&written).unwrap();
    assert_eq!(signers(&again), names(&[5, 1, 3, 2]));
}

#[test]
fn a_group_needs_hashes_and_signatures_of_the_right_form() {
    let check = |change: fn(&mut MultiTransactionSignatures), text: &str| {
        let mut group = several(&[1], &[]);
        change(&mut group);
        let message = SignedTopologyTransaction {
            multi_transaction_signatures: vec![group],
            ..signed_message(&[2])
        };
        let error = refused(&message);
        assert!(error.starts_with(text), "{error}");
    };
    check(
        |group| group.transaction_hashes.clear(),
        "transaction_hashes of MultiTransactionSignatures is not set",
    );
    check(
        |group| group.signatures.clear(),
        "signatures of MultiTransactionSignatures is not set",
    );
    let not_a_hash = "transaction_hashes of MultiTransactionSignatures is not a hash";
    check(|group| group.transaction_hashes[0].truncate(33), not_a_hash);
    check(|group| group.transaction_hashes[0][0] ^= 1, not_a_hash);
    check(|group| group.transaction_hashes[0].clear(), not_a_hash);
    check(
        |group| group.signatures[0].signed_by.clear(),
        "signed_by of Signature is not a fingerprint",
    );
}

#[test]
fn each_broken_signature_has_its_error() {
    let check = |change: fn(&mut crypto::Signature), text: &str| {
        let mut message = signed_message(&[1, 2]);
        change(&mut message.signatures[1]);
        assert_eq!(refused(&message), text);
    };
    check(|it| it.format = 0, "format of Signature is not set");
    check(
        |it| it.format = 9,
        "format of Signature has the unknown value 9",
    );
    check(
        |it| it.signing_algorithm_spec = 9,
        "signing_algorithm_spec of Signature has the unknown value 9",
    );
    check(
        |it| it.signature_delegation = Some(Default::default()),
        "the signature was made by a session key, where only a long-term key signs",
    );
}

#[test]
fn a_signature_keeps_its_bytes() {
    // Unknown fields in the signature, and its fields in another order.
    let root = root();
    let mut signature = signature_message(1, &root);
    let text = std::mem::take(&mut signature.signed_by);
    let mut encoded = field(3, text.as_bytes());
    encoded.extend(with_unknown_fields(signature.encode_to_vec()));
    let mut message = field(1, root.bytes());
    message.extend(field(2, &encoded));
    let wrapped = strongroom_proto::versioned::wrap_message(&message);
    let read = decode_signed_transaction(&wrapped).unwrap();
    read.verify(&key(1), KeyUsages::ALL).unwrap();
    let [kept] = read.signatures() else {
        panic!("one signature expected")
    };
    assert_eq!(kept.encoded(), encoded);
    assert_eq!(encode_signed_transaction(&read), wrapped);
}

#[test]
fn what_stands_around_transaction_and_signatures_is_not_signed_and_not_kept() {
    let message = signed_message(&[1]);
    let padded =
        strongroom_proto::versioned::wrap_message(&with_unknown_fields(message.encode_to_vec()));
    let read = decode_signed_transaction(&with_unknown_fields(padded)).unwrap();
    assert_eq!(encode_signed_transaction(&read), wrap(&message));
}

#[test]
fn fields_of_another_type_than_the_contract_are_skipped() {
    // The transaction as an integer, the signatures as one, the flag as bytes.
    let mut message = vec![0x08, 1, 0x10, 1, 0x1a, 1, 1, 0x20, 1];
    message.extend(signed_message(&[1]).encode_to_vec());
    let wrapped = strongroom_proto::versioned::wrap_message(&message);
    let read = decode_signed_transaction(&wrapped).unwrap();
    assert!(!read.is_proposal());
    assert_eq!(signers(&read), names(&[1]));
}

#[test]
fn a_signature_that_was_just_made_is_written_as_any_other() {
    let root = root();
    let made = topology_signature(sign(1, &root.hash().to_multihash()), Covers::This);
    assert_eq!(made.encoded(), signature_message(1, &root).encode_to_vec());
    assert_eq!(
        encode_signed_transaction(&signed_by(root, &[1])),
        wrap(&signed_message(&[1]))
    );
}
