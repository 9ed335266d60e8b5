//! Much of everything. Nothing is timed here, but what takes a time that grows with the square of these numbers would not end.

use strongroom_crypto::{Fingerprint, Signature, SignatureFormat};
use strongroom_topology::{
    At, Covers, ForceFlags, MappingCode, Operation, Outcome, ParticipantPermission, TopologyStore,
    TransactionSignature, signing_keys,
};

use crate::support::{
    ALL, Key, REMOVE, REPLACE, Stage, delegation, fingerprints, hosted, hosting, namespace_key,
    node_keys, participant, protocol_key, sign, signature, signed_with, transaction, uid, vetted,
    word,
};

const MANY: u64 = 5_000;

fn keys() -> Vec<Key> {
    (10_000..10_000 + MANY).map(namespace_key).collect()
}

fn delegate(stage: &mut Stage, operation: Operation, keys: &[Key], target: Key, signer: Key) {
    let number = if operation == REPLACE { 1 } else { 2 };
    let next = transaction(operation, number, delegation(keys[0], target, ALL));
    assert_eq!(stage.put(sign(next, &[signer])), Outcome::Accepted);
}

/// How many keys may sign for the namespace.
fn authorized(store: &TopologyStore, root: Key) -> usize {
    let graph = store.authorization_graph(&root.namespace(), At::Head);
    graph.keys_for(MappingCode::VettedPackages).count()
}

/// Delegates to all, reads, and revokes all but the root, the last one first.
fn check(signer_of: impl Fn(usize) -> usize, farthest: usize) {
    let keys = keys();
    let mut stage = Stage::synchronizer().with_roots(&keys[..1]);
    for (index, key) in keys.iter().enumerate().skip(1) {
        let signer = keys[signer_of(index)];
        delegate(&mut stage, REPLACE, &keys, key, signer);
    }
    let rows = stage.store.rows().to_vec();
    let restored = TopologyStore::restore(stage.store.id().clone(), rows);
    assert_eq!(authorized(&restored, keys[0]), keys.len());

    let package = transaction(REPLACE, 1, vetted(&participant(keys[0]).uid, "package"));
    let holds = |key: &Fingerprint| *key == keys[farthest].fingerprint();
    let selected = signing_keys(&restored, &package, &[], &holds, ForceFlags::default());
    assert_eq!(selected.unwrap().len(), 1);

    for key in keys.iter().skip(1).rev() {
        delegate(&mut stage, REMOVE, &keys, key, keys[0]);
    }
    assert_eq!(authorized(&stage.store, keys[0]), 1);
}

#[test]
fn a_namespace_may_have_a_very_long_chain_of_delegations() {
    check(|index| index - 1, keys().len() - 1);
}

#[test]
fn a_root_may_delegate_to_very_many_keys() {
    check(|_| 0, 1);
}

#[test]
fn revoking_the_first_key_of_a_very_long_chain_leaves_all_others_dangling() {
    let keys = keys();
    let mut stage = Stage::synchronizer().with_roots(&keys[..1]);
    for pair in keys.windows(2) {
        delegate(&mut stage, REPLACE, &keys, pair[1], pair[0]);
    }
    delegate(&mut stage, REMOVE, &keys, keys[1], keys[0]);
    assert_eq!(authorized(&stage.store, keys[0]), 1);
    let head = At::Head;
    let graph = stage.store.authorization_graph(&keys[0].namespace(), head);
    assert_eq!(graph.dangling().len(), keys.len() - 2);
}

/// Signatures by keys that nobody knows.
fn unknown(count: u32) -> Vec<TransactionSignature> {
    let signature = |number: u32| {
        let mut key = [0; 32];
        key[..4].copy_from_slice(&number.to_be_bytes());
        let signature = Signature {
            bytes: vec![0; 64],
            format: SignatureFormat::Concat,
            signed_by: Fingerprint::from_bytes(key),
            algorithm: None,
        };
        TransactionSignature::received(signature, Covers::This, number.to_be_bytes())
    };
    (0..count).map(signature).collect()
}

#[test]
fn fifty_thousand_signatures_by_unknown_keys_are_dropped() {
    let root = namespace_key(1);
    let mapping = vetted(&participant(root).uid, "package");
    let mut stage = Stage::synchronizer().with_roots(&[root]);
    let next = transaction(REPLACE, 1, mapping.clone());
    let mut signatures = unknown(50_000);
    let outcome = stage.put(signed_with(next.clone(), signatures.clone()));
    assert_eq!(word(&outcome), "NoDelegationFoundForKeys");
    signatures.push(signature(&next, root));
    let flooded = signed_with(next, signatures);
    assert_eq!(stage.put(flooded.clone()), Outcome::Accepted);
    assert_eq!(stage.signers(&mapping), fingerprints(&[root]));
    assert_eq!(stage.put(flooded), Outcome::Unchanged);
}

#[test]
fn a_transaction_may_get_one_signature_after_another() {
    let keys = &keys()[..500];
    let mut stage = Stage::synchronizer().with_roots(&keys[..1]);
    for key in &keys[1..] {
        delegate(&mut stage, REPLACE, keys, key, keys[0]);
    }
    let mapping = vetted(&participant(keys[0]).uid, "package");
    let next = transaction(REPLACE, 1, mapping.clone());
    for key in keys {
        assert_eq!(stage.put(sign(next.clone(), &[key])), Outcome::Accepted);
    }
    assert_eq!(stage.signers(&mapping), fingerprints(keys));
}

#[test]
fn a_node_may_announce_twenty_keys() {
    let root = namespace_key(1);
    let keys: Vec<Key> = (1..=20).map(protocol_key).collect();
    let mapping = node_keys(&participant(root), &keys, &[]);
    let signers = [&[root], &keys[..]].concat();
    let stage = Stage::authorized()
        .with_roots(&[root])
        .with(mapping.clone(), &signers);
    assert_eq!(stage.signers(&mapping), fingerprints(&signers));
}

#[test]
fn the_first_key_of_a_long_chain_may_be_delegated_to_again_and_again() {
    let keys = keys();
    let mut stage = Stage::authorized().with_roots(&keys[..1]);
    for (index, key) in keys.iter().enumerate().skip(1) {
        delegate(&mut stage, REPLACE, &keys, key, keys[index - 1]);
    }
    let top = |number| transaction(REPLACE, number, delegation(keys[0], keys[1], ALL));
    for number in 2..2 + u32::try_from(MANY).unwrap() {
        assert_eq!(stage.put(sign(top(number), &[keys[0]])), Outcome::Accepted);
    }
    assert_eq!(authorized(&stage.store, keys[0]), keys.len());
}

#[test]
fn very_many_proposals_may_wait_for_one_statement() {
    let root = namespace_key(1);
    let mut stage = Stage::authorized().with_roots(&[root]);
    let announced = node_keys(&participant(root), &[protocol_key(1)], &[1]);
    let count = 20_000;
    for number in (2..2 + count).rev() {
        let proposal = sign(transaction(REPLACE, number, announced.clone()), &[root]);
        assert_eq!(stage.put(proposal.with_proposal(true)), Outcome::Proposed);
    }
    let key = announced.unique_key();
    assert_eq!(stage.store.proposals(&key).count(), count as usize);
    // One of them gets what it waits for, and ends those up to its serial.
    let middle = sign(
        transaction(REPLACE, 1 + count / 2, announced),
        &[root, protocol_key(1)],
    );
    assert_eq!(stage.put(middle), Outcome::Accepted);
    assert_eq!(stage.store.proposals(&key).count(), (count / 2) as usize);
}

#[test]
fn a_party_may_be_hosted_by_very_many_participants_and_leave_them_all_but_one() {
    let root = namespace_key(1);
    let party = uid("party", root.namespace());
    let hosts: Vec<_> = (0..100_000)
        .map(|number| uid(&format!("n{number}"), root.namespace()))
        .map(|participant| hosting(&participant, ParticipantPermission::Confirmation))
        .collect();
    let mut stage = Stage::authorized().with_roots(&[root]);
    let all = hosted(&party, 1, &hosts, None);
    assert_eq!(stage.state(all, &[root]), Outcome::Accepted);
    // Whoever may not sign is told so, and whoever may is heard.
    let one = hosted(&party, 1, &hosts[..1], None);
    let outcome = stage.state(one.clone(), &[namespace_key(2)]);
    assert!(matches!(outcome, Outcome::Rejected(_)), "{outcome:?}");
    assert_eq!(stage.state(one, &[root]), Outcome::Accepted);
    // Somebody whom nobody knows names them all.
    let mut stage = Stage::temporary().with_roots(&[root]);
    let all = hosted(&party, 1, &hosts, None);
    let outcome = stage.state(all, &[namespace_key(2)]);
    assert!(matches!(outcome, Outcome::Rejected(_)), "{outcome:?}");
}
