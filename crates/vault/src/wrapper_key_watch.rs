//! Wrapper keys in use that cannot be used: an alarm. A vault goes on with what is in memory, and does not open again.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt,
};

use parking_lot::Mutex;
use strongroom_crypto::Timestamp;
use strongroom_errors::Coded;
use strongroom_kms::KmsError;

/// Why a wrapper key cannot be used.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Unusable {
    /// An administrator switched it off; it can be enabled again.
    Disabled,
    /// Its destruction is scheduled, and can still be cancelled.
    PendingDeletion,
    /// The KMS knows no such key: it was destroyed, or this is another account, region or key file.
    Gone,
}

impl Unusable {
    /// The stable name: `disabled`, `pending-deletion`, `gone`.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Disabled => "disabled",
            Self::PendingDeletion => "pending-deletion",
            Self::Gone => "gone",
        }
    }

    /// What an answer of a KMS says of the key that it was asked to use; none if it says nothing of it.
    pub(crate) const fn of(error: &KmsError) -> Option<Self> {
        match error {
            KmsError::KeyDisabled { .. } => Some(Self::Disabled),
            KmsError::KeyPendingDeletion { .. } => Some(Self::PendingDeletion),
            KmsError::KeyNotFound { .. } => Some(Self::Gone),
            _ => None,
        }
    }
}

impl fmt::Display for Unusable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// A wrapper key in use that cannot be used, as far as is known.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct WrapperKeyAlarm {
    /// The configured name of its KMS.
    pub kms: String,
    /// The wrapper key.
    pub wrapper_key_id: String,
    /// Why it cannot be used, by the last answer.
    pub state: Unusable,
    /// The code of that: `KMS_KEY_DISABLED`, `KMS_KEY_PENDING_DELETION`, `KMS_KEY_NOT_FOUND`.
    pub code: &'static str,
    /// Since when it is known that it cannot be used.
    pub since: Timestamp,
}

/// Who found out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Witness {
    /// The KMS was asked for the state.
    Check,
    /// The key was used, or was to be.
    Use,
}

/// KMS and wrapper key.
pub(crate) type WrapperKeyName = (String, String);

/// Remembers which wrapper keys could not be used, and raises the alarm.
#[derive(Debug, Default)]
pub(crate) struct WrapperKeyWatch(Mutex<Seen>);

#[derive(Debug, Default)]
struct Seen {
    alarms: BTreeMap<WrapperKeyName, (Witness, WrapperKeyAlarm)>,
    checked_at: Option<Timestamp>,
}

impl WrapperKeyWatch {
    /// Takes note of what a KMS answered about a wrapper key in use; `now` is in UTC.
    ///
    /// A use that works takes back what a use said, not what a check said: clouds let a key that was just disabled work for a
    /// while, and old versions of a key may unwrap while new ones are off. Only a check is repeated in the log: uses may
    /// be many.
    pub(crate) fn note<T>(
        &self,
        (kms, wrapper_key_id): (&str, &str),
        witness: Witness,
        now: Timestamp,
        outcome: &Result<T, KmsError>,
    ) {
        let key = (kms.to_owned(), wrapper_key_id.to_owned());
        let alarms = &mut self.0.lock().alarms;
        let before = alarms.get(&key);
        let found = outcome.as_ref().err();
        let found = found.and_then(|error| Some((Unusable::of(error)?, error.code().name())));
        match found {
            Some((state, code)) => {
                let (known, since, first) = before
                    .map(|(first, alarm)| (Some(alarm.state), alarm.since, *first))
                    .unwrap_or((None, now, witness));
                if witness == Witness::Check || known != Some(state) {
                    let state = state.name();
                    tracing::error!(
                        kms,
                        wrapper_key_id,
                        state,
                        "a wrapper key in use cannot be used"
                    );
                }
                let witness = match first {
                    Witness::Check => first,
                    Witness::Use => witness,
                };
                let alarm = WrapperKeyAlarm {
                    kms: key.0.clone(),
                    wrapper_key_id: key.1.clone(),
                    state,
                    code,
                    since,
                };
                alarms.insert(key, (witness, alarm));
            }
            None if outcome.is_ok()
                && before
                    .is_some_and(|(first, _)| witness == Witness::Check || *first == witness) =>
            {
                alarms.remove(&key);
                tracing::info!(
                    kms,
                    wrapper_key_id,
                    "a wrapper key in use can be used again"
                );
            }
            // It says nothing new of the key: what was known of it stays.
            None => {}
        }
    }

    /// Every wrapper key in use was asked about, those of `in_use`: of others nobody wants to hear any more.
    pub(crate) fn checked(&self, now: Timestamp, in_use: &BTreeSet<WrapperKeyName>) {
        let mut seen = self.0.lock();
        seen.checked_at = Some(now);
        seen.alarms.retain(|key, _| in_use.contains(key));
    }

    /// When the KMSs were asked last; none: not since the vault was opened.
    pub(crate) fn checked_at(&self) -> Option<Timestamp> {
        self.0.lock().checked_at
    }

    /// The alarm about this wrapper key, if there is one.
    pub(crate) fn alarm(&self, key: &WrapperKeyName) -> Option<WrapperKeyAlarm> {
        self.0
            .lock()
            .alarms
            .get(key)
            .map(|(_, alarm)| alarm.clone())
    }
}
