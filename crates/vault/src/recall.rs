//! Long work that is called off: it stops where all that it did is durable and what is left can be taken up again.

use std::sync::Arc;

use tokio::{sync::watch, task_local};

use crate::error::VaultError;

task_local! {
    /// By which the running work may be called off.
    static RECALL: Recall;
}

/// By which somebody calls work off. Clones are of the same work.
#[derive(Clone, Debug)]
pub struct Recall(Arc<watch::Sender<bool>>);

impl Default for Recall {
    fn default() -> Self {
        Self(Arc::new(watch::Sender::new(false)))
    }
}

impl Recall {
    /// Calls the work off: it stops at its next safe point, with [`VaultError::CalledOff`], or is done before.
    pub fn call_off(&self) {
        self.0.send_replace(true);
    }

    /// Whether the work was called off.
    #[must_use]
    pub fn is_called_off(&self) -> bool {
        *self.0.borrow()
    }

    /// Waits until the work is called off: for work that changes nothing, and can stop anywhere.
    pub async fn called_off(&self) {
        let mut news = self.0.subscribe();
        // The sender lives as long as this.
        let _never_gone = news.wait_for(|called_off| *called_off).await;
    }

    /// Does `work`, which may be called off by this: rotations, migrations, backups and exports look at their safe points, which
    /// are after each commit. Whatever else it does is done to its end.
    pub async fn governs<T>(&self, work: impl Future<Output = T>) -> T {
        RECALL.scope(self.clone(), work).await
    }
}

/// Here the running work can stop: what it did is durable, and asking again goes on with what is left.
pub(crate) fn safe_point() -> Result<(), VaultError> {
    match RECALL.try_with(Recall::is_called_off) {
        Ok(true) => Err(VaultError::CalledOff),
        // Most work nobody can call off.
        Ok(false) | Err(_) => Ok(()),
    }
}
