//! The maps of keys and aliases, and what time does to them.

use std::collections::BTreeMap;

use strongroom_crypto::{Random, Timestamp};

use super::alias::AliasTarget;
use super::error::KeyError;
use super::family::Family;
use super::key::{Key, KeyState};
use crate::clock::after_days;

/// Region, then the id of a key or the name of an alias.
pub(super) type Place = (String, String);

#[derive(Debug, Default)]
pub(super) struct Store {
    /// By key id.
    pub(super) families: BTreeMap<String, Family>,
    pub(super) keys: BTreeMap<Place, RegionalKey>,
    pub(super) aliases: BTreeMap<Place, AliasTarget>,
    /// When something happens by itself next, or before.
    next_due: Option<Timestamp>,
}

/// What a key has in one region only.
#[derive(Debug)]
pub(super) struct RegionalKey {
    pub(super) state: KeyState,
    pub(super) description: String,
    pub(super) tags: BTreeMap<String, String>,
    pub(super) created_at: Timestamp,
    /// Nobody sees the key before.
    pub(super) visible_at: Timestamp,
}

impl Store {
    /// The key as a caller sees it; not before it is visible.
    pub(super) fn visible(&self, region: &str, id: &str, now: Timestamp) -> Result<Key, KeyError> {
        self.keys
            .get(&place(region, id))
            .filter(|key| key.visible_at <= now)
            .ok_or(KeyError::Unknown)?;
        self.key(region, id)
    }

    /// The key of a region, visible or not.
    pub(super) fn key(&self, region: &str, id: &str) -> Result<Key, KeyError> {
        let key = self.keys.get(&place(region, id)).ok_or(KeyError::Unknown)?;
        let family = self.families.get(id).ok_or(KeyError::Unknown)?;
        let regions = family.multi_region.then(|| {
            let replicas = family.replica_regions.iter().cloned().collect();
            (family.primary_region.clone(), replicas)
        });
        Ok(Key {
            id: id.to_owned(),
            region: region.to_owned(),
            spec: family.spec,
            state: key.state,
            description: key.description.clone(),
            tags: key.tags.clone(),
            created_at: key.created_at,
            regions,
            external: family.external,
            plan: family.plan,
            rotations: family.rotations.clone(),
            current: family.current.clone(),
            former: family.former.clone(),
        })
    }

    /// The key to be changed, once it is visible.
    pub(super) fn regional(
        &mut self,
        region: &str,
        id: &str,
        now: Timestamp,
    ) -> Result<&mut RegionalKey, KeyError> {
        self.keys
            .get_mut(&place(region, id))
            .filter(|key| key.visible_at <= now)
            .ok_or(KeyError::Unknown)
    }

    /// Ids and keys of one region, in the order of the ids.
    pub(super) fn of_region<'a>(
        &'a self,
        region: &'a str,
    ) -> impl Iterator<Item = (&'a str, &'a RegionalKey)> {
        self.keys
            .range(place(region, "")..)
            .take_while(move |((of, _), _)| of == region)
            .map(|((_, id), key)| (id.as_str(), key))
    }

    pub(super) fn check_room(&self, region: &str, most: usize) -> Result<(), KeyError> {
        if self.of_region(region).count() < most {
            Ok(())
        } else {
            Err(KeyError::Limit("keys"))
        }
    }

    /// Something will happen by itself at this time.
    pub(super) fn wake_at(&mut self, time: Timestamp) {
        self.next_due = Some(self.next_due.map_or(time, |due| due.min(time)));
    }

    /// Lets happen what time brings: deletions and planned rotations.
    pub(super) fn settle(&mut self, now: Timestamp, random: &dyn Random) -> Result<(), KeyError> {
        while self.next_due.is_some_and(|due| due <= now) {
            self.delete_due(now);
            for family in self.families.values_mut() {
                family.catch_up(now, random)?;
            }
            let deletions = self.keys.values().filter_map(|key| deletion(key.state));
            let rotations = self.families.values().filter_map(|family| family.plan);
            let times = deletions.chain(rotations.map(|plan| plan.next_at));
            self.next_due = times.min();
        }
        Ok(())
    }

    fn delete_due(&mut self, now: Timestamp) {
        let due: Vec<(Place, Timestamp)> = self
            .keys
            .iter()
            .filter_map(|(place, key)| Some((place.clone(), deletion(key.state)?)))
            .filter(|(_, at)| *at <= now)
            .collect();
        for ((region, id), at) in due {
            self.keys.remove(&place(&region, &id));
            self.aliases
                .retain(|(of, _), alias| *of != region || alias.key_id != id);
            self.forget_region(&region, &id, at);
        }
    }

    /// One region less has the key. A primary that waits for its replicas begins to wait for its own end.
    fn forget_region(&mut self, region: &str, id: &str, at: Timestamp) {
        let Some(family) = self.families.get_mut(id) else {
            return;
        };
        if !family.replica_regions.remove(region) {
            // The primary goes last.
            self.families.remove(id);
            return;
        }
        if !family.replica_regions.is_empty() {
            return;
        }
        let primary = place(&family.primary_region, id);
        if let Some(key) = self.keys.get_mut(&primary)
            && let KeyState::PendingReplicaDeletion { days } = key.state
        {
            key.state = KeyState::PendingDeletion {
                at: after_days(at, days),
            };
        }
    }
}

pub(super) fn place(region: &str, name: &str) -> Place {
    (region.to_owned(), name.to_owned())
}

const fn deletion(state: KeyState) -> Option<Timestamp> {
    match state {
        KeyState::PendingDeletion { at } => Some(at),
        KeyState::Enabled
        | KeyState::Disabled
        | KeyState::PendingImport
        | KeyState::PendingReplicaDeletion { .. } => None,
    }
}
