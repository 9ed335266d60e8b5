//! One request, and how it finds and makes keys.

use std::collections::BTreeMap;

use strongroom_crypto::Timestamp;
use strongroom_crypto::clock::Clock;

use super::enums::{Encoding, Purpose};
use super::error::GcpError;
use super::inventory::{CryptoKey, Imported, Version};
use super::names::{Name, version_name};
use super::query::Query;
use super::version_states::State;
use crate::clock::after_micros;
use crate::cloud::Cloud;
use crate::keys::{Key, KeyError, KeySpec, KeyState, NewKey, Source};

/// One request without its body.
pub(super) struct Session<'a> {
    pub(super) cloud: &'a Cloud,
    pub(super) name: &'a Name,
    pub(super) query: &'a Query,
    pub(super) encoding: Encoding,
}

/// A version as it was at one moment.
pub(super) struct Found {
    pub(super) name: String,
    pub(super) record: Version,
    pub(super) state: State,
    /// Its key; none before it is generated and after it is destroyed.
    pub(super) key: Option<Key>,
    /// When it will be destroyed, or when it was.
    pub(super) destroyed_at: Option<Timestamp>,
}

impl Found {
    /// The key, if the version is enabled.
    pub(super) fn usable(self) -> Result<Key, GcpError> {
        match (self.state, self.key) {
            (State::Enabled, Some(key)) => Ok(key),
            (state, _) => Err(GcpError::not_enabled(&self.name, state)),
        }
    }
}

impl Session<'_> {
    pub(super) fn now(&self) -> Timestamp {
        self.cloud.clock.now()
    }

    /// The crypto key with this name, after the rotations whose time has come.
    pub(super) fn key_named(&self, name: &str) -> Result<CryptoKey, GcpError> {
        let inventory = &self.cloud.inventory;
        let now = self.now();
        let due = || inventory.change_key(name, |key| take_due_rotation(key, now));
        while let Some(number) = due()? {
            // Nobody waits for a version that came by itself.
            self.generate(name, KeySpec::Symmetric, number, now)?;
            inventory.change_key(name, |key| key.primary = Some(number))?;
        }
        inventory.key(name)
    }

    /// The crypto key that the request names.
    pub(super) fn key(&self) -> Result<CryptoKey, GcpError> {
        self.key_named(&self.name.crypto_key())
    }

    /// As [`Self::key`], if it is for this.
    pub(super) fn key_for(&self, purpose: Purpose) -> Result<CryptoKey, GcpError> {
        let key = self.key()?;
        if Purpose::of(key.spec) == purpose {
            return Ok(key);
        }
        Err(GcpError::invalid(format!(
            "The purpose of {} does not allow this operation.",
            key.name
        )))
    }

    /// The version of `key` that the request names.
    pub(super) fn version(&self, key: &CryptoKey) -> Result<Found, GcpError> {
        let missing = || GcpError::not_found(&format!("CryptoKeyVersion {}", self.name.item()));
        self.find(key, self.name.version().ok_or_else(missing)?)
    }

    pub(super) fn find(&self, key: &CryptoKey, number: u32) -> Result<Found, GcpError> {
        let name = version_name(&key.name, number);
        let Some(record) = key.versions.get(&number).cloned() else {
            return Err(GcpError::not_found(&format!("CryptoKeyVersion {name}")));
        };
        let found = self.cloud.keys.find(self.name.location(), &name);
        let (state, key, destroyed_at) = match found {
            Ok(key) => {
                let (state, at) = match key.state {
                    KeyState::Enabled => (State::Enabled, None),
                    // Google's keys are whole when they are here.
                    KeyState::Disabled | KeyState::PendingImport => (State::Disabled, None),
                    KeyState::PendingDeletion { at } => (State::DestroyScheduled, Some(at)),
                    KeyState::PendingReplicaDeletion { .. } => (State::DestroyScheduled, None),
                };
                (state, Some(key), at)
            }
            Err(KeyError::Unknown) if self.now() < record.generated_at => {
                let state = match record.imported {
                    None => State::PendingGeneration,
                    Some(_) => State::PendingImport,
                };
                (state, None, None)
            }
            Err(KeyError::Unknown) if record.has_failed() => (State::ImportFailed, None, None),
            Err(KeyError::Unknown) => (State::Destroyed, None, record.destroyed_at),
            Err(error) => return Err(GcpError::of_key(error, &name)),
        };
        Ok(Found {
            name,
            record,
            state,
            key,
            destroyed_at,
        })
    }

    /// Gives a crypto key the version with this number.
    pub(super) fn generate(
        &self,
        crypto_key: &str,
        spec: KeySpec,
        number: u32,
        generated_at: Timestamp,
    ) -> Result<(), GcpError> {
        let source = (Source::Cloud, None);
        self.add_version(crypto_key, spec, number, generated_at, source)
    }

    /// Gives a crypto key the version with this number, whose material comes from `source`.
    pub(super) fn add_version(
        &self,
        crypto_key: &str,
        spec: KeySpec,
        number: u32,
        generated_at: Timestamp,
        (source, imported): (Source, Option<Imported>),
    ) -> Result<(), GcpError> {
        let name = version_name(crypto_key, number);
        let wishes = NewKey {
            id: Some(name.clone()),
            spec,
            source,
            multi_region: false,
            description: String::new(),
            tags: BTreeMap::new(),
            visible_at: generated_at,
        };
        let made = self.cloud.keys.create(self.name.location(), wishes);
        let made = made.map_err(|error| GcpError::of_key(error, &name))?;
        let version = Version {
            created_at: made.created_at,
            generated_at,
            imported,
            destroyed_at: None,
        };
        let add = |key: &mut CryptoKey| key.versions.insert(number, version);
        self.cloud.inventory.change_key(crypto_key, add)?;
        Ok(())
    }
}

/// The number of a version that is due, and the time of the next one.
fn take_due_rotation(key: &mut CryptoKey, now: Timestamp) -> Option<u32> {
    let due = key.rotation.next_at.filter(|at| *at <= now)?;
    let period = key.rotation.period_seconds;
    let micros = period.map(|seconds| seconds.saturating_mul(1_000_000));
    key.rotation.next_at = micros.map(|micros| after_micros(due, micros));
    Some(key.next_number())
}
