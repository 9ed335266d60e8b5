//! Delegations of others that were verified: each costs one verification, not one per message.

use std::{collections::HashMap, sync::Arc, time::Duration};

use parking_lot::Mutex;
use strongroom_crypto::{Fingerprint, SignatureDelegation};
use strongroom_topology::SynchronizerId;

use crate::schemes::RequiredSchemes;

/// So many members sign on one synchronizer at most, and whoever sends more delegations has them verified each time.
const MOST: usize = 10_000;
/// More than a long-term key needs. Those of one that delegates more push each other out, and nobody else's.
const MOST_OF_ONE: usize = 100;
/// However long a delegation is valid, after this it is verified again.
const LONGEST: Duration = Duration::from_secs(24 * 60 * 60);

/// Delegations that were verified, by session key.
#[derive(Debug, Default)]
pub(crate) struct VerifiedDelegations(Mutex<HashMap<Fingerprint, Verified>>);

#[derive(Debug)]
struct Verified {
    synchronizer: SynchronizerId,
    delegation: Arc<SignatureDelegation>,
    /// What it was held against. What these take others may refuse.
    schemes: RequiredSchemes,
    /// By the clock's elapsed time.
    until: Duration,
    /// The same.
    kept_at: Duration,
}

impl Verified {
    fn is(&self, synchronizer: &SynchronizerId, delegation: &SignatureDelegation) -> bool {
        self.synchronizer == *synchronizer && *self.delegation == *delegation
    }
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
    /// Whether exactly this delegation was verified for this synchronizer and held against these schemes, not too long ago.
    pub(crate) fn knows(
        &self,
        synchronizer: &SynchronizerId,
        delegation: &SignatureDelegation,
        schemes: &RequiredSchemes,
        now: Duration,
    ) -> bool {
        let known = self.0.lock();
        let known = known.get(&delegation.session_key().fingerprint());
        known.is_some_and(|known| {
            now < known.until && known.schemes == *schemes && known.is(synchronizer, delegation)
        })
    }

    /// Remembers a delegation until then, unless another one for its session key is.
    pub(crate) fn keep(
        &self,
        synchronizer: &SynchronizerId,
        delegation: &Arc<SignatureDelegation>,
        schemes: RequiredSchemes,
        (until, now): (Duration, Duration),
    ) -> Kept {
        let key = delegation.session_key().fingerprint();
        let mut all = self.0.lock();
        let is_other = |known: &Verified| now < known.until && !known.is(synchronizer, delegation);
        if all.get(&key).is_some_and(is_other) {
            return Kept::OtherKnown;
        }
        all.remove(&key);
        make_room(&mut all, &delegation.signature().signed_by, now);
        if all.len() < MOST {
            let verified = Verified {
                synchronizer: synchronizer.clone(),
                delegation: Arc::clone(delegation),
                schemes,
                until: until.min(now.saturating_add(LONGEST)),
                kept_at: now,
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

/// Makes room for one more of a long-term key: what is too old leaves, and if it has enough of them, its oldest.
fn make_room(all: &mut HashMap<Fingerprint, Verified>, long_term_key: &Fingerprint, now: Duration) {
    if all.len() >= MOST {
        all.retain(|_, known| now < known.until);
    }
    let theirs = || {
        let all = all.iter();
        all.filter(|(_, known)| known.delegation.signature().signed_by == *long_term_key)
    };
    if theirs().count() < MOST_OF_ONE {
        return;
    }
    let oldest = theirs().min_by_key(|(_, known)| known.kept_at);
    if let Some(oldest) = oldest.map(|(key, _)| *key) {
        all.remove(&oldest);
    }
}
