//! How old the keys in use are, held against how old they may become.

use std::{collections::BTreeSet, time::Duration};

use strongroom_crypto::{Fingerprint, KeyName, KeyUsage, KeyUsages, Timestamp};
use strongroom_store::{DataKeyId, DataKeyState, KeyState};

use crate::{directory::KeyEntry, settings::KeyAgeLimits, vault::Vault};

/// How often ages are looked at where no KMS is asked.
const LOOK_EVERY: Duration = Duration::from_secs(3600);

/// What a limit of age is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum KeyClass {
    /// Signs topology for a namespace.
    Namespace,
    /// Authenticates the node to sequencers.
    SequencerAuth,
    /// Signs messages of the protocol.
    Protocol,
    /// Others encrypt to it.
    Encryption,
    /// Opens the vault: a wrapper key, or the data key that it wraps.
    WrapperKey,
}

impl KeyClass {
    /// Every class, in the order of declaration.
    pub const ALL: [Self; 5] = [
        Self::Namespace,
        Self::SequencerAuth,
        Self::Protocol,
        Self::Encryption,
        Self::WrapperKey,
    ];

    /// The stable name, as the configuration has it: `namespace`, `sequencer-auth`, `protocol`, `encryption`, `wrapper-key`.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Namespace => "namespace",
            Self::SequencerAuth => "sequencer-auth",
            Self::Protocol => "protocol",
            Self::Encryption => "encryption",
            Self::WrapperKey => "wrapper-key",
        }
    }

    /// What a signing key with these usages is for; none: it encrypts.
    fn all_of(usages: Option<KeyUsages>) -> Vec<Self> {
        let Some(usages) = usages else {
            return vec![Self::Encryption];
        };
        let named = [
            (KeyUsage::Namespace, Self::Namespace),
            (KeyUsage::SequencerAuthentication, Self::SequencerAuth),
            (KeyUsage::Protocol, Self::Protocol),
        ];
        let named = named.into_iter();
        named
            .filter(|(usage, _)| usages.contains(*usage))
            .map(|(_, class)| class)
            .collect()
    }
}

impl KeyAgeLimits {
    /// How old a key of this class may become.
    #[must_use]
    pub const fn of(&self, class: KeyClass) -> Option<Duration> {
        match class {
            KeyClass::Namespace => self.namespace,
            KeyClass::SequencerAuth => self.sequencer_auth,
            KeyClass::Protocol => self.protocol,
            KeyClass::Encryption => self.encryption,
            KeyClass::WrapperKey => self.wrapper_key,
        }
    }

    /// Whether there is any limit.
    #[must_use]
    pub fn any(&self) -> bool {
        KeyClass::ALL.iter().any(|class| self.of(*class).is_some())
    }

    /// Of several classes the one with the tightest limit; without any limit the first.
    fn tightest(&self, classes: &[KeyClass]) -> Option<KeyClass> {
        let limited = classes.iter().filter(|class| self.of(**class).is_some());
        let tightest = limited.min_by_key(|class| self.of(**class));
        tightest.or_else(|| classes.first()).copied()
    }
}

/// A key in use.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum AgedKey {
    /// A key of the vault whose private half is active.
    Private {
        /// The key.
        fingerprint: Fingerprint,
        /// The operator's label.
        name: Option<KeyName>,
        /// It is the root key of the node's namespace, which nothing replaces.
        is_root: bool,
    },
    /// A wrapper key of a wrap in use.
    Wrapper {
        /// The configured name of its KMS.
        kms: String,
        /// The wrapper key.
        wrapper_key_id: String,
    },
    /// A data key in use.
    DataKey {
        /// The data key.
        id: DataKeyId,
    },
}

/// How old a key in use is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeyAge {
    /// The key.
    pub key: AgedKey,
    /// What it is for; of several things the one with the tightest limit.
    pub class: KeyClass,
    /// Since when the vault knows it: an imported key may be older.
    pub since: Timestamp,
    /// How old it is by that; zero if the clock was put back.
    pub age: Duration,
    /// How old it may become; none: as old as it likes.
    pub limit: Option<Duration>,
}

impl KeyAge {
    /// Whether it is older than it may become.
    #[must_use]
    pub fn is_overdue(&self) -> bool {
        self.limit.is_some_and(|limit| self.age > limit)
    }
}

impl Vault {
    /// The age of every key in use, by the clock of the vault and the limits of its settings: keys whose private half is
    /// active, ordered by fingerprint, then wrapper keys, then data keys.
    ///
    /// A private key ages from when its public half came into the vault: sealing it, or moving it to another place, makes it no
    /// younger. A wrapper key ages from its first wrap, also when rotations have wrapped anew under it and what was before is
    /// pruned; a data key from when it was made, which another wrapper key over it does not change.
    #[must_use]
    pub fn key_ages(&self) -> Vec<KeyAge> {
        let (now, limits) = (self.now(), self.settings().max_key_age);
        let identity = self.identity();
        let root = identity.and_then(|identity| identity.member.uid.namespace().fingerprint());
        let entries = self.directory().entries();
        let keys = entries
            .iter()
            .filter_map(|entry| private_key(entry, root, &limits, now));
        let wrap_records = self.wrap_records();
        let wrapper_keys = wrap_records.wrapper_keys().into_iter();
        let wrapper_keys = wrapper_keys.filter_map(|(kms, wrapper_key_id)| {
            let since = wrap_records.since(&wrapper_key_id)?;
            let key = AgedKey::Wrapper {
                kms,
                wrapper_key_id,
            };
            Some(aged(key, KeyClass::WrapperKey, since, &limits, now))
        });
        let data_keys = self.data_keys();
        let active = data_keys.records().iter();
        let active = active.filter(|record| record.state == DataKeyState::Active);
        let data_keys = active.map(|record| {
            let key = AgedKey::DataKey { id: record.id };
            aged(key, KeyClass::WrapperKey, record.created_at, &limits, now)
        });
        keys.chain(wrapper_keys).chain(data_keys).collect()
    }

    /// Says in the log, for as long as it is polled, when a key becomes overdue, and when a KMS gives a wrapper key new material.
    /// Never ends. Looks as often as wrapper keys are checked ([`KmsWatchSettings`](crate::KmsWatchSettings)), with a call for
    /// each of them; where they are not, at ages only. An opening says it once.
    pub(crate) async fn watch_ages(&self) {
        let every = self.settings().kms_watch.check_wrapper_keys_every;
        let mut told = self.overdue_keys();
        loop {
            tokio::time::sleep(every.unwrap_or(LOOK_EVERY)).await;
            let overdue = self.overdue_keys();
            if !overdue.is_subset(&told) {
                self.warn_of_old_keys();
            }
            told = overdue;
            if every.is_some() {
                self.wrapper_keys_rotated_in_kms().await;
            }
        }
    }

    fn overdue_keys(&self) -> BTreeSet<AgedKey> {
        if !self.settings().max_key_age.any() {
            return BTreeSet::new();
        }
        let overdue = self.key_ages().into_iter().filter(KeyAge::is_overdue);
        overdue.map(|age| age.key).collect()
    }

    /// How many keys are overdue, not which.
    pub(in crate::operations) fn warn_of_old_keys(&self) {
        if !self.settings().max_key_age.any() {
            return;
        }
        let mut ages = self.key_ages();
        ages.retain(KeyAge::is_overdue);
        let Some(oldest) = ages.iter().max_by_key(|age| age.age) else {
            return;
        };
        tracing::warn!(
            keys = ages.len(),
            oldest_days = oldest.age.as_secs() / 86_400,
            oldest_usage = oldest.class.name(),
            "keys in use are older than max-key-age; 'strongroom doctor' says which"
        );
    }
}

fn private_key(
    entry: &KeyEntry,
    root: Option<Fingerprint>,
    limits: &KeyAgeLimits,
    now: Timestamp,
) -> Option<KeyAge> {
    let half = entry.private.as_ref()?;
    if half.state != KeyState::Active {
        return None;
    }
    let class = limits.tightest(&KeyClass::all_of(entry.usages()))?;
    let fingerprint = entry.fingerprint();
    let key = AgedKey::Private {
        fingerprint,
        name: entry.name.clone(),
        is_root: root == Some(fingerprint),
    };
    let since = entry.created_at.min(half.created_at);
    Some(aged(key, class, since, limits, now))
}

fn aged(
    key: AgedKey,
    class: KeyClass,
    since: Timestamp,
    limits: &KeyAgeLimits,
    now: Timestamp,
) -> KeyAge {
    let micros = now.as_micros().saturating_sub(since.as_micros()).max(0);
    KeyAge {
        key,
        class,
        since,
        age: Duration::from_micros(micros.unsigned_abs()),
        limit: limits.of(class),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_for_several_things_ages_by_the_tightest_limit() {
        let usages = [KeyUsage::SequencerAuthentication, KeyUsage::Protocol];
        let usages = KeyUsages::any_of(&usages);
        let classes = KeyClass::all_of(Some(usages));
        assert_eq!(classes, [KeyClass::SequencerAuth, KeyClass::Protocol]);
        let hours = |hours: u64| Some(Duration::from_secs(hours * 3600));
        let limits = |sequencer_auth, protocol| KeyAgeLimits {
            sequencer_auth,
            protocol,
            namespace: hours(1),
            ..KeyAgeLimits::default()
        };
        for (limits, expected) in [
            (limits(hours(5), hours(4)), KeyClass::Protocol),
            (limits(hours(3), hours(4)), KeyClass::SequencerAuth),
            (limits(None, hours(4)), KeyClass::Protocol),
            (limits(None, None), KeyClass::SequencerAuth),
        ] {
            assert_eq!(limits.tightest(&classes), Some(expected), "{limits:?}");
        }
    }
}
