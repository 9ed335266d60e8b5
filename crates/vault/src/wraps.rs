//! The wraps of the data keys, as they were authenticated, and the order in which they are tried.

use std::collections::BTreeSet;

use parking_lot::RwLock;
use strongroom_store::{DataKeyId, WrapRecord};

use crate::{
    environment::{Environment, NamedWrapper},
    wrapper_key_watch::WrapperKeyName,
};

/// Wraps of one KMS that are tried; more than anybody needs.
pub(crate) const MOST_WRAPS: usize = 16;

/// What an open vault remembers of its wraps.
///
/// Their rows carry no tag, so what is read later is compared with this, byte for byte.
#[derive(Debug)]
pub(crate) struct Wraps(RwLock<Vec<WrapRecord>>);

impl Wraps {
    pub(crate) const fn new(records: Vec<WrapRecord>) -> Self {
        Self(RwLock::new(records))
    }

    /// All of them, the oldest first.
    pub(crate) fn all(&self) -> Vec<WrapRecord> {
        self.0.read().clone()
    }

    /// Whether some wrap was made by this wrapper key, in whichever KMS.
    pub(crate) fn know(&self, wrapper_key_id: &str) -> bool {
        let records = self.0.read();
        records
            .iter()
            .any(|wrap| wrap.wrapper_key_id == wrapper_key_id)
    }

    /// Every wrapper key in use, with its KMS. One that seals rows itself has a wrap too, or it could not be found.
    pub(crate) fn wrapper_keys(&self) -> BTreeSet<WrapperKeyName> {
        let records = self.0.read();
        let named = records.iter();
        named
            .map(|wrap| (wrap.kms.clone(), wrap.wrapper_key_id.clone()))
            .collect()
    }

    pub(crate) fn add(&self, record: WrapRecord) {
        self.0.write().push(record);
    }

    pub(crate) fn remove(&self, record: &WrapRecord) {
        self.0.write().retain(|wrap| wrap != record);
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
