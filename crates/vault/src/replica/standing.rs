//! How this process stands among the others.

use std::time::Duration;

use strongroom_store::{Lease, ReplicaRecord, StoreError};

use crate::{error::VaultError, vault::Vault};

/// So many beats may be late before a process is no longer sure that it writes.
const LATE_BEATS: u32 = 5;

/// What a process may do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Role {
    /// It is the only one, and writes.
    Alone,
    /// It holds the lease, and writes.
    Writer,
    /// It reads, signs and decrypts.
    Replica,
}

impl Role {
    /// The stable name: `alone`, `writer`, `replica`.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Alone => "alone",
            Self::Writer => "writer",
            Self::Replica => "replica",
        }
    }
}

/// How a process stands among those that have the vault open.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Standing {
    /// What it may do, as far as it has heard.
    pub role: Role,
    /// The newest generation that it knows.
    pub generation: u64,
    /// For how long it has not looked whether there is a newer one.
    pub silence: Duration,
    /// Why the last look did not succeed, or the last change could not be kept: a code. None if it did, and was.
    pub degraded: Option<String>,
    /// Whether it still uses keys.
    pub in_touch: bool,
}

impl Vault {
    /// Every process that has the vault open, by name; none where only one can.
    ///
    /// What a process says of itself is not authenticated: believe it as you believe the store.
    ///
    /// # Errors
    /// Errors of the store.
    pub async fn list_replicas(&self) -> Result<Option<Vec<ReplicaRecord>>, VaultError> {
        Ok(match self.replicas() {
            Some(replicas) => Some(replicas.list().await?),
            None => None,
        })
    }

    /// Whether this process writes, as far as it has heard.
    pub(crate) fn is_known_to_write(&self) -> bool {
        match (self.replicas(), self.heard_lately()) {
            (None, _) => true,
            (Some(replicas), Some(lease)) => lease.is_held_by(replicas.own_id()),
            (Some(_), None) => false,
        }
    }

    /// The other process that writes, as far as this one has heard: it would wait in vain for the lease.
    pub(crate) fn other_writer(&self) -> Option<StoreError> {
        let (lease, replicas) = self.heard_lately().zip(self.replicas())?;
        let holder = lease.holder.as_ref()?;
        (!lease.is_held_by(replicas.own_id())).then(|| StoreError::NotWriter {
            holder: Some(holder.name.clone()),
        })
    }

    /// Whoever has not heard of the lease for so long may have lost it.
    fn heard_lately(&self) -> Option<Lease> {
        let (lease, at) = self.replica()?.exchange.lease.lock().clone()?;
        let age = self.elapsed().saturating_sub(at);
        (age <= self.replicas()?.beat_every() * LATE_BEATS).then_some(lease)
    }

    /// How this process stands among those that have the vault open. Asks nobody.
    pub async fn standing(&self) -> Standing {
        let Some(replica) = self.replica() else {
            return Standing {
                role: Role::Alone,
                generation: self.committed().lock().await.state.generation,
                silence: Duration::ZERO,
                degraded: self.write_failure().map(str::to_owned),
                in_touch: true,
            };
        };
        let report = replica.report();
        Standing {
            role: if self.is_known_to_write() {
                Role::Writer
            } else {
                Role::Replica
            },
            generation: report.generation,
            silence: replica.silence(self.elapsed()),
            degraded: report
                .degraded
                .or_else(|| self.write_failure().map(str::to_owned)),
            in_touch: self.has_looked_lately(),
        }
    }
}
