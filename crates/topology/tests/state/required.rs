//! Whose signatures each kind of mapping needs. Source: reference, topology rules, section 4.

use strongroom_topology::{
    LsuSequencerConnectionSuccessor, Mapping, MediatorSynchronizerState, Outcome,
    ParticipantPermission, ParticipantSynchronizerPermission, PartyHostingLimits,
    SequencerSynchronizerState, SynchronizerParameters,
};

use crate::support::{
    ALL, Key, REMOVE, REPLACE, Stage, decentralized, decentralized_as, decentralized_name,
    delegation, namespace_key, node_keys, parameters, participant, party_keys, physical,
    protocol_key, sign, synchronizer, synchronizer_root, transaction, trust, uid, upgrade, vetted,
    word,
};

/// The root keys of a participant, a party and a sequencer.
const OWNERS: [u64; 3] = [1, 2, 3];

fn owner(number: u64) -> Key {
    namespace_key(number)
}

fn stage(stage: Stage) -> Stage {
    stage
        .with_roots(&OWNERS.map(owner))
        .with_roots(&[synchronizer_root()])
}

/// The mapping is accepted with the signature of `owner`, and not with those of all others together.
#[track_caller]
fn check(mapping: &Mapping, owner: Key) {
    let all = [owner_keys(), vec![synchronizer_root()]].concat();
    let others: Vec<Key> = all
        .into_iter()
        .filter(|key| key.fingerprint() != owner.fingerprint())
        .collect();
    let mut stage = stage(Stage::authorized());
    let code = mapping.code();
    let outcome = stage.state(mapping.clone(), &others);
    assert_eq!(word(&outcome), "NoDelegationFoundForKeys", "{code}");
    let outcome = stage.state(mapping.clone(), &[owner]);
    assert_eq!(outcome, Outcome::Accepted, "{code}");
    let outcome = stage.take_back(mapping.clone(), &others);
    assert_eq!(word(&outcome), "NoDelegationFoundForKeys", "{code}");
    let outcome = stage.take_back(mapping.clone(), &[owner]);
    assert_eq!(outcome, Outcome::Accepted, "{code}");
}

fn owner_keys() -> Vec<Key> {
    OWNERS.map(owner).to_vec()
}

#[test]
fn what_a_participant_states_needs_the_namespace_of_the_participant() {
    let participant = participant(owner(1)).uid;
    check(&trust(&participant), owner(1));
    check(&vetted(&participant, "package"), owner(1));
}

#[test]
fn what_a_synchronizer_states_needs_the_namespace_of_the_synchronizer() {
    let participant = participant(owner(1)).uid;
    let root = synchronizer_root();
    check(&parameters(b"parameters"), root);
    check(
        &Mapping::DynamicSequencingParametersState(SynchronizerParameters {
            synchronizer: synchronizer(),
            parameters: None,
        }),
        root,
    );
    check(
        &Mapping::ParticipantSynchronizerPermission(ParticipantSynchronizerPermission {
            synchronizer: synchronizer(),
            participant: participant.clone(),
            permission: ParticipantPermission::Submission,
            limits: None,
            login_after: None,
        }),
        root,
    );
    check(
        &Mapping::PartyHostingLimits(PartyHostingLimits {
            synchronizer: synchronizer(),
            party: uid("party", owner(2).namespace()),
        }),
        root,
    );
    check(
        &Mapping::MediatorSynchronizerState(MediatorSynchronizerState {
            synchronizer: synchronizer(),
            group: 0,
            threshold: 1,
            active: vec![participant.clone()],
            observers: Vec::new(),
        }),
        root,
    );
    check(
        &Mapping::SequencerSynchronizerState(SequencerSynchronizerState {
            synchronizer: synchronizer(),
            threshold: 1,
            active: vec![participant],
            observers: Vec::new(),
        }),
        root,
    );
}

#[test]
fn an_upgrade_needs_the_namespace_of_the_successor() {
    check(&upgrade(1), synchronizer_root());
}

#[test]
fn where_a_sequencer_is_reached_needs_the_namespace_of_the_sequencer() {
    let successor = Mapping::LsuSequencerConnectionSuccessor(LsuSequencerConnectionSuccessor {
        sequencer: uid("sequencer", owner(3).namespace()),
        successor: physical(1),
        connection: None,
    });
    check(&successor, owner(3));
}

#[test]
fn a_delegation_needs_its_namespace() {
    check(&delegation(owner(1), namespace_key(7), ALL), owner(1));
}

#[test]
fn a_first_decentralized_namespace_needs_every_owner() {
    let owners: Vec<Key> = OWNERS.map(owner).to_vec();
    for threshold in [1, 3] {
        let definition = decentralized(threshold, &owners);
        let mut stage = stage(Stage::synchronizer());
        let outcome = stage.state(definition.clone(), &owners[1..]);
        assert_eq!(word(&outcome), "NotFullyAuthorized");
        assert_eq!(stage.state(definition, &owners), Outcome::Accepted);
    }
}

#[test]
fn an_added_owner_signs_beside_as_many_owners_as_the_definition_of_today_asks_for() {
    let owners: Vec<Key> = OWNERS.map(owner).to_vec();
    let name = decentralized_name(&owners[..2]);
    let mut stage = stage(Stage::synchronizer()).with(decentralized(2, &owners[..2]), &owners[..2]);
    // The threshold of the new definition does not count yet.
    let easier = decentralized_as(&name, 1, &owners);
    let outcome = stage.state(easier.clone(), &[owners[0], owners[2]]);
    assert_eq!(word(&outcome), "NotFullyAuthorized");
    assert_eq!(stage.state(easier, &owners), Outcome::Accepted);
}

#[test]
fn a_removed_owner_need_not_sign() {
    let owners: Vec<Key> = OWNERS.map(owner).to_vec();
    let name = decentralized_name(&owners);
    let mut stage = stage(Stage::synchronizer()).with(decentralized(2, &owners), &owners);
    let fewer = decentralized_as(&name, 2, &owners[..2]);
    assert_eq!(stage.state(fewer, &owners[..2]), Outcome::Accepted);
}

#[test]
fn encryption_keys_never_sign() {
    let key = protocol_key(1);
    let member = participant(owner(1));
    let mut stage =
        stage(Stage::authorized()).with(node_keys(&member, &[key], &[1]), &[owner(1), key]);
    let more = node_keys(&member, &[key], &[1, 2]);
    assert_eq!(stage.state(more, &[owner(1)]), Outcome::Accepted);
}

#[test]
fn after_a_removal_all_keys_are_new() {
    let key = protocol_key(1);
    let member = participant(owner(1));
    let party = uid("party", owner(1).namespace());
    for mapping in [
        node_keys(&member, &[key], &[1]),
        party_keys(&party, 1, &[key]),
    ] {
        let mut stage = stage(Stage::authorized())
            .with(mapping.clone(), &[owner(1), key])
            .without(mapping.clone(), &[owner(1)]);
        let outcome = stage.state(mapping.clone(), &[owner(1)]);
        assert_eq!(word(&outcome), "NotFullyAuthorized");
        assert_eq!(stage.state(mapping, &[owner(1), key]), Outcome::Accepted);
    }
}

#[test]
fn a_key_that_was_announced_before_and_taken_out_is_new_again() {
    let [kept, other] = [1, 2].map(protocol_key);
    let member = participant(owner(1));
    let both = || node_keys(&member, &[kept, other], &[1]);
    let mut stage = stage(Stage::synchronizer())
        .with(both(), &[owner(1), kept, other])
        .with(node_keys(&member, &[kept], &[1]), &[owner(1)]);
    let outcome = stage.state(both(), &[owner(1)]);
    assert_eq!(word(&outcome), "NotFullyAuthorized");
    assert_eq!(stage.state(both(), &[owner(1), other]), Outcome::Accepted);
}

#[test]
fn the_owner_of_a_synchronizer_removes_a_mapping_of_a_foreign_namespace_there_only() {
    let key = protocol_key(1);
    let mapping = party_keys(&uid("party", owner(1).namespace()), 1, &[key]);
    let root = synchronizer_root();
    let prepared = |stage_: Stage| stage(stage_).with(mapping.clone(), &[owner(1), key]);
    for stage in [Stage::authorized(), Stage::temporary()] {
        let outcome = prepared(stage).take_back(mapping.clone(), &[root]);
        assert_eq!(word(&outcome), "NoDelegationFoundForKeys");
    }
    let mut stage = prepared(Stage::synchronizer());
    // To change it is not to remove it.
    let changed = party_keys(&uid("party", owner(1).namespace()), 2, &[key]);
    let outcome = stage.state(changed, &[root]);
    assert_eq!(word(&outcome), "NoDelegationFoundForKeys");
    let outcome = stage.take_back(mapping.clone(), &[owner(2)]);
    assert_eq!(word(&outcome), "NoDelegationFoundForKeys");
    assert_eq!(stage.take_back(mapping, &[root]), Outcome::Accepted);
}

#[test]
fn the_owner_of_a_synchronizer_removes_a_delegation_there_but_grants_none() {
    let mapping = delegation(owner(1), namespace_key(7), ALL);
    let mut stage = stage(Stage::synchronizer()).with(mapping.clone(), &[owner(1)]);
    let granted = delegation(owner(1), namespace_key(8), ALL);
    let outcome = stage.state(granted, &[synchronizer_root()]);
    assert_eq!(word(&outcome), "NoDelegationFoundForKeys");
    let outcome = stage.take_back(mapping, &[synchronizer_root()]);
    assert_eq!(outcome, Outcome::Accepted);
}

#[test]
fn removing_what_was_never_there_proves_no_keys() {
    let key = protocol_key(1);
    let mapping = node_keys(&participant(owner(1)), &[key], &[1]);
    let mut stage = stage(Stage::authorized());
    let removal = sign(transaction(REMOVE, 1, mapping.clone()), &[owner(1), key]);
    assert_eq!(word(&stage.put(removal)), "NotFullyAuthorized");
    let first = sign(transaction(REPLACE, 1, mapping), &[owner(1), key]);
    assert_eq!(stage.put(first), Outcome::Accepted);
}
