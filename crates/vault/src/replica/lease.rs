//! Becoming the process that writes.

use std::time::Duration;

use strongroom_store::{Lease, Replicas, StoreError, WriteTransaction};
use tokio::sync::MutexGuard;

use crate::{
    committed::Committed,
    error::{ReplicaError, VaultError},
    unit::Unit,
    vault::Vault,
};

/// How often the lease is asked for while it is waited for.
const PAUSE: Duration = Duration::from_millis(100);

/// So often others change something while this process wants to begin.
const MOST_LOOKS: usize = 10;

impl Vault {
    /// Whether this process writes, or can without waiting for anybody.
    pub(crate) async fn writes_at_once(&self) -> Result<bool, VaultError> {
        let (Some(replica), Some(replicas)) = (self.replica(), self.replicas()) else {
            return Ok(true);
        };
        if !self.settings().replica.writes || replica.is_abstaining(self.elapsed()) {
            return Ok(false);
        }
        let lease = replicas.take_lease().await?;
        Ok(lease.is_held_by(replicas.own_id()))
    }

    /// Makes sure that this process is the one that writes, and knows all that others have done: what it does not know of then is
    /// not there. Takes the lease if nobody has it, and changes nothing.
    ///
    /// # Errors
    /// Those of every act that writes.
    pub async fn check_writes(&self) -> Result<(), VaultError> {
        for _look in 0..MOST_LOOKS {
            match Unit::begin(self).await {
                Err(VaultError::Replica(ReplicaError::Behind)) => self.catch_up().await?,
                begun => return begun.map(drop),
            }
        }
        Err(ReplicaError::Behind.into())
    }

    /// Begins to write; takes the lease for that if nobody has it. Whoever writes holds what is known of the last commit.
    ///
    /// # Errors
    /// [`StoreError::NotWriter`] when another process has it, or this one shall not write; [`ReplicaError::SteppedDown`] when it
    /// gave the lease up on request, or is to; errors of the store.
    pub(crate) async fn begin_to_write(
        &self,
    ) -> Result<(MutexGuard<'_, Committed>, Box<dyn WriteTransaction>), VaultError> {
        // Whoever writes one unit after another without looking up in between hears of it here.
        if let Some((replica, replicas)) = self.replica().zip(self.replicas())
            && replica.is_asked_to_step_down(replicas.own_id())
        {
            self.leave_writing(replica, replicas).await?;
        }
        self.begin_to_write_all_the_same().await
    }

    /// The same, whether or not this process was asked to step down: for what is to be on record before it does.
    pub(crate) async fn begin_to_write_all_the_same(
        &self,
    ) -> Result<(MutexGuard<'_, Committed>, Box<dyn WriteTransaction>), VaultError> {
        let store = &self.environment().store;
        let company = self.replica().zip(self.replicas());
        let committed = self.committed().lock().await;
        match (store.begin().await, company) {
            (Err(StoreError::NotWriter { holder }), Some((replica, replicas)))
                if self.settings().replica.writes =>
            {
                // Meanwhile others look.
                drop(committed);
                if holder.is_none() && replica.is_abstaining(self.elapsed()) {
                    return Err(ReplicaError::SteppedDown.into());
                }
                self.wait_for_lease(replicas).await?;
                let committed = self.committed().lock().await;
                Ok((committed, store.begin().await?))
            }
            (begun, _) => Ok((committed, begun?)),
        }
    }

    /// The lease is waited for only as long as its holder may turn out to be gone, or on its way out.
    async fn wait_for_lease(&self, replicas: &dyn Replicas) -> Result<(), VaultError> {
        let began = self.elapsed();
        loop {
            let lease = replicas.take_lease().await?;
            if lease.is_held_by(replicas.own_id()) {
                return Ok(());
            }
            let waited = self.elapsed().saturating_sub(began);
            if waited >= self.settings().replica.wait_for_lease {
                return Err(held_by_another(lease).into());
            }
            tokio::time::sleep(PAUSE).await;
        }
    }
}

fn held_by_another(lease: Lease) -> StoreError {
    StoreError::NotWriter {
        holder: lease.holder.map(|holder| holder.name),
    }
}
