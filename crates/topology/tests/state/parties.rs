//! Parties that sign for themselves, and their keys.

use strongroom_crypto::{KeyUsage, SigningKeySpec};
use strongroom_topology::{
    At, HostingParticipant, Mapping, Outcome,
    ParticipantPermission::{Confirmation, Submission},
    PartyId, Rejection,
};

use crate::support::{
    ALL, Key, REMOVE, Stage, code, delegation, fingerprints, hosted, hosting, keys_with_threshold,
    namespace_key, node_keys, onboarding, participant, party_keys, protocol_key, root_certificate,
    sign, signing_key, transaction, trust, uid, word,
};

/// The key that is the root of its party's namespace.
fn own() -> Key {
    namespace_key(1)
}

/// The root key of the participant that hosts the party.
fn host() -> Key {
    namespace_key(2)
}

fn party() -> PartyId {
    uid("party", own().namespace())
}

/// The party with these keys, hosted by the one participant.
fn hosted_with(threshold: u32, keys: &[Key]) -> Mapping {
    hosted_by(
        &[hosting(&participant(host()).uid, Confirmation)],
        threshold,
        keys,
    )
}

fn hosted_by(participants: &[HostingParticipant], threshold: u32, keys: &[Key]) -> Mapping {
    let keys = keys_with_threshold(threshold, keys);
    hosted(&party(), 1, participants, Some(keys))
}

/// A synchronizer that the host has joined.
fn joined() -> Stage {
    let keys = node_keys(&participant(host()), &[protocol_key(1)], &[1]);
    Stage::synchronizer()
        .with_roots(&[host()])
        .with(keys, &[host(), protocol_key(1)])
        .with(trust(&participant(host()).uid), &[host()])
}

#[test]
fn a_party_whose_key_is_its_namespace_authorizes_itself() {
    for mut stage in [joined(), Stage::authorized().with_roots(&[host()])] {
        let mapping = hosted_with(1, &[own()]);
        let outcome = stage.state(mapping.clone(), &[own(), host()]);
        assert_eq!(outcome, Outcome::Accepted);
        assert_eq!(stage.signers(&mapping), fingerprints(&[own(), host()]));
    }
}

#[test]
fn a_party_with_several_keys_authorizes_itself_and_each_key_signs() {
    let other = protocol_key(2);
    for threshold in [1, 2] {
        let mapping = hosted_with(threshold, &[own(), other]);
        let mut stage = joined();
        let outcome = stage.state(mapping.clone(), &[own(), host()]);
        assert_eq!(word(&outcome), "NotFullyAuthorized");
        let outcome = stage.state(mapping.clone(), &[other, host()]);
        assert_eq!(word(&outcome), "NotFullyAuthorized");
        let outcome = stage.state(mapping, &[own(), other, host()]);
        assert_eq!(outcome, Outcome::Accepted);
        let keys = stage.store.party_signing_keys(&party(), At::Head).unwrap();
        assert_eq!(keys.threshold(), threshold);
        assert_eq!(keys.keys().len(), 2);
    }
}

#[test]
fn without_the_signature_of_its_participant_a_party_is_not_hosted() {
    let mut stage = joined();
    let outcome = stage.state(hosted_with(1, &[own()]), &[own()]);
    let expected = Rejection::NotFullyAuthorized {
        namespaces: [host().namespace()].into(),
        keys: [].into(),
    };
    assert_eq!(outcome, Outcome::Rejected(expected));
    let outcome = stage.suggest(hosted_with(1, &[own()]), &[own()]);
    assert_eq!(outcome, Outcome::Proposed);
}

#[test]
fn keys_beside_the_participants_count_before_those_of_the_deprecated_mapping() {
    let [old, new] = [1, 2].map(protocol_key);
    let stage = joined()
        .with_roots(&[own()])
        .with(party_keys(&party(), 1, &[old]), &[own(), old]);
    let keys = |stage: &Stage| stage.store.party_signing_keys(&party(), At::Head).cloned();
    assert_eq!(keys(&stage), Some(keys_with_threshold(1, &[old])));
    let mapping = hosted_with(1, &[new]);
    let stage = stage.with(mapping.clone(), &[own(), host(), new]);
    assert_eq!(keys(&stage), Some(keys_with_threshold(1, &[new])));
    // Hosting without keys leaves the deprecated ones.
    let without = hosted(
        &party(),
        1,
        &[hosting(&participant(host()).uid, Confirmation)],
        None,
    );
    let stage = stage.with(without, &[own()]);
    assert_eq!(keys(&stage), Some(keys_with_threshold(1, &[old])));
}

#[test]
fn new_keys_of_a_party_sign_whether_a_delegation_or_the_party_itself_authorizes() {
    let new = protocol_key(2);
    // With a root certificate and a delegated key.
    let delegated = namespace_key(3);
    let mut stage = joined()
        .with_roots(&[own()])
        .with(delegation(own(), delegated, ALL), &[own()]);
    let outcome = stage.state(hosted_with(1, &[new]), &[delegated, host()]);
    assert_eq!(word(&outcome), "NotFullyAuthorized");
    let outcome = stage.state(hosted_with(1, &[new]), &[delegated, host(), new]);
    assert_eq!(outcome, Outcome::Accepted);
    // By itself.
    let mut stage = joined().with(hosted_with(1, &[own()]), &[own(), host()]);
    let outcome = stage.state(hosted_with(1, &[own(), new]), &[own()]);
    assert_eq!(word(&outcome), "NotFullyAuthorized");
    let outcome = stage.state(hosted_with(1, &[own(), new]), &[new]);
    assert_eq!(word(&outcome), "NotAuthorizedByNamespaceKey");
    let outcome = stage.state(hosted_with(1, &[own(), new]), &[own(), new]);
    assert_eq!(outcome, Outcome::Accepted);
}

#[test]
fn a_party_that_drops_its_own_key_cannot_sign_for_itself_any_more() {
    let other = protocol_key(2);
    let mut stage = joined().with(hosted_with(1, &[own(), other]), &[own(), other, host()]);
    let outcome = stage.state(hosted_with(1, &[other]), &[own()]);
    // The key must be among those that the new statement lists.
    assert_eq!(word(&outcome), "NoDelegationFoundForKeys");
}

#[test]
fn a_participant_removes_itself_alone_if_nothing_else_changes() {
    let mut stage = joined().with(hosted_with(1, &[own()]), &[own(), host()]);
    let outcome = stage.state(hosted_by(&[], 1, &[own()]), &[host()]);
    assert_eq!(outcome, Outcome::Accepted);
    let mut stage = joined().with(hosted_with(1, &[own()]), &[own(), host()]);
    let other = protocol_key(2);
    let outcome = stage.state(hosted_by(&[], 1, &[own(), other]), &[host(), other]);
    assert_eq!(word(&outcome), "NotFullyAuthorized");
}

#[test]
fn the_rules_of_onboarding_hold_for_a_party_that_signs_for_itself() {
    let done = hosting(&participant(host()).uid, Submission);
    let before = hosted_by(&[onboarding(done.clone())], 1, &[own()]);
    let after = hosted_by(&[done], 1, &[own()]);
    let mut stage = joined().with(before.clone(), &[own(), host()]);
    let outcome = stage.state(after.clone(), &[own()]);
    assert_eq!(word(&outcome), "NotFullyAuthorized");
    assert_eq!(stage.state(after, &[host()]), Outcome::Accepted);
    let outcome = stage.state(before.clone(), &[host()]);
    assert_eq!(word(&outcome), "NotFullyAuthorized");
    assert_eq!(stage.state(before, &[own()]), Outcome::Accepted);
}

#[test]
fn revoking_an_intermediate_delegation_does_not_stop_a_party_that_signs_for_itself() {
    let middle = delegation(own(), namespace_key(3), ALL);
    let mut stage = joined()
        .with_roots(&[own()])
        .with(middle.clone(), &[own()])
        .without(middle, &[own()]);
    let outcome = stage.state(hosted_with(1, &[own()]), &[own(), host()]);
    assert_eq!(outcome, Outcome::Accepted);
}

#[test]
fn removing_the_root_certificate_stops_a_party_that_signs_for_itself() {
    let mut stage = joined()
        .with_roots(&[own()])
        .without(root_certificate(own()), &[own()]);
    let outcome = stage.state(hosted_with(1, &[own()]), &[own(), host()]);
    assert_eq!(word(&outcome), "NamespaceHasBeenRevoked");
    assert_eq!(code(&outcome), "TOPOLOGY_NAMESPACE_HAS_BEEN_REVOKED");
}

#[test]
fn a_root_certificate_removed_beforehand_blocks_a_party_that_signs_for_itself() {
    let mut stage = joined();
    let removal = sign(transaction(REMOVE, 1, root_certificate(own())), &[own()]);
    assert_eq!(stage.put(removal), Outcome::Accepted);
    let outcome = stage.state(hosted_with(1, &[own()]), &[own(), host()]);
    assert_eq!(word(&outcome), "NamespaceHasBeenRevoked");
}

#[test]
fn a_party_that_exists_does_not_change_after_its_root_was_burnt() {
    let mapping = hosted_with(1, &[own()]);
    let mut stage = joined().with(mapping.clone(), &[own(), host()]);
    let removal = sign(transaction(REMOVE, 1, root_certificate(own())), &[own()]);
    assert_eq!(stage.put(removal), Outcome::Accepted);
    assert!(stage.holds(&mapping));
    let outcome = stage.state(hosted_by(&[], 1, &[own()]), &[own()]);
    assert_eq!(word(&outcome), "NamespaceHasBeenRevoked");
}

#[test]
fn a_party_that_was_revoked_may_be_created_again_if_no_delegation_was() {
    let mapping = hosted_with(1, &[own()]);
    let mut stage = joined()
        .with(mapping.clone(), &[own(), host()])
        .without(mapping.clone(), &[own()]);
    let outcome = stage.state(mapping, &[own(), host()]);
    assert_eq!(outcome, Outcome::Accepted);
}

#[test]
fn the_key_of_a_party_that_signs_for_itself_needs_to_be_for_namespaces() {
    // The same key, announced for the protocol only.
    let ed25519 = SigningKeySpec::EcCurve25519;
    let protocol_only = signing_key(ed25519, 1, &[KeyUsage::Protocol]);
    assert_eq!(protocol_only.fingerprint(), own().fingerprint());
    let mut stage = joined();
    let outcome = stage.state(hosted_with(1, &[protocol_only]), &[protocol_only, host()]);
    assert_eq!(word(&outcome), "SignatureCheckFailed");
    let both = signing_key(ed25519, 1, &[KeyUsage::Namespace, KeyUsage::Protocol]);
    let outcome = stage.state(hosted_with(1, &[both]), &[both, host()]);
    assert_eq!(outcome, Outcome::Accepted);
}

#[test]
fn another_key_of_a_party_needs_no_namespace() {
    let protocol = protocol_key(2);
    let mut stage = joined();
    let mapping = hosted_with(1, &[own(), protocol]);
    let outcome = stage.state(mapping, &[own(), protocol, host()]);
    assert_eq!(outcome, Outcome::Accepted);
}
