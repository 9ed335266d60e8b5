//! Who may sign for a namespace.

use std::sync::Arc;

use strongroom_topology::{AuthorizationGraph, Mapping, MappingCode, SignedTransaction};

use crate::support::{
    ALL, Key, NO_DELEGATIONS, REMOVE, REPLACE, delegation, fingerprints, namespace_key, only,
    participant, root_certificate, sign, sorted, transaction, trust,
};

const NSD: MappingCode = MappingCode::NamespaceDelegation;
const OTK: MappingCode = MappingCode::OwnerToKeyMapping;

/// A graph of the namespace of key 1, and its keys by number.
struct Namespace(AuthorizationGraph);

fn key(number: u64) -> Key {
    namespace_key(number)
}

fn keys(numbers: &[u64]) -> Vec<Key> {
    numbers.iter().copied().map(key).collect()
}

fn signed(mapping: Mapping, signers: &[u64]) -> Arc<SignedTransaction> {
    Arc::new(sign(transaction(REPLACE, 1, mapping), &keys(signers)))
}

impl Namespace {
    fn new() -> Self {
        Self(AuthorizationGraph::new(key(1).namespace()))
    }

    fn rooted() -> Self {
        Self::new().root()
    }

    fn root(self) -> Self {
        self.delegate(&[1], 1)
    }

    fn delegate(self, signers: &[u64], target: u64) -> Self {
        self.restrict(signers, target, delegation(key(1), key(target), ALL))
    }

    fn restrict(mut self, signers: &[u64], target: u64, mapping: Mapping) -> Self {
        assert!(
            matches!(&mapping, Mapping::NamespaceDelegation(it) if it.target() == &key(target).public)
        );
        self.0.add(signed(mapping, signers)).unwrap();
        self
    }

    fn revoke(mut self, target: u64) -> Self {
        let mapping = delegation(key(1), key(target), ALL);
        let removal = sign(transaction(REMOVE, 2, mapping), &[key(1)]);
        self.0.remove(&removal).unwrap();
        self
    }

    /// Exactly these may sign keys of nodes.
    #[track_caller]
    fn authorizes(self, numbers: &[u64]) -> Self {
        let found = self.0.keys_for(OTK).map(|(key, _)| key.fingerprint());
        assert_eq!(sorted(found), fingerprints(&keys(numbers)));
        self
    }

    /// Exactly these may sign a delegation to `target`.
    #[track_caller]
    fn delegates_to(self, target: u64, numbers: &[u64]) -> Self {
        let found = self.0.keys_for_delegation_to(&key(target).fingerprint());
        let found = found.into_iter().map(|(key, _)| key.fingerprint());
        assert_eq!(sorted(found), fingerprints(&keys(numbers)));
        self
    }

    #[track_caller]
    fn dangles(self, numbers: &[u64]) -> Self {
        assert_eq!(sorted(self.0.dangling()), fingerprints(&keys(numbers)));
        self
    }

    #[track_caller]
    fn levels(self, expected: &[(u64, usize)]) -> Self {
        for (number, level) in expected {
            let found = self.0.level(&key(*number).fingerprint());
            assert_eq!(found, Some(*level), "key {number}");
        }
        self
    }
}

#[test]
fn a_root_certificate_alone_authorizes_its_own_key() {
    let rooted = Namespace::rooted().authorizes(&[1]).levels(&[(1, 1)]);
    assert!(rooted.0.has_root() && !rooted.0.is_empty());
}

#[test]
fn without_a_root_certificate_nobody_is_authorized() {
    let graph = Namespace::new().delegate(&[1], 2).authorizes(&[]);
    assert!(!graph.0.has_root());
    graph.dangles(&[2]).root().authorizes(&[1, 2]).dangles(&[]);
}

#[test]
fn a_chain_of_delegations_authorizes_all_of_its_keys() {
    Namespace::rooted()
        .delegate(&[1], 2)
        .delegate(&[2], 3)
        .authorizes(&[1, 2, 3])
        .levels(&[(1, 1), (2, 2), (3, 3)]);
}

#[test]
fn removing_the_middle_delegation_unauthorizes_everything_below() {
    Namespace::rooted()
        .delegate(&[1], 2)
        .delegate(&[2], 3)
        .delegate(&[3], 4)
        .revoke(2)
        .authorizes(&[1])
        .dangles(&[3, 4]);
}

#[test]
fn adding_the_middle_delegation_again_restores_the_chain() {
    Namespace::rooted()
        .delegate(&[1], 2)
        .delegate(&[2], 3)
        .delegate(&[3], 4)
        .revoke(2)
        .delegate(&[1], 2)
        .authorizes(&[1, 2, 3, 4])
        .levels(&[(2, 2), (3, 3), (4, 4)]);
}

#[test]
fn revoking_a_delegation_unauthorizes_every_one_that_depends_on_it() {
    Namespace::rooted()
        .delegate(&[1], 2)
        .delegate(&[2], 3)
        .delegate(&[2], 4)
        .delegate(&[4], 5)
        .delegate(&[1], 6)
        .revoke(2)
        .authorizes(&[1, 6])
        .dangles(&[3, 4, 5]);
}

#[test]
fn a_key_with_two_ways_to_the_root_keeps_the_other_one() {
    Namespace::rooted()
        .delegate(&[1], 2)
        .delegate(&[2], 3)
        .delegate(&[1, 3], 4)
        .levels(&[(4, 2)])
        .revoke(2)
        .authorizes(&[1, 4]);
}

#[test]
fn a_longer_way_counts_when_the_shorter_one_is_gone() {
    Namespace::rooted()
        .delegate(&[1], 2)
        .delegate(&[2], 3)
        .delegate(&[1], 5)
        .delegate(&[3, 5], 4)
        .levels(&[(4, 3)])
        .revoke(5)
        .levels(&[(4, 4)]);
}

#[test]
fn removing_the_root_certificate_leaves_no_authorized_key() {
    let graph = Namespace::rooted()
        .delegate(&[1], 2)
        .delegate(&[2], 3)
        .revoke(1)
        .authorizes(&[])
        .dangles(&[2, 3]);
    assert!(!graph.0.has_root());
}

#[test]
fn a_delegation_whose_signer_is_not_authorized_has_no_effect() {
    Namespace::rooted()
        .delegate(&[7], 2)
        .delegate(&[2], 3)
        .authorizes(&[1])
        .dangles(&[2, 3])
        .delegate(&[1], 7)
        .authorizes(&[1, 2, 3, 7]);
}

#[test]
fn cycles_end_and_grant_nothing() {
    Namespace::rooted()
        .delegate(&[3], 2)
        .delegate(&[2], 3)
        .authorizes(&[1])
        .dangles(&[2, 3])
        .delegate(&[1, 3], 2)
        .authorizes(&[1, 2, 3])
        .levels(&[(2, 2), (3, 3)])
        .delegate(&[3], 2)
        .authorizes(&[1]);
}

#[test]
fn a_key_that_delegates_to_itself_gains_nothing() {
    Namespace::rooted()
        .delegate(&[2], 2)
        .authorizes(&[1])
        .dangles(&[2]);
}

#[test]
fn adding_the_same_mapping_twice_is_harmless() {
    Namespace::rooted()
        .delegate(&[1], 2)
        .delegate(&[1], 2)
        .root()
        .authorizes(&[1, 2])
        .revoke(2)
        .authorizes(&[1]);
}

#[test]
fn replacing_a_delegation_changes_who_authorized_it() {
    Namespace::rooted()
        .delegate(&[1], 2)
        .delegate(&[1], 3)
        .delegate(&[2], 4)
        .delegate(&[3], 4)
        .revoke(2)
        .authorizes(&[1, 3, 4])
        .revoke(3)
        .authorizes(&[1]);
}

#[test]
fn a_key_that_may_not_delegate_authorizes_no_further_keys() {
    for restriction in [
        NO_DELEGATIONS,
        only(&[OTK, MappingCode::PartyToParticipant]),
    ] {
        Namespace::rooted()
            .restrict(&[1], 2, delegation(key(1), key(2), restriction))
            .delegate(&[2], 3)
            .authorizes(&[1, 2])
            .dangles(&[3]);
    }
}

#[test]
fn a_key_is_authorized_for_the_mappings_that_its_delegation_allows() {
    let restricted = delegation(key(1), key(2), only(&[OTK]));
    let graph = Namespace::rooted().restrict(&[1], 2, restricted).0;
    let key = key(2).fingerprint();
    assert!(graph.authorized(&key, OTK).is_some());
    assert!(graph.authorized(&key, NSD).is_none());
    assert!(
        graph
            .authorized(&key, MappingCode::PartyToKeyMapping)
            .is_none()
    );
}

#[test]
fn taking_the_right_to_delegate_away_unauthorizes_the_keys_below() {
    Namespace::rooted()
        .delegate(&[1], 2)
        .delegate(&[2], 3)
        .delegate(&[3], 4)
        .restrict(&[1], 2, delegation(key(1), key(2), NO_DELEGATIONS))
        .authorizes(&[1, 2])
        .dangles(&[3, 4]);
}

#[test]
fn a_delegation_for_another_namespace_is_refused() {
    let mut graph = Namespace::rooted().0;
    let other = signed(root_certificate(key(2)), &[2]);
    let error = graph.add(Arc::clone(&other)).unwrap_err();
    let (found, expected) = (key(2).namespace(), key(1).namespace());
    let text = format!("the delegation is for namespace {found}, not {expected}");
    assert_eq!(error.to_string(), text);
    assert_eq!(graph.remove(&other), Err(error));
    let no_delegation = signed(trust(&participant(key(1)).uid), &[1]);
    assert!(graph.add(no_delegation).is_err());
    Namespace(graph).authorizes(&[1]);
}

#[test]
fn without_a_root_nobody_could_delegate() {
    Namespace::new().delegates_to(1, &[]).delegates_to(2, &[]);
    Namespace::new().delegate(&[1], 2).delegates_to(3, &[]);
}

#[test]
fn only_the_root_key_could_delegate_to_itself() {
    Namespace::rooted()
        .delegate(&[1], 2)
        .delegates_to(1, &[1])
        .authorizes(&[1, 2]);
}

#[test]
fn all_keys_that_are_reached_without_the_target_could_delegate_to_it() {
    Namespace::rooted()
        .delegate(&[1], 2)
        .delegate(&[2], 3)
        .delegate(&[3], 4)
        .delegate(&[1], 5)
        .delegate(&[5], 6)
        .delegates_to(3, &[1, 2, 5, 6])
        .delegates_to(2, &[1, 5, 6])
        .delegates_to(9, &[1, 2, 3, 4, 5, 6])
        // Asking changes nothing.
        .authorizes(&[1, 2, 3, 4, 5, 6])
        .levels(&[(3, 3), (6, 3)])
        .dangles(&[]);
}

#[test]
fn a_key_that_may_not_delegate_could_not_delegate() {
    Namespace::rooted()
        .restrict(&[1], 2, delegation(key(1), key(2), NO_DELEGATIONS))
        .delegates_to(3, &[1]);
}

/// The root's own signature makes the certificate; another one beside it takes nothing away.
#[test]
fn a_root_certificate_with_another_signature_beside_still_authorizes() {
    Namespace::rooted()
        .delegate(&[1], 2)
        .delegate(&[1, 2], 1)
        .authorizes(&[1, 2])
        .levels(&[(1, 1), (2, 2)]);
}

#[test]
fn a_root_certificate_that_the_root_did_not_sign_authorizes_nobody() {
    Namespace::rooted()
        .delegate(&[1], 2)
        .delegate(&[2], 1)
        .authorizes(&[])
        .dangles(&[1, 2]);
}
