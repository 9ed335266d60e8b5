//! Other names of keys. They belong to a region.

use strongroom_crypto::Timestamp;

use super::error::KeyError;
use super::ring::Keys;
use super::store::place;

/// What an alias stands for.
#[derive(Clone, Debug)]
pub(super) struct AliasTarget {
    pub(super) key_id: String,
    created_at: Timestamp,
    updated_at: Timestamp,
}

/// An alias of one region.
#[derive(Clone, Debug)]
pub(crate) struct Alias {
    pub(crate) name: String,
    pub(crate) key_id: String,
    pub(crate) created_at: Timestamp,
    pub(crate) updated_at: Timestamp,
}

impl Keys {
    /// The id of the key that an alias stands for.
    pub(crate) fn behind_alias(&self, region: &str, name: &str) -> Result<String, KeyError> {
        self.with(|store, _now| {
            let target = store.aliases.get(&place(region, name));
            target
                .map(|target| target.key_id.clone())
                .ok_or(KeyError::AliasUnknown)
        })
    }

    /// Gives a key another name.
    pub(crate) fn create_alias(
        &self,
        region: &str,
        name: &str,
        key_id: &str,
    ) -> Result<(), KeyError> {
        self.with(|store, now| {
            store.regional(region, key_id, now)?.alterable()?;
            if store.aliases.contains_key(&place(region, name)) {
                return Err(KeyError::Exists);
            }
            let of_key = store
                .aliases
                .iter()
                .filter(|((of, _), target)| of == region && target.key_id == key_id);
            if of_key.count() >= self.room.aliases_per_key {
                return Err(KeyError::Limit("aliases"));
            }
            let target = AliasTarget {
                key_id: key_id.to_owned(),
                created_at: now,
                updated_at: now,
            };
            store.aliases.insert(place(region, name), target);
            Ok(())
        })
    }

    /// Lets an alias stand for another key of the same kind.
    pub(crate) fn update_alias(
        &self,
        region: &str,
        name: &str,
        key_id: &str,
    ) -> Result<(), KeyError> {
        self.with(|store, now| {
            store.regional(region, key_id, now)?.alterable()?;
            let new = store.key(region, key_id)?;
            let old = store.aliases.get(&place(region, name));
            let old = old.ok_or(KeyError::AliasUnknown)?.key_id.clone();
            let old = store.key(region, &old)?;
            let asymmetric = |key: &super::Key| key.spki().map(|spki| spki.is_some());
            if asymmetric(&old)? != asymmetric(&new)? || old.spec.signs() != new.spec.signs() {
                return Err(KeyError::Unsupported("take over that alias"));
            }
            if let Some(target) = store.aliases.get_mut(&place(region, name)) {
                key_id.clone_into(&mut target.key_id);
                target.updated_at = now;
            }
            Ok(())
        })
    }

    /// Forgets an alias; the key stays.
    pub(crate) fn delete_alias(&self, region: &str, name: &str) -> Result<(), KeyError> {
        self.with(|store, _now| {
            let removed = store.aliases.remove(&place(region, name));
            removed.map(|_target| ()).ok_or(KeyError::AliasUnknown)
        })
    }

    /// The aliases of a region in the order of their names.
    pub(crate) fn aliases(&self, region: &str) -> Result<Vec<Alias>, KeyError> {
        self.with(|store, _now| {
            let all = store.aliases.iter();
            let here = all.filter(|((of, _), _)| of == region);
            Ok(here
                .map(|((_, name), target)| Alias {
                    name: name.clone(),
                    key_id: target.key_id.clone(),
                    created_at: target.created_at,
                    updated_at: target.updated_at,
                })
                .collect())
        })
    }
}
