//! Who agrees to what changes about a hosted party. Source: reference, topology rules, section 4.

use strongroom_topology::{
    HostingParticipant, Mapping, Outcome,
    ParticipantPermission::{Confirmation, Observation, Submission},
    PartyId, UniqueIdentifier,
};

use crate::support::{
    Key, REPLACE, Stage, fingerprints, hosted, hosting, keys_with_threshold, namespace_key,
    onboarding, protocol_key, sign, transaction, uid, word,
};

/// The root key of the party.
fn party() -> Key {
    namespace_key(1)
}

/// The root keys of two participants.
fn first() -> Key {
    namespace_key(2)
}

fn second() -> Key {
    namespace_key(3)
}

fn party_id() -> PartyId {
    uid("party", party().namespace())
}

fn of(root: Key) -> UniqueIdentifier {
    uid("participant", root.namespace())
}

fn on(participants: &[HostingParticipant]) -> Mapping {
    hosted(&party_id(), 1, participants, None)
}

fn with_keys(threshold: u32, keys: &[Key]) -> Mapping {
    let participants = [hosting(&of(first()), Confirmation)];
    let keys = Some(keys_with_threshold(threshold, keys));
    hosted(&party_id(), 1, &participants, keys)
}

/// A change is accepted when exactly one of these groups signs it: with one signature less it is not.
struct Change {
    stage: Stage,
    to: Mapping,
}

impl Change {
    fn first(to: Mapping) -> Self {
        let stage = Stage::authorized().with_roots(&[party(), first(), second()]);
        Self { stage, to }
    }

    fn from(before: Mapping, to: Mapping) -> Self {
        let Self { stage, .. } = Self::first(to.clone());
        let keys = [1, 2, 3].map(protocol_key);
        let everybody = [&[party(), first(), second()], &keys[..]].concat();
        let stage = stage.with(before, &everybody);
        Self { stage, to }
    }

    fn relaxed(before: Mapping, to: Mapping) -> Self {
        let change = Self::from(before, to);
        let mut stage = Stage::temporary();
        for row in change.stage.store.rows() {
            let outcome = stage.put(row.signed.as_ref().clone());
            assert_eq!(outcome, Outcome::Accepted);
        }
        Self { stage, ..change }
    }

    fn outcome(&self, signers: &[Key]) -> String {
        let mut stage = self.stage.clone();
        word(&stage.state(self.to.clone(), signers))
    }

    #[track_caller]
    fn needs_all_of(&self, signers: &[Key]) -> &Self {
        assert_eq!(self.outcome(signers), "accepted");
        for left_out in signers {
            let fewer: Vec<Key> = signers
                .iter()
                .copied()
                .filter(|key| key.fingerprint() != left_out.fingerprint())
                .collect();
            if !fewer.is_empty() {
                let outcome = self.outcome(&fewer);
                let expected = ["NotFullyAuthorized", "NotAuthorizedByNamespaceKey"];
                assert!(expected.contains(&outcome.as_str()), "{outcome}");
            }
        }
        self
    }

    #[track_caller]
    fn refuses(&self, signers: &[Key]) -> &Self {
        assert_eq!(self.outcome(signers), "NotFullyAuthorized");
        self
    }
}

#[test]
fn a_new_party_and_its_participants_agree() {
    Change::first(on(&[hosting(&of(first()), Submission)])).needs_all_of(&[party(), first()]);
    let both = on(&[
        hosting(&of(first()), Confirmation),
        hosting(&of(second()), Observation),
    ]);
    Change::first(both).needs_all_of(&[party(), first(), second()]);
}

#[test]
fn a_party_that_nobody_hosts_needs_only_itself() {
    Change::first(on(&[])).needs_all_of(&[party()]);
}

#[test]
fn another_threshold_is_the_partys() {
    let participants = [
        hosting(&of(first()), Confirmation),
        hosting(&of(second()), Confirmation),
    ];
    let with = |threshold| hosted(&party_id(), threshold, &participants, None);
    Change::from(with(1), with(2))
        .needs_all_of(&[party()])
        .refuses(&[first(), second()]);
}

#[test]
fn an_added_participant_agrees_beside_the_party() {
    let before = on(&[hosting(&of(first()), Confirmation)]);
    let after = on(&[
        hosting(&of(first()), Confirmation),
        hosting(&of(second()), Confirmation),
    ]);
    Change::from(before, after)
        .needs_all_of(&[party(), second()])
        .refuses(&[party(), first()]);
}

#[test]
fn a_participant_removes_itself_alone_or_the_party_does() {
    let before = on(&[
        hosting(&of(first()), Confirmation),
        hosting(&of(second()), Confirmation),
    ]);
    let after = on(&[hosting(&of(first()), Confirmation)]);
    Change::from(before, after)
        .needs_all_of(&[second()])
        .needs_all_of(&[party()])
        .refuses(&[first()]);
}

#[test]
fn a_participant_that_changes_something_else_as_well_needs_the_party() {
    let before = hosted(
        &party_id(),
        2,
        &[
            hosting(&of(first()), Confirmation),
            hosting(&of(second()), Confirmation),
        ],
        None,
    );
    let after = on(&[hosting(&of(first()), Confirmation)]);
    Change::from(before, after)
        .needs_all_of(&[party()])
        .refuses(&[second()]);
}

#[test]
fn a_participant_that_is_replaced_need_not_agree_but_the_new_one_must() {
    let before = on(&[hosting(&of(first()), Confirmation)]);
    let after = on(&[hosting(&of(second()), Confirmation)]);
    Change::from(before, after)
        .needs_all_of(&[party(), second()])
        .refuses(&[first(), second()]);
}

#[test]
fn more_permission_needs_party_and_participant() {
    for (before, after) in [
        (Observation, Confirmation),
        (Confirmation, Submission),
        (Observation, Submission),
    ] {
        let [before, after] =
            [before, after].map(|permission| on(&[hosting(&of(first()), permission)]));
        Change::from(before.clone(), after.clone()).needs_all_of(&[party(), first()]);
        // The rule of old.
        Change::relaxed(before, after)
            .needs_all_of(&[party()])
            .refuses(&[first()]);
    }
}

#[test]
fn less_permission_needs_party_or_participant() {
    for (before, after) in [(Submission, Confirmation), (Submission, Observation)] {
        let [before, after] =
            [before, after].map(|permission| on(&[hosting(&of(first()), permission)]));
        Change::from(before.clone(), after.clone())
            .needs_all_of(&[party()])
            .needs_all_of(&[first()]);
        Change::relaxed(before, after).needs_all_of(&[first()]);
    }
}

#[test]
fn only_the_participant_ends_its_onboarding() {
    let done = hosting(&of(first()), Confirmation);
    Change::from(on(&[onboarding(done.clone())]), on(&[done]))
        .needs_all_of(&[first()])
        .refuses(&[party()]);
}

#[test]
fn only_the_party_puts_a_participant_back_to_onboarding() {
    let done = on(&[hosting(&of(first()), Confirmation)]);
    let again = on(&[onboarding(hosting(&of(first()), Confirmation))]);
    Change::from(done, again)
        .needs_all_of(&[party()])
        .refuses(&[first()]);
}

#[test]
fn all_that_changes_at_once_must_be_agreed_to() {
    let before = on(&[
        onboarding(hosting(&of(first()), Submission)),
        hosting(&of(second()), Confirmation),
    ]);
    let after = on(&[hosting(&of(first()), Confirmation)]);
    // First ends its onboarding, which it alone may, and lowers its permission; second leaves.
    Change::from(before, after)
        .needs_all_of(&[first(), second()])
        .needs_all_of(&[first(), party()])
        .refuses(&[party(), second()]);
}

#[test]
fn new_signing_keys_agree_beside_the_party() {
    let [one, two, three] = [1, 2, 3].map(protocol_key);
    Change::first(with_keys(1, &[one, two])).needs_all_of(&[party(), first(), one, two]);
    let before = with_keys(1, &[one]);
    Change::from(before.clone(), with_keys(1, &[one, two])).needs_all_of(&[party(), two]);
    Change::from(before, with_keys(1, &[two, three])).needs_all_of(&[party(), two, three]);
}

#[test]
fn another_threshold_or_fewer_signing_keys_need_only_the_party() {
    let [one, two] = [1, 2].map(protocol_key);
    let both = with_keys(1, &[one, two]);
    Change::from(both.clone(), with_keys(2, &[one, two]))
        .needs_all_of(&[party()])
        .refuses(&[first(), one, two]);
    Change::from(both.clone(), with_keys(1, &[one])).needs_all_of(&[party()]);
    let without = on(&[hosting(&of(first()), Confirmation)]);
    Change::from(both, without).needs_all_of(&[party()]);
}

#[test]
fn a_removal_is_the_partys() {
    let mapping = with_keys(1, &[protocol_key(1)]);
    let prepared = Change::from(mapping.clone(), mapping.clone());
    let mut by_participant = prepared.stage.clone();
    let outcome = by_participant.take_back(mapping.clone(), &[first()]);
    assert_eq!(word(&outcome), "NotFullyAuthorized");
    let mut by_party = prepared.stage;
    assert_eq!(by_party.take_back(mapping, &[party()]), Outcome::Accepted);
}

#[test]
fn nothing_changed_is_the_partys() {
    let mapping = on(&[hosting(&of(first()), Confirmation)]);
    let prepared = Change::from(mapping.clone(), mapping.clone());
    let same = transaction(REPLACE, 2, mapping.clone());
    let mut stage = prepared.stage.clone();
    let outcome = stage.put(sign(same.clone(), &[first()]));
    assert_eq!(word(&outcome), "NotFullyAuthorized");
    assert_eq!(stage.put(sign(same, &[party()])), Outcome::Accepted);
    assert_eq!(stage.signers(&mapping), fingerprints(&[party()]));
}

#[test]
fn two_participants_of_one_namespace_sign_once() {
    let other = uid("other", first().namespace());
    let both = on(&[
        hosting(&of(first()), Confirmation),
        hosting(&other, Confirmation),
    ]);
    Change::first(both).needs_all_of(&[party(), first()]);
}
