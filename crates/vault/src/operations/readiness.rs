//! Whether the vault can do its work now, as far as it knows without asking anybody.

use strongroom_crypto::Timestamp;
use strongroom_kms::KmsHealth;

use crate::{
    kms_watch::KmsCondition, operations::wraps::list::Wrap, vault::Vault,
    wrapper_key_watch::WrapperKeyAlarm,
};

/// Whether the vault can do its work now.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Readiness {
    /// Every private key can be used: nothing is in doubt, and no key waits for a KMS.
    pub ready: bool,
    /// A commit was abandoned, and nobody knows yet whether it was done.
    pub in_doubt: bool,
    /// Private keys that are not in memory, and that no KMS opens or holds which works.
    pub keys_waiting: usize,
    /// Private keys that a KMS holds.
    pub keys_held: usize,
    /// Some KMS that has a wrap works, as far as is known: the vault would open again. While the wrapper key is being rotated,
    /// that goes for both data keys.
    pub reopens: bool,
    /// Wrapper keys in use that cannot be used, as the last answers said: disabled, pending deletion or gone. Any of them
    /// is an alarm, whether or not the vault is ready.
    pub wrapper_key_alarms: Vec<WrapperKeyAlarm>,
    /// When the KMSs were last asked for the states of all wrapper keys in use; none: not since the vault was opened.
    pub wrapper_keys_checked_at: Option<Timestamp>,
    /// Each configured KMS, in the configured order.
    pub kms: Vec<KmsReadiness>,
}

/// What is known of a KMS.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct KmsReadiness {
    /// Its configured name.
    pub kms: String,
    /// Its kind, as it says itself: `aws`, `local`, the name of a driver; empty where it has only wrapper keys for us.
    pub kind: String,
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
        let data_keys = self.data_keys();
        let in_force = self.wraps();
        let of = |kms: &str| in_force.iter().filter(|wrap| wrap.kms == kms).count();
        let wrappers = self.environment().wrappers.iter();
        let wrappers = wrappers.map(|named| (&named.name, named.wrapper.seen()));
        let holders = self.environment().kms.iter().map(|named| &named.name);
        // Of those that only hold keys nothing is seen but how their calls end; one that could not be opened plays both roles.
        let holders = holders.filter(|name| self.environment().wrapper(name).is_none());
        let holders = holders.map(|name| (name, KmsHealth::Ok));
        let kms: Vec<_> = wrappers
            .chain(holders)
            .map(|(name, seen)| KmsReadiness {
                kms: name.clone(),
                kind: self.kind_of(name),
                condition: self.kms_watch().condition(name),
                seen,
                wraps: of(name),
            })
            .collect();
        let wrapper_key_alarms = self.wrapper_key_alarms();
        let opens = |wrap: &Wrap| {
            let is_it = |alarm: &WrapperKeyAlarm| {
                alarm.kms == wrap.kms && alarm.wrapper_key_id == wrap.wrapper_key_id
            };
            kms.iter().any(|kms| kms.kms == wrap.kms && !kms.fails())
                && !wrapper_key_alarms.iter().any(is_it)
        };
        let works = |name: &str| kms.iter().any(|kms| kms.kms == name && !kms.fails());
        let held: Vec<_> = self.held_keys().into_iter().collect();
        let held_waiting = held.iter().filter(|(_, held)| !works(&held.kms)).count();
        let all: Vec<_> = data_keys
            .opened()
            .flat_map(|key| self.wraps_of(key))
            .collect();
        let keys_waiting = self.keys_waiting(&all, opens) + held_waiting;
        let in_doubt = self.is_in_doubt();
        let reopens = data_keys
            .opened()
            .all(|key| self.wraps_of(key).iter().any(opens));
        Readiness {
            ready: !in_doubt && keys_waiting == 0,
            in_doubt,
            keys_waiting,
            keys_held: held.len(),
            reopens,
            wrapper_key_alarms,
            wrapper_keys_checked_at: self.kms_watch().wrapper_keys().checked_at(),
            kms,
        }
    }

    fn kind_of(&self, kms: &str) -> String {
        let mut all = self.environment().kms.iter();
        let named = all.find(|named| named.name == kms);
        named.map_or_else(String::new, |named| {
            named.provider.capabilities().provider.clone()
        })
    }

    /// Those that a KMS seals itself.
    fn keys_waiting(&self, wraps: &[Wrap], works: impl Fn(&Wrap) -> bool) -> usize {
        let now = self.now();
        let opens = |id: &str| {
            let mut holders = wraps.iter().filter(|wrap| wrap.wrapper_key_id == id);
            holders.any(&works)
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
