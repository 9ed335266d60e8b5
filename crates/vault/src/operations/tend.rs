//! What a vault needs that stays open.

use crate::{caller::Caller, vault::Vault};

impl Vault {
    /// Does what a vault needs that stays open, for as long as it is polled. Never ends. Whoever keeps a vault open runs it beside
    /// what the vault is for; a single command need not.
    ///
    /// * It keeps up with the other processes that share the vault: looks at the store when one of them committed, and from time to
    ///   time; takes the lease when it is free and this process may write; gives it up when it is asked to.
    /// * Keys that left the vault are destroyed in their KMS when it is time.
    /// * What was counted of uses is written into the audit log, each time the window ends, and the audit key signs a checkpoint
    ///   from time to time.
    /// * When a change could not be kept, it is tried again and again whether changes can be kept.
    /// * The log says when a key becomes overdue, and when a KMS gives a wrapper key new material.
    ///
    /// What fails is told in the log, and tried again. The audit log names `caller`.
    pub async fn tend(&self, caller: &Caller) {
        tokio::join!(
            self.keep_up(),
            self.destroy_in_time(caller),
            self.keep_audit(caller),
            self.watch_ages(),
        );
    }
}
