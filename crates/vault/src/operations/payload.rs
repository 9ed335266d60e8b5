//! Payloads for members: topology says to which keys they are sealed, and with which keys their senders sign.

pub(crate) mod open;
pub(crate) mod seal;

use std::time::Duration;

use strongroom_crypto::{EncryptionPublicKey, Fingerprint, Timestamp};
use strongroom_store::KeyState;
use strongroom_topology::{
    At, Member, StoreId, TopologyError, TopologyStore, current_encryption_key,
};

use crate::{
    error::{PayloadUseError, VaultError},
    vault::Vault,
};

/// The key that is encrypted to at a time: the last encryption key of the member.
pub(crate) fn encryption_key(
    store: &TopologyStore,
    member: &Member,
    at: Timestamp,
) -> Result<EncryptionPublicKey, PayloadUseError> {
    store
        .owner_to_key(member, At::Time(at))
        .and_then(current_encryption_key)
        .cloned()
        .ok_or_else(|| PayloadUseError::NoEncryptionKey {
            member: member.clone(),
            store: store.id().to_string(),
        })
}

/// Now, but after everything in the store: what has just been announced counts.
pub(crate) fn after_everything(now: Timestamp, store: &TopologyStore) -> Timestamp {
    let last = store.max_timestamp().map_or(i64::MIN, Timestamp::as_micros);
    Timestamp::from_micros(now.as_micros().max(last.saturating_add(1)))
}

fn later(time: Timestamp, by: Duration) -> Timestamp {
    let by = i64::try_from(by.as_micros()).unwrap_or(i64::MAX);
    Timestamp::from_micros(time.as_micros().saturating_add(by))
}

impl Vault {
    /// Refuses a time of which nobody can say whose keys are whose.
    pub(crate) async fn check_not_of_the_future(
        &self,
        at: Timestamp,
        store: &StoreId,
    ) -> Result<(), VaultError> {
        if self.is_ahead(at, store).await? {
            let (now, tolerance) = (self.now(), self.settings().clock_tolerance);
            return Err(PayloadUseError::OfTheFuture { at, now, tolerance }.into());
        }
        Ok(())
    }

    /// Whether a time is ahead of the clock and of everything that the store knows, by more than clocks may be apart.
    pub(crate) async fn is_ahead(
        &self,
        at: Timestamp,
        store: &StoreId,
    ) -> Result<bool, VaultError> {
        let (now, tolerance) = (self.now(), self.settings().clock_tolerance);
        if at <= later(now, tolerance) {
            return Ok(false);
        }
        // Where clocks are set by hand, topology may be ahead of ours.
        let known = match self.topology(store).await {
            Ok(store) => after_everything(now, &store),
            Err(VaultError::Topology(TopologyError::StoreNotFound { .. })) => now,
            Err(error) => return Err(error),
        };
        Ok(at > later(known, tolerance))
    }

    /// Nothing new is encrypted to a key of this vault that is retired. Of the keys of others it knows nothing.
    pub(crate) fn check_not_retired(&self, fingerprint: &Fingerprint) -> Result<(), VaultError> {
        let entry = self.directory().entry(fingerprint);
        let private = entry.as_ref().and_then(|entry| entry.private.as_ref());
        if private.is_some_and(|private| private.state == KeyState::Retired) {
            return Err(VaultError::KeyRetired {
                fingerprint: *fingerprint,
            });
        }
        Ok(())
    }

    /// Whether the private half of a key is in this vault, or held for it by a KMS.
    pub(crate) fn may_decrypt(&self, fingerprint: &Fingerprint) -> bool {
        let entry = self.directory().entry(fingerprint);
        entry.is_some_and(|entry| entry.private.is_some())
    }
}
