//! In which order certificates authorize each other.

use std::collections::{BTreeMap, BTreeSet};

use strongroom_crypto::{Fingerprint, Timestamp};
use strongroom_topology::{
    Mapping, Operation, Outcome, Rules, SignedTransaction, Times, TopologyStore,
};

use super::super::next_instant;

/// The places of `certificates` in the order in which `store` accepts them; those that it never does stand at the end, as
/// they were given.
///
/// Tried on a copy of the store. Earlier serials come first: without a predecessor any
/// serial would do.
pub(super) fn of(
    store: &TopologyStore,
    certificates: &[SignedTransaction],
    now: Timestamp,
) -> Vec<usize> {
    let mut sorted: Vec<_> = certificates.iter().enumerate().collect();
    sorted.sort_by_key(|(_, signed)| {
        let serial = signed.transaction().serial().get();
        (serial, turn(signed))
    });
    let dependents = dependents(&sorted);
    let mut ahead = store.clone();
    let mut places = Vec::with_capacity(certificates.len());
    let mut pending: BTreeMap<usize, (usize, &SignedTransaction)> =
        sorted.into_iter().enumerate().collect();
    // The foremost first, so that what hangs on one that is accepted comes before any later serial.
    let mut to_try: BTreeSet<usize> = pending.keys().copied().collect();
    while let Some(rank) = to_try.pop_first() {
        let Some(&(place, signed)) = pending.get(&rank) else {
            continue;
        };
        let key = signed.transaction().mapping().unique_key();
        let is_first = ahead.in_store(&key).is_none();
        let outcome = outcome(&mut ahead, signed, now);
        if matches!(outcome, Outcome::Rejected(_)) {
            continue;
        }
        pending.remove(&rank);
        places.push(place);
        if matches!(outcome, Outcome::Unchanged) {
            continue;
        }
        match target(signed).and_then(|target| dependents.get(&target)) {
            // Nothing hangs on a key that is new but what it signed itself: trying everything again takes quadratic time.
            Some(woken) if is_first => to_try.extend(woken),
            None if is_first => {}
            // A key that comes back brings with it whatever it had authorized.
            _ => to_try.extend(pending.keys()),
        }
    }
    let mut never: Vec<_> = pending.into_values().map(|(place, _)| place).collect();
    never.sort_unstable();
    places.extend(never);
    places
}

/// Which certificates, by rank, may become acceptable with a delegation to a key: those that it signed, and the later
/// ones to itself.
fn dependents(sorted: &[(usize, &SignedTransaction)]) -> BTreeMap<Fingerprint, BTreeSet<usize>> {
    let mut dependents = BTreeMap::<_, BTreeSet<_>>::new();
    for (rank, (_, signed)) in sorted.iter().enumerate() {
        for key in signed.signed_by().chain(target(signed)) {
            dependents.entry(key).or_default().insert(rank);
        }
    }
    dependents
}

fn outcome(store: &mut TopologyStore, signed: &SignedTransaction, now: Timestamp) -> Outcome {
    let at = next_instant(now, store);
    let times = Times {
        sequenced: at,
        effective: at,
    };
    // A certificate may be tried often before its turn comes, and its rejections would all be kept.
    let rules = Rules::authorized().forgetting_rejected();
    store.process(signed.clone(), times, &rules).outcome
}

/// When its turn comes among those of one serial: nothing is authorized before the root is there, and nothing by a key
/// that has gone, least of all by the root.
fn turn(signed: &SignedTransaction) -> u8 {
    let transaction = signed.transaction();
    let is_about_root = match transaction.mapping() {
        Mapping::NamespaceDelegation(delegation) => delegation.targets_root(),
        _ => false,
    };
    match (transaction.operation(), is_about_root) {
        (Operation::AddReplace, true) => 0,
        (Operation::AddReplace, false) => 1,
        (Operation::Remove, false) => 2,
        (Operation::Remove, true) => 3,
    }
}

fn target(signed: &SignedTransaction) -> Option<Fingerprint> {
    match signed.transaction().mapping() {
        Mapping::NamespaceDelegation(delegation) => Some(delegation.target().fingerprint()),
        _ => None,
    }
}
