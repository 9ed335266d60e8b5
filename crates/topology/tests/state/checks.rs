//! What a synchronizer's store asks of a mapping beyond signatures. Source: reference, topology rules, section 6.

use strongroom_crypto::{EncryptionKeySpec, KeyUsage, SigningKeySpec};
use strongroom_topology::{
    DecentralizedNamespaceDefinition, KeySpecs, Mapping, Member, MemberCode, NamespaceDelegation,
    Outcome,
    ParticipantPermission::{Confirmation, Submission},
    PartyId, Serial, TopologyError,
};

use crate::support::{
    ALL, Key, REMOVE, REPLACE, Stage, code, decentralized, decentralized_as, decentralized_name,
    delegation, hosted, hosting, mediators, member, namespace_key, node_keys, parameters,
    participant, propose, protocol_key, root_certificate, sequencers, sign, signing_key,
    synchronizer_root, transaction, trust, uid, upgrade, vetted, word,
};

fn root() -> Key {
    namespace_key(1)
}

fn node_key() -> Key {
    protocol_key(1)
}

fn rooted() -> Stage {
    Stage::synchronizer().with_roots(&[root(), synchronizer_root()])
}

fn keys() -> Mapping {
    node_keys(&participant(root()), &[node_key()], &[1])
}

/// A synchronizer with one participant.
fn joined() -> Stage {
    rooted()
        .with(keys(), &[root(), node_key()])
        .with(trust(&participant(root()).uid), &[root()])
}

#[track_caller]
fn check(outcome: &Outcome, variant: &str, expected: &str) {
    assert_eq!(word(outcome), variant);
    assert_eq!(code(outcome), expected);
}

#[test]
fn a_removal_without_an_active_transaction_is_rejected() {
    let mut stage = rooted();
    for mapping in [
        delegation(root(), namespace_key(2), ALL),
        keys(),
        trust(&participant(root()).uid),
    ] {
        let removal = sign(transaction(REMOVE, 1, mapping), &[root()]);
        let expected = "TOPOLOGY_NO_CORRESPONDING_ACTIVE_TX_TO_REVOKE";
        check(
            &stage.put(removal),
            "NoCorrespondingActiveTransaction",
            expected,
        );
    }
}

#[test]
fn a_proposal_is_nothing_that_could_be_removed() {
    let mut stage = rooted();
    assert_eq!(stage.suggest(keys(), &[root()]), Outcome::Proposed);
    let removal = sign(transaction(REMOVE, 1, keys()), &[root()]);
    assert_eq!(
        word(&stage.put(removal)),
        "NoCorrespondingActiveTransaction"
    );
}

#[test]
fn a_namespace_can_be_burnt_before_it_is_used() {
    let burnt = namespace_key(5);
    let mut stage = rooted();
    let removal = sign(transaction(REMOVE, 1, root_certificate(burnt)), &[burnt]);
    assert_eq!(stage.put(removal), Outcome::Accepted);
    let outcome = stage.state(root_certificate(burnt), &[burnt]);
    check(
        &outcome,
        "NamespaceHasBeenRevoked",
        "TOPOLOGY_NAMESPACE_HAS_BEEN_REVOKED",
    );
    let package = vetted(&participant(burnt).uid, "package");
    let outcome = stage.state(package, &[burnt]);
    assert_eq!(word(&outcome), "NoDelegationFoundForKeys");
}

#[test]
fn a_local_store_looks_at_no_mapping() {
    for mut stage in [Stage::authorized(), Stage::temporary()] {
        let removal = transaction(REMOVE, 3, root_certificate(root()));
        assert_eq!(stage.put(sign(removal, &[root()])), Outcome::Accepted);
        assert_eq!(
            stage.state(root_certificate(root()), &[root()]),
            Outcome::Accepted
        );
        // A node without encryption keys, a trust without keys.
        let mapping = node_keys(&participant(root()), &[node_key()], &[]);
        let outcome = stage.state(mapping, &[root(), node_key()]);
        assert_eq!(outcome, Outcome::Accepted);
        let stranger = uid("stranger", root().namespace());
        assert_eq!(stage.state(trust(&stranger), &[root()]), Outcome::Accepted);
    }
}

#[test]
fn the_last_serial_is_for_removals() {
    let mut stage = rooted();
    let before_last = Serial::MAX.get() - 1;
    let package = vetted(&participant(root()).uid, "package");
    let first = sign(
        transaction(REPLACE, before_last, package.clone()),
        &[root()],
    );
    assert_eq!(stage.put(first), Outcome::Accepted);
    let other = vetted(&participant(root()).uid, "other");
    let last = sign(transaction(REPLACE, Serial::MAX.get(), other), &[root()]);
    check(
        &stage.put(last),
        "InvalidMapping",
        "TOPOLOGY_INVALID_MAPPING",
    );
    let last = sign(transaction(REMOVE, Serial::MAX.get(), package), &[root()]);
    assert_eq!(stage.put(last), Outcome::Accepted);
}

#[test]
fn after_the_last_serial_nothing_follows() {
    let mut stage = Stage::authorized().with_roots(&[root()]);
    let package = vetted(&participant(root()).uid, "package");
    let last = transaction(REPLACE, Serial::MAX.get(), package);
    assert_eq!(stage.put(sign(last, &[root()])), Outcome::Accepted);
    let other = vetted(&participant(root()).uid, "other");
    let outcome = stage.put(sign(transaction(REPLACE, 1, other), &[root()]));
    check(&outcome, "MaxSerialReached", "TOPOLOGY_MANAGER_ALARM");
}

#[test]
fn a_removal_that_changes_the_mapping_is_rejected() {
    let mut stage = rooted().with(keys(), &[root(), node_key()]);
    let other = node_keys(&participant(root()), &[node_key()], &[1, 2]);
    let outcome = stage.take_back(other, &[root()]);
    check(
        &outcome,
        "RemoveMustNotChangeMapping",
        "TOPOLOGY_REMOVE_MUST_NOT_CHANGE_MAPPING",
    );
    assert_eq!(stage.take_back(keys(), &[root()]), Outcome::Accepted);
}

#[test]
fn a_trust_certificate_is_taken_back_whatever_features_it_announces() {
    let mut stage = joined();
    let mut mapping = trust(&participant(root()).uid);
    let Mapping::SynchronizerTrustCertificate(it) = &mut mapping else {
        panic!("not a trust certificate");
    };
    it.feature_flags.push(2);
    assert_eq!(stage.take_back(mapping, &[root()]), Outcome::Accepted);
}

#[test]
fn a_removal_may_follow_a_removal() {
    let mapping = delegation(root(), namespace_key(2), ALL);
    let mut stage = rooted()
        .with(mapping.clone(), &[root()])
        .without(mapping.clone(), &[root()]);
    let again = sign(transaction(REMOVE, 3, mapping), &[root()]);
    assert_eq!(stage.put(again), Outcome::Accepted);
}

#[test]
fn an_announced_upgrade_freezes_everything_but_itself() {
    let mut stage = joined().with(upgrade(1), &[synchronizer_root()]);
    let package = || vetted(&participant(root()).uid, "package");
    let outcome = stage.state(package(), &[root()]);
    check(&outcome, "Frozen", "TOPOLOGY_LSU_TOPOLOGY_FREEZE");
    let mut stage = stage
        .with(upgrade(2), &[synchronizer_root()])
        .without(upgrade(2), &[synchronizer_root()]);
    assert_eq!(stage.state(package(), &[root()]), Outcome::Accepted);
}

#[test]
fn a_delegation_in_a_decentralized_namespace_is_rejected() {
    let name = decentralized_name(&[root()]);
    let mut stage = rooted().with(decentralized(1, &[root()]), &[root()]);
    let it = NamespaceDelegation::try_new(name, namespace_key(2).public.clone(), ALL);
    let mapping = Mapping::NamespaceDelegation(it.unwrap());
    let outcome = stage.state(mapping, &[root()]);
    check(
        &outcome,
        "NamespaceAlreadyInUse",
        "TOPOLOGY_NAMESPACE_ALREADY_IN_USE",
    );
}

#[test]
fn a_delegation_that_was_revoked_does_not_come_back() {
    let middle = delegation(root(), namespace_key(2), ALL);
    for mapping in [middle.clone(), root_certificate(root())] {
        let mut stage = rooted()
            .with(middle.clone(), &[root()])
            .without(mapping.clone(), &[root()]);
        let outcome = stage.state(mapping.clone(), &[root()]);
        check(
            &outcome,
            "NamespaceHasBeenRevoked",
            "TOPOLOGY_NAMESPACE_HAS_BEEN_REVOKED",
        );
        // Except in a genesis, which has to take what there was.
        stage.rules = Stage::genesis().rules;
        assert_eq!(stage.state(mapping, &[root()]), Outcome::Accepted);
    }
}

#[test]
fn a_decentralized_namespace_is_called_after_its_first_owners() {
    let [one, two] = [1, 2].map(namespace_key);
    let mut stage = rooted().with_roots(&[two]);
    let name = decentralized_name(&[one]);
    let outcome = stage.state(decentralized_as(&name, 1, &[one, two]), &[one, two]);
    check(&outcome, "InvalidMapping", "TOPOLOGY_INVALID_MAPPING");
    let mut stage = stage.with(decentralized_as(&name, 1, &[one]), &[one]);
    // Later ones keep the name.
    let outcome = stage.state(decentralized_as(&name, 1, &[one, two]), &[one, two]);
    assert_eq!(outcome, Outcome::Accepted);
}

#[test]
fn a_decentralized_namespace_must_not_have_delegations() {
    let owner = namespace_key(2);
    let mut stage = rooted().with_roots(&[owner]);
    let name = root().namespace();
    // No owners hash to the name of a namespace with a key, so the clash shows behind a first definition only.
    let mut local = Stage::authorized()
        .with_roots(&[root(), owner])
        .with(decentralized_as(&name, 1, &[owner]), &[owner]);
    local.rules = stage.rules;
    let outcome = local.state(
        decentralized_as(&name, 1, &[owner, root()]),
        &[owner, root()],
    );
    check(
        &outcome,
        "NamespaceAlreadyInUse",
        "TOPOLOGY_NAMESPACE_ALREADY_IN_USE",
    );
    let outcome = stage.state(decentralized_as(&name, 1, &[owner]), &[owner]);
    assert_eq!(word(&outcome), "InvalidMapping");
}

#[test]
fn every_owner_of_a_decentralized_namespace_needs_a_root_certificate() {
    let (owner, rootless) = (namespace_key(2), namespace_key(3));
    let mut stage = rooted().with_roots(&[owner]);
    let mapping = decentralized(1, &[owner, rootless]);
    let outcome = stage.state(mapping.clone(), &[owner, rootless]);
    check(&outcome, "InvalidMapping", "TOPOLOGY_INVALID_MAPPING");
    let Outcome::Rejected(rejection) = outcome else {
        panic!("accepted");
    };
    let expected = format!("No root certificate found for {}", rootless.namespace());
    assert!(rejection.to_string().ends_with(&expected), "{rejection}");
    let mut stage = stage.with_roots(&[rootless]);
    assert_eq!(stage.state(mapping, &[owner, rootless]), Outcome::Accepted);
}

#[test]
fn a_decentralized_namespace_owns_no_other() {
    let inner = decentralized(1, &[root()]);
    let mut stage = rooted().with(inner, &[root()]);
    let owners = [decentralized_name(&[root()])].into();
    let name = DecentralizedNamespaceDefinition::derive_namespace(&owners);
    let outer = DecentralizedNamespaceDefinition::try_new(name, 1, owners).unwrap();
    let mapping = Mapping::DecentralizedNamespaceDefinition(outer);
    let outcome = stage.state(mapping, &[root()]);
    assert_eq!(word(&outcome), "InvalidMapping");
}

#[test]
fn a_node_that_took_its_keys_back_announces_none_again() {
    let mut stage = rooted()
        .with(keys(), &[root(), node_key()])
        .without(keys(), &[root()]);
    let outcome = stage.state(keys(), &[root(), node_key()]);
    check(
        &outcome,
        "MemberCannotRejoin",
        "TOPOLOGY_MEMBER_CANNOT_REJOIN_SYNCHRONIZER",
    );
}

/// A node of this kind announces keys, and what comes of it.
#[track_caller]
fn check_announces(kind: MemberCode, signing: &[Key], encryption: &[u64], expected: &str) {
    let taken = KeySpecs::of(
        |spec| spec == SigningKeySpec::EcCurve25519,
        |spec| spec == EncryptionKeySpec::EcP256,
    );
    let mut stage = rooted();
    let mapping = node_keys(&member(kind, "node", root()), signing, encryption);
    let signers = [&[root()], signing].concat();
    stage.rules = stage.rules.with_specs(taken);
    let outcome = stage.state(mapping, &signers);
    assert_eq!(word(&outcome), expected, "{kind}");
    if expected != "accepted" {
        assert_eq!(code(&outcome), "TOPOLOGY_INVALID_OWNER_TO_KEY_MAPPING");
    }
}

#[test]
fn a_participant_needs_a_signing_and_an_encryption_key() {
    let kind = MemberCode::Participant;
    check_announces(kind, &[node_key()], &[1], "accepted");
    check_announces(kind, &[node_key()], &[], "InvalidOwnerToKeyMapping");
    check_announces(kind, &[], &[1], "InvalidOwnerToKeyMapping");
}

#[test]
fn a_mediator_or_a_sequencer_needs_a_signing_key_only() {
    for kind in [MemberCode::Mediator, MemberCode::Sequencer] {
        check_announces(kind, &[node_key()], &[], "accepted");
        check_announces(kind, &[node_key()], &[1], "accepted");
        check_announces(kind, &[], &[1], "InvalidOwnerToKeyMapping");
    }
}

#[test]
fn keys_of_specs_that_are_not_taken_do_not_count() {
    let p256 = signing_key(SigningKeySpec::EcP256, 1, &[KeyUsage::Protocol]);
    let kind = MemberCode::Mediator;
    check_announces(kind, &[p256], &[], "InvalidOwnerToKeyMapping");
}

#[test]
fn an_encryption_key_of_a_spec_that_is_not_taken_does_not_count() {
    let rsa = KeySpecs::of(|_| true, |spec| spec == EncryptionKeySpec::Rsa2048);
    let mut stage = rooted();
    stage.rules = stage.rules.with_specs(rsa);
    let outcome = stage.state(keys(), &[root(), node_key()]);
    assert_eq!(word(&outcome), "InvalidOwnerToKeyMapping");
}

#[test]
fn a_node_in_use_does_not_take_its_keys_back() {
    let participant = participant(root());
    let mediator = member(MemberCode::Mediator, "mediator", root());
    let sequencer = member(MemberCode::Sequencer, "sequencer", root());
    let nodes = [
        (participant.clone(), trust(&participant.uid)),
        (mediator.clone(), mediators(0, &[&mediator])),
        (sequencer.clone(), sequencers(&[&sequencer])),
    ];
    for (node, reference) in nodes {
        let announced = node_keys(&node, &[node_key()], &[1]);
        let signers = [root(), synchronizer_root()];
        let mut stage = rooted()
            .with(announced.clone(), &[root(), node_key()])
            .with(reference.clone(), &signers);
        let outcome = stage.take_back(announced.clone(), &[root()]);
        check(
            &outcome,
            "InvalidRemovalOfOwnerToKeyMapping",
            "TOPOLOGY_INVALID_REMOVAL_OF_OWNER_TO_KEY_MAPPING",
        );
        let mut stage = stage.without(reference, &signers);
        assert_eq!(stage.take_back(announced, &[root()]), Outcome::Accepted);
    }
}

#[test]
fn a_participant_that_trusts_a_synchronizer_needs_keys() {
    let mut stage = rooted();
    let trust = trust(&participant(root()).uid);
    let outcome = stage.state(trust.clone(), &[root()]);
    check(&outcome, "InsufficientKeys", "TOPOLOGY_INSUFFICIENT_KEYS");
    // Keys of another kind of node with the same name are not the participant's.
    let mediator = member(MemberCode::Mediator, "participant", root());
    let mut other = stage.clone().with(
        node_keys(&mediator, &[node_key()], &[1]),
        &[root(), node_key()],
    );
    let outcome = other.state(trust.clone(), &[root()]);
    assert_eq!(word(&outcome), "InsufficientKeys");
    let mut stage = stage.with(keys(), &[root(), node_key()]);
    assert_eq!(stage.state(trust, &[root()]), Outcome::Accepted);
}

#[test]
fn a_participant_that_left_does_not_join_again() {
    let trust = trust(&participant(root()).uid);
    let mut stage = joined().without(trust.clone(), &[root()]);
    let outcome = stage.state(trust, &[root()]);
    check(
        &outcome,
        "MemberHasLeft",
        "TOPOLOGY_MEMBER_CANNOT_REJOIN_SYNCHRONIZER",
    );
}

fn mediator(number: u64) -> Member {
    member(MemberCode::Mediator, &format!("mediator{number}"), root())
}

#[test]
fn new_mediators_and_sequencers_need_keys() {
    let sequencer = member(MemberCode::Sequencer, "sequencer", root());
    let nodes = [
        (mediator(1), mediators(0, &[&mediator(1)])),
        (sequencer.clone(), sequencers(&[&sequencer])),
    ];
    for (node, state) in nodes {
        let mut stage = rooted();
        let outcome = stage.state(state.clone(), &[synchronizer_root()]);
        check(&outcome, "InsufficientKeys", "TOPOLOGY_INSUFFICIENT_KEYS");
        let mut relaxed = Stage {
            rules: Stage::genesis().rules,
            ..stage.clone()
        };
        let outcome = relaxed.state(state.clone(), &[synchronizer_root()]);
        assert_eq!(outcome, Outcome::Accepted);
        let announced = node_keys(&node, &[node_key()], &[]);
        let mut stage = stage.with(announced, &[root(), node_key()]);
        let outcome = stage.state(state, &[synchronizer_root()]);
        assert_eq!(outcome, Outcome::Accepted);
    }
}

#[test]
fn a_mediator_or_a_sequencer_that_left_cannot_be_added_again_by_a_manager() {
    let sequencer = |number| {
        let name = format!("sequencer{number}");
        member(MemberCode::Sequencer, &name, root())
    };
    let [m1, m2] = [1, 2].map(mediator);
    let [s1, s2] = [1, 2].map(sequencer);
    let states = [
        (mediators(0, &[&m1, &m2]), mediators(0, &[&m1])),
        (sequencers(&[&s1, &s2]), sequencers(&[&s1])),
    ];
    let mut stage = rooted();
    for node in [&m1, &m2, &s1, &s2] {
        let announced = node_keys(node, &[node_key()], &[]);
        stage = stage.with(announced, &[root(), node_key()]);
    }
    for (both, one) in states {
        let stage = stage
            .clone()
            .with(both.clone(), &[synchronizer_root()])
            .with(one, &[synchronizer_root()]);
        let again = sign(stage.next(REPLACE, both.clone()), &[synchronizer_root()]);
        let error = stage
            .store
            .preview(vec![again.clone()], &stage.rules)
            .unwrap_err();
        let TopologyError::Rejected(rejection) = error else {
            panic!("{error}");
        };
        check(
            &Outcome::Rejected(rejection),
            "MemberHasLeft",
            "TOPOLOGY_MEMBER_CANNOT_REJOIN_SYNCHRONIZER",
        );
        // What the synchronizer has sequenced is not the manager's to stop.
        let mut stage = stage;
        assert_eq!(stage.put(again), Outcome::Accepted);
    }
}

fn party() -> PartyId {
    uid("party", root().namespace())
}

#[test]
fn a_participant_that_hosts_a_party_must_have_joined_with_keys() {
    let mapping = hosted(
        &party(),
        1,
        &[hosting(&participant(root()).uid, Confirmation)],
        None,
    );
    let mut stage = rooted().with(keys(), &[root(), node_key()]);
    let outcome = stage.state(mapping.clone(), &[root()]);
    check(&outcome, "UnknownMembers", "TOPOLOGY_UNKNOWN_MEMBERS");
    let mut stage = joined();
    assert_eq!(stage.state(mapping, &[root()]), Outcome::Accepted);
}

#[test]
fn a_participant_without_keys_hosts_no_party() {
    // Joined, and its keys gone: only in a store that did not look when it happened.
    let mut stage = joined();
    stage.rules = Stage::authorized().rules;
    let mut stage = stage.without(keys(), &[root()]);
    stage.rules = Stage::synchronizer().rules;
    let participants = [hosting(&participant(root()).uid, Confirmation)];
    let outcome = stage.state(hosted(&party(), 1, &participants, None), &[root()]);
    check(&outcome, "InsufficientKeys", "TOPOLOGY_INSUFFICIENT_KEYS");
}

#[test]
fn a_party_whose_participant_left_can_still_be_changed() {
    let other_root = namespace_key(2);
    let other = participant(other_root);
    let other_keys = node_keys(&other, &[protocol_key(2)], &[2]);
    let both = [&participant(root()), &other].map(|it| hosting(&it.uid, Confirmation));
    let mut stage = joined()
        .with_roots(&[other_root])
        .with(other_keys, &[other_root, protocol_key(2)])
        .with(trust(&other.uid), &[other_root])
        .with(hosted(&party(), 1, &both, None), &[root(), other_root])
        .without(trust(&other.uid), &[other_root]);
    let outcome = stage.state(hosted(&party(), 2, &both, None), &[root()]);
    assert_eq!(outcome, Outcome::Accepted);
}

#[test]
fn the_party_with_the_name_of_a_participant_is_its_own() {
    let participant = participant(root()).uid;
    let mut stage = joined();
    let as_own = |permission| {
        let participants = [hosting(&participant, permission)];
        hosted(&participant, 1, &participants, None)
    };
    for other in [as_own(Confirmation), hosted(&participant, 1, &[], None)] {
        let outcome = stage.state(other, &[root()]);
        check(
            &outcome,
            "PartyIdConflictWithAdminParty",
            "TOPOLOGY_PARTY_ID_CONFLICT_WITH_ADMIN_PARTY",
        );
    }
    let outcome = stage.state(as_own(Submission), &[root()]);
    assert_eq!(outcome, Outcome::Accepted);
}

#[test]
fn a_participant_does_not_join_under_the_name_of_a_party() {
    let participant = participant(root()).uid;
    let mut stage = rooted()
        .with(keys(), &[root(), node_key()])
        .with(hosted(&participant, 1, &[], None), &[root()]);
    let outcome = stage.state(trust(&participant), &[root()]);
    check(
        &outcome,
        "ParticipantIdConflictWithParty",
        "TOPOLOGY_PARTICIPANT_ID_CONFLICT_WITH_PARTY",
    );
}

#[test]
fn parameters_of_a_synchronizer_are_replaced_and_not_removed() {
    let root = synchronizer_root();
    let mut stage = rooted().with(parameters(b"1"), &[root]);
    let outcome = stage.take_back(parameters(b"1"), &[root]);
    check(
        &outcome,
        "CannotRemoveMapping",
        "TOPOLOGY_CANNOT_REMOVE_MAPPING",
    );
    assert_eq!(stage.state(parameters(b"2"), &[root]), Outcome::Accepted);
}

#[test]
fn proposals_are_checked_like_everything_else() {
    let mut stage = rooted();
    let mapping = node_keys(&participant(root()), &[node_key()], &[]);
    let proposal = propose(transaction(REPLACE, 1, mapping), &[root()]);
    assert_eq!(word(&stage.put(proposal)), "InvalidOwnerToKeyMapping");
}

#[test]
fn a_store_keeps_at_least_one_key_of_each_purpose_on_a_synchronizer_only() {
    let without_encryption = node_keys(&participant(root()), &[node_key()], &[]);
    let mut synchronizer = rooted().with(keys(), &[root(), node_key()]);
    let outcome = synchronizer.state(without_encryption.clone(), &[root()]);
    assert_eq!(word(&outcome), "InvalidOwnerToKeyMapping");
    let mut authorized = Stage::authorized()
        .with_roots(&[root()])
        .with(keys(), &[root(), node_key()]);
    let outcome = authorized.state(without_encryption, &[root()]);
    assert_eq!(outcome, Outcome::Accepted);
}
