//! Rows: which there are, from when and until when they hold, and reading them as of a time.

use strongroom_crypto::{KeyUsage, SigningKeySpec, Timestamp};
use strongroom_errors::Coded;
use strongroom_topology::{
    At, DecentralizedNamespaceDefinition, Mapping, MemberCode, Operation, Outcome,
    ParticipantPermission, Reference, Times, TopologyError, TopologyStore, current_encryption_key,
    current_signing_key,
};

use crate::support::{
    ALL, Key, REPLACE, Stage, at, decentralized, decentralized_as, decentralized_name, delegation,
    encryption_key, hosted, hosting, keys_with_threshold, namespace_key, node_keys, participant,
    party_keys, propose, protocol_key, reading, root_certificate, sign, signing_key, transaction,
    uid, vetted, word,
};

fn root() -> Key {
    namespace_key(1)
}

fn package(name: &str) -> Mapping {
    vetted(&participant(root()).uid, name)
}

fn time(micros: i64) -> Timestamp {
    Timestamp::from_micros(micros)
}

/// Rows with these times: one package after another.
fn packages(effective: &[i64]) -> Stage {
    let mut stage = Stage::synchronizer();
    stage.now = -10_000_000;
    let mut stage = stage.with_roots(&[root()]);
    for (effective, name) in effective.iter().zip(["1", "2", "3"]) {
        let next = stage.next(REPLACE, package(name));
        let times = Times {
            sequenced: time(effective - 250),
            effective: time(*effective),
        };
        let processed = stage
            .store
            .process(sign(next, &[root()]), times, &stage.rules);
        assert_eq!(processed.outcome, Outcome::Accepted);
    }
    stage
}

#[track_caller]
fn check_at(stage: &Stage, at: At, expected: Option<&str>) {
    let key = package("1").unique_key();
    let found = stage.store.mapping_of(&key, at);
    assert_eq!(found, expected.map(package).as_ref(), "{at:?}");
    let listed = stage.store.in_force(at).filter_map(|row| row.stated());
    let listed: Vec<_> = listed.filter(|it| it.unique_key() == key).collect();
    assert_eq!(listed, Vec::from_iter(found), "{at:?}");
}

#[test]
fn what_becomes_effective_at_a_time_does_not_hold_at_that_very_time() {
    let stage = packages(&[1_000, 2_000]);
    check_at(&stage, At::Time(time(1_000)), None);
    check_at(&stage, At::Time(time(1_001)), Some("1"));
    check_at(&stage, At::Time(time(2_000)), Some("1"));
    check_at(&stage, At::Time(time(2_001)), Some("2"));
}

#[test]
fn including_a_time_it_does() {
    let stage = packages(&[1_000, 2_000]);
    check_at(&stage, At::Including(time(999)), None);
    check_at(&stage, At::Including(time(1_000)), Some("1"));
    check_at(&stage, At::Including(time(1_999)), Some("1"));
    check_at(&stage, At::Including(time(2_000)), Some("2"));
}

#[test]
fn the_head_knows_what_becomes_effective_later() {
    let stage = packages(&[1_000, i64::MAX]);
    check_at(&stage, At::Time(time(5_000)), Some("1"));
    check_at(&stage, At::Head, Some("2"));
}

#[test]
fn what_is_replaced_at_the_time_when_it_becomes_effective_never_holds() {
    let stage = packages(&[1_000, 1_000, 1_000]);
    check_at(&stage, At::Time(time(1_000)), None);
    check_at(&stage, At::Including(time(1_000)), Some("3"));
    check_at(&stage, At::Time(time(1_001)), Some("3"));
}

#[test]
fn before_everything_nothing_holds() {
    let stage = packages(&[1_000]);
    for at in [At::Time(time(i64::MIN)), At::Including(time(i64::MIN))] {
        assert_eq!(stage.store.in_force(at).count(), 0);
    }
}

#[test]
fn a_removal_stays_in_place_and_shows_up_in_no_query() {
    let mut stage = packages(&[1_000, 2_000]);
    stage.now = 3_000_000;
    let stage = stage.without(package("2"), &[root()]);
    check_at(&stage, At::Time(time(stage.now)), Some("2"));
    check_at(&stage, At::Time(time(stage.now + 1)), None);
    let key = package("1").unique_key();
    let row = stage.store.row_of(&key, At::Head).unwrap();
    assert_eq!(row.signed.transaction().operation(), Operation::Remove);
    assert_eq!((row.valid_until, row.stated()), (None, None));
}

#[test]
fn rejected_rows_never_hold_but_can_be_looked_at() {
    let mut stage = Stage::synchronizer().with_roots(&[root()]);
    let outcome = stage.state(package("1"), &[namespace_key(9)]);
    let Outcome::Rejected(rejection) = outcome else {
        panic!("{outcome:?}");
    };
    let row = stage.store.rows().last().unwrap();
    assert_eq!(row.rejection.as_deref(), Some(&*rejection.stored_text()));
    assert_eq!(row.valid_until, Some(row.valid_from));
    assert!(!row.is_open() && !row.is_accepted());
    let now = time(stage.now);
    for at in [At::Head, At::Time(now), At::Including(now)] {
        assert!(!at.covers(row), "{at:?}");
        check_at(&stage, at, None);
    }
    let hash = row.signed.hash();
    assert!(matches!(
        stage.store.find(hash),
        Err(TopologyError::TransactionNotFound { .. })
    ));
}

#[test]
fn a_rejected_row_keeps_the_transaction_as_it_came() {
    let mut stage = Stage::synchronizer().with_roots(&[root()]);
    let key = protocol_key(1);
    let mapping = node_keys(&participant(root()), &[key], &[1]);
    let signed = sign(
        transaction(REPLACE, 1, mapping),
        &[root(), namespace_key(9)],
    );
    assert_eq!(word(&stage.put(signed)), "NotFullyAuthorized");
    let row = stage.store.rows().last().unwrap();
    assert_eq!(row.signed.signatures().len(), 2);
}

#[test]
fn proposals_never_hold() {
    let mut stage = Stage::synchronizer().with_roots(&[root()]);
    let mapping = node_keys(&participant(root()), &[protocol_key(1)], &[1]);
    assert_eq!(stage.suggest(mapping.clone(), &[root()]), Outcome::Proposed);
    let later = time(stage.now + 1);
    for at in [At::Head, At::Time(later), At::Including(later)] {
        assert_eq!(stage.store.mapping_of(&mapping.unique_key(), at), None);
    }
    assert!(stage.row(&mapping).is_none());
}

#[test]
fn duplicate_records_are_stored_once_in_one_batch_or_one_by_one() {
    for pause in [0, 1_000_000] {
        let mut stage = Stage::synchronizer().with_roots(&[root()]);
        let rows = stage.store.rows().len();
        let signed = sign(transaction(REPLACE, 1, package("1")), &[root()]);
        for copy in 0..3 {
            let times = at(stage.now + 1 + pause * copy);
            stage.store.process(signed.clone(), times, &stage.rules);
        }
        assert_eq!(stage.store.rows().len(), rows + 1);
    }
}

#[test]
fn a_batch_that_comes_again_leaves_no_second_rejection() {
    let mut stage = Stage::synchronizer().with_roots(&[root()]);
    let rejected = [1, 2].map(|number| {
        let name = format!("{number}");
        sign(transaction(REPLACE, 1, package(&name)), &[namespace_key(9)])
    });
    let rows = stage.store.rows().len();
    let mut batch = |times| {
        for signed in &rejected {
            let processed = stage.store.process(signed.clone(), times, &stage.rules);
            assert_eq!(word(&processed.outcome), "NoDelegationFoundForKeys");
        }
        // Whoever was interrupted reads the rows first.
        let kept = stage.store.rows().to_vec();
        stage.store = TopologyStore::restore(stage.store.id().clone(), kept);
        stage.store.rows().len() - rows
    };
    let now = stage.now;
    assert_eq!(batch(at(now + 1)), 2);
    assert_eq!(batch(at(now + 1)), 2);
    // At another time it is another record.
    assert_eq!(batch(at(now + 2)), 4);
}

#[test]
fn a_proposal_without_a_new_signature_or_of_something_done_is_filtered_out() {
    let owners: [Key; 3] = [1, 2, 3].map(namespace_key);
    let mut stage = Stage::synchronizer()
        .with_roots(&owners)
        .with(decentralized(2, &owners), &owners);
    let participant = uid("participant", decentralized_name(&owners));
    let next = |number, name| transaction(REPLACE, number, vetted(&participant, name));
    // After a rejected attempt it is kept.
    let attempt = sign(next(1, "1"), &owners[..1]);
    assert_eq!(word(&stage.put(attempt.clone())), "NotFullyAuthorized");
    let proposal = attempt.with_proposal(true);
    assert_eq!(stage.put(proposal.clone()), Outcome::Proposed);
    // Without a new signature it is not.
    assert_eq!(stage.put(proposal.clone()), Outcome::Unchanged);
    // Nor when it is fully authorized, nor when it expired.
    let rival = propose(next(1, "rival"), &owners[..1]);
    assert_eq!(stage.put(rival.clone()), Outcome::Proposed);
    assert_eq!(
        stage.put(propose(next(1, "1"), &owners[1..2])),
        Outcome::Accepted
    );
    assert_eq!(stage.put(proposal), Outcome::Unchanged);
    assert_eq!(stage.put(rival), Outcome::Unchanged);
}

#[test]
fn ordinals_count_from_one_without_gaps() {
    let mut stage = packages(&[1_000, 2_000]);
    stage.now = 3_000_000;
    stage.state(package("9"), &[namespace_key(9)]);
    let ordinals: Vec<u64> = stage.store.rows().iter().map(|row| row.ordinal).collect();
    assert_eq!(ordinals, [1, 2, 3, 4]);
    for ordinal in ordinals {
        assert_eq!(stage.store.row(ordinal).unwrap().ordinal, ordinal);
    }
    assert!(stage.store.row(0).is_none() && stage.store.row(5).is_none());
}

#[test]
fn a_delta_names_what_was_added_and_what_ended() {
    let mut stage = Stage::synchronizer().with_roots(&[root()]);
    let added = stage.process(sign(transaction(REPLACE, 1, package("1")), &[root()]));
    assert_eq!(
        (&*added.delta.added, &*added.delta.expired),
        (&[2][..], &[][..])
    );
    let replaced = stage.process(sign(transaction(REPLACE, 2, package("2")), &[root()]));
    let until = time(stage.now);
    assert_eq!(replaced.delta.added, [3]);
    assert_eq!(replaced.delta.expired, [(2, until)]);
    assert_eq!(stage.store.row(2).unwrap().valid_until, Some(until));
    let rejected = stage.process(sign(transaction(REPLACE, 9, package("3")), &[root()]));
    assert_eq!(
        (&*rejected.delta.added, &*rejected.delta.expired),
        (&[4][..], &[][..])
    );
}

#[test]
fn the_times_of_a_store_are_those_of_its_rows() {
    let empty = Stage::synchronizer().store;
    assert_eq!(
        (empty.last_sequenced(), empty.max_timestamp()),
        (None, None)
    );
    let stage = packages(&[1_000, 2_000]);
    assert_eq!(stage.store.last_sequenced(), Some(time(1_750)));
    assert_eq!(stage.store.max_timestamp(), Some(time(2_000)));
}

#[test]
fn a_restored_store_reads_like_the_one_that_was_kept() {
    let owners: [Key; 2] = [1, 2].map(namespace_key);
    let mut stage = packages(&[1_000, 2_000, 3_000]);
    stage.now = 4_000_000;
    let key = protocol_key(1);
    let mapping = node_keys(&participant(root()), &[key], &[1]);
    let mut stage = stage
        .with_roots(&owners[1..])
        .with(decentralized(2, &owners), &owners)
        .with(delegation(root(), namespace_key(5), ALL), &[root()])
        .with(
            delegation(root(), namespace_key(6), ALL),
            &[namespace_key(5)],
        )
        .without(delegation(root(), namespace_key(5), ALL), &[root()]);
    assert_eq!(stage.suggest(mapping, &[root()]), Outcome::Proposed);
    stage.state(package("9"), &[namespace_key(9)]);
    let mut rows = stage.store.rows().to_vec();
    // Rows may come in any order, and twice.
    rows.reverse();
    rows.push(rows[0].clone());
    let restored = TopologyStore::restore(stage.store.id().clone(), rows);
    assert_eq!(reading(&restored), reading(&stage.store));
}

#[test]
fn a_transaction_is_found_by_its_hash_while_it_is_in_force_or_waits() {
    let stage = Stage::synchronizer()
        .with_roots(&[root()])
        .with(package("1"), &[root()]);
    let first = stage.row(&package("1")).unwrap().signed.hash();
    assert_eq!(stage.store.find(first).unwrap().ordinal, 2);
    let stage = stage.with(package("2"), &[root()]);
    let error = stage.store.find(first).unwrap_err();
    assert_eq!(error, TopologyError::TransactionNotFound { hash: first });
    // A history in which nothing ended.
    let mut rows = stage.store.rows().to_vec();
    rows.push(rows[1].clone());
    for (ordinal, row) in (1..).zip(&mut rows) {
        (row.ordinal, row.valid_until) = (ordinal, None);
    }
    let store = TopologyStore::restore(stage.store.id().clone(), rows);
    let error = store.find(first).unwrap_err();
    let expected = TopologyError::TooManyTransactionsWithHash {
        hash: first,
        found: 2,
    };
    assert_eq!(error, expected);
    let name = error.code().name();
    assert_eq!(name, "TOPOLOGY_TOO_MANY_TRANSACTION_WITH_HASH");
}

#[test]
fn the_graph_of_a_namespace_is_read_as_of_a_time() {
    let middle = namespace_key(2);
    let stage = Stage::synchronizer()
        .with_roots(&[root()])
        .with(delegation(root(), middle, ALL), &[root()]);
    let delegated = stage.now;
    let stage = stage.without(delegation(root(), middle, ALL), &[root()]);
    let level = |at| {
        let graph = stage.store.authorization_graph(&root().namespace(), at);
        graph.level(&middle.fingerprint())
    };
    assert_eq!(level(At::Time(time(delegated))), None);
    assert_eq!(level(At::Including(time(delegated))), Some(2));
    assert_eq!(level(At::Time(time(stage.now))), Some(2));
    assert_eq!(level(At::Including(time(stage.now))), None);
    assert_eq!(level(At::Head), None);
    let unknown = stage
        .store
        .authorization_graph(&namespace_key(9).namespace(), At::Head);
    assert!(unknown.is_empty());
}

#[test]
fn a_decentralized_namespace_is_read_as_of_a_time() {
    let owners: [Key; 2] = [1, 2].map(namespace_key);
    let name = decentralized_name(&owners);
    let stage = Stage::synchronizer()
        .with_roots(&owners)
        .with(decentralized(2, &owners), &owners);
    let defined = stage.now;
    let stage = stage.with(decentralized_as(&name, 1, &owners), &owners);
    let threshold = |at| {
        let definition = stage.store.decentralized_namespace(&name, at);
        definition.map(DecentralizedNamespaceDefinition::threshold)
    };
    assert_eq!(threshold(At::Time(time(defined))), None);
    assert_eq!(threshold(At::Including(time(defined))), Some(2));
    assert_eq!(threshold(At::Head), Some(1));
}

// The active keys. Source: reference, topology rules, section 8.

#[test]
fn the_keys_of_a_node_are_read_in_their_order_as_of_a_time() {
    let [one, two, three] = [1, 2, 3].map(protocol_key);
    let member = participant(root());
    let stage = Stage::synchronizer()
        .with_roots(&[root()])
        .with(node_keys(&member, &[two, one], &[1]), &[root(), one, two]);
    let first = stage.now;
    let keys = node_keys(&member, &[three, two], &[2, 1]);
    let stage = stage.with(keys, &[root(), three]);
    let signing = |at| {
        let keys = stage.store.owner_to_key(&member, at);
        keys.map(|keys| Vec::from_iter(keys.signing_keys().cloned()))
    };
    let publics = |keys: &[Key]| Some(Vec::from_iter(keys.iter().map(|key| key.public.clone())));
    assert_eq!(signing(At::Time(time(first))), None);
    assert_eq!(signing(At::Time(time(first + 1))), publics(&[two, one]));
    assert_eq!(signing(At::Time(time(stage.now))), publics(&[two, one]));
    let after = At::Time(time(stage.now + 1));
    assert_eq!(signing(after), publics(&[three, two]));
    let keys = stage.store.owner_to_key(&member, after).unwrap();
    let encryption = keys.encryption_keys().map(|key| key.fingerprint());
    let expected = [2, 1].map(|number| encryption_key(number).fingerprint());
    assert_eq!(Vec::from_iter(encryption), expected);
    // Another kind of node with the same name has no keys.
    let mut mediator = member;
    mediator.code = MemberCode::Mediator;
    assert!(stage.store.owner_to_key(&mediator, At::Head).is_none());
}

#[test]
fn a_node_without_a_mapping_has_no_keys() {
    let member = participant(root());
    let keys = node_keys(&member, &[protocol_key(1)], &[1]);
    let stage = Stage::authorized()
        .with_roots(&[root()])
        .with(keys.clone(), &[root(), protocol_key(1)])
        .without(keys, &[root()]);
    assert!(stage.store.owner_to_key(&member, At::Head).is_none());
    let before = At::Time(time(stage.now));
    assert!(stage.store.owner_to_key(&member, before).is_some());
}

#[test]
fn a_node_signs_with_the_last_fitting_key_that_is_here() {
    let ed25519 = SigningKeySpec::EcCurve25519;
    let login = signing_key(ed25519, 50, &[KeyUsage::SequencerAuthentication]);
    let [one, two] = [1, 2].map(protocol_key);
    let mapping = node_keys(&participant(root()), &[one, two, login], &[1, 2]);
    let Mapping::OwnerToKeyMapping(mapping) = mapping else {
        panic!("no node keys");
    };
    let current = |usage, held: &[Key]| {
        let holds = |key: &_| held.iter().any(|it| it.fingerprint() == *key);
        current_signing_key(&mapping, usage, &holds).map(|key| key.fingerprint())
    };
    let all = [one, two, login];
    let is = |key: Key| Some(key.fingerprint());
    assert_eq!(current(KeyUsage::Protocol, &all), is(two));
    assert_eq!(current(KeyUsage::SequencerAuthentication, &all), is(login));
    assert_eq!(current(KeyUsage::Protocol, &[one, login]), is(one));
    assert_eq!(current(KeyUsage::Protocol, &[login]), None);
    assert_eq!(current(KeyUsage::Namespace, &all), None);
    let encryption = current_encryption_key(&mapping).unwrap().fingerprint();
    assert_eq!(encryption, encryption_key(2).fingerprint());
}

#[test]
fn the_signing_keys_of_a_party_are_read_as_of_a_time() {
    let party = uid("party", root().namespace());
    let key = protocol_key(1);
    let stage = Stage::authorized()
        .with_roots(&[root()])
        .with(party_keys(&party, 1, &[key]), &[root(), key]);
    let first = stage.now;
    let stage = stage.without(party_keys(&party, 1, &[key]), &[root()]);
    let keys = |at| stage.store.party_signing_keys(&party, at).cloned();
    assert_eq!(keys(At::Time(time(first))), None);
    let expected = Some(keys_with_threshold(1, &[key]));
    assert_eq!(keys(At::Including(time(first))), expected);
    assert_eq!(keys(At::Head), None);
}

#[test]
fn a_key_is_referred_to_while_topology_names_it() {
    let [node, party_key, hosted_key, free] = [1, 2, 3, 4].map(protocol_key);
    let middle = namespace_key(2);
    let member = participant(root());
    let [old, new] = ["old", "new"].map(|name| uid(name, root().namespace()));
    let participants = [hosting(&member.uid, ParticipantPermission::Confirmation)];
    let hosted_keys = Some(keys_with_threshold(1, &[hosted_key]));
    let mut stage = Stage::authorized()
        .with_roots(&[root()])
        .with(delegation(root(), middle, ALL), &[root()])
        .with(node_keys(&member, &[node], &[1]), &[root(), node])
        .with(party_keys(&old, 1, &[party_key]), &[root(), party_key])
        .with(
            hosted(&new, 1, &participants, hosted_keys),
            &[root(), hosted_key],
        );
    let check = |stage: &Stage, key, expected: &[Reference]| {
        assert_eq!(stage.store.refers_to(&key, time(stage.now)), expected);
    };
    let node_reference = Reference::Node(member.clone());
    let delegated = Reference::Delegation(root().namespace());
    check(
        &stage,
        root().fingerprint(),
        std::slice::from_ref(&delegated),
    );
    check(&stage, middle.fingerprint(), &[delegated]);
    check(
        &stage,
        node.fingerprint(),
        std::slice::from_ref(&node_reference),
    );
    check(
        &stage,
        encryption_key(1).fingerprint(),
        std::slice::from_ref(&node_reference),
    );
    check(&stage, party_key.fingerprint(), &[Reference::Party(old)]);
    check(&stage, hosted_key.fingerprint(), &[Reference::Party(new)]);
    check(&stage, free.fingerprint(), &[]);
    // A proposal is enough, a removal ends it.
    let more = node_keys(&member, &[node, free], &[1]);
    assert_eq!(stage.suggest(more, &[root()]), Outcome::Proposed);
    check(&stage, free.fingerprint(), &[node_reference]);
    let stage = stage.without(delegation(root(), middle, ALL), &[root()]);
    check(&stage, middle.fingerprint(), &[]);
}

#[test]
fn a_namespace_is_listed_once_it_had_a_delegation() {
    let stage = Stage::synchronizer()
        .with_roots(&[1, 2].map(namespace_key))
        .without(root_certificate(namespace_key(2)), &[namespace_key(2)]);
    let mut expected = [1, 2].map(|number| namespace_key(number).namespace());
    expected.sort_unstable();
    assert_eq!(stage.store.namespaces(), Vec::from_iter(&expected));
    let delegations = |number, at| {
        let namespace = namespace_key(number).namespace();
        stage.store.namespace_delegations(&namespace, at).count()
    };
    assert_eq!(delegations(1, At::Head), 1);
    assert_eq!(delegations(2, At::Head), 0);
    assert_eq!(delegations(2, At::Time(time(stage.now))), 1);
}
