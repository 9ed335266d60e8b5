//! In which order certificates authorize each other.

use strongroom_crypto::Timestamp;
use strongroom_topology::{Mapping, Outcome, SignedTransaction, StoreId, Times, TopologyStore};

use super::super::{next_instant, rules};

/// The places of `certificates` in the order in which `store` accepts them; those that it never does stand at the end, as
/// they were given.
///
/// Tried on a copy of the store, since a rejection leaves a row. Earlier serials come first, of one serial the root's
/// own: without a predecessor any serial would do.
pub(super) fn of(
    store: &TopologyStore,
    certificates: &[SignedTransaction],
    now: Timestamp,
) -> Vec<usize> {
    let mut pending: Vec<_> = certificates.iter().enumerate().collect();
    pending.sort_by_key(|(_, signed)| {
        let serial = signed.transaction().serial().get();
        (serial, !is_about_root(signed))
    });
    let mut ahead = store.clone();
    let mut places = Vec::with_capacity(certificates.len());
    // After each that is accepted from the beginning again: what hangs on it comes before any later serial.
    while let Some(next) = pending
        .iter()
        .position(|(_, signed)| accepts(&mut ahead, signed, now))
    {
        let (place, _) = pending.remove(next);
        places.push(place);
    }
    let mut never: Vec<_> = pending.into_iter().map(|(place, _)| place).collect();
    never.sort_unstable();
    places.extend(never);
    places
}

fn accepts(store: &mut TopologyStore, signed: &SignedTransaction, now: Timestamp) -> bool {
    let at = next_instant(now, store);
    let times = Times {
        sequenced: at,
        effective: at,
    };
    let processed = store.process(signed.clone(), times, &rules(&StoreId::Authorized, at));
    !matches!(processed.outcome, Outcome::Rejected(_))
}

fn is_about_root(signed: &SignedTransaction) -> bool {
    match signed.transaction().mapping() {
        Mapping::NamespaceDelegation(delegation) => delegation.targets_root(),
        _ => false,
    }
}
