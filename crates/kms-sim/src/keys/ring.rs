//! Making and finding keys.

use std::collections::BTreeMap;
use std::sync::Arc;

use parking_lot::Mutex;
use strongroom_crypto::clock::Clock;
use strongroom_crypto::{Random, Timestamp};

use super::error::KeyError;
use super::family::Family;
use super::key::{Key, KeyState};
use super::material::Material;
use super::random_text;
use super::spec::KeySpec;
use super::store::{RegionalKey, Store, place};
use crate::clock::SimulatorClock;

/// How much the cloud gives one account.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Room {
    /// Keys in one region.
    pub(crate) keys: usize,
    /// Aliases of one key.
    pub(crate) aliases_per_key: usize,
    /// Rotations on demand in the life of one key.
    pub(crate) rotations_on_demand: usize,
}

/// Where the material of a new key comes from.
#[derive(Debug)]
pub(crate) enum Source {
    /// The cloud makes it.
    Cloud,
    /// Somebody will import it.
    Awaited,
    /// It came with the request.
    Given(Material),
}

/// Wishes for a new key.
#[derive(Debug)]
pub(crate) struct NewKey {
    /// The id, for clouds that let callers choose; none: a random one.
    pub(crate) id: Option<String>,
    pub(crate) spec: KeySpec,
    pub(crate) source: Source,
    pub(crate) multi_region: bool,
    pub(crate) description: String,
    pub(crate) tags: BTreeMap<String, String>,
    /// Nobody sees the key before this time.
    pub(crate) visible_at: Timestamp,
}

/// All keys of all regions.
#[derive(Debug)]
pub(crate) struct Keys {
    store: Mutex<Store>,
    pub(super) random: Arc<dyn Random>,
    clock: Arc<SimulatorClock>,
    pub(super) room: Room,
}

impl Keys {
    pub(crate) fn new(random: Arc<dyn Random>, clock: Arc<SimulatorClock>, room: Room) -> Self {
        Self {
            store: Mutex::new(Store::default()),
            random,
            clock,
            room,
        }
    }

    /// Makes a key. Unless its id was chosen, it is a UUID, or `mrk-` and 32 hexadecimal digits if other regions can
    /// have it too. [`KeyError::Exists`] if a chosen one is taken.
    pub(crate) fn create(&self, region: &str, wishes: NewKey) -> Result<Key, KeyError> {
        let NewKey {
            id,
            spec,
            source,
            multi_region,
            description,
            tags,
            visible_at,
        } = wishes;
        let random = self.random.as_ref();
        let id = match id {
            Some(id) => id,
            None if multi_region => format!("mrk-{}", random_text::hex::<16>(random)?),
            None => random_text::uuid(random)?,
        };
        self.with(|store, _now| store.check_room(region, self.room.keys))?;
        // Outside of the lock: RSA takes long.
        let state = match source {
            Source::Awaited => KeyState::PendingImport,
            Source::Cloud | Source::Given(_) => KeyState::Enabled,
        };
        let family = Family::new(spec, source, multi_region, region, random)?;
        self.with(|store, created_at| {
            store.check_room(region, self.room.keys)?;
            if store.families.contains_key(&id) {
                return Err(KeyError::Exists);
            }
            store.families.insert(id.clone(), family);
            let regional = RegionalKey {
                state,
                description,
                tags,
                created_at,
                visible_at,
            };
            store.keys.insert(place(region, &id), regional);
            store.key(region, &id)
        })
    }

    /// The key, whatever its state, once it can be seen.
    pub(crate) fn find(&self, region: &str, id: &str) -> Result<Key, KeyError> {
        self.with(|store, now| store.visible(region, id, now))
    }

    /// The ids of a region's keys that can be seen, in order.
    pub(crate) fn list(&self, region: &str) -> Result<Vec<String>, KeyError> {
        self.with(|store, now| {
            let keys = store.of_region(region);
            let visible = keys.filter(|(_, key)| key.visible_at <= now);
            Ok(visible.map(|(id, _)| id.to_owned()).collect())
        })
    }

    /// Every key of every region, also those that cannot be seen yet.
    pub(crate) fn everything(&self) -> Result<Vec<Key>, KeyError> {
        self.with(|store, _now| {
            let places = store.keys.keys();
            places.map(|(region, id)| store.key(region, id)).collect()
        })
    }

    /// Runs `change` on the store as time has made it. It either fails and changes nothing, or succeeds.
    pub(super) fn with<T>(
        &self,
        change: impl FnOnce(&mut Store, Timestamp) -> Result<T, KeyError>,
    ) -> Result<T, KeyError> {
        let mut store = self.store.lock();
        let now = self.clock.now();
        store.settle(now, self.random.as_ref())?;
        change(&mut store, now)
    }
}
