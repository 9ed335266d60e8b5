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

#[cfg(test)]
mod tests {
    use std::num::NonZeroU32;

    use strongroom_crypto::{
        KeyUsage, KeyUsages, PrivateKey, Signature, SignatureFormat, SigningKeySpec, Timestamp,
        ValidityPeriod,
    };
    use strongroom_test_support::SeededRandom;

    use super::*;

    const HOUR: Duration = Duration::from_secs(3600);

    /// Delegations of new session keys, which nobody here looks into.
    struct Delegations(SeededRandom);

    impl Delegations {
        fn by(&self, long_term_key: u8) -> Arc<SignatureDelegation> {
            let spec = SigningKeySpec::EcCurve25519;
            let private = PrivateKey::generate(spec.into(), &self.0).unwrap();
            let usages = KeyUsages::only(KeyUsage::Protocol);
            let validity = ValidityPeriod::new(Timestamp::from_micros(0), NonZeroU32::MAX);
            let signature = Signature {
                bytes: Vec::new(),
                format: SignatureFormat::Concat,
                signed_by: Fingerprint::from_bytes([long_term_key; 32]),
                algorithm: None,
            };
            let public = private.signing_public_key(usages).unwrap();
            Arc::new(SignatureDelegation::try_new(public, validity, signature).unwrap())
        }
    }

    struct Remembered {
        all: VerifiedDelegations,
        synchronizer: SynchronizerId,
    }

    impl Remembered {
        fn new() -> (Self, Delegations) {
            let namespace = Fingerprint::from_bytes([7; 32]);
            let remembered = Self {
                all: VerifiedDelegations::default(),
                synchronizer: format!("da::{namespace}").parse().unwrap(),
            };
            (remembered, Delegations(SeededRandom::new(3)))
        }

        fn keep(&self, delegation: &Arc<SignatureDelegation>, times: (Duration, Duration)) {
            let schemes = RequiredSchemes::default();
            let kept = self
                .all
                .keep(&self.synchronizer, delegation, schemes, times);
            assert_eq!(kept, Kept::Yes);
        }

        fn knows(&self, delegation: &SignatureDelegation, now: Duration) -> bool {
            let schemes = RequiredSchemes::default();
            self.all
                .knows(&self.synchronizer, delegation, &schemes, now)
        }
    }

    #[test]
    fn whoever_delegates_without_end_pushes_out_only_their_own_the_oldest_first() {
        let (remembered, delegations) = Remembered::new();
        let of_another = delegations.by(1);
        remembered.keep(&of_another, (HOUR, Duration::ZERO));
        let second = |number: usize| Duration::from_secs(u64::try_from(number).unwrap());
        let many: Vec<_> = (0..=MOST_OF_ONE).map(|_| delegations.by(2)).collect();
        for (number, delegation) in many.iter().enumerate() {
            remembered.keep(delegation, (HOUR, second(number)));
        }
        let now = second(MOST_OF_ONE);
        assert!(!remembered.knows(&many[0], now));
        assert!(many[1..].iter().all(|it| remembered.knows(it, now)));
        assert!(remembered.knows(&of_another, now));
        assert_eq!(remembered.all.len(), MOST_OF_ONE + 1);
    }

    #[test]
    fn one_that_finds_no_room_is_not_remembered_before_others_are_too_old() {
        let (remembered, delegations) = Remembered::new();
        for number in 0..MOST {
            let long_term_key = u8::try_from(number / MOST_OF_ONE).unwrap();
            remembered.keep(&delegations.by(long_term_key), (HOUR, Duration::ZERO));
        }
        let late = delegations.by(0xff);
        remembered.keep(&late, (2 * HOUR, Duration::ZERO));
        assert!(!remembered.knows(&late, Duration::ZERO));
        assert_eq!(remembered.all.len(), MOST);
        remembered.keep(&late, (2 * HOUR, HOUR));
        assert!(remembered.knows(&late, HOUR));
        assert_eq!(remembered.all.len(), 1);
    }

    #[test]
    fn none_is_remembered_for_longer_than_a_day() {
        let (remembered, delegations) = Remembered::new();
        let delegation = delegations.by(1);
        remembered.keep(&delegation, (Duration::MAX, HOUR));
        let end = HOUR + LONGEST;
        assert!(remembered.knows(&delegation, end - Duration::from_nanos(1)));
        assert!(!remembered.knows(&delegation, end));
        remembered.all.sweep(end);
        assert_eq!(remembered.all.len(), 0);
    }
}
