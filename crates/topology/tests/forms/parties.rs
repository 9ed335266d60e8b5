//! Who hosts a party, and its signing keys.

use strongroom_crypto::SigningPublicKey;
use strongroom_topology::{
    HostingParticipant, MappingError,
    ParticipantPermission::{self, Confirmation, Observation, Submission},
    PartyToParticipant, SigningKeysWithThreshold, UniqueIdentifier,
};

use crate::support::{hosting, key, keys, uid};

#[test]
fn signing_keys_are_ordered_by_fingerprint_and_stand_there_once() {
    let found = SigningKeysWithThreshold::try_new(keys([7, 2, 5, 2, 7]), 2).unwrap();
    let mut expected = keys([2, 5, 7]);
    expected.sort_by_key(SigningPublicKey::fingerprint);
    assert_eq!(found.keys(), expected);
    assert_eq!(found.threshold(), 2);
    for seed in [2, 5, 7] {
        assert_eq!(found.key(&key(seed).fingerprint()), Some(&key(seed)));
    }
    assert_eq!(found.key(&key(3).fingerprint()), None);
}

#[test]
fn the_twenty_first_distinct_signing_key_is_refused() {
    // Twenty, each twice.
    assert!(SigningKeysWithThreshold::try_new(keys((1..=20).chain(1..=20)), 1).is_ok());
    assert_eq!(
        SigningKeysWithThreshold::try_new(keys(1..=21), 1)
            .unwrap_err()
            .to_string(),
        "At most 20 key(s) can be specified, got 21."
    );
    assert_eq!(
        SigningKeysWithThreshold::try_new(Vec::new(), 1),
        Err(MappingError::NoKeys)
    );
}

#[test]
fn the_signing_threshold_is_at_least_one() {
    assert_eq!(
        SigningKeysWithThreshold::try_new(keys([1]), 0),
        Err(MappingError::SigningThreshold { threshold: 0 })
    );
}

fn party(participants: Vec<HostingParticipant>) -> PartyToParticipant {
    PartyToParticipant::try_new(uid("party"), 1, participants, None).unwrap()
}

#[test]
fn a_participant_named_twice_keeps_its_first_place_and_its_highest_permission() {
    let found = party(vec![
        hosting("a", Observation),
        hosting("b", Submission),
        hosting("c", Confirmation),
        hosting("a", Submission),
        hosting("b", Observation),
        hosting("a", Confirmation),
    ]);
    assert_eq!(
        found.participants(),
        [
            hosting("a", Submission),
            hosting("b", Submission),
            hosting("c", Confirmation)
        ]
    );
    assert_eq!(
        found.hosting(&uid("c")).map(|it| it.permission),
        Some(Confirmation)
    );
    assert_eq!(found.hosting(&uid("d")), None);
}

#[test]
fn the_flag_of_onboarding_goes_with_the_permission_that_stays() {
    let onboarding = HostingParticipant {
        onboarding: true,
        ..hosting("a", Confirmation)
    };
    let stays = |second| {
        party(vec![onboarding.clone(), second])
            .participants()
            .to_vec()
    };
    assert_eq!(stays(hosting("a", Submission)), [hosting("a", Submission)]);
    assert_eq!(
        stays(hosting("a", Confirmation)),
        std::slice::from_ref(&onboarding)
    );
    assert_eq!(
        stays(hosting("a", Observation)),
        std::slice::from_ref(&onboarding)
    );
}

#[test]
fn permissions_order_by_power() {
    assert!(Observation < Confirmation && Confirmation < Submission);
    let names = [Observation, Confirmation, Submission].map(ParticipantPermission::name);
    assert_eq!(names, ["observation", "confirmation", "submission"]);
}

#[test]
fn the_confirming_threshold_is_at_least_one() {
    assert_eq!(
        PartyToParticipant::try_new(uid("party"), 0, Vec::new(), None),
        Err(MappingError::ConfirmingThreshold { threshold: 0 })
    );
    // A party hosted by nobody, and one that needs more than there are, stand in the history.
    let found = PartyToParticipant::try_new(uid("party"), 3, Vec::new(), None).unwrap();
    assert_eq!((found.threshold(), found.participants().len()), (3, 0));
}

#[test]
fn the_key_that_is_the_root_of_the_party_authorizes_itself() {
    let with = |party: UniqueIdentifier, seeds: &[u8]| {
        let keys = SigningKeysWithThreshold::try_new(keys(seeds.iter().copied()), 1).unwrap();
        let mapping = PartyToParticipant::try_new(party, 1, Vec::new(), Some(keys)).unwrap();
        mapping.self_authorizing_key().cloned()
    };
    // The namespace of `uid` is that of the key with seed 1.
    assert_eq!(with(uid("party"), &[2, 1]), Some(key(1)));
    assert_eq!(with(uid("party"), &[2, 3]), None);
    assert_eq!(with("party::plain".parse().unwrap(), &[1]), None);
    assert_eq!(party(Vec::new()).self_authorizing_key(), None);
    assert_eq!(party(Vec::new()).signing_keys(), None);
}
