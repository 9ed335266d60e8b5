//! What a manager of a store does before it adds something. Source: reference, topology rules, sections 1, 2 and 6.

use strongroom_crypto::Timestamp;
use strongroom_errors::Coded;
use strongroom_topology::{
    Drafted, ForceFlag, ForceFlags, HostingParticipant, Mapping, MappingCode, MemberCode,
    Operation, Outcome,
    ParticipantPermission::{Confirmation, Submission},
    Serial, Times, TopologyError, check_dangers, draft,
};

use crate::support::{
    ALL, Key, REMOVE, REPLACE, Stage, delegation, fingerprints, hosted, hosting,
    keys_with_threshold, member, namespace_key, node_keys, participant, party_keys, propose,
    protocol_key, root_certificate, serial, sign, signature, signed_with, transaction, uid, vetted,
    word,
};

fn root() -> Key {
    namespace_key(1)
}

fn package(name: &str) -> Mapping {
    vetted(&participant(root()).uid, name)
}

/// A draft in short: `new 3`, `existing 2`, or the code of the error.
fn drafted(stage: &Stage, operation: Operation, name: &str, given: Option<u32>) -> String {
    let given = given.map(serial);
    match draft(&stage.store, operation, &package(name), given) {
        Ok(Drafted::New(draft)) => {
            assert_eq!(
                (draft.operation, &draft.mapping),
                (operation, &package(name))
            );
            format!("new {}", draft.serial)
        }
        Ok(Drafted::Existing(signed)) => format!("existing {}", signed.transaction().serial()),
        Err(error) => error.code().name().to_owned(),
    }
}

#[track_caller]
fn check(stage: &Stage, operation: Operation, name: &str, given: Option<u32>, expected: &str) {
    assert_eq!(
        drafted(stage, operation, name, given),
        expected,
        "{operation} {name} {given:?}"
    );
}

const MISMATCH: &str = "TOPOLOGY_SERIAL_MISMATCH";
const EXISTS: &str = "TOPOLOGY_MAPPING_ALREADY_EXISTS";

#[test]
fn without_anything_in_force_the_first_serial_is_due() {
    let stage = Stage::authorized().with_roots(&[root()]);
    for operation in [REPLACE, REMOVE] {
        check(&stage, operation, "1", None, "new 1");
        check(&stage, operation, "1", Some(1), "new 1");
        check(&stage, operation, "1", Some(2), MISMATCH);
    }
    let error = draft(&stage.store, REPLACE, &package("1"), Some(serial(7))).unwrap_err();
    let expected = TopologyError::SerialMismatch {
        actual: 7,
        expected: 1,
    };
    assert_eq!(error, expected);
}

#[test]
fn what_is_in_force_already_keeps_its_serial() {
    let mut stage = Stage::authorized()
        .with_roots(&[root()])
        .with(package("1"), &[root()])
        .with(package("2"), &[root()]);
    check(&stage, REPLACE, "2", None, "existing 2");
    check(&stage, REPLACE, "2", Some(2), "existing 2");
    for other in [1, 3, 4] {
        check(&stage, REPLACE, "2", Some(other), EXISTS);
    }
    // A removal that is in force too.
    stage = stage.without(package("2"), &[root()]);
    check(&stage, REMOVE, "2", None, "existing 3");
    check(&stage, REMOVE, "2", Some(3), "existing 3");
    check(&stage, REMOVE, "2", Some(4), EXISTS);
}

#[test]
fn anything_else_gets_the_next_serial() {
    let mut stage = Stage::authorized()
        .with_roots(&[root()])
        .with(package("1"), &[root()]);
    for (operation, name) in [(REPLACE, "2"), (REMOVE, "1"), (REMOVE, "2")] {
        check(&stage, operation, name, None, "new 2");
        check(&stage, operation, name, Some(2), "new 2");
        check(&stage, operation, name, Some(1), MISMATCH);
        check(&stage, operation, name, Some(3), MISMATCH);
    }
    stage = stage.without(package("1"), &[root()]);
    check(&stage, REPLACE, "1", None, "new 3");
    check(&stage, REPLACE, "1", Some(1), MISMATCH);
}

#[test]
fn proposals_and_rejections_do_not_count_for_serials() {
    let mut stage = Stage::authorized().with_roots(&[root()]);
    let key = protocol_key(1);
    let mapping = node_keys(&participant(root()), &[key], &[1]);
    assert_eq!(stage.suggest(mapping.clone(), &[root()]), Outcome::Proposed);
    stage.state(mapping.clone(), &[namespace_key(9)]);
    let drafted = draft(&stage.store, REPLACE, &mapping, None).unwrap();
    assert!(matches!(drafted, Drafted::New(draft) if draft.serial == Serial::FIRST));
}

#[test]
fn after_the_last_serial_nothing_can_be_drafted() {
    let mut stage = Stage::authorized().with_roots(&[root()]);
    let last = transaction(REPLACE, Serial::MAX.get(), package("1"));
    assert_eq!(stage.put(sign(last, &[root()])), Outcome::Accepted);
    check(&stage, REPLACE, "2", None, "TOPOLOGY_MANAGER_ALARM");
    check(
        &stage,
        REPLACE,
        "1",
        None,
        &format!("existing {}", Serial::MAX),
    );
}

#[test]
fn the_order_of_a_nodes_keys_makes_another_mapping_and_that_of_a_partys_does_not() {
    let [one, two] = [1, 2].map(protocol_key);
    let member = participant(root());
    let party = uid("party", root().namespace());
    let signers = [root(), one, two];
    let stage = Stage::authorized()
        .with_roots(&[root()])
        .with(node_keys(&member, &[one, two], &[]), &signers)
        .with(party_keys(&party, 1, &[one, two]), &signers);
    let swapped = node_keys(&member, &[two, one], &[]);
    let swapped = draft(&stage.store, REPLACE, &swapped, None).unwrap();
    assert!(matches!(swapped, Drafted::New(_)));
    let same = party_keys(&party, 1, &[two, one, two]);
    let same = draft(&stage.store, REPLACE, &same, None).unwrap();
    assert!(matches!(same, Drafted::Existing(_)));
}

#[test]
fn the_same_mapping_by_the_same_key_changes_nothing_and_by_another_key_adds_a_signature() {
    let middle = namespace_key(2);
    let mut stage = Stage::authorized()
        .with_roots(&[root()])
        .with(delegation(root(), middle, ALL), &[root()])
        .with(package("1"), &[root()]);
    assert_eq!(stage.state(package("1"), &[root()]), Outcome::Unchanged);
    assert_eq!(stage.state(package("1"), &[middle]), Outcome::Accepted);
    assert_eq!(
        stage.signers(&package("1")),
        fingerprints(&[root(), middle])
    );
    check(&stage, REPLACE, "1", None, "existing 1");
}

#[test]
fn a_stolen_signature_from_another_serial_is_rejected_and_the_genuine_one_accepted() {
    let stage = Stage::authorized()
        .with_roots(&[root()])
        .with(package("1"), &[root()]);
    let [second, third] = [2, 3].map(|number| transaction(REPLACE, number, package("2")));
    let mut stage = stage;
    let stolen = signed_with(second.clone(), vec![signature(&third, root())]);
    let outcome = stage.put(stolen);
    assert_eq!(word(&outcome), "SignatureCheckFailed");
    assert_eq!(stage.put(sign(second, &[root()])), Outcome::Accepted);
}

#[test]
fn the_keys_of_another_member_signed_by_an_unrelated_key_are_rejected() {
    let other = namespace_key(8);
    let key = protocol_key(1);
    let mut stage = Stage::authorized().with_roots(&[root(), other]);
    let mapping = node_keys(&participant(other), &[key], &[1]);
    let outcome = stage.state(mapping, &[root(), key]);
    assert_eq!(word(&outcome), "NotAuthorizedByNamespaceKey");
}

#[test]
fn a_temporary_store_takes_node_keys_that_did_not_sign_and_the_authorized_one_does_not() {
    let mapping = node_keys(&participant(root()), &[protocol_key(1)], &[1]);
    let mut temporary = Stage::temporary().with_roots(&[root()]);
    assert_eq!(
        temporary.state(mapping.clone(), &[root()]),
        Outcome::Accepted
    );
    let mut authorized = Stage::authorized().with_roots(&[root()]);
    let outcome = authorized.state(mapping, &[root()]);
    assert_eq!(word(&outcome), "NotFullyAuthorized");
}

#[test]
fn in_a_local_store_transactions_after_a_rejected_one_go_on() {
    let mut stage = Stage::authorized().with_roots(&[root()]);
    let outcomes = [
        stage.state(package("1"), &[namespace_key(9)]),
        stage.state(package("2"), &[root()]),
    ];
    assert_eq!(outcomes.map(|it| it.name()), ["rejected", "accepted"]);
    let stored = stage.store.rows().iter().map(|row| row.rejection.is_some());
    assert_eq!(Vec::from_iter(stored), [false, true, false]);
}

// Looking ahead of a synchronizer.

#[test]
fn a_look_ahead_wants_all_or_nothing_and_changes_nothing() {
    let stage = Stage::synchronizer().with_roots(&[root()]);
    let middle = namespace_key(2);
    let first = sign(
        transaction(REPLACE, 1, delegation(root(), middle, ALL)),
        &[root()],
    );
    let second = sign(transaction(REPLACE, 1, package("1")), &[middle]);
    let bad = sign(transaction(REPLACE, 3, package("2")), &[root()]);
    let rows = stage.store.rows().len();
    let ahead = |signed: &[_]| stage.store.preview(signed.to_vec(), &stage.rules);
    // What comes later in the same request builds upon what comes first.
    let both = ahead(&[first.clone(), second.clone()]).unwrap();
    assert_eq!(both, [Outcome::Accepted, Outcome::Accepted]);
    let error = ahead(&[first.clone(), second.clone(), bad]).unwrap_err();
    assert_eq!(error.code().name(), "TOPOLOGY_SERIAL_MISMATCH");
    let error = ahead(&[second, first]).unwrap_err();
    assert_eq!(error.code().name(), "TOPOLOGY_UNAUTHORIZED_TRANSACTION");
    assert_eq!(stage.store.rows().len(), rows);
}

#[test]
fn a_look_ahead_sees_what_becomes_effective_later() {
    let mut stage = Stage::synchronizer().with_roots(&[root()]);
    let middle = namespace_key(2);
    let later = Times {
        sequenced: Timestamp::from_micros(stage.now + 1),
        effective: Timestamp::from_micros(i64::MAX - 5),
    };
    let first = sign(
        transaction(REPLACE, 1, delegation(root(), middle, ALL)),
        &[root()],
    );
    let processed = stage.store.process(first, later, &stage.rules);
    assert_eq!(processed.outcome, Outcome::Accepted);
    let second = sign(transaction(REPLACE, 1, package("1")), &[middle]);
    let ahead = stage.store.preview(vec![second], &stage.rules).unwrap();
    assert_eq!(ahead, [Outcome::Accepted]);
}

#[test]
fn a_look_ahead_works_in_an_empty_store() {
    let stage = Stage::synchronizer();
    let certificate = sign(transaction(REPLACE, 1, root_certificate(root())), &[root()]);
    let ahead = stage.store.preview(vec![certificate], &stage.rules);
    assert_eq!(ahead.unwrap(), [Outcome::Accepted]);
    assert_eq!(
        stage.store.preview(Vec::new(), &stage.rules),
        Ok(Vec::new())
    );
}

#[test]
fn what_is_there_already_is_no_error_in_a_look_ahead() {
    let stage = Stage::synchronizer()
        .with_roots(&[root()])
        .with(package("1"), &[root()]);
    let again = sign(transaction(REPLACE, 1, package("1")), &[root()]);
    let ahead = stage.store.preview(vec![again], &stage.rules).unwrap();
    assert_eq!(ahead, [Outcome::Unchanged]);
}

/// A root certificate and a party, drafted here, signed with an external key and completed by a participant.
#[test]
fn transactions_that_were_generated_and_signed_elsewhere_become_active() {
    let (external, host) = (namespace_key(5), namespace_key(6));
    let party = uid("party", external.namespace());
    let mut stage = Stage::authorized().with_roots(&[host]);
    let certificate = stage.next(REPLACE, root_certificate(external));
    let participants = [hosting(&participant(host).uid, Submission)];
    let mapping = hosted(&party, 1, &participants, None);
    let hosted_first = stage.next(REPLACE, mapping.clone());
    assert_eq!(certificate.serial(), Serial::FIRST);
    assert_eq!(hosted_first.serial(), Serial::FIRST);
    let completed = propose(hosted_first.clone(), &[external])
        .with_more_signatures(vec![signature(&hosted_first, host)]);
    assert_eq!(stage.put(sign(certificate, &[external])), Outcome::Accepted);
    assert_eq!(stage.put(completed), Outcome::Accepted);
    assert_eq!(stage.signers(&mapping), fingerprints(&[external, host]));

    let other_host = namespace_key(7);
    let mut stage = stage.with_roots(&[other_host]);
    let added = hosting(&participant(other_host).uid, Confirmation);
    let mapping = hosted(&party, 1, &[participants[0].clone(), added], None);
    let next = stage.next(REPLACE, mapping.clone());
    assert_eq!(next.serial().get(), 2);
    let outcome = stage.put(propose(next.clone(), &[other_host]));
    assert_eq!(outcome, Outcome::Proposed);
    let outcome = stage.put(propose(next, &[external]));
    assert_eq!(outcome, Outcome::Accepted);
    assert!(stage.holds(&mapping));
}

// Dangerous commands.

/// What a participant is told about the mapping, without and with the flag.
#[track_caller]
fn check_danger(mapping: &Mapping, code: &str, flag: Option<ForceFlag>) {
    let node = participant(root());
    let statement = transaction(REPLACE, 1, mapping.clone());
    let check = |force| check_dangers(&statement, Some(&node), force);
    let error = check(ForceFlags::default()).unwrap_err();
    assert_eq!(error.code().name(), code);
    let others = ForceFlag::ALL.into_iter().filter(|it| Some(*it) != flag);
    assert_eq!(check(ForceFlags::of(others)), Err(error.clone()));
    match flag {
        Some(flag) => assert_eq!(check(ForceFlags::of([flag])), Ok(())),
        None => assert_eq!(check(ForceFlags::all()), Err(error)),
    }
}

const ALIEN: &str = "TOPOLOGY_DANGEROUS_COMMAND_REQUIRES_FORCE_ALIEN_MEMBER";

#[test]
fn what_another_node_announces_is_changed_by_force_only() {
    let flag = Some(ForceFlag::AlienMember);
    let other = participant(namespace_key(2));
    check_danger(&node_keys(&other, &[protocol_key(1)], &[1]), ALIEN, flag);
    check_danger(&vetted(&other.uid, "package"), ALIEN, flag);
    // The mediator with the same name is another node.
    let mediator = member(MemberCode::Mediator, "participant", root());
    check_danger(&node_keys(&mediator, &[protocol_key(1)], &[1]), ALIEN, flag);
}

#[test]
fn what_the_node_itself_announces_is_no_danger() {
    let node = participant(root());
    let own = [
        node_keys(&node, &[protocol_key(1)], &[1]),
        package("1"),
        root_certificate(root()),
    ];
    for mapping in own {
        for operation in [REPLACE, REMOVE] {
            let statement = transaction(operation, 1, mapping.clone());
            let result = check_dangers(&statement, Some(&node), ForceFlags::default());
            assert_eq!(result, Ok(()));
        }
    }
}

#[test]
fn to_a_node_without_a_name_every_member_is_another() {
    let statement = transaction(REPLACE, 1, package("1"));
    let error = check_dangers(&statement, None, ForceFlags::default()).unwrap_err();
    let expected = "Issuing VettedPackages for alien members requires ForceFlag.AlienMember";
    assert_eq!(error.code().name(), ALIEN);
    let code = MappingCode::VettedPackages;
    assert_eq!(error, TopologyError::AlienMember { code });
    assert_eq!(
        error.to_string(),
        expected.replace("VettedPackages", &code.to_string())
    );
}

#[test]
fn a_removal_of_what_another_node_announces_is_a_danger_too() {
    let other = node_keys(&participant(namespace_key(2)), &[protocol_key(1)], &[1]);
    let removal = transaction(REMOVE, 2, other);
    let node = participant(root());
    let error = check_dangers(&removal, Some(&node), ForceFlags::default()).unwrap_err();
    assert_eq!(error.code().name(), ALIEN);
}

fn hosted_by(threshold: u32, hosts: u64) -> Mapping {
    let hosts: Vec<HostingParticipant> = (1..=hosts)
        .map(|host| hosting(&participant(namespace_key(host)).uid, Confirmation))
        .collect();
    hosted(&uid("party", root().namespace()), threshold, &hosts, None)
}

#[test]
fn a_confirming_threshold_above_the_hosts_is_set_by_force_only() {
    let code = "TOPOLOGY_CONFIRMING_THRESHOLD_CANNOT_BE_REACHED";
    let flag = Some(ForceFlag::AllowConfirmingThresholdCannotBeMet);
    check_danger(&hosted_by(2, 1), code, flag);
    check_danger(&hosted_by(4, 3), code, flag);
    for reachable in [hosted_by(1, 1), hosted_by(3, 3), hosted_by(5, 0)] {
        let statement = transaction(REPLACE, 1, reachable);
        let result = check_dangers(&statement, None, ForceFlags::default());
        assert_eq!(result, Ok(()));
    }
}

#[test]
fn a_signing_threshold_above_the_keys_is_read_from_history_but_never_announced() {
    let code = "TOPOLOGY_SIGNING_THRESHOLD_CANNOT_BE_REACHED";
    let party = uid("party", root().namespace());
    let [one, two] = [1, 2].map(protocol_key);
    check_danger(&party_keys(&party, 2, &[one]), code, None);
    let keys = Some(keys_with_threshold(3, &[one, two]));
    check_danger(&hosted(&party, 1, &[], keys), code, None);
    // The store takes what others announced.
    let mut stage = Stage::synchronizer().with_roots(&[root()]);
    let outcome = stage.state(party_keys(&party, 2, &[one]), &[root(), one]);
    assert_eq!(outcome, Outcome::Accepted);
    // And it can be removed.
    let removal = transaction(REMOVE, 2, party_keys(&party, 2, &[one]));
    let result = check_dangers(&removal, None, ForceFlags::default());
    assert_eq!(result, Ok(()));
}

#[test]
fn duplicate_party_keys_collapse_and_of_conflicting_permissions_the_higher_one_stays() {
    let [one, two] = [1, 2].map(protocol_key);
    assert_eq!(keys_with_threshold(1, &[one, two, one]).keys().len(), 2);
    let participant = participant(root()).uid;
    let party = uid("party", root().namespace());
    let hosts = [Confirmation, Submission, Confirmation].map(|it| hosting(&participant, it));
    let Mapping::PartyToParticipant(it) = hosted(&party, 1, &hosts, None) else {
        panic!("no hosting");
    };
    assert_eq!(it.participants(), &[hosting(&participant, Submission)]);
}

#[test]
fn a_force_flag_reads_back_from_its_name() {
    for flag in ForceFlag::ALL {
        assert_eq!(flag.name().parse(), Ok(flag));
        let canton = flag.name().to_ascii_uppercase().replace('-', "_");
        assert_eq!(canton.parse(), Ok(flag));
        assert_eq!(flag.to_string(), flag.name());
        assert!(ForceFlags::of([flag]).contains(flag));
        assert!(!ForceFlags::default().contains(flag));
    }
    let numbers = ForceFlag::ALL.map(ForceFlag::number);
    assert_eq!(numbers, [1, 7, 14]);
    let error = "force".parse::<ForceFlag>().unwrap_err();
    assert_eq!(error.code().name(), "TOPOLOGY_FORCE_FLAG_UNKNOWN");
}
