//! The wraps of the data keys, as they were authenticated, and the order in which they are tried.

use std::collections::BTreeSet;

use parking_lot::RwLock;
use strongroom_crypto::Timestamp;
use strongroom_store::{DataKeyId, WrapRecord};

use crate::{
    data_keys::DataKeys,
    environment::{Environment, NamedWrapper},
    wrapper_key_watch::WrapperKeyName,
};

/// Wraps of one KMS that are tried; more than anybody needs.
pub(crate) const MOST_WRAPS: usize = 16;

/// What an open vault remembers of its wraps: those of the data keys in use, and apart from them those of retired ones, which
/// open backups only.
///
/// Their rows carry no tag, so what is read later is compared with this, byte for byte.
#[derive(Debug)]
pub(crate) struct Wraps(RwLock<Split>);

#[derive(Debug)]
struct Split {
    in_use: Vec<WrapRecord>,
    of_retired: Vec<WrapRecord>,
}

impl Wraps {
    pub(crate) fn new(records: Vec<WrapRecord>, data_keys: &DataKeys) -> Self {
        Self(RwLock::new(Split::of(records, data_keys)))
    }

    /// All of the data keys in use, the oldest first.
    pub(crate) fn all(&self) -> Vec<WrapRecord> {
        self.0.read().in_use.clone()
    }

    /// All of retired data keys.
    pub(crate) fn of_retired(&self) -> Vec<WrapRecord> {
        self.0.read().of_retired.clone()
    }

    /// Takes note of which data keys there are now.
    pub(crate) fn retain_those_of(&self, data_keys: &DataKeys) {
        let split = &mut *self.0.write();
        let mut records = std::mem::take(&mut split.in_use);
        records.append(&mut split.of_retired);
        *split = Split::of(records, data_keys);
    }

    /// Whether some wrap was made by this wrapper key, in whichever KMS.
    pub(crate) fn know(&self, wrapper_key_id: &str) -> bool {
        let split = self.0.read();
        split
            .in_use
            .iter()
            .any(|wrap| wrap.wrapper_key_id == wrapper_key_id)
    }

    /// Since when a wrapper key wraps for the vault; none if it does not.
    pub(crate) fn since(&self, wrapper_key_id: &str) -> Option<Timestamp> {
        let split = self.0.read();
        let all = split.in_use.iter().chain(&split.of_retired);
        let ours = all.filter(|wrap| wrap.wrapper_key_id == wrapper_key_id);
        ours.map(|wrap| wrap.created_at).min()
    }

    /// Every wrapper key in use, with its KMS. One that seals rows itself has a wrap too, or it could not be found.
    pub(crate) fn wrapper_keys(&self) -> BTreeSet<WrapperKeyName> {
        let split = self.0.read();
        let named = split.in_use.iter();
        named
            .map(|wrap| (wrap.kms.clone(), wrap.wrapper_key_id.clone()))
            .collect()
    }

    /// These are the wraps now.
    pub(crate) fn replace(&self, records: Vec<WrapRecord>, data_keys: &DataKeys) {
        *self.0.write() = Split::of(records, data_keys);
    }

    pub(crate) fn add(&self, record: WrapRecord) {
        self.0.write().in_use.push(record);
    }

    pub(crate) fn remove(&self, record: &WrapRecord) {
        self.0.write().in_use.retain(|wrap| wrap != record);
    }
}

impl Split {
    fn of(records: Vec<WrapRecord>, data_keys: &DataKeys) -> Self {
        let is_known = |id| data_keys.records().iter().any(|record| record.id == id);
        let is_opened = |id| data_keys.named(&id).is_ok();
        let known = records
            .into_iter()
            .filter(|wrap| is_known(wrap.data_key_id));
        let (in_use, of_retired) = known.partition(|wrap| is_opened(wrap.data_key_id));
        Self { in_use, of_retired }
    }
}

/// The wraps of one data key whose KMS is configured, in the configured order; those of one KMS as they are given.
///
/// At opening they are authenticated only afterwards: whoever writes the store must not make us call a KMS without end.
pub(crate) fn in_order<'a>(
    environment: &'a Environment,
    wraps: &'a [WrapRecord],
    data_key: DataKeyId,
) -> impl Iterator<Item = (&'a NamedWrapper, &'a WrapRecord)> {
    environment.wrappers.iter().flat_map(move |named| {
        let is_ours =
            move |wrap: &&WrapRecord| wrap.kms == named.name && wrap.data_key_id == data_key;
        let ours = wraps.iter().filter(is_ours).take(MOST_WRAPS);
        ours.map(move |wrap| (named, wrap))
    })
}
