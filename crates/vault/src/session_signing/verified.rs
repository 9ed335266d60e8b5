//! Delegations of others that were verified: each costs one verification, not one per message.

use std::{collections::HashMap, sync::Arc, time::Duration};

use parking_lot::Mutex;
use strongroom_crypto::{Fingerprint, SignatureDelegation};
use strongroom_topology::SynchronizerId;

/// So many members sign on one synchronizer at most, and whoever sends more delegations has them verified each time.
const MOST: usize = 10_000;

/// Delegations that were verified, by session key.
#[derive(Debug, Default)]
pub(crate) struct VerifiedDelegations(Mutex<HashMap<Fingerprint, Verified>>);

#[derive(Debug)]
struct Verified {
    synchronizer: SynchronizerId,
    delegation: Arc<SignatureDelegation>,
    /// By the clock's elapsed time.
    until: Duration,
}

/// What became of a delegation that was verified.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kept {
    /// It is remembered.
    Yes,
    /// Another one for the same session key is remembered. That is not wrong, but nobody honest needs two.
    OtherKnown,
}

impl VerifiedDelegations {
    /// Whether exactly this delegation was verified for this synchronizer, not too long ago.
    pub(crate) fn knows(
        &self,
        synchronizer: &SynchronizerId,
        delegation: &SignatureDelegation,
        now: Duration,
    ) -> bool {
        let known = self.0.lock();
        let known = known.get(&delegation.session_key().fingerprint());
        known.is_some_and(|known| {
            now < known.until
                && known.synchronizer == *synchronizer
                && *known.delegation == *delegation
        })
    }

    /// Remembers a delegation until then, unless another one for its session key is.
    pub(crate) fn keep(
        &self,
        synchronizer: &SynchronizerId,
        delegation: &Arc<SignatureDelegation>,
        (until, now): (Duration, Duration),
    ) -> Kept {
        let key = delegation.session_key().fingerprint();
        let mut all = self.0.lock();
        if all.get(&key).is_some_and(|known| now < known.until) {
            return Kept::OtherKnown;
        }
        if all.len() >= MOST {
            all.retain(|_, known| now < known.until);
        }
        if all.len() < MOST {
            let verified = Verified {
                synchronizer: synchronizer.clone(),
                delegation: Arc::clone(delegation),
                until,
            };
            all.insert(key, verified);
        }
        Kept::Yes
    }

    /// Forgets what is too old.
    pub(crate) fn sweep(&self, now: Duration) {
        self.0.lock().retain(|_, known| now < known.until);
    }

    pub(crate) fn len(&self) -> usize {
        self.0.lock().len()
    }
}
