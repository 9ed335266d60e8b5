//! Key rings and crypto keys: what they have beside the keys that their versions are.

use std::collections::BTreeMap;

use parking_lot::Mutex;
use strongroom_crypto::Timestamp;

use super::enums::{ImportMethod, ProtectionLevel};
use super::error::GcpError;
use crate::keys::{KeyError, KeySpec};

/// All key rings and crypto keys, by resource name.
#[derive(Debug, Default)]
pub(crate) struct Inventory(Mutex<Contents>);

#[derive(Debug, Default)]
struct Contents {
    rings: BTreeMap<String, Timestamp>,
    keys: BTreeMap<String, CryptoKey>,
    jobs: BTreeMap<String, ImportJob>,
}

/// A crypto key, as it was at one moment.
#[derive(Clone, Debug)]
pub(super) struct CryptoKey {
    pub(super) name: String,
    pub(super) spec: KeySpec,
    /// Whether all its material comes from elsewhere.
    pub(super) import_only: bool,
    pub(super) protection: ProtectionLevel,
    pub(super) created_at: Timestamp,
    pub(super) labels: BTreeMap<String, String>,
    pub(super) rotation: Rotation,
    /// How many days a version waits for its destruction.
    pub(super) destroy_days: u32,
    /// The version that encrypts.
    pub(super) primary: Option<u32>,
    pub(super) versions: BTreeMap<u32, Version>,
    /// The number of the version that was made last, also if it is not here yet.
    pub(super) last_number: u32,
}

/// When a key gets a new primary version by itself.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Rotation {
    pub(super) period_seconds: Option<i64>,
    pub(super) next_at: Option<Timestamp>,
}

/// A wrapping key that was asked for, under which material travels here.
#[derive(Clone, Debug)]
pub(super) struct ImportJob {
    pub(super) name: String,
    pub(super) method: ImportMethod,
    pub(super) protection: ProtectionLevel,
    pub(super) created_at: Timestamp,
    /// Until then it is being generated.
    pub(super) generated_at: Timestamp,
    pub(super) expires_at: Timestamp,
}

/// How the material of a version came here.
#[derive(Clone, Debug)]
pub(super) struct Imported {
    pub(super) job: String,
    /// Why nothing came of it.
    pub(super) failed: Option<&'static str>,
}

/// What is known of a version beside its key.
#[derive(Clone, Debug)]
pub(super) struct Version {
    pub(super) created_at: Timestamp,
    /// Until then it is being generated, or imported.
    pub(super) generated_at: Timestamp,
    /// None if it was generated here.
    pub(super) imported: Option<Imported>,
    /// When its destruction is, or was.
    pub(super) destroyed_at: Option<Timestamp>,
}

impl Version {
    /// Whether nothing came of its import.
    pub(super) fn has_failed(&self) -> bool {
        let imported = self.imported.as_ref();
        imported.is_some_and(|imported| imported.failed.is_some())
    }
}

impl CryptoKey {
    /// A number for a new version; none is given twice.
    pub(super) const fn next_number(&mut self) -> u32 {
        self.last_number = self.last_number.saturating_add(1);
        self.last_number
    }
}

impl Inventory {
    pub(crate) fn add_ring(&self, name: &str, now: Timestamp) -> Result<(), KeyError> {
        let mut contents = self.0.lock();
        if contents.rings.contains_key(name) {
            return Err(KeyError::Exists);
        }
        contents.rings.insert(name.to_owned(), now);
        Ok(())
    }

    /// When a key ring was made.
    pub(super) fn ring(&self, name: &str) -> Result<Timestamp, GcpError> {
        let contents = self.0.lock();
        let ring = contents.rings.get(name).copied();
        ring.ok_or_else(|| GcpError::not_found(&format!("KeyRing {name}")))
    }

    /// Names and times of the key rings of a location, in order.
    pub(super) fn rings(&self, location: &str) -> Vec<(String, Timestamp)> {
        let prefix = format!("{location}/keyRings/");
        let contents = self.0.lock();
        let from_here = contents.rings.range(prefix.clone()..);
        let here = from_here.take_while(|(name, _)| name.starts_with(&prefix));
        here.map(|(name, at)| (name.clone(), *at)).collect()
    }

    pub(super) fn add_key(&self, key: CryptoKey) -> Result<(), GcpError> {
        let mut contents = self.0.lock();
        if contents.keys.contains_key(&key.name) {
            return Err(GcpError::exists(&format!("CryptoKey {}", key.name)));
        }
        contents.keys.insert(key.name.clone(), key);
        Ok(())
    }

    pub(super) fn add_job(&self, job: ImportJob) -> Result<(), GcpError> {
        let mut contents = self.0.lock();
        if contents.jobs.contains_key(&job.name) {
            return Err(GcpError::exists(&format!("ImportJob {}", job.name)));
        }
        contents.jobs.insert(job.name.clone(), job);
        Ok(())
    }

    pub(super) fn job(&self, name: &str) -> Result<ImportJob, GcpError> {
        let job = self.0.lock().jobs.get(name).cloned();
        job.ok_or_else(|| GcpError::not_found(&format!("ImportJob {name}")))
    }

    /// The names of the import jobs of a key ring, in order.
    pub(super) fn job_names(&self, ring: &str) -> Vec<String> {
        let prefix = format!("{ring}/importJobs/");
        let contents = self.0.lock();
        let names = contents.jobs.range(prefix.clone()..).map(|(name, _)| name);
        names
            .take_while(|name| name.starts_with(&prefix))
            .cloned()
            .collect()
    }

    /// Takes back a key that could not be made whole.
    pub(super) fn remove_key(&self, name: &str) {
        self.0.lock().keys.remove(name);
    }

    pub(super) fn key(&self, name: &str) -> Result<CryptoKey, GcpError> {
        self.change_key(name, |key| key.clone())
    }

    /// The names of the keys of a key ring, in order.
    pub(super) fn key_names(&self, ring: &str) -> Vec<String> {
        let prefix = format!("{ring}/cryptoKeys/");
        let contents = self.0.lock();
        let names = contents.keys.range(prefix.clone()..).map(|(name, _)| name);
        names
            .take_while(|name| name.starts_with(&prefix))
            .cloned()
            .collect()
    }

    pub(super) fn change_key<T>(
        &self,
        name: &str,
        change: impl FnOnce(&mut CryptoKey) -> T,
    ) -> Result<T, GcpError> {
        let mut contents = self.0.lock();
        let key = contents.keys.get_mut(name);
        key.map(change)
            .ok_or_else(|| GcpError::not_found(&format!("CryptoKey {name}")))
    }

    /// The kind of a key, if there is such a key.
    pub(super) fn spec(&self, name: &str) -> Option<KeySpec> {
        Some(self.0.lock().keys.get(name)?.spec)
    }
}
