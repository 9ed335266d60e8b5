//! Whose signatures count, and what is missing.

use strongroom_crypto::{KeyUsage, SigningKeySpec, VerifyError};
use strongroom_topology::{
    Covers, KeySpecs, Mapping, MappingCode, Outcome, Rejection, SignedTransaction, TopologyStore,
};

use crate::support::{
    ALL, Key, NO_DELEGATIONS, REMOVE, REPLACE, Stage, at, code, decentralized, decentralized_as,
    decentralized_name, delegation, fingerprints, namespace_key, node_keys, only, participant,
    party_keys, propose, protocol_key, root_certificate, sign, signature, signature_over,
    signature_over_all, signed_with, signing_key, transaction, trust, trust_in, uid, vetted, word,
};

fn root() -> Key {
    namespace_key(1)
}

/// A namespace whose root delegated to key 2.
fn delegated(stage: Stage) -> Stage {
    stage
        .with_roots(&[root()])
        .with(delegation(root(), namespace_key(2), ALL), &[root()])
}

/// Signed by `key`, but over something else.
fn wrongly_signed(mapping: Mapping, key: Key) -> SignedTransaction {
    let signature = signature_over(b"something else", Covers::This, key);
    signed_with(transaction(REPLACE, 1, mapping), vec![signature])
}

#[test]
fn a_correctly_signed_root_certificate_is_accepted() {
    for mut stage in Stage::all() {
        let certificate = root_certificate(root());
        assert_eq!(
            stage.state(certificate.clone(), &[root()]),
            Outcome::Accepted
        );
        assert!(stage.holds(&certificate));
    }
}

#[test]
fn a_root_certificate_with_each_spec_of_key_is_accepted() {
    for spec in SigningKeySpec::ALL {
        let root = signing_key(spec, 1, &[KeyUsage::Namespace]);
        let mut stage = Stage::synchronizer();
        let outcome = stage.state(root_certificate(root), &[root]);
        assert_eq!(outcome, Outcome::Accepted, "{spec}");
    }
}

#[test]
fn a_root_certificate_with_a_wrong_signature_is_rejected() {
    for mut stage in Stage::all() {
        let rejection = stage.reject(wrongly_signed(root_certificate(root()), root()));
        let expected = Rejection::SignatureCheckFailed {
            key: root().fingerprint(),
            reason: VerifyError::InvalidSignature,
        };
        assert_eq!(rejection, expected);
    }
}

#[test]
fn the_removal_of_a_root_certificate_with_a_wrong_signature_is_rejected() {
    for stage in Stage::all() {
        let mut stage = stage.with_roots(&[root()]);
        let removal = transaction(REMOVE, 2, root_certificate(root()));
        let wrong = signature_over(b"something else", Covers::This, root());
        let outcome = stage.put(signed_with(removal, vec![wrong]));
        assert_eq!(word(&outcome), "SignatureCheckFailed");
        assert!(stage.holds(&root_certificate(root())));
    }
}

#[test]
fn a_wrong_signature_by_a_delegated_key_is_rejected() {
    for stage in Stage::all() {
        let mut stage = delegated(stage);
        let mapping = vetted(&participant(root()).uid, "package");
        let outcome = stage.put(wrongly_signed(mapping, namespace_key(2)));
        assert_eq!(word(&outcome), "SignatureCheckFailed");
        assert_eq!(code(&outcome), "TOPOLOGY_INVALID_TX_SIGNATURE");
    }
}

#[test]
fn a_signature_over_another_transaction_is_rejected() {
    let mut stage = delegated(Stage::authorized());
    let participant = participant(root()).uid;
    let one = transaction(REPLACE, 1, vetted(&participant, "one"));
    let other = transaction(REPLACE, 1, vetted(&participant, "other"));
    let stolen = signed_with(one, vec![signature(&other, root())]);
    assert_eq!(word(&stage.put(stolen)), "SignatureCheckFailed");
    // The genuine one is accepted afterwards.
    assert_eq!(stage.put(sign(other, &[root()])), Outcome::Accepted);
}

#[test]
fn a_signature_by_a_key_of_a_spec_that_is_not_taken_is_rejected() {
    let ed25519 = KeySpecs::of(|spec| spec == SigningKeySpec::EcCurve25519, |_| true);
    let p256 = signing_key(SigningKeySpec::EcP256, 1, &[KeyUsage::Namespace]);
    for mut stage in Stage::all() {
        stage.rules = stage.rules.with_specs(ed25519);
        let outcome = stage.state(root_certificate(p256), &[p256]);
        let Outcome::Rejected(Rejection::SignatureCheckFailed { key, reason }) = outcome else {
            panic!("{outcome:?}");
        };
        assert_eq!(key, p256.fingerprint());
        assert!(matches!(reason, VerifyError::UnsupportedAlgorithm { .. }));
        assert_eq!(
            stage.state(root_certificate(root()), &[root()]),
            Outcome::Accepted
        );
    }
}

/// Old node keys, and what comes of announcing one more with these signatures.
#[track_caller]
fn check_new_keys(stage: Stage, signers: &[Key], expected: &str) {
    let (old, new) = (protocol_key(1), protocol_key(2));
    let member = participant(root());
    let mut stage = delegated(stage).with(node_keys(&member, &[old], &[1]), &[root(), old]);
    let outcome = stage.state(node_keys(&member, &[old, new], &[1]), signers);
    assert_eq!(word(&outcome), expected, "node");

    let party = uid("party", root().namespace());
    let mut stage = stage.with(party_keys(&party, 1, &[old]), &[root(), old]);
    let outcome = stage.state(party_keys(&party, 1, &[old, new]), signers);
    assert_eq!(word(&outcome), expected, "party");
}

#[test]
fn new_keys_of_a_node_or_a_party_must_sign_beside_the_namespace() {
    let (old, new) = (protocol_key(1), protocol_key(2));
    for stage in [Stage::authorized(), Stage::synchronizer()] {
        check_new_keys(stage.clone(), &[root(), new], "accepted");
        check_new_keys(stage.clone(), &[namespace_key(2), new], "accepted");
        check_new_keys(stage.clone(), &[root()], "NotFullyAuthorized");
        // An old key proves nothing about the new one.
        check_new_keys(stage, &[root(), old], "NotFullyAuthorized");
    }
}

#[test]
fn keys_of_a_node_or_a_party_that_only_they_have_signed_are_rejected() {
    let (old, new) = (protocol_key(1), protocol_key(2));
    for stage in [Stage::authorized(), Stage::synchronizer()] {
        check_new_keys(stage.clone(), &[new], "NotAuthorizedByNamespaceKey");
        check_new_keys(stage.clone(), &[old, new], "NotAuthorizedByNamespaceKey");
        check_new_keys(stage, &[namespace_key(7)], "NoDelegationFoundForKeys");
    }
}

#[test]
fn a_rejection_names_the_namespaces_and_keys_that_have_not_signed() {
    let (old, new) = (protocol_key(1), protocol_key(2));
    let member = participant(root());
    let mut stage = delegated(Stage::authorized());
    let mapping = node_keys(&member, &[old, new], &[]);
    let outcome = stage.state(mapping, &[root(), new]);
    let expected = Rejection::NotFullyAuthorized {
        namespaces: [].into(),
        keys: [old.fingerprint()].into(),
    };
    assert_eq!(outcome, Outcome::Rejected(expected));
}

#[test]
fn in_a_relaxed_store_new_node_keys_need_not_sign_but_new_party_keys_must() {
    let key = protocol_key(1);
    for stage in [Stage::temporary(), Stage::genesis()] {
        let mut stage = stage.with_roots(&[root()]);
        let mapping = node_keys(&participant(root()), &[key], &[1]);
        assert_eq!(stage.state(mapping, &[root()]), Outcome::Accepted);
        let party = uid("party", root().namespace());
        let outcome = stage.state(party_keys(&party, 1, &[key]), &[root()]);
        assert_eq!(word(&outcome), "NotFullyAuthorized");
    }
}

#[test]
fn in_a_relaxed_store_the_proofs_of_new_node_keys_are_verified_and_kept() {
    let key = protocol_key(1);
    let mapping = || node_keys(&participant(root()), &[key], &[1]);
    let mut stage = Stage::genesis().with_roots(&[root()]);
    let outcome = stage.state(mapping(), &[key]);
    assert_eq!(word(&outcome), "NotAuthorizedByNamespaceKey");
    let next = transaction(REPLACE, 1, mapping());
    let wrong = signature_over(b"something else", Covers::This, key);
    let signatures = vec![signature(&next, root()), wrong];
    let outcome = stage.put(signed_with(next, signatures));
    assert_eq!(word(&outcome), "SignatureCheckFailed");
    let stage = stage.with(mapping(), &[root(), key]);
    assert_eq!(stage.signers(&mapping()), fingerprints(&[root(), key]));
}

#[test]
fn a_namespace_only_key_proves_itself_in_history_but_is_not_asked_to() {
    // Old states list such keys: they verify, although nobody would sign like this today.
    let key = namespace_key(5);
    let mapping = node_keys(&participant(root()), &[key], &[1]);
    let mut stage = Stage::synchronizer().with_roots(&[root()]);
    assert_eq!(stage.state(mapping, &[root(), key]), Outcome::Accepted);
}

#[test]
fn a_transaction_bound_to_another_synchronizer_is_rejected() {
    let participant = participant(root()).uid;
    let elsewhere = uid("elsewhere", namespace_key(900).namespace());
    let mapping = trust_in(&participant, &elsewhere);
    let mut stage = Stage::synchronizer()
        .with_roots(&[root()])
        .with(keys_of_participant(), &[root(), protocol_key(1)]);
    let outcome = stage.state(mapping.clone(), &[root()]);
    assert_eq!(word(&outcome), "InvalidSynchronizer");
    assert_eq!(code(&outcome), "TOPOLOGY_INVALID_SYNCHRONIZER");
    assert_eq!(
        stage.state(trust(&participant), &[root()]),
        Outcome::Accepted
    );
    // A local store is tied to no synchronizer.
    let mut local = Stage::authorized().with_roots(&[root()]);
    assert_eq!(local.state(mapping, &[root()]), Outcome::Accepted);
}

fn keys_of_participant() -> Mapping {
    node_keys(&participant(root()), &[protocol_key(1)], &[1])
}

#[test]
fn a_key_signs_only_the_mappings_that_its_delegation_allows() {
    let vetting = only(&[MappingCode::VettedPackages]);
    let (restricted, below) = (namespace_key(2), namespace_key(3));
    for stage in Stage::all() {
        let mut stage = stage
            .with_roots(&[root()])
            .with(delegation(root(), restricted, vetting.clone()), &[root()]);
        let package = vetted(&participant(root()).uid, "package");
        assert_eq!(stage.state(package, &[restricted]), Outcome::Accepted);
        let outcome = stage.state(keys_of_participant(), &[restricted]);
        assert_eq!(word(&outcome), "NoDelegationFoundForKeys");
        let outcome = stage.state(delegation(root(), below, ALL), &[restricted]);
        assert_eq!(word(&outcome), "NoDelegationFoundForKeys");
        assert_eq!(code(&outcome), "TOPOLOGY_UNAUTHORIZED_TRANSACTION");
    }
}

#[test]
fn a_key_for_everything_but_delegations_cannot_delegate() {
    let (restricted, below) = (namespace_key(2), namespace_key(3));
    for stage in Stage::all() {
        let mut stage = stage
            .with_roots(&[root()])
            .with(delegation(root(), restricted, NO_DELEGATIONS), &[root()]);
        let outcome = stage.state(delegation(root(), below, ALL), &[restricted]);
        assert_eq!(word(&outcome), "NoDelegationFoundForKeys");
        let keys = keys_of_participant();
        let outcome = stage.state(keys, &[restricted, protocol_key(1)]);
        assert_eq!(outcome, Outcome::Accepted);
    }
}

#[test]
fn a_delegation_signed_by_an_unknown_key_is_rejected() {
    for stage in Stage::all() {
        let mut stage = stage.with_roots(&[root()]);
        let mapping = delegation(root(), namespace_key(2), ALL);
        let stranger = namespace_key(9);
        let outcome = stage.state(mapping, &[stranger]);
        let expected = Rejection::NoDelegationFoundForKeys {
            keys: [stranger.fingerprint()].into(),
        };
        assert_eq!(outcome, Outcome::Rejected(expected));
    }
}

#[test]
fn a_key_of_another_namespace_authorizes_nothing() {
    let other = namespace_key(8);
    for stage in Stage::all() {
        let mut stage = stage.with_roots(&[root(), other]);
        let outcome = stage.state(vetted(&participant(root()).uid, "package"), &[other]);
        assert_eq!(word(&outcome), "NoDelegationFoundForKeys");
    }
}

#[test]
fn delegations_that_were_stored_before_count() {
    let stage = delegated(Stage::authorized());
    let store = TopologyStore::restore(stage.store.id().clone(), stage.store.rows().to_vec());
    let mut stage = Stage { store, ..stage };
    let mapping = vetted(&participant(root()).uid, "package");
    assert_eq!(stage.state(mapping, &[namespace_key(2)]), Outcome::Accepted);
}

#[test]
fn in_one_batch_what_depends_on_something_rejected_is_rejected_too() {
    let mut stage = Stage::synchronizer().with_roots(&[root()]);
    let middle = delegation(root(), namespace_key(2), ALL);
    let below = delegation(root(), namespace_key(3), ALL);
    let times = at(stage.now + 1);
    let mut together = |signed| stage.store.process(signed, times, &stage.rules).outcome;
    let first = sign(transaction(REPLACE, 1, middle.clone()), &[namespace_key(9)]);
    let second = sign(transaction(REPLACE, 1, below), &[namespace_key(2)]);
    assert_eq!(word(&together(first)), "NoDelegationFoundForKeys");
    assert_eq!(word(&together(second.clone())), "NoDelegationFoundForKeys");
    // In a batch with the delegation that it needs it is accepted.
    let first = sign(transaction(REPLACE, 1, middle), &[root()]);
    assert_eq!(together(first), Outcome::Accepted);
    assert_eq!(together(second), Outcome::Accepted);
}

#[test]
fn after_the_removal_of_a_delegation_its_key_is_rejected() {
    for stage in Stage::all() {
        let mapping = delegation(root(), namespace_key(2), ALL);
        let mut stage = delegated(stage).without(mapping, &[root()]);
        let package = vetted(&participant(root()).uid, "package");
        let outcome = stage.state(package, &[namespace_key(2)]);
        assert_eq!(word(&outcome), "NoDelegationFoundForKeys");
    }
}

#[test]
fn a_quorum_lowers_threshold_and_owners_of_a_decentralized_namespace() {
    let owners: [Key; 3] = [1, 2, 3].map(namespace_key);
    let name = decentralized_name(&owners);
    for stage in Stage::all() {
        let stage = stage
            .with_roots(&owners)
            .with(decentralized(2, &owners), &owners);
        let mut lowered = stage.with(decentralized_as(&name, 1, &owners), &owners[..2]);
        // One of them is enough now, also to go on without another one.
        let fewer = decentralized_as(&name, 1, &owners[..2]);
        assert_eq!(
            lowered.state(fewer.clone(), &owners[..1]),
            Outcome::Accepted
        );
        assert!(lowered.holds(&fewer));
    }
}

#[test]
fn less_than_a_quorum_changes_nothing_about_a_decentralized_namespace() {
    let owners: [Key; 3] = [1, 2, 3].map(namespace_key);
    let name = decentralized_name(&owners);
    for stage in Stage::all() {
        let mut stage = stage
            .with_roots(&owners)
            .with(decentralized(2, &owners), &owners);
        let outcome = stage.state(decentralized_as(&name, 1, &owners), &owners[..1]);
        let expected = Rejection::NotFullyAuthorized {
            namespaces: [name.clone()].into(),
            keys: [].into(),
        };
        assert_eq!(outcome, Outcome::Rejected(expected));
    }
}

#[test]
fn owners_that_are_added_must_sign() {
    let owners: [Key; 3] = [1, 2, 3].map(namespace_key);
    let name = decentralized_name(&owners[..2]);
    for stage in Stage::all() {
        let mut stage = stage
            .with_roots(&owners)
            .with(decentralized(2, &owners[..2]), &owners[..2]);
        let more = decentralized_as(&name, 2, &owners);
        let outcome = stage.state(more.clone(), &owners[..2]);
        assert_eq!(word(&outcome), "NotFullyAuthorized");
        let outcome = stage.state(more.clone(), &owners[1..]);
        assert_eq!(word(&outcome), "NotFullyAuthorized");
        assert_eq!(stage.state(more, &owners), Outcome::Accepted);
    }
}

#[test]
fn the_removal_of_a_decentralized_namespace_clears_it() {
    let owners: [Key; 2] = [1, 2].map(namespace_key);
    let name = decentralized_name(&owners);
    for stage in Stage::all() {
        let definition = decentralized(2, &owners);
        let party = party_keys(&uid("party", name.clone()), 1, &[protocol_key(1)]);
        let signers = [owners[0], owners[1], protocol_key(1)];
        let mut stage = stage
            .with_roots(&owners)
            .with(definition.clone(), &owners)
            .with(party.clone(), &signers)
            .without(definition.clone(), &owners);
        assert_eq!(stage.row(&definition).unwrap().stated(), None);
        let other = vetted(&uid("participant", name.clone()), "package");
        let outcome = stage.state(other, &owners);
        assert_eq!(word(&outcome), "NoDelegationFoundForKeys");
        // What it signed before stays.
        assert!(stage.holds(&party));
        // Nobody speaks for it any more, not even to bring it back.
        let outcome = stage.state(definition, &owners);
        assert_eq!(word(&outcome), "NotFullyAuthorized");
    }
}

#[test]
fn chains_removals_and_root_revocations_work_per_owner_of_a_decentralized_namespace() {
    let owners: [Key; 2] = [1, 2].map(namespace_key);
    let [below_first, below_second] = [11, 12].map(namespace_key);
    let name = decentralized_name(&owners);
    let party = |package: &str| vetted(&uid("participant", name.clone()), package);
    let mut stage = Stage::synchronizer()
        .with_roots(&owners)
        .with(decentralized(2, &owners), &owners)
        .with(delegation(owners[0], below_first, ALL), &[owners[0]])
        .with(delegation(owners[1], below_second, ALL), &[owners[1]]);
    let outcome = stage.state(party("1"), &[below_first, below_second]);
    assert_eq!(outcome, Outcome::Accepted);
    // Two keys of one owner are one owner.
    let outcome = stage.state(party("2"), &[owners[0], below_first]);
    assert_eq!(word(&outcome), "NotFullyAuthorized");
    let mut stage = stage.without(delegation(owners[0], below_first, ALL), &[owners[0]]);
    let outcome = stage.state(party("3"), &[below_first, below_second]);
    assert_eq!(word(&outcome), "NotFullyAuthorized");
    let outcome = stage.state(party("4"), &[owners[0], below_second]);
    assert_eq!(outcome, Outcome::Accepted);
    let mut stage = stage.without(root_certificate(owners[1]), &[owners[1]]);
    let outcome = stage.state(party("5"), &[owners[0], below_second]);
    assert_eq!(word(&outcome), "NotFullyAuthorized");
}

#[test]
fn superfluous_signatures_are_removed_from_what_is_accepted() {
    let mapping = vetted(&participant(root()).uid, "package");
    for stage in Stage::all() {
        let mut stage = delegated(stage);
        let next = stage.next(REPLACE, mapping.clone());
        let superfluous = signature_over(b"even if it is wrong", Covers::This, namespace_key(9));
        let signatures = vec![superfluous, signature(&next, namespace_key(2))];
        assert_eq!(
            stage.put(signed_with(next, signatures)),
            Outcome::Accepted,
            "{:?}",
            stage.store.id()
        );
        assert_eq!(stage.signers(&mapping), fingerprints(&[namespace_key(2)]));
    }
}

#[test]
fn a_removal_keeps_no_signatures_of_the_keys_that_it_takes_back() {
    let key = protocol_key(1);
    let keys = keys_of_participant();
    let stage = Stage::authorized()
        .with_roots(&[root()])
        .with(keys.clone(), &[root(), key]);
    let mut only_by_itself = stage.clone();
    let outcome = only_by_itself.take_back(keys.clone(), &[key]);
    assert_eq!(word(&outcome), "NoDelegationFoundForKeys");
    let stage = stage.without(keys.clone(), &[root(), key]);
    assert_eq!(stage.signers(&keys), fingerprints(&[root()]));
}

#[test]
fn a_proposal_that_suffices_is_in_force_but_not_in_a_look_ahead() {
    let mapping = vetted(&participant(root()).uid, "package");
    let mut stage = delegated(Stage::synchronizer());
    let proposal = propose(stage.next(REPLACE, mapping.clone()), &[root()]);
    let ahead = stage
        .store
        .preview(vec![proposal.clone()], &stage.rules)
        .unwrap();
    assert_eq!(ahead, [Outcome::Proposed]);
    assert_eq!(stage.put(proposal), Outcome::Accepted);
    assert!(!stage.row(&mapping).unwrap().signed.is_proposal());
}

#[test]
fn a_signature_over_several_transactions_counts_for_each_of_them() {
    let participant = participant(root()).uid;
    let one = transaction(REPLACE, 1, vetted(&participant, "package"));
    let other = transaction(REPLACE, 1, delegation(root(), namespace_key(4), ALL));
    let hashes = [one.hash(), other.hash()];
    for stage in Stage::all() {
        let mut stage = delegated(stage);
        for transaction in [one.clone(), other.clone()] {
            let signatures = vec![signature_over_all(&hashes, namespace_key(2))];
            let outcome = stage.put(signed_with(transaction, signatures));
            assert_eq!(outcome, Outcome::Accepted);
        }
    }
}

#[test]
fn a_signature_over_several_other_transactions_is_rejected() {
    let participant = participant(root()).uid;
    let this = transaction(REPLACE, 1, vetted(&participant, "package"));
    let other = transaction(REPLACE, 1, vetted(&participant, "other"));
    for stage in Stage::all() {
        let mut stage = delegated(stage);
        // Even beside a signature that would be enough, and by a key that means nothing here.
        let foreign = signature_over_all(&[other.hash()], namespace_key(9));
        let signatures = vec![signature(&this, root()), foreign];
        let rejection = stage.reject(signed_with(this.clone(), signatures));
        let expected = Rejection::MultiTransactionHashMismatch {
            expected: this.hash(),
        };
        assert_eq!(rejection, expected);
    }
}

#[test]
fn a_root_certificate_signed_with_others_must_be_among_them() {
    let [this, other] =
        [1, 8].map(|number| transaction(REPLACE, 1, root_certificate(namespace_key(number))));
    let mut stage = Stage::synchronizer();
    let foreign = signature_over_all(&[other.hash()], root());
    let outcome = stage.put(signed_with(this.clone(), vec![foreign]));
    assert_eq!(word(&outcome), "MultiTransactionHashMismatch");
    let both = signature_over_all(&[this.hash(), other.hash()], root());
    assert_eq!(stage.put(signed_with(this, vec![both])), Outcome::Accepted);
}

#[test]
fn of_several_decentralized_namespaces_in_force_the_latest_counts() {
    let owners: [Key; 3] = [1, 2, 3].map(namespace_key);
    let name = decentralized_name(&owners);
    let stage = Stage::synchronizer()
        .with_roots(&owners)
        .with(decentralized(3, &owners), &owners)
        .with(decentralized_as(&name, 1, &owners[..1]), &owners);
    // A history in which nobody ended the first one.
    let mut rows = stage.store.rows().to_vec();
    for row in &mut rows {
        row.valid_until = None;
    }
    let store = TopologyStore::restore(stage.store.id().clone(), rows);
    let mut stage = Stage { store, ..stage };
    let participant = uid("participant", name);
    let outcome = stage.state(vetted(&participant, "1"), &owners[1..]);
    assert_eq!(word(&outcome), "NoDelegationFoundForKeys");
    let outcome = stage.state(vetted(&participant, "2"), &owners[..1]);
    assert_eq!(outcome, Outcome::Accepted);
}

/// Whoever may delegate could otherwise take the namespace away by helping to certify its root.
#[test]
fn another_signature_under_a_root_certificate_takes_nothing_away() {
    let middle = namespace_key(2);
    for stage in Stage::all() {
        let mut stage = delegated(stage);
        let again = stage.next(REPLACE, root_certificate(root()));
        assert_eq!(stage.put(sign(again, &[middle])), Outcome::Accepted);
        let signers = stage.signers(&root_certificate(root()));
        assert_eq!(signers, fingerprints(&[root(), middle]));
        let package = vetted(&participant(root()).uid, "package");
        assert_eq!(stage.state(package, &[root()]), Outcome::Accepted);
    }
}

/// A signature remembers that it is valid, which must not follow it into another transaction.
#[test]
fn a_signature_that_is_valid_in_one_transaction_is_not_in_another() {
    let participant = participant(root()).uid;
    let [one, other] = ["one", "other"].map(|it| transaction(REPLACE, 1, vetted(&participant, it)));
    let signature = signature(&one, root());
    // Copied before anybody looked, and after.
    let early = signed_with(other.clone(), vec![signature.clone()]);
    let genuine = signed_with(one, vec![signature]);
    let mut stage = Stage::authorized().with_roots(&[root()]);
    assert_eq!(stage.clone().put(genuine.clone()), Outcome::Accepted);
    let late = signed_with(other, genuine.signatures().to_vec());
    for stolen in [early, late] {
        assert_eq!(word(&stage.put(stolen)), "SignatureCheckFailed");
    }
}
