use std::collections::{BTreeMap, BTreeSet};

use foldhash::HashMap;
use smallvec::SmallVec;

use super::row::StoredTransaction;
use crate::{
    identifier::{Namespace, UniqueIdentifier},
    mapping::{Mapping, MappingCode, UniqueKey},
    transaction::{Serial, TransactionHash},
};

/// Where the rows of a store are that somebody looks for. Places are positions among the rows.
#[derive(Clone, Debug, Default)]
pub(super) struct Index {
    by_key: HashMap<UniqueKey, Track>,
    by_hash: HashMap<TransactionHash, Places>,
    /// Each key once, in the order in which they came.
    by_kind: BTreeMap<MappingCode, Vec<UniqueKey>>,
    delegations: HashMap<Namespace, Vec<UniqueKey>>,
    /// Trust certificates, by participant.
    trust: HashMap<UniqueIdentifier, Vec<UniqueKey>>,
}

/// Mostly one.
type Places = SmallVec<[usize; 2]>;

/// The rows of one unique key.
#[derive(Clone, Debug, Default)]
struct Track {
    /// Accepted rows, oldest first; the last one may be in force.
    accepted: Places,
    /// Whether the last accepted row is in force.
    is_in_force: bool,
    /// Proposals that still wait.
    proposals: BTreeSet<Waiting>,
}

/// A proposal that waits: its serial and its place.
type Waiting = (Serial, usize);

impl Index {
    /// Notes the row that gets this place.
    pub(super) fn add(&mut self, place: usize, row: &StoredTransaction) {
        // Nobody looks for what was rejected, and anybody can have much of it.
        if row.rejection.is_some() {
            return;
        }
        let transaction = row.signed.transaction();
        let key = transaction.unique_key();
        self.by_hash
            .entry(transaction.hash())
            .or_default()
            .push(place);
        let track = self.by_key.entry(key).or_default();
        if row.signed.is_proposal() {
            if row.valid_until.is_none() {
                track.proposals.insert((transaction.serial(), place));
            }
            return;
        }
        if track.accepted.is_empty() {
            let mapping = transaction.mapping();
            self.by_kind.entry(mapping.code()).or_default().push(key);
            if row.is_delegation() {
                self.delegations
                    .entry(mapping.namespace().clone())
                    .or_default()
                    .push(key);
            }
            if let Mapping::SynchronizerTrustCertificate(it) = mapping {
                self.trust
                    .entry(it.participant.clone())
                    .or_default()
                    .push(key);
            }
        }
        track.accepted.push(place);
        track.is_in_force = row.valid_until.is_none();
    }

    /// Takes note that the row of a unique key that was in force no longer is.
    pub(super) fn end_in_force(&mut self, key: &UniqueKey) {
        if let Some(track) = self.by_key.get_mut(key) {
            track.is_in_force = false;
        }
    }

    /// Takes note that a proposal of a unique key no longer waits.
    pub(super) fn end_proposal(&mut self, key: &UniqueKey, serial: Serial, place: usize) {
        if let Some(track) = self.by_key.get_mut(key) {
            track.proposals.remove(&(serial, place));
        }
    }

    pub(super) fn in_force(&self, key: &UniqueKey) -> Option<usize> {
        let track = self.by_key.get(key).filter(|track| track.is_in_force)?;
        track.accepted.last().copied()
    }

    pub(super) fn accepted(&self, key: &UniqueKey) -> &[usize] {
        self.by_key.get(key).map_or(&[], |track| &track.accepted)
    }

    /// Proposals that wait, up to this serial.
    pub(super) fn proposals(&self, key: &UniqueKey, up_to: Serial) -> impl Iterator<Item = usize> {
        let tracks = self.by_key.get(key).into_iter();
        tracks
            .flat_map(move |track| track.proposals.range(..=(up_to, usize::MAX)))
            .map(|(_, place)| *place)
    }

    pub(super) fn with_hash(&self, hash: &TransactionHash) -> &[usize] {
        self.by_hash.get(hash).map_or(&[], SmallVec::as_slice)
    }

    pub(super) fn of_kind(&self, code: MappingCode) -> impl Iterator<Item = &UniqueKey> {
        self.by_kind.get(&code).into_iter().flatten()
    }

    pub(super) fn delegations(&self, namespace: &Namespace) -> impl Iterator<Item = &UniqueKey> {
        self.delegations.get(namespace).into_iter().flatten()
    }

    pub(super) fn trust(&self, participant: &UniqueIdentifier) -> impl Iterator<Item = &UniqueKey> {
        self.trust.get(participant).into_iter().flatten()
    }

    pub(super) fn namespaces(&self) -> impl Iterator<Item = &Namespace> {
        self.delegations.keys()
    }
}
