//! What administrators do to a key: states, texts, tags.

use std::collections::BTreeMap;

use strongroom_crypto::Timestamp;

use super::error::KeyError;
use super::key::{Key, KeyState};
use super::ring::Keys;
use super::store::{RegionalKey, place};
use crate::clock::after_days;

impl Keys {
    /// Switches a key on or off.
    pub(crate) fn set_enabled(&self, region: &str, id: &str, on: bool) -> Result<(), KeyError> {
        self.with(|store, now| {
            let key = store.regional(region, id, now)?;
            key.alterable()?;
            if key.state == KeyState::PendingImport {
                return Err(KeyError::PendingImport);
            }
            key.state = if on {
                KeyState::Enabled
            } else {
                KeyState::Disabled
            };
            Ok(())
        })
    }

    /// Schedules the deletion in so many days. A primary key with replicas waits for their end first.
    pub(crate) fn schedule_deletion(
        &self,
        region: &str,
        id: &str,
        days: u32,
    ) -> Result<Key, KeyError> {
        self.with(|store, now| {
            let waits = store.families.get(id).is_some_and(|family| {
                family.primary_region == region && !family.replica_regions.is_empty()
            });
            let key = store.regional(region, id, now)?;
            key.alterable()?;
            let at = after_days(now, days);
            key.state = if waits {
                KeyState::PendingReplicaDeletion { days }
            } else {
                KeyState::PendingDeletion { at }
            };
            store.wake_at(at);
            store.key(region, id)
        })
    }

    /// Cancels the deletion. The key is disabled then, or waits for its material again.
    pub(crate) fn cancel_deletion(&self, region: &str, id: &str) -> Result<(), KeyError> {
        self.with(|store, now| {
            let key = store.regional(region, id, now)?;
            if key.alterable().is_ok() {
                return Err(KeyError::NotPendingDeletion);
            }
            key.state = KeyState::Disabled;
            if store.key(region, id)?.current.is_awaited() {
                store.regional(region, id, now)?.state = KeyState::PendingImport;
            }
            Ok(())
        })
    }

    pub(crate) fn describe(&self, region: &str, id: &str, text: String) -> Result<(), KeyError> {
        self.alter(region, id, |key| key.description = text)
    }

    /// Adds tags, and replaces those that are there, up to `most` in all.
    pub(crate) fn tag(
        &self,
        region: &str,
        id: &str,
        tags: BTreeMap<String, String>,
        most: usize,
    ) -> Result<(), KeyError> {
        self.with(|store, now| {
            let key = store.regional(region, id, now)?;
            key.alterable()?;
            let mut all = key.tags.clone();
            all.extend(tags);
            if all.len() > most {
                return Err(KeyError::Limit("tags"));
            }
            key.tags = all;
            Ok(())
        })
    }

    /// Removes the tags with these names, if they are there.
    pub(crate) fn untag(&self, region: &str, id: &str, names: &[String]) -> Result<(), KeyError> {
        self.alter(region, id, |key| {
            key.tags.retain(|name, _| !names.contains(name));
        })
    }

    fn alter(
        &self,
        region: &str,
        id: &str,
        change: impl FnOnce(&mut RegionalKey),
    ) -> Result<(), KeyError> {
        self.with(|store, now| {
            let key = store.regional(region, id, now)?;
            key.alterable()?;
            change(key);
            Ok(())
        })
    }
}

impl RegionalKey {
    /// A key that is about to be deleted does not change any more.
    pub(super) const fn alterable(&self) -> Result<(), KeyError> {
        match self.state {
            KeyState::Enabled | KeyState::Disabled | KeyState::PendingImport => Ok(()),
            KeyState::PendingDeletion { .. } | KeyState::PendingReplicaDeletion { .. } => {
                Err(KeyError::PendingDeletion)
            }
        }
    }
}

/// A copy of a key in another region.
#[derive(Clone, Debug)]
pub(crate) struct ReplicaRequest {
    pub(crate) region: String,
    pub(crate) description: String,
    pub(crate) tags: BTreeMap<String, String>,
    /// Nobody sees the replica before this time.
    pub(crate) visible_at: Timestamp,
}

impl Keys {
    /// Gives a multi-region primary key to another region: the same id and material, everything else of its own.
    pub(crate) fn replicate(
        &self,
        region: &str,
        id: &str,
        request: ReplicaRequest,
    ) -> Result<Key, KeyError> {
        self.with(|store, now| {
            store.visible(region, id, now)?.usable()?;
            let to = request.region;
            if store.keys.contains_key(&place(&to, id)) {
                return Err(KeyError::Exists);
            }
            store.check_room(&to, self.room.keys)?;
            let family = store.families.get_mut(id).ok_or(KeyError::Unknown)?;
            // A replica of imported material gets it by an import of its own, which is not simulated.
            if !family.multi_region || family.primary_region != region || family.external {
                return Err(KeyError::Unsupported("replicate"));
            }
            family.replica_regions.insert(to.clone());
            let replica = RegionalKey {
                state: KeyState::Enabled,
                description: request.description,
                tags: request.tags,
                created_at: now,
                visible_at: request.visible_at,
            };
            store.keys.insert(place(&to, id), replica);
            store.key(&to, id)
        })
    }
}
