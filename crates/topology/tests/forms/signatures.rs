//! Signed transactions: one signature per key, what a signature covers, when it is valid.

use std::collections::BTreeSet;
use std::thread;

use strongroom_crypto::{
    Fingerprint, KeyUsage, KeyUsages, Signature, SignatureFormat, VerifyError,
};
use strongroom_errors::Coded;
use strongroom_topology::{
    Covers, SignaturesError, SignedTransaction, TransactionHash, TransactionSignature,
};

use crate::support::{key, key_for, sign};
use crate::transactions::transaction;

const NAMESPACE: KeyUsages = KeyUsages::only(KeyUsage::Namespace);

fn hash() -> TransactionHash {
    transaction(b"this").hash()
}

/// The key with this seed signs `hash`.
fn over(seed: u8, hash: TransactionHash) -> TransactionSignature {
    let signature = sign(seed, &hash.to_multihash());
    TransactionSignature::received(signature, Covers::This, [seed])
}

/// The key with this seed signs several hashes at once.
fn over_several(seed: u8, hashes: Vec<TransactionHash>) -> TransactionSignature {
    let signature = sign(seed, &TransactionHash::combined(&hashes).to_multihash());
    TransactionSignature::received(signature, Covers::several(hashes), [seed])
}

fn signed(signatures: Vec<TransactionSignature>) -> SignedTransaction {
    SignedTransaction::received(transaction(b"this"), signatures, false).unwrap()
}

fn by(seeds: &[u8]) -> SignedTransaction {
    signed(seeds.iter().map(|seed| over(*seed, hash())).collect())
}

fn encoded(signed: &SignedTransaction) -> Vec<u8> {
    signed
        .signatures()
        .iter()
        .flat_map(TransactionSignature::encoded)
        .copied()
        .collect()
}

#[test]
fn somebody_must_have_signed() {
    let none = SignedTransaction::received(transaction(b"this"), Vec::new(), true).unwrap_err();
    assert_eq!(none, SignaturesError::None);
    assert!(SignaturesError::CODES.contains(&none.code()));
}

#[test]
fn a_signature_over_several_transactions_names_one() {
    let empty = over_several(1, Vec::new());
    let refused =
        SignedTransaction::received(transaction(b"this"), vec![over(2, hash()), empty], true);
    assert_eq!(refused.unwrap_err(), SignaturesError::NoHashes);
}

#[test]
fn of_several_signatures_by_one_key_the_first_one_stays() {
    let second = TransactionSignature::received(sign(1, b"else"), Covers::This, [99]);
    let found = signed(vec![
        over(1, hash()),
        over(2, hash()),
        second.clone(),
        over_several(2, vec![hash()]),
    ]);
    assert_eq!(encoded(&found), [1, 2]);
    // Which may well be the broken one.
    let found = signed(vec![second, over(1, hash())]);
    assert_eq!(encoded(&found), [99]);
    assert_eq!(
        found.verify(&key(1), NAMESPACE),
        Err(VerifyError::InvalidSignature)
    );
}

#[test]
fn very_many_signatures_are_told_apart_without_comparing_each_with_each() {
    // As many as fit an item, each key twice: comparing each with each would take minutes.
    let unsigned = |number: u32| {
        let mut fingerprint = [0; 32];
        fingerprint[..4].copy_from_slice(&number.to_be_bytes());
        let signature = Signature {
            bytes: Vec::new(),
            format: SignatureFormat::Concat,
            signed_by: Fingerprint::from_bytes(fingerprint),
            algorithm: None,
        };
        TransactionSignature::received(signature, Covers::This, [])
    };
    let found = signed((0..70_000).chain(0..70_000).map(unsigned).collect());
    assert_eq!(found.signatures().len(), 70_000);
}

#[test]
fn a_signature_is_valid_under_the_key_that_made_it() {
    let found = by(&[1, 2]);
    assert_eq!(found.verify(&key(1), NAMESPACE), Ok(()));
    assert_eq!(found.verify(&key(2), KeyUsages::ALL), Ok(()));
    // Asked again it says the same.
    assert_eq!(found.verify(&key(1), NAMESPACE), Ok(()));
    assert_eq!(
        found.verify(&key(3), NAMESPACE),
        Err(VerifyError::InvalidSignature)
    );
}

#[test]
fn a_signature_over_another_transaction_is_not_valid() {
    let found = signed(vec![over(1, transaction(b"that").hash())]);
    for _ in 0..2 {
        assert_eq!(
            found.verify(&key(1), NAMESPACE),
            Err(VerifyError::InvalidSignature)
        );
    }
}

#[test]
fn a_signature_under_the_name_of_another_key_is_not_valid() {
    let mut signature = sign(1, &hash().to_multihash());
    signature.signed_by = key(2).fingerprint();
    let found = signed(vec![TransactionSignature::received(
        signature,
        Covers::This,
        [],
    )]);
    for seed in [1, 2] {
        assert_eq!(
            found.verify(&key(seed), NAMESPACE),
            Err(VerifyError::InvalidSignature)
        );
    }
}

#[test]
fn a_key_without_the_usage_is_refused_even_after_its_signature_was_found_valid() {
    let found = by(&[1]);
    assert_eq!(found.verify(&key(1), NAMESPACE), Ok(()));
    let protocol = key_for(1, &[KeyUsage::Protocol]);
    assert_eq!(
        found.verify(&protocol, NAMESPACE),
        Err(VerifyError::InvalidKeyUsage {
            fingerprint: protocol.fingerprint(),
            usages: protocol.usages(),
            wanted: NAMESPACE,
        })
    );
    // And the other way round the refusal is not remembered.
    let found = by(&[1]);
    assert!(found.verify(&protocol, NAMESPACE).is_err());
    assert_eq!(found.verify(&key(1), NAMESPACE), Ok(()));
}

#[test]
fn a_signature_covers_every_transaction_that_it_names() {
    let that = transaction(b"that").hash();
    let found = signed(vec![over_several(1, vec![that, hash()])]);
    assert_eq!(found.verify(&key(1), NAMESPACE), Ok(()));
    let [signature] = found.signatures() else {
        unreachable!("one signature")
    };
    assert!(signature.covers_hash(&hash()) && signature.covers_hash(&that));
    assert!(!signature.covers_hash(&transaction(b"other").hash()));
    assert!(over(1, hash()).covers_hash(&that));
}

#[test]
fn a_signature_over_other_transactions_is_no_signature_over_this_one() {
    let others = vec![transaction(b"that").hash(), transaction(b"other").hash()];
    let found = signed(vec![over_several(1, others)]);
    assert_eq!(
        found.verify(&key(1), NAMESPACE),
        Err(VerifyError::InvalidSignature)
    );
    // Nor is one over this hash alone, said to be over several.
    let signature = sign(1, &hash().to_multihash());
    let said = TransactionSignature::received(signature, Covers::several(vec![hash()]), []);
    assert_eq!(
        signed(vec![said]).verify(&key(1), NAMESPACE),
        Err(VerifyError::InvalidSignature)
    );
}

#[test]
fn what_a_signature_covers_is_a_sorted_set() {
    let (one, other) = (hash(), transaction(b"that").hash());
    assert_eq!(
        Covers::several(vec![one, other]),
        Covers::several(vec![other, one, other])
    );
}

#[test]
fn merging_takes_over_only_signatures_by_other_keys() {
    let merged = by(&[1, 2]).with_signatures_from(&by(&[2, 3]));
    assert_eq!(encoded(&merged), [1, 2, 3]);
    let merged = by(&[1, 2]).with_signatures_from(&by(&[2, 1]));
    assert_eq!(encoded(&merged), [1, 2]);
    let other = SignedTransaction::received(
        transaction(b"that"),
        vec![over(3, transaction(b"that").hash())],
        false,
    )
    .unwrap();
    assert_eq!(encoded(&by(&[1]).with_signatures_from(&other)), [1]);
}

#[test]
fn signing_again_with_another_nonce_does_not_add_a_signature() {
    let again = TransactionSignature::received(sign(1, b"nonce"), Covers::This, [100]);
    let found = by(&[1]).with_more_signatures(vec![again, over(4, hash())]);
    assert_eq!(encoded(&found), [1, 4]);
    assert_eq!(found.verify(&key(4), NAMESPACE), Ok(()));
}

#[test]
fn what_was_found_valid_elsewhere_means_nothing_here() {
    let that = transaction(b"that").hash();
    let elsewhere =
        SignedTransaction::received(transaction(b"that"), vec![over(1, that)], false).unwrap();
    assert_eq!(elsewhere.verify(&key(1), NAMESPACE), Ok(()));
    let taken = elsewhere.signatures().to_vec();
    let here = signed(taken.clone());
    assert_eq!(
        here.verify(&key(1), NAMESPACE),
        Err(VerifyError::InvalidSignature)
    );
    let here = by(&[2]).with_more_signatures(taken);
    assert_eq!(
        here.verify(&key(1), NAMESPACE),
        Err(VerifyError::InvalidSignature)
    );
}

#[test]
fn signatures_of_some_keys_can_be_kept() {
    let found = by(&[1, 2, 3]);
    let keys: BTreeSet<_> = [3, 1].map(|seed| key(seed).fingerprint()).into();
    assert_eq!(encoded(&found.clone().only_signed_by(&keys)), [1, 3]);
    assert!(
        found
            .signed_by()
            .eq([1, 2, 3].map(|seed| key(seed).fingerprint()))
    );
    assert!(found.signature_by(&key(2).fingerprint()).is_some());
}

#[test]
fn a_transaction_is_a_proposal_if_it_says_so() {
    let proposal =
        SignedTransaction::received(transaction(b"this"), vec![over(1, hash())], true).unwrap();
    assert!(proposal.is_proposal());
    assert!(!proposal.clone().with_proposal(false).is_proposal());
    assert_eq!(proposal.hash(), proposal.with_proposal(false).hash());
}

#[test]
fn every_thread_finds_the_same_verdict() {
    let good = by(&[1]);
    let bad = signed(vec![over(1, transaction(b"that").hash())]);
    thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                assert_eq!(good.verify(&key(1), NAMESPACE), Ok(()));
                assert!(bad.verify(&key(1), NAMESPACE).is_err());
            });
        }
    });
}
