//! Transactions in their order, proposals, and the order in which a transaction is looked at.

use strongroom_crypto::{KeyUsage, SigningKeySpec};
use strongroom_topology::{
    At, Covers, Mapping, Outcome, Rejection, SignedTransaction, TopologyStore, Transaction,
};

use crate::support::{
    ALL, Key, REMOVE, REPLACE, Stage, at, decentralized, decentralized_name, delegation,
    fingerprints, namespace_key, node_keys, participant, party_keys, propose, protocol_key,
    root_certificate, sign, signature, signature_over, signature_over_all, signed_with,
    signing_key, sorted, synchronizer_root, transaction, trust_in, uid, vetted, word,
};

fn root() -> Key {
    namespace_key(1)
}

fn package(name: &str) -> Mapping {
    vetted(&participant(root()).uid, name)
}

/// A namespace of three owners, of which two must agree.
fn owned(stage: Stage) -> (Stage, [Key; 3]) {
    let owners = [1, 2, 3].map(namespace_key);
    let stage = stage
        .with_roots(&owners)
        .with(decentralized(2, &owners), &owners);
    (stage, owners)
}

fn owned_package(owners: &[Key], name: &str) -> Mapping {
    vetted(&uid("participant", decentralized_name(owners)), name)
}

#[test]
fn a_first_transaction_may_carry_any_serial() {
    for stage in Stage::all() {
        let mut stage = stage.with_roots(&[root()]);
        let second = sign(transaction(REPLACE, 2, package("1")), &[root()]);
        assert_eq!(stage.put(second), Outcome::Accepted);
        let third = sign(transaction(REPLACE, 3, package("2")), &[root()]);
        assert_eq!(stage.put(third), Outcome::Accepted);
    }
}

#[test]
fn a_first_proposal_may_carry_any_serial() {
    for stage in Stage::all() {
        let (mut stage, owners) = owned(stage);
        let mapping = owned_package(&owners, "1");
        let second = transaction(REPLACE, 2, mapping.clone());
        let first_half = propose(second.clone(), &owners[..1]);
        assert_eq!(stage.put(first_half), Outcome::Proposed);
        let other_half = propose(second, &owners[1..2]);
        assert_eq!(stage.put(other_half), Outcome::Accepted);
        let row = stage.row(&mapping).unwrap();
        assert_eq!(row.signed.transaction().serial().get(), 2);
    }
}

/// After serial 2, the serial `number` is wrong, also for a proposal.
#[track_caller]
fn check_gap(number: u32) {
    let (stage, owners) = owned(Stage::synchronizer());
    let first = transaction(REPLACE, 2, owned_package(&owners, "2"));
    let mut stage = stage;
    assert_eq!(stage.put(sign(first, &owners[..2])), Outcome::Accepted);
    let other = transaction(REPLACE, number, owned_package(&owners, "other"));
    let expected = Rejection::SerialMismatch {
        actual: number,
        expected: 3,
    };
    let text = format!("The actual serial {number} does not match the expected serial 3");
    assert_eq!(expected.to_string(), text);
    for signed in [
        sign(other.clone(), &owners[..2]),
        propose(other.clone(), &owners[..1]),
        propose(other, &owners[..2]),
    ] {
        assert_eq!(stage.reject(signed), expected);
    }
}

#[test]
fn a_serial_gap_is_rejected() {
    check_gap(5);
    check_gap(4);
}

#[test]
fn a_serial_that_is_too_low_is_rejected() {
    check_gap(2);
    check_gap(1);
}

#[test]
fn proposals_coexist_and_those_up_to_an_accepted_serial_are_archived() {
    let (mut stage, owners) = owned(Stage::synchronizer());
    // Without a predecessor proposals of different serials can wait.
    let proposal = |number, name| transaction(REPLACE, number, owned_package(&owners, name));
    for (number, name) in [(1, "1"), (2, "2"), (3, "3"), (3, "3 too")] {
        let outcome = stage.put(propose(proposal(number, name), &owners[..1]));
        assert_eq!(outcome, Outcome::Proposed);
    }
    let key = owned_package(&owners, "1").unique_key();
    assert_eq!(stage.store.proposals(&key).count(), 4);
    let accepted = stage.process(propose(proposal(2, "2"), &owners[1..2]));
    assert_eq!(accepted.outcome, Outcome::Accepted);
    let left = stage.store.proposals(&key);
    let left: Vec<u32> = left
        .map(|row| row.signed.transaction().serial().get())
        .collect();
    assert_eq!(left, [3, 3]);
    // The delta names what ended: the archived proposal, and the one that became active.
    assert_eq!(accepted.delta.added.len(), 1);
    assert_eq!(accepted.delta.expired.len(), 2);
}

#[test]
fn competing_proposals_gather_signatures_and_the_first_to_reach_the_threshold_wins() {
    let (mut stage, owners) = owned(Stage::synchronizer());
    let [one, other] =
        ["one", "other"].map(|name| transaction(REPLACE, 1, owned_package(&owners, name)));
    let mut put = |transaction: &_, signer: usize| {
        stage.put(propose(
            Transaction::clone(transaction),
            &owners[signer..=signer],
        ))
    };
    assert_eq!(put(&one, 0), Outcome::Proposed);
    assert_eq!(put(&other, 1), Outcome::Proposed);
    assert_eq!(put(&other, 2), Outcome::Accepted);
    // The loser is too late.
    assert_eq!(word(&put(&one, 1)), "SerialMismatch");
    assert!(stage.holds(other.mapping()));
}

#[test]
fn a_proposal_takes_the_place_of_the_same_one_with_fewer_signatures() {
    let owners = [1, 2, 3].map(namespace_key);
    let mut stage = Stage::synchronizer()
        .with_roots(&owners)
        .with(decentralized(3, &owners), &owners);
    let next = transaction(REPLACE, 1, owned_package(&owners, "1"));
    for signer in &owners[..2] {
        let outcome = stage.put(propose(next.clone(), &[signer]));
        assert_eq!(outcome, Outcome::Proposed);
    }
    let key = next.unique_key();
    let waiting: Vec<_> = stage.store.proposals(&key).collect();
    assert_eq!(waiting.len(), 1);
    let signers = waiting[0].signed.signed_by();
    assert_eq!(sorted(signers), fingerprints(&owners[..2]));
    assert!(stage.store.find(next.hash()).unwrap().signed.is_proposal());
}

#[test]
fn a_full_transaction_takes_the_signatures_of_its_proposal_along() {
    let (mut stage, owners) = owned(Stage::synchronizer());
    let mapping = owned_package(&owners, "1");
    let next = transaction(REPLACE, 1, mapping.clone());
    stage.put(propose(next.clone(), &owners[..1]));
    // Alone it would not be enough.
    assert_eq!(stage.put(sign(next, &owners[1..2])), Outcome::Accepted);
    assert_eq!(stage.signers(&mapping), fingerprints(&owners[..2]));
}

#[test]
fn a_transaction_that_is_no_proposal_must_suffice_at_once() {
    let (mut stage, owners) = owned(Stage::synchronizer());
    let next = transaction(REPLACE, 1, owned_package(&owners, "1"));
    let outcome = stage.put(sign(next.clone(), &owners[..1]));
    assert_eq!(word(&outcome), "NotFullyAuthorized");
    // A rejected attempt spoils nothing.
    assert_eq!(stage.put(propose(next, &owners[..1])), Outcome::Proposed);
}

#[test]
fn a_proposal_needs_a_key_of_a_namespace_too() {
    let mut stage = Stage::authorized().with_roots(&[root()]);
    let key = protocol_key(1);
    let mapping = node_keys(&participant(root()), &[key], &[1]);
    let outcome = stage.suggest(mapping.clone(), &[key]);
    assert_eq!(word(&outcome), "NotAuthorizedByNamespaceKey");
    let outcome = stage.suggest(mapping.clone(), &[namespace_key(9)]);
    assert_eq!(word(&outcome), "NoDelegationFoundForKeys");
    assert_eq!(stage.suggest(mapping, &[root()]), Outcome::Proposed);
}

#[test]
fn signatures_after_the_activation_are_merged_into_what_is_active() {
    for stage in Stage::all() {
        let (mut stage, owners) = owned(stage);
        let mapping = owned_package(&owners, "1");
        let next = transaction(REPLACE, 1, mapping.clone());
        assert_eq!(
            stage.put(sign(next.clone(), &owners[..2])),
            Outcome::Accepted
        );
        // As a proposal or not: it only adds a signature, and the serial stays.
        assert_eq!(stage.put(propose(next, &owners[2..])), Outcome::Accepted);
        assert_eq!(stage.signers(&mapping), fingerprints(&owners));
        let row = stage.row(&mapping).unwrap();
        assert_eq!(row.signed.transaction().serial().get(), 1);
        assert!(!row.signed.is_proposal());
    }
}

#[test]
fn a_merged_signature_is_verified() {
    let (mut stage, owners) = owned(Stage::synchronizer());
    let mapping = owned_package(&owners, "1");
    let next = transaction(REPLACE, 1, mapping.clone());
    stage.put(sign(next.clone(), &owners[..2]));
    let wrong = |key| signature_over(b"something else", Covers::This, key);
    let forged = signed_with(next.clone(), vec![wrong(owners[2])]);
    assert_eq!(word(&stage.put(forged)), "SignatureCheckFailed");
    let stranger = sign(next.clone(), &[namespace_key(9)]);
    assert_eq!(stage.put(stranger), Outcome::Unchanged);
    assert_eq!(stage.signers(&mapping), fingerprints(&owners[..2]));
    // A wrong signature by a key whose right one is in force does not keep others out.
    let signatures = vec![wrong(owners[0]), signature(&next, owners[2])];
    assert_eq!(stage.put(signed_with(next, signatures)), Outcome::Accepted);
    assert_eq!(stage.signers(&mapping), fingerprints(&owners));
}

#[test]
fn a_signature_under_a_removal_is_merged_too() {
    let (stage, owners) = owned(Stage::synchronizer());
    let mapping = owned_package(&owners, "1");
    let mut stage = stage
        .with(mapping.clone(), &owners[..2])
        .without(mapping.clone(), &owners[..2]);
    let removal = transaction(REMOVE, 2, mapping.clone());
    assert_eq!(stage.put(sign(removal, &owners[2..])), Outcome::Accepted);
    assert_eq!(stage.signers(&mapping), fingerprints(&owners));
    assert!(!stage.holds(&mapping));
}

#[test]
fn duplicates_are_ignored() {
    for stage in Stage::all() {
        let mut stage = stage.with_roots(&[root()]).with(package("1"), &[root()]);
        let rows = stage.store.rows().len();
        let again = sign(transaction(REPLACE, 1, package("1")), &[root()]);
        let processed = stage.process(again.clone());
        assert_eq!(processed.outcome, Outcome::Unchanged);
        assert!(processed.delta.is_empty());
        assert_eq!(
            stage.put(again.clone().with_proposal(true)),
            Outcome::Unchanged
        );
        // Also when something else is in force by now.
        let mut stage = stage.with(package("2"), &[root()]);
        assert_eq!(stage.put(again), Outcome::Unchanged);
        assert_eq!(stage.store.rows().len(), rows + 1);
    }
}

/// ECDSA signs the same bytes differently each time.
#[test]
fn a_second_signature_by_the_same_key_is_not_stored() {
    let root = signing_key(SigningKeySpec::EcP256, 1, &[KeyUsage::Namespace]);
    let mapping = vetted(&participant(root).uid, "1");
    let mut stage = Stage::authorized()
        .with_roots(&[root])
        .with(mapping.clone(), &[root]);
    let again = sign(transaction(REPLACE, 1, mapping.clone()), &[root]);
    let bytes = |signed: &SignedTransaction| signed.signatures()[0].signature().bytes.clone();
    assert_ne!(bytes(&again), bytes(&stage.row(&mapping).unwrap().signed));
    assert_eq!(stage.put(again), Outcome::Unchanged);
    assert_eq!(stage.signers(&mapping), fingerprints(&[root]));
}

#[test]
fn signatures_that_mean_nothing_make_no_duplicate() {
    let (mut stage, owners) = owned(Stage::synchronizer());
    let stranger = namespace_key(9);
    let active = transaction(REPLACE, 1, owned_package(&owners, "1"));
    assert_eq!(
        stage.put(sign(active.clone(), &owners[..2])),
        Outcome::Accepted
    );
    let waiting = transaction(REPLACE, 2, owned_package(&owners, "2"));
    assert_eq!(
        stage.put(propose(waiting.clone(), &owners[..1])),
        Outcome::Proposed
    );
    let rows = stage.store.rows().len();
    for again in [
        sign(active.clone(), &[owners[0], stranger]),
        sign(active, &[stranger]),
        propose(waiting, &[owners[0], stranger]),
    ] {
        let processed = stage.process(again);
        assert_eq!(processed.outcome, Outcome::Unchanged);
        assert!(processed.delta.is_empty());
    }
    assert_eq!(stage.store.rows().len(), rows);
}

#[test]
fn a_rejected_transaction_may_come_again() {
    let mut stage = Stage::synchronizer().with_roots(&[root()]);
    let below = sign(transaction(REPLACE, 1, package("1")), &[namespace_key(2)]);
    let outcome = stage.put(below.clone());
    assert_eq!(word(&outcome), "NoDelegationFoundForKeys");
    let mut stage = stage.with(delegation(root(), namespace_key(2), ALL), &[root()]);
    assert_eq!(stage.put(below), Outcome::Accepted);
}

#[test]
fn a_proposal_may_come_again_as_something_that_holds_at_once() {
    let (mut stage, owners) = owned(Stage::synchronizer());
    let next = transaction(REPLACE, 1, owned_package(&owners, "1"));
    let half = sign(next, &owners[..1]);
    let outcome = stage.put(half.clone().with_proposal(true));
    assert_eq!(outcome, Outcome::Proposed);
    assert_eq!(word(&stage.put(half)), "NotFullyAuthorized");
}

#[test]
fn processing_again_after_a_crash_changes_nothing() {
    let (mut stage, owners) = owned(Stage::synchronizer());
    let next = transaction(REPLACE, 1, owned_package(&owners, "1"));
    let history = [
        propose(next.clone(), &owners[..1]),
        propose(next, &owners[1..2]),
        sign(
            transaction(REPLACE, 2, owned_package(&owners, "2")),
            &owners[..2],
        ),
        sign(
            transaction(REMOVE, 3, owned_package(&owners, "2")),
            &owners[..2],
        ),
    ];
    for signed in &history {
        stage.put(signed.clone());
    }
    let rows = stage.store.rows().to_vec();
    let store = TopologyStore::restore(stage.store.id().clone(), rows);
    let mut again = Stage { store, ..stage };
    let before = again.store.rows().len();
    for signed in history {
        assert_eq!(again.put(signed), Outcome::Unchanged);
    }
    assert_eq!(again.store.rows().len(), before);
}

#[test]
fn add_remove_and_add_again_leave_the_expected_state_in_one_block_or_several() {
    for pause in [0, 1] {
        let mut stage = Stage::synchronizer().with_roots(&[root()]);
        let start = stage.now;
        let steps = [
            (REPLACE, "1"),
            (REMOVE, "1"),
            (REPLACE, "1"),
            (REPLACE, "2"),
            (REMOVE, "2"),
            (REPLACE, "3"),
        ];
        for (step, (operation, name)) in (1..).zip(steps) {
            let next = stage.next(operation, package(name));
            let serial = u32::try_from(step).unwrap();
            assert_eq!(next.serial().get(), serial);
            let times = at(start + 1 + pause * step);
            let processed = stage
                .store
                .process(sign(next, &[root()]), times, &stage.rules);
            assert_eq!(processed.outcome, Outcome::Accepted);
        }
        assert!(stage.holds(&package("3")));
    }
}

#[test]
fn revoking_a_delegation_does_not_remove_what_it_authorized() {
    let middle = namespace_key(2);
    for stage in Stage::all() {
        let below = delegation(root(), namespace_key(3), ALL);
        let stage = stage
            .with_roots(&[root()])
            .with(delegation(root(), middle, ALL), &[root()])
            .with(package("1"), &[middle])
            .with(below.clone(), &[middle])
            .without(delegation(root(), middle, ALL), &[root()]);
        assert!(stage.holds(&package("1")));
        // The delegation below is still there, and dangles.
        assert!(stage.holds(&below));
        let graph = stage
            .store
            .authorization_graph(&root().namespace(), At::Head);
        assert_eq!(
            Vec::from_iter(graph.dangling()),
            fingerprints(&[namespace_key(3)])
        );
    }
}

#[test]
fn a_delegation_below_a_revoked_one_works_again_when_another_key_signs_it() {
    let (middle, below) = (namespace_key(2), namespace_key(3));
    let mut stage = Stage::synchronizer()
        .with_roots(&[root()])
        .with(delegation(root(), middle, ALL), &[root()])
        .with(delegation(root(), below, ALL), &[middle])
        .without(delegation(root(), middle, ALL), &[root()]);
    let outcome = stage.state(package("1"), &[below]);
    assert_eq!(word(&outcome), "NoDelegationFoundForKeys");
    // The same statement, once more and by the root.
    let again = sign(
        transaction(REPLACE, 2, delegation(root(), below, ALL)),
        &[root()],
    );
    assert_eq!(stage.put(again), Outcome::Accepted);
    assert_eq!(stage.state(package("1"), &[below]), Outcome::Accepted);
}

#[test]
fn without_its_root_certificate_a_namespace_authorizes_nothing() {
    let middle = namespace_key(2);
    for stage in Stage::all() {
        let mut stage = stage
            .with_roots(&[root()])
            .with(delegation(root(), middle, ALL), &[root()])
            .without(root_certificate(root()), &[root()]);
        let outcome = stage.state(package("1"), &[root(), middle]);
        assert_eq!(word(&outcome), "NoDelegationFoundForKeys");
    }
}

#[test]
fn a_delegation_is_revoked_by_the_root_by_a_sibling_and_by_itself() {
    let [middle, sibling] = [2, 3].map(namespace_key);
    let revoked = delegation(root(), middle, ALL);
    for signer in [root(), sibling, middle] {
        let mut stage = Stage::synchronizer()
            .with_roots(&[root()])
            .with(revoked.clone(), &[root()])
            .with(delegation(root(), sibling, ALL), &[root()]);
        let outcome = stage.take_back(revoked.clone(), &[signer]);
        assert_eq!(outcome, Outcome::Accepted);
        assert!(!stage.holds(&revoked));
    }
}

// The order in which a transaction is looked at. Source: reference, topology rules, section 5.

/// Wrong in several ways at once: what is looked at first is said.
#[track_caller]
fn check_order(stage: &Stage, signed: SignedTransaction, expected: &str) {
    let mut stage = stage.clone();
    assert_eq!(word(&stage.put(signed)), expected);
}

#[test]
fn mappings_come_before_serials_and_serials_before_signatures() {
    let key = protocol_key(1);
    let good = node_keys(&participant(root()), &[key], &[1]);
    let synchronizer = Stage::synchronizer()
        .with_roots(&[root()])
        .with(good.clone(), &[root(), key]);
    let authorized = Stage::authorized()
        .with_roots(&[root()])
        .with(good, &[root(), key]);
    let stranger = namespace_key(9);
    let bad = node_keys(&participant(root()), &[key], &[]);
    let wrong = sign(transaction(REPLACE, 7, bad.clone()), &[stranger]);
    check_order(&synchronizer, wrong.clone(), "InvalidOwnerToKeyMapping");
    check_order(&authorized, wrong, "SerialMismatch");
    let wrong = sign(transaction(REPLACE, 2, bad), &[stranger]);
    check_order(&authorized, wrong, "NoDelegationFoundForKeys");
}

#[test]
fn serials_come_before_the_synchronizer_and_that_before_signatures() {
    let elsewhere = uid("elsewhere", synchronizer_root().namespace());
    let participant = participant(root());
    let mapping = trust_in(&participant.uid, &elsewhere);
    let key = protocol_key(1);
    let keys = node_keys(&participant, &[key], &[1]);
    let mut stage = Stage::synchronizer()
        .with_roots(&[root()])
        .with(keys, &[root(), key]);
    let stranger = namespace_key(9);
    let wrong = |number| sign(transaction(REPLACE, number, mapping.clone()), &[stranger]);
    check_order(&stage, wrong(1), "InvalidSynchronizer");
    // Something that is in force for the other synchronizer, from before anybody looked.
    let before = Stage::authorized();
    let rules = std::mem::replace(&mut stage.rules, before.rules);
    let rows: Vec<_> = {
        let mut local = before
            .with_roots(&[root()])
            .with(mapping.clone(), &[root()]);
        local.now = 0;
        local.store.rows().to_vec()
    };
    let store = TopologyStore::restore(stage.store.id().clone(), rows);
    let stage = Stage {
        store,
        rules: rules.ahead(),
        ..stage
    };
    let mut unchecked = stage.clone();
    unchecked.rules = Stage::authorized().rules;
    check_order(&unchecked, wrong(7), "SerialMismatch");
    check_order(&unchecked, wrong(2), "InvalidSynchronizer");
}

#[test]
fn a_signature_over_other_transactions_comes_before_missing_delegations() {
    let stage = Stage::synchronizer().with_roots(&[root()]);
    let next = transaction(REPLACE, 1, package("1"));
    let other = transaction(REPLACE, 1, package("2")).hash();
    let stranger = signature_over_all(&[other], namespace_key(9));
    check_order(
        &stage,
        signed_with(next, vec![stranger]),
        "MultiTransactionHashMismatch",
    );
}

#[test]
fn signatures_of_namespaces_are_verified_before_those_of_new_keys() {
    let [one, two] = [1, 2].map(protocol_key);
    let mapping = node_keys(&participant(root()), &[one, two], &[1]);
    let next = transaction(REPLACE, 1, mapping);
    let wrong = |key| signature_over(b"something else", Covers::This, key);
    // In whichever order they stand.
    let signatures = vec![wrong(one), wrong(two), wrong(root())];
    let mut stage = Stage::authorized().with_roots(&[root()]);
    let rejection = stage.reject(signed_with(next.clone(), signatures));
    assert!(
        matches!(&rejection, Rejection::SignatureCheckFailed { key, .. } if *key == root().fingerprint())
    );
    // A wrong signature is said before a missing one.
    let signatures = vec![signature(&next, root()), wrong(one)];
    let rejection = stage.reject(signed_with(next, signatures));
    assert!(
        matches!(&rejection, Rejection::SignatureCheckFailed { key, .. } if *key == one.fingerprint())
    );
}

#[test]
fn a_merged_signature_is_not_asked_whether_it_suffices() {
    // What the keys of today could not authorize any more still takes signatures in.
    let (stage, owners) = owned(Stage::synchronizer());
    let mapping = party_keys(
        &uid("party", decentralized_name(&owners)),
        1,
        &[protocol_key(1)],
    );
    let signers = [owners[0], owners[1], protocol_key(1)];
    let mut stage = stage
        .with(mapping.clone(), &signers)
        .without(root_certificate(owners[0]), &[owners[0]])
        .without(root_certificate(owners[1]), &[owners[1]]);
    let again = transaction(REPLACE, 1, mapping.clone());
    assert_eq!(stage.put(sign(again, &owners[2..])), Outcome::Accepted);
    assert!(stage.holds(&mapping));
}
