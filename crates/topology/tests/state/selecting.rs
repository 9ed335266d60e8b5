//! Which keys sign. Source: reference, topology rules, section 3.

use strongroom_crypto::{Fingerprint, KeyUsage, KeyUsages};
use strongroom_errors::Coded;
use strongroom_topology::{
    At, ForceFlag, ForceFlags, Mapping, MappingCode, Operation, Outcome,
    ParticipantPermission::Confirmation, Rejection, SelectedKey, TopologyError, signing_keys,
};

use crate::support::{
    ALL, Key, NO_DELEGATIONS, REMOVE, REPLACE, Stage, decentralized, decentralized_as,
    decentralized_name, delegation, fingerprints, hosted, hosting, keys_with_threshold,
    namespace_key, node_keys, only, participant, party_keys, protocol_key, root_certificate, sign,
    sorted, sorted_namespace_keys, synchronizer_root, transaction, uid, vetted, word,
};

fn root() -> Key {
    namespace_key(1)
}

fn package() -> Mapping {
    vetted(&participant(root()).uid, "package")
}

fn no_force() -> ForceFlags {
    ForceFlags::default()
}

fn forced() -> ForceFlags {
    ForceFlags::of([ForceFlag::AllowUnvalidatedSigningKeys])
}

fn select_for(
    stage: &Stage,
    operation: Operation,
    mapping: Mapping,
    requested: &[Key],
    held: &[Key],
    force: ForceFlags,
) -> Result<Vec<SelectedKey>, TopologyError> {
    let transaction = stage.next(operation, mapping);
    let requested: Vec<Fingerprint> = requested.iter().map(|key| key.fingerprint()).collect();
    let holds = |key: &Fingerprint| held.iter().any(|it| it.fingerprint() == *key);
    signing_keys(&stage.store, &transaction, &requested, &holds, force)
}

/// Who signs `mapping` where these keys are held.
#[track_caller]
fn check(stage: &Stage, mapping: Mapping, held: &[Key], expected: &[Key]) {
    let selected = select_for(stage, REPLACE, mapping, &[], held, no_force()).unwrap();
    let selected = selected.iter().map(|key| key.fingerprint);
    assert_eq!(sorted(selected), fingerprints(expected));
}

#[track_caller]
fn check_refused(result: Result<Vec<SelectedKey>, TopologyError>, expected_unusable: &[Key]) {
    let error = result.unwrap_err();
    let expected = "TOPOLOGY_NO_APPROPRIATE_SIGNING_KEY_IN_STORE";
    assert_eq!(error.code().name(), expected);
    let TopologyError::NoAppropriateSigningKey { unusable, .. } = error else {
        panic!("{error}");
    };
    assert_eq!(Vec::from_iter(unusable), fingerprints(expected_unusable));
}

/// root, and a chain of two keys below it.
fn chain() -> (Stage, [Key; 3]) {
    let keys = [1, 2, 3].map(namespace_key);
    let stage = Stage::authorized()
        .with_roots(&[root()])
        .with(delegation(root(), keys[1], ALL), &[root()])
        .with(delegation(root(), keys[2], ALL), &[keys[1]]);
    (stage, keys)
}

#[test]
fn the_key_farthest_from_the_root_signs() {
    let (stage, keys) = chain();
    check(&stage, package(), &keys, &keys[2..]);
}

#[test]
fn where_it_is_not_here_the_next_one_signs() {
    let (stage, keys) = chain();
    check(&stage, package(), &keys[..2], &keys[1..2]);
    check(&stage, package(), &keys[..1], &keys[..1]);
}

#[test]
fn of_keys_at_the_same_distance_the_one_with_the_highest_fingerprint_signs() {
    let [low, middle, high] = sorted_namespace_keys(20);
    let mut stage = Stage::authorized().with_roots(&[root()]);
    for key in [high, low, middle] {
        stage = stage.with(delegation(root(), key, ALL), &[root()]);
    }
    check(&stage, package(), &[root(), low, middle, high], &[high]);
    check(&stage, package(), &[root(), low, middle], &[middle]);
}

#[test]
fn a_key_that_may_not_sign_the_mapping_is_passed_over() {
    let (stage, keys) = chain();
    let restricted = namespace_key(4);
    let restriction = only(&[MappingCode::OwnerToKeyMapping]);
    let stage = stage.with(delegation(root(), restricted, restriction), &[keys[2]]);
    let held = [&keys[..], &[restricted]].concat();
    check(&stage, package(), &held, &keys[2..]);
    let node = node_keys(&participant(root()), &[protocol_key(1)], &[1]);
    check(&stage, node, &held, &[restricted]);
}

#[test]
fn in_a_decentralized_namespace_one_key_per_owner_signs() {
    let owners = [1, 2, 3].map(namespace_key);
    let below = namespace_key(11);
    let stage = Stage::authorized()
        .with_roots(&owners)
        .with(decentralized(2, &owners), &owners)
        .with(delegation(owners[0], below, ALL), &[owners[0]]);
    let mapping = vetted(&uid("participant", decentralized_name(&owners)), "package");
    let held = [&owners[..2], &[below]].concat();
    check(&stage, mapping.clone(), &held, &[below, owners[1]]);
    check(&stage, mapping, &owners, &owners);
}

#[test]
fn added_owners_of_a_decentralized_namespace_sign_as_well() {
    let owners = [1, 2, 3].map(namespace_key);
    let name = decentralized_name(&owners[..2]);
    let stage = Stage::authorized()
        .with_roots(&owners)
        .with(decentralized(2, &owners[..2]), &owners[..2]);
    let more = decentralized_as(&name, 2, &owners);
    check(&stage, more, &owners, &owners);
}

#[test]
fn a_key_is_not_chosen_for_its_own_delegation_nor_a_child_for_its_parents() {
    let (stage, keys) = chain();
    let own = delegation(root(), keys[1], NO_DELEGATIONS);
    check(&stage, own, &keys, &keys[..1]);
    let own = delegation(root(), keys[2], NO_DELEGATIONS);
    check(&stage, own, &keys, &keys[1..2]);
}

#[test]
fn the_farthest_key_of_another_branch_may_be_chosen() {
    let (stage, keys) = chain();
    let [first, second, third] = [5, 6, 7].map(namespace_key);
    let stage = stage
        .with(delegation(root(), first, ALL), &[root()])
        .with(delegation(root(), second, ALL), &[first])
        .with(delegation(root(), third, ALL), &[second]);
    let own = delegation(root(), keys[1], NO_DELEGATIONS);
    let held = [&keys[..], &[first, second, third]].concat();
    check(&stage, own, &held, &[third]);
}

#[test]
fn with_a_broken_chain_the_root_key_signs() {
    let (stage, keys) = chain();
    let stage = stage.without(delegation(root(), keys[1], ALL), &[root()]);
    check(&stage, package(), &keys, &keys[..1]);
    let graph = stage
        .store
        .authorization_graph(&root().namespace(), At::Head);
    assert_eq!(Vec::from_iter(graph.dangling()), fingerprints(&keys[2..]));
}

#[test]
fn only_the_root_key_signs_a_change_of_its_certificate() {
    let (stage, keys) = chain();
    let selected = select_for(
        &stage,
        REMOVE,
        root_certificate(root()),
        &[],
        &keys,
        no_force(),
    );
    let selected = selected.unwrap().into_iter().map(|key| key.fingerprint);
    assert_eq!(sorted(selected), fingerprints(&keys[..1]));
}

#[test]
fn a_root_key_signs_its_first_certificate() {
    let stage = Stage::authorized();
    check(&stage, root_certificate(root()), &[root()], &[root()]);
    let elsewhere = select_for(
        &stage,
        REPLACE,
        root_certificate(root()),
        &[],
        &[namespace_key(2)],
        no_force(),
    );
    check_refused(elsewhere, &[]);
}

#[test]
fn new_keys_that_are_here_sign_for_themselves() {
    let (stage, keys) = chain();
    let [here, elsewhere] = [1, 2].map(protocol_key);
    let mapping = node_keys(&participant(root()), &[here, elsewhere], &[1]);
    let held = [&keys[..], &[here]].concat();
    check(&stage, mapping.clone(), &held, &[keys[2], here]);
    let stage = stage.with(mapping, &[root(), here, elsewhere]);
    // Afterwards only another new one does.
    let another = protocol_key(3);
    let mapping = node_keys(&participant(root()), &[here, elsewhere, another], &[1]);
    let held = [&keys[..], &[here, another]].concat();
    check(&stage, mapping, &held, &[keys[2], another]);
}

#[test]
fn who_owns_the_synchronizer_signs_a_removal_there() {
    let owner = synchronizer_root();
    let stage = Stage::synchronizer()
        .with_roots(&[root(), owner])
        .with(package(), &[root()]);
    let selected = |held: &[Key]| {
        let keys = select_for(&stage, REMOVE, package(), &[], held, no_force()).unwrap();
        sorted(keys.into_iter().map(|key| key.fingerprint))
    };
    assert_eq!(selected(&[owner]), fingerprints(&[owner]));
    assert_eq!(selected(&[root(), owner]), fingerprints(&[root(), owner]));
    let replaced = select_for(&stage, REPLACE, package(), &[], &[owner], no_force());
    check_refused(replaced, &[]);
}

#[test]
fn without_a_usable_key_nothing_is_signed() {
    let (stage, _) = chain();
    let key = protocol_key(1);
    let mapping = node_keys(&participant(root()), &[key], &[1]);
    let error = select_for(&stage, REPLACE, mapping, &[], &[], no_force()).unwrap_err();
    let expected = TopologyError::NoAppropriateSigningKey {
        namespaces: [root().namespace()].into(),
        keys: [key.fingerprint()].into(),
        unusable: [].into(),
    };
    assert_eq!(error, expected);
}

#[test]
fn requested_keys_are_used_as_they_are() {
    let (stage, keys) = chain();
    for key in keys {
        let selected = select_for(&stage, REPLACE, package(), &[key], &keys, no_force());
        let selected = selected.unwrap().into_iter().map(|key| key.fingerprint);
        assert_eq!(sorted(selected), fingerprints(&[key]));
    }
    let both = [keys[0], keys[2], keys[0]];
    let selected = select_for(&stage, REPLACE, package(), &both, &keys, no_force());
    let selected = selected.unwrap().into_iter().map(|key| key.fingerprint);
    assert_eq!(sorted(selected), fingerprints(&[keys[0], keys[2]]));
}

#[test]
fn a_requested_key_that_may_not_sign_is_named_as_unusable() {
    let (stage, keys) = chain();
    let stranger = namespace_key(9);
    let held = [&keys[..], &[stranger]].concat();
    let requested = [keys[0], stranger];
    let result = select_for(&stage, REPLACE, package(), &requested, &held, no_force());
    check_refused(result, &[stranger]);
}

#[test]
fn a_requested_key_that_is_elsewhere_is_unusable_as_well() {
    // Whether its public half is known here or not.
    let (stage, keys) = chain();
    let result = select_for(
        &stage,
        REPLACE,
        package(),
        &[keys[0]],
        &keys[1..],
        no_force(),
    );
    check_refused(result, &[keys[0]]);
}

#[test]
fn a_key_restricted_to_party_keys_signs_no_hosting_but_party_keys() {
    let restricted = namespace_key(2);
    let restriction = only(&[MappingCode::PartyToKeyMapping]);
    let stage = Stage::authorized()
        .with_roots(&[root()])
        .with(delegation(root(), restricted, restriction), &[root()]);
    let party = uid("party", root().namespace());
    let held = [restricted];
    let result = select_for(
        &stage,
        REPLACE,
        hosted(&party, 1, &[], None),
        &held,
        &held,
        no_force(),
    );
    check_refused(result, &held);
    let key = protocol_key(1);
    check(&stage, party_keys(&party, 1, &[key]), &held, &held);
}

#[test]
fn who_insists_on_a_key_gets_it_if_it_is_here() {
    let (stage, keys) = chain();
    let stranger = namespace_key(9);
    let held = [&keys[..], &[stranger]].concat();
    let selected = select_for(&stage, REPLACE, package(), &[stranger], &held, forced());
    assert_eq!(selected.unwrap()[0].fingerprint, stranger.fingerprint());
    // What comes of it is another matter.
    let mut after = stage.clone();
    let outcome = after.state(package(), &[stranger]);
    assert_eq!(word(&outcome), "NoDelegationFoundForKeys");
    let error = select_for(&stage, REPLACE, package(), &[stranger], &keys, forced());
    let error = error.unwrap_err();
    assert_eq!(error.code().name(), "TOPOLOGY_SECRET_KEY_NOT_IN_STORE");
    let key = stranger.fingerprint();
    assert_eq!(error, TopologyError::SecretKeyNotInStore { key });
}

#[test]
fn a_delegation_by_a_key_that_may_not_delegate_is_rejected_although_forced() {
    let restricted = namespace_key(2);
    let stage = Stage::authorized()
        .with_roots(&[root()])
        .with(delegation(root(), restricted, NO_DELEGATIONS), &[root()]);
    let mapping = delegation(root(), namespace_key(3), ALL);
    let held = [restricted];
    let selected = select_for(&stage, REPLACE, mapping.clone(), &held, &held, forced());
    assert_eq!(selected.unwrap().len(), 1);
    let mut stage = stage;
    let rejection = stage.reject(sign(transaction(REPLACE, 1, mapping), &held));
    let expected = Rejection::NoDelegationFoundForKeys {
        keys: [restricted.fingerprint()].into(),
    };
    assert_eq!(rejection, expected);
    // Later changes go on.
    assert_eq!(stage.state(package(), &held), Outcome::Accepted);
}

/// What each key must be for to sign the mapping.
#[track_caller]
fn check_usages(stage: &Stage, mapping: Mapping, expected: &[(Key, KeyUsage)]) {
    let held: Vec<Key> = expected.iter().map(|(key, _)| *key).collect();
    let selected = select_for(stage, REPLACE, mapping, &[], &held, no_force()).unwrap();
    assert_eq!(selected.len(), expected.len());
    for (key, usage) in expected {
        let found = selected
            .iter()
            .find(|it| it.fingerprint == key.fingerprint())
            .unwrap();
        assert_eq!(found.usages, KeyUsages::only(*usage));
    }
}

#[test]
fn new_keys_sign_to_prove_themselves_and_all_others_for_a_namespace() {
    use KeyUsage::{Namespace, ProofOfOwnership};
    let stage = Stage::authorized().with_roots(&[root(), namespace_key(2)]);
    let key = protocol_key(1);
    let party = uid("party", root().namespace());
    let (owner, new) = ((root(), Namespace), (key, ProofOfOwnership));
    check_usages(&stage, package(), &[owner]);
    let node = node_keys(&participant(root()), &[key], &[1]);
    check_usages(&stage, node, &[owner, new]);
    check_usages(&stage, party_keys(&party, 1, &[key]), &[owner, new]);
    let keys = Some(keys_with_threshold(1, &[key]));
    let hosting = [hosting(&participant(namespace_key(2)).uid, Confirmation)];
    let host = (namespace_key(2), Namespace);
    let mapping = hosted(&party, 1, &hosting, keys);
    check_usages(&stage, mapping, &[owner, new, host]);
}

#[test]
fn the_key_of_a_party_that_is_its_own_root_signs_for_the_namespace() {
    use KeyUsage::{Namespace, ProofOfOwnership};
    let own = namespace_key(5);
    let key = protocol_key(1);
    let party = uid("party", own.namespace());
    let keys = Some(keys_with_threshold(1, &[own, key]));
    let mapping = hosted(&party, 1, &[], keys);
    let expected = [(own, Namespace), (key, ProofOfOwnership)];
    check_usages(&Stage::authorized(), mapping, &expected);
}
