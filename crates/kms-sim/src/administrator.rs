//! What an administrator of the cloud does behind the back of its callers.

use std::collections::BTreeMap;

use serde::Serialize;
use strongroom_crypto::clock::Clock as _;

use crate::cloud::Cloud;
use crate::keys::{Key, KeyError, KeySpec, KeyState, NewKey, ReplicaRequest, Source};

/// Does to the keys of one region what an administrator does, without a call that is counted or meets the weather.
#[derive(Clone, Copy, Debug)]
pub struct Administrator<'a> {
    cloud: &'a Cloud,
    region: &'a str,
}

impl<'a> Administrator<'a> {
    pub(crate) const fn new(cloud: &'a Cloud, region: &'a str) -> Self {
        Self { cloud, region }
    }

    /// Makes a symmetric key that other regions can have too, and returns its id.
    ///
    /// # Errors
    /// [`AdministratorError`] if the region is full, or no randomness is to be had.
    pub fn create_key_of_regions(self) -> Result<String, AdministratorError> {
        let wishes = NewKey {
            id: None,
            spec: KeySpec::Symmetric,
            source: Source::Cloud,
            multi_region: true,
            description: String::new(),
            tags: BTreeMap::new(),
            visible_at: self.cloud.clock.now(),
        };
        Ok(self.cloud.keys.create(self.region, wishes)?.id)
    }

    /// Gives a key of several regions to another region, under the same id.
    ///
    /// # Errors
    /// [`AdministratorError`] if there is no such key, it is of one region only, or the other region has it already.
    pub fn replicate_key(self, id: &str, region: &str) -> Result<(), AdministratorError> {
        let request = ReplicaRequest {
            region: region.to_owned(),
            description: String::new(),
            tags: BTreeMap::new(),
            visible_at: self.cloud.clock.now(),
        };
        self.cloud.keys.replicate(self.region, id, request)?;
        Ok(())
    }

    /// Switches a key off.
    ///
    /// # Errors
    /// [`AdministratorError`] if there is no such key, or it is pending deletion.
    pub fn disable_key(self, id: &str) -> Result<(), AdministratorError> {
        Ok(self.cloud.keys.set_enabled(self.region, id, false)?)
    }

    /// Switches a key on.
    ///
    /// # Errors
    /// [`AdministratorError`] if there is no such key, or it is pending deletion.
    pub fn enable_key(self, id: &str) -> Result<(), AdministratorError> {
        Ok(self.cloud.keys.set_enabled(self.region, id, true)?)
    }

    /// Schedules the deletion of a key in so many days.
    ///
    /// # Errors
    /// [`AdministratorError`] if there is no such key, or it is pending deletion already.
    pub fn schedule_deletion(self, id: &str, days: u32) -> Result<(), AdministratorError> {
        self.cloud.keys.schedule_deletion(self.region, id, days)?;
        Ok(())
    }

    /// Cancels the deletion of a key, which is disabled then.
    ///
    /// # Errors
    /// [`AdministratorError`] if there is no such key, or it is not pending deletion.
    pub fn cancel_deletion(self, id: &str) -> Result<(), AdministratorError> {
        Ok(self.cloud.keys.cancel_deletion(self.region, id)?)
    }

    /// Gives a symmetric key a new version. That is AWS's rotation; Google's keys rotate by their plan.
    ///
    /// # Errors
    /// [`AdministratorError`] if there is no such key, it is not enabled, it is of another kind, a replica, or was
    /// rotated as often as it may.
    pub fn rotate_key(self, id: &str) -> Result<(), AdministratorError> {
        Ok(self.cloud.keys.rotate(self.region, id)?)
    }

    /// Makes a key ring of Google's cloud, in this location of a project.
    ///
    /// # Errors
    /// [`AdministratorError`] if it is there already.
    pub fn create_key_ring(self, project: &str, id: &str) -> Result<(), AdministratorError> {
        let location = self.region;
        let name = format!("projects/{project}/locations/{location}/keyRings/{id}");
        let now = self.cloud.clock.now();
        Ok(self.cloud.inventory.add_ring(&name, now)?)
    }
}

/// Why an administrator could not do it: there is no such key, or its state forbids it.
#[derive(Debug, thiserror::Error)]
#[error("the simulator did not change the key")]
pub struct AdministratorError(#[source] KeyError);

impl From<KeyError> for AdministratorError {
    fn from(error: KeyError) -> Self {
        Self(error)
    }
}

/// A key of one region.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct KeyReport {
    /// The region.
    pub region: String,
    /// The id without region and account.
    pub id: String,
    /// Its kind.
    pub spec: KeySpec,
    /// `enabled`, `disabled`, `pending-deletion` or `pending-replica-deletion`.
    pub state: &'static str,
    /// The number of the version in force, from 1.
    pub version: u32,
    /// Whether other regions can have it.
    pub multi_region: bool,
    /// The description.
    pub description: String,
    /// The tags.
    pub tags: BTreeMap<String, String>,
}

impl KeyReport {
    /// Every key of every region, those too that callers do not see yet.
    pub(crate) fn all(cloud: &Cloud) -> Result<Vec<Self>, AdministratorError> {
        let keys = cloud.keys.everything()?.into_iter();
        Ok(keys.map(Self::of).collect())
    }

    fn of(key: Key) -> Self {
        Self {
            state: match key.state {
                KeyState::Enabled => "enabled",
                KeyState::Disabled => "disabled",
                KeyState::PendingImport => "pending-import",
                KeyState::PendingDeletion { .. } => "pending-deletion",
                KeyState::PendingReplicaDeletion { .. } => "pending-replica-deletion",
            },
            version: key.current.number,
            multi_region: key.regions.is_some(),
            region: key.region,
            id: key.id,
            spec: key.spec,
            description: key.description,
            tags: key.tags,
        }
    }
}
