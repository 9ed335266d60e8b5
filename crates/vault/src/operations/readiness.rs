//! Whether the vault can do its work now, as far as it knows without asking anybody.

use strongroom_kms::KmsHealth;

use crate::{kms_watch::KmsCondition, vault::Vault};

/// Whether the vault can do its work now.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Readiness {
    /// Every private key can be used: nothing is in doubt, and no key waits for a KMS.
    pub ready: bool,
    /// A commit was abandoned, and nobody knows yet whether it was done.
    pub in_doubt: bool,
    /// Private keys that are not in memory, and that no KMS opens which works.
    pub keys_waiting: usize,
    /// Some KMS that has a wrap works, as far as is known: the vault would open again.
    pub reopens: bool,
    /// Each configured KMS, in the configured order.
    pub kms: Vec<KmsReadiness>,
}

/// What is known of a KMS.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct KmsReadiness {
    /// Its configured name.
    pub kms: String,
    /// How the last call to it ended, and since when it fails.
    pub condition: KmsCondition,
    /// What those in front of it have seen: a circuit breaker that is open or half-open says so here.
    pub seen: KmsHealth,
    /// How many wraps of the data key in force are there.
    pub wraps: usize,
}

impl KmsReadiness {
    /// Whether calls to it would fail, as far as is known.
    #[must_use]
    pub fn fails(&self) -> bool {
        self.condition.fails()
            || matches!(
                self.seen,
                KmsHealth::Failed { .. } | KmsHealth::Fatal { .. }
            )
    }
}

impl Vault {
    /// Whether the vault can do its work now, from what was seen of the last calls: neither a KMS nor the store is asked, so
    /// this may be asked often. [`Vault::check_wraps`] asks.
    #[must_use]
    pub fn readiness(&self) -> Readiness {
        let all = self.wraps();
        let of = |kms: &str| all.iter().filter(|wrap| wrap.kms == kms).count();
        let named = self.environment().wrappers.iter();
        let kms: Vec<_> = named
            .map(|named| KmsReadiness {
                kms: named.name.clone(),
                condition: self.kms_watch().condition(&named.name),
                seen: named.wrapper.seen(),
                wraps: of(&named.name),
            })
            .collect();
        let works = |name: &str| kms.iter().any(|kms| kms.kms == name && !kms.fails());
        let (in_doubt, keys_waiting) = (self.is_in_doubt(), self.keys_waiting(works));
        Readiness {
            ready: !in_doubt && keys_waiting == 0,
            in_doubt,
            keys_waiting,
            reopens: kms.iter().any(|kms| kms.wraps > 0 && !kms.fails()),
            kms,
        }
    }

    fn keys_waiting(&self, works: impl Fn(&str) -> bool) -> usize {
        let (wraps, now) = (self.wraps(), self.now());
        let opens = |id: &str| {
            let mut holders = wraps.iter().filter(|wrap| wrap.wrapper_key_id == id);
            holders.any(|wrap| works(&wrap.kms))
        };
        let caches = self.caches();
        let direct = self.direct_keys().into_iter();
        let waiting = direct.filter(|(key, id)| {
            let in_memory = caches.signing.keeps(key, now) || caches.decryption.keeps(key, now);
            !in_memory && !opens(id)
        });
        waiting.count()
    }
}
