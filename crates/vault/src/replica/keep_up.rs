//! Keeping up with the other processes.

use std::{collections::BTreeMap, time::Duration};

use strongroom_store::{Replicas, StoreError};
use tokio::sync::MutexGuard;

use super::Replica;
use crate::{
    audit::AuditOperation, caller::Caller, committed::Committed, error::VaultError, unit::Unit,
    vault::Vault,
};

/// After giving the lease up on request, for so many beats it is left to the others.
const BEATS_OF_ABSTENTION: u32 = 10;

impl Vault {
    /// Keeps up with the other processes for as long as it is polled: looks at the store when somebody committed, and from
    /// time to time; takes the lease when it is free and this process may write; gives it up when it is asked to. Never
    /// ends. In a vault that one process has open, it has nothing to do.
    pub(crate) async fn keep_up(&self) {
        let (Some(replica), Some(replicas)) = (self.replica(), self.replicas()) else {
            return std::future::pending().await;
        };
        loop {
            if let Err(error) = self.keep_up_once(replica, replicas).await {
                tracing::warn!(
                    error = &error as &dyn std::error::Error,
                    "this process cannot keep up with the others"
                );
            }
            tokio::select! {
                () = replicas.changed() => {}
                () = tokio::time::sleep(self.settings().replica.look_every) => {}
            }
        }
    }

    async fn keep_up_once(
        &self,
        replica: &Replica,
        replicas: &dyn Replicas,
    ) -> Result<(), VaultError> {
        // Side by side: a look that waits for an answer keeps nobody from taking over.
        let (caught_up, taken) = tokio::join!(self.catch_up(), self.keep_lease(replica, replicas));
        if taken? {
            // What the one before has left is known before anything is built on it.
            return self.catch_up().await;
        }
        caught_up
    }

    /// Says that this process is there, and takes or gives the lease. Answers whether it was taken.
    async fn keep_lease(
        &self,
        replica: &Replica,
        replicas: &dyn Replicas,
    ) -> Result<bool, VaultError> {
        let heard = replica.exchange.beat(replicas, self.elapsed()).await?;
        let Some(mut lease) = heard else {
            return Ok(false);
        };
        let mut taken = false;
        if lease.is_held_by(replicas.own_id()) {
            if lease.step_down || replica.should_give_way() {
                self.leave_writing(replica, replicas).await?;
                lease.holder = None;
            }
        } else if self.settings().replica.writes
            && replica.may_take_over()
            && !replica.abstains(self.elapsed(), &lease)
        {
            lease = replicas.take_lease().await?;
            taken = lease.is_held_by(replicas.own_id());
            if taken {
                tracing::info!(
                    token = lease.token,
                    "this process is the one that writes now"
                );
            }
        }
        replica.heard_of(lease, self.elapsed());
        Ok(taken)
    }

    /// Gives the lease up, if this process has it: the unit of work that is being written is finished first, and that `caller` wanted
    /// it is put on record, since afterwards nothing is written here. For a while the lease is left to the others: what takes many
    /// units ends with [`ReplicaError::SteppedDown`](crate::ReplicaError), and another process resumes it.
    ///
    /// A vault that one process has at a time has nobody to leave writing to, and nothing happens.
    ///
    /// # Errors
    /// [`StoreError::NotWriter`] if another process has it; those of every act that writes, and then the lease stays here.
    pub async fn step_down(&self, caller: &Caller) -> Result<(), VaultError> {
        let (Some(replica), Some(replicas)) = (self.replica(), self.replicas()) else {
            return Ok(());
        };
        let lease = replicas.beat(&replica.report()).await?;
        if let Some(holder) = lease.holder
            && holder.id != replicas.own_id()
        {
            let holder = Some(holder.name);
            return Err(StoreError::NotWriter { holder }.into());
        }
        let _not_counting = self.uses().stop_counting();
        self.flush_counted().await;
        let mut unit = Unit::begin_all_the_same(self).await?;
        let operation = AuditOperation::StepDown;
        unit.audit(caller, operation, None, BTreeMap::new()).await?;
        // Nothing comes between the record and the end.
        let held = unit.commit_as_last().await?;
        self.give_held_lease_up(held, replica, replicas).await
    }

    /// The same, for whoever was asked through the store, or does worse than others would: that the lease has changed hands stands in
    /// each later record.
    pub(super) async fn leave_writing(
        &self,
        replica: &Replica,
        replicas: &dyn Replicas,
    ) -> Result<(), VaultError> {
        let _not_counting = self.uses().stop_counting();
        self.flush_counted().await;
        self.give_lease_up(replica, replicas).await
    }

    /// The next one that writes does not know what was counted here.
    async fn flush_counted(&self) {
        if let Err(error) = self.flush_audit().await {
            let error: &dyn std::error::Error = &error;
            tracing::error!(
                error,
                "records of uses could not be written before the lease was given up"
            );
        }
    }

    /// The same, without writing anything before.
    async fn give_lease_up(
        &self,
        replica: &Replica,
        replicas: &dyn Replicas,
    ) -> Result<(), VaultError> {
        // A unit of work holds this to its end.
        let held = self.committed().lock().await;
        self.give_held_lease_up(held, replica, replicas).await
    }

    async fn give_held_lease_up(
        &self,
        _held: MutexGuard<'_, Committed>,
        replica: &Replica,
        replicas: &dyn Replicas,
    ) -> Result<(), VaultError> {
        let pause: Duration = replicas.beat_every() * BEATS_OF_ABSTENTION;
        replica.abstain_until(self.elapsed() + pause);
        replicas.give_lease().await?;
        replica.gave_lease();
        Ok(())
    }
}
