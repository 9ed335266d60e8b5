//! What must be true after every step.

use std::collections::BTreeMap;

use strongroom_topology::{
    At, Mapping, Outcome, SignedTransaction, StoredTransaction, Times, TopologyStore, UniqueKey,
};

use super::{kept::Kept, world::World};
use crate::support::{reading, reading_at, row_text};

/// What the first node that came so far read, at the times of each block.
#[derive(Default)]
pub(super) struct Past(Vec<[String; 4]>);

impl Past {
    /// Both nodes agree about every time that was ever seen, and nothing that was seen changes.
    pub(super) fn check(&mut self, world: &World) {
        for node in &world.nodes {
            let store = &node.synchronizer.store;
            for (index, block) in world.log.iter().enumerate().take(node.seen) {
                let read = block.times().map(|at| reading_at(store, at));
                match self.0.get(index) {
                    None => self.0.push(read),
                    Some(known) => assert_eq!(*known, read, "the past changed"),
                }
            }
        }
        let [one, other] = &world.nodes;
        if one.seen == other.seen {
            let [one, other] = [one, other].map(|node| &node.synchronizer.store);
            assert_eq!(reading_at(one, At::Head), reading_at(other, At::Head));
        }
    }
}

pub(super) fn check(kept: &Kept) {
    let store = &kept.store;
    check_serials(store);
    check_times(store);
    check_keys(store);
    let durable = kept.rows().map(row_text);
    let rows = store.rows().iter().map(row_text);
    assert!(durable.eq(rows), "a change was not told");
    let head = |store| reading_at(store, At::Head);
    assert_eq!(head(&kept.restored()), head(store));
}

/// What takes longer: restoring and replaying give the very same store.
pub(super) fn check_thoroughly(kept: &Kept) {
    check(kept);
    let expected = reading(&kept.store);
    assert_eq!(reading(&kept.restored()), expected);
    assert_eq!(reading(&replayed(kept)), expected);
}

/// The accepted rows of each unique key, oldest first.
fn tracks(store: &TopologyStore) -> BTreeMap<UniqueKey, Vec<&StoredTransaction>> {
    let mut tracks: BTreeMap<_, Vec<_>> = BTreeMap::new();
    for row in store.rows().iter().filter(|row| row.is_accepted()) {
        let key = row.signed.transaction().unique_key();
        tracks.entry(key).or_default().push(row);
    }
    tracks
}

/// Serials only grow; one that stays is the same transaction with more signatures.
fn check_serials(store: &TopologyStore) {
    for track in tracks(store).values() {
        for pair in track.windows(2) {
            let [before, after] = [&pair[0].signed, &pair[1].signed];
            let grows = before.transaction().serial() < after.transaction().serial();
            let gains = before.hash() == after.hash()
                && after
                    .signed_by()
                    .any(|key| before.signature_by(&key).is_none());
            assert!(
                grows || gains,
                "{} after {}",
                row_text(pair[1]),
                row_text(pair[0])
            );
            assert_eq!(pair[0].valid_until, Some(pair[1].valid_from));
        }
    }
}

/// At any time one row of a unique key is in force at most; rejected rows and proposals never are.
fn check_times(store: &TopologyStore) {
    let times = store.rows().iter().map(|row| row.valid_from);
    let reads = times.flat_map(|time| [At::Time(time), At::Including(time)]);
    for at in reads.chain([At::Head]) {
        for (key, track) in tracks(store) {
            let in_force: Vec<u64> = track
                .iter()
                .filter(|row| at.covers(row))
                .map(|row| row.ordinal)
                .collect();
            assert!(in_force.len() <= 1, "{in_force:?} at {at:?}");
            let found = store.row_of(&key, at).map(|row| row.ordinal);
            assert_eq!(found, in_force.first().copied());
        }
        let mut covered = store.rows().iter().filter(|row| at.covers(row));
        assert!(covered.all(|row| row.rejection.is_none() && !row.signed.is_proposal()));
    }
}

/// Every key that is announced signed when it was announced first.
fn check_keys(store: &TopologyStore) {
    for row in store.in_force(At::Head) {
        let transaction = row.signed.transaction();
        let Mapping::OwnerToKeyMapping(mapping) = transaction.mapping() else {
            continue;
        };
        for key in mapping.signing_keys() {
            let proves = |row: &SignedTransaction| {
                row.transaction().unique_key() == transaction.unique_key()
                    && row.verify(key, key.usages()).is_ok()
            };
            let mut accepted = store.rows().iter().filter(|row| row.is_accepted());
            assert!(
                accepted.any(|row| proves(&row.signed)),
                "{} never signed",
                key.fingerprint()
            );
        }
    }
}

/// Every row once more, from the beginning.
fn replayed(kept: &Kept) -> TopologyStore {
    let mut store = TopologyStore::new(kept.store.id().clone());
    for row in kept.store.rows() {
        let times = Times {
            sequenced: row.sequenced,
            effective: row.valid_from,
        };
        let signed = SignedTransaction::clone(&row.signed);
        let outcome = store.process(signed, times, &kept.rules).outcome;
        match &outcome {
            Outcome::Accepted => assert!(row.is_accepted()),
            Outcome::Proposed => assert!(row.signed.is_proposal()),
            Outcome::Rejected(rejection) => {
                assert_eq!(row.rejection.as_deref(), Some(&*rejection.stored_text()));
            }
            other => panic!("{other:?}: {}", row_text(row)),
        }
    }
    store
}
