//! Asking the KMSs whether the wrapper keys in use can be used.

use std::{sync::Arc, time::Duration};

use strongroom_crypto::{Timestamp, clock::Clock};
use strongroom_errors::Coded;
use strongroom_kms::{KeyState, KmsError, KmsKeyId};
use tokio::{task::JoinHandle, time::Instant};

use crate::{
    directory::KeyDirectory,
    environment::{Environment, NamedKms, NamedWrapper},
    error::{VaultError, in_words},
    kms_watch::KmsWatch,
    vault::Vault,
    wrapper_key_watch::{Unusable, Witness, WrapperKeyAlarm, WrapperKeyName},
    wraps::Wraps,
};

/// A wrapper key in use, and what its KMS says of it.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct WrapperKeyStatus {
    /// The configured name of its KMS.
    pub kms: String,
    /// The wrapper key.
    pub wrapper_key_id: String,
    /// What may be done with it now.
    pub state: WrapperKeyState,
}

/// What may be done with a wrapper key in use.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum WrapperKeyState {
    /// It wraps and unwraps, or will as soon as the KMS has finished making it.
    Usable,
    /// It does not: an alarm.
    #[non_exhaustive]
    Unusable {
        /// Why.
        state: Unusable,
        /// The code of that.
        code: &'static str,
        /// Since when it is known.
        since: Timestamp,
    },
    /// The KMS did not say: it is not configured, is down, or denies the question. A wrap may open all the same.
    #[non_exhaustive]
    NotKnown {
        /// The code of the failure.
        code: &'static str,
        /// The failure in words.
        reason: String,
    },
}

impl WrapperKeyState {
    /// The stable name: `usable`, `disabled`, `pending-deletion`, `gone`, `not-known`.
    #[must_use]
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Usable => "usable",
            Self::Unusable { state, .. } => state.name(),
            Self::NotKnown { .. } => "not-known",
        }
    }
}

impl Vault {
    /// Asks each KMS for the state of its wrapper keys in use, one call for each: those of the wraps, which are also those
    /// that seal keys themselves. One that is disabled, pending deletion or gone is an alarm: an event at level error with the
    /// fields `kms`, `wrapper_key_id` and `state`, and in [`Vault::readiness`] until it can be used again.
    ///
    /// The vault does the same by itself from time to time, as its settings say.
    pub async fn check_wrapper_keys(&self) -> Vec<WrapperKeyStatus> {
        self.wrapper_key_checker().check().await
    }

    /// The states of the wrapper keys in use, as they were last heard of.
    pub(in crate::operations) fn wrapper_keys_as_known(&self) -> Vec<WrapperKeyStatus> {
        let watch = self.kms_watch().wrapper_keys();
        let asked = watch.checked_at().is_some();
        let in_use = self.wrap_records().wrapper_keys().into_iter();
        let known = in_use.map(|name| {
            let state = match watch.alarm(&name) {
                Some(alarm) => WrapperKeyState::Unusable {
                    state: alarm.state,
                    code: alarm.code,
                    since: alarm.since,
                },
                None if asked => WrapperKeyState::Usable,
                None => WrapperKeyState::NotKnown {
                    code: "NOT_ASKED",
                    reason: "nobody has asked since the vault was opened".to_owned(),
                },
            };
            let (kms, wrapper_key_id) = name;
            WrapperKeyStatus {
                kms,
                wrapper_key_id,
                state,
            }
        });
        known.collect()
    }

    /// The alarms about wrapper keys that are in use now.
    pub(in crate::operations) fn wrapper_key_alarms(&self) -> Vec<WrapperKeyAlarm> {
        let in_use = self.wrap_records().wrapper_keys();
        let watch = self.kms_watch().wrapper_keys();
        in_use.iter().filter_map(|key| watch.alarm(key)).collect()
    }
}

/// How soon a KMS that does not work is asked again.
const SOON: Duration = Duration::from_secs(30);

/// What a check needs of a vault: not the vault itself, so that a task may do it.
pub(crate) struct WrapperKeyChecker {
    wrappers: Vec<NamedWrapper>,
    holders: Vec<NamedKms>,
    clock: Arc<dyn Clock>,
    wraps: Arc<Wraps>,
    directory: Arc<KeyDirectory>,
    watch: Arc<KmsWatch>,
}

impl WrapperKeyChecker {
    pub(crate) fn new(
        environment: &Environment,
        wraps: &Arc<Wraps>,
        directory: &Arc<KeyDirectory>,
        watch: &Arc<KmsWatch>,
    ) -> Self {
        Self {
            wrappers: environment.wrappers.clone(),
            holders: environment.kms.clone(),
            clock: Arc::clone(&environment.clock),
            wraps: Arc::clone(wraps),
            directory: Arc::clone(directory),
            watch: Arc::clone(watch),
        }
    }

    /// Checks in the background, until the task is aborted; for the first time when `every` has passed.
    pub(crate) fn spawn(self, every: Duration) -> JoinHandle<()> {
        tokio::spawn(async move {
            let mut due = Instant::now() + every;
            loop {
                tokio::time::sleep_until(due.min(Instant::now() + SOON)).await;
                self.ask_failing().await;
                if Instant::now() >= due {
                    self.check().await;
                    due = Instant::now() + every;
                }
            }
        })
    }

    /// Asks each KMS that was found not to work whether it does, by one call. Nobody else may: whoever is not ready gets no
    /// work, and so would never be ready again.
    async fn ask_failing(&self) {
        let in_use = self.wraps.wrapper_keys();
        for kms in self.watch.failing() {
            if let Some(key) = in_use.iter().find(|(of, _id)| *of == kms) {
                self.state(key).await;
            } else if let Some(outcome) = self.ask_holder(&kms).await {
                self.watch.note_answer(&kms, self.clock.now(), &outcome);
            }
        }
    }

    /// Asks a KMS without wrap for the state of a key that it holds; none: it holds none, so nothing waits for it.
    async fn ask_holder(&self, kms: &str) -> Option<Result<KeyState, KmsError>> {
        let named = self.holders.iter().find(|named| named.name == kms)?;
        let keys = named.provider.external_keys()?;
        let held = self.directory.some_key_held_by(kms)?;
        Some(match KmsKeyId::try_new(&held.key_id) {
            Ok(id) => keys.key_state(&id).await,
            Err(error) => Err(error.into()),
        })
    }

    async fn check(&self) -> Vec<WrapperKeyStatus> {
        let in_use = self.wraps.wrapper_keys();
        let mut found = Vec::with_capacity(in_use.len());
        for key in &in_use {
            let state = self.state(key).await;
            if let WrapperKeyState::NotKnown { code, reason } = &state {
                let (kms, wrapper_key_id) = key;
                tracing::warn!(
                    kms,
                    wrapper_key_id,
                    code,
                    reason,
                    "whether a wrapper key in use can be used is not known"
                );
            }
            found.push(WrapperKeyStatus {
                kms: key.0.clone(),
                wrapper_key_id: key.1.clone(),
                state,
            });
        }
        self.watch.wrapper_keys().checked(self.clock.now(), &in_use);
        found
    }

    async fn state(&self, key: &WrapperKeyName) -> WrapperKeyState {
        let (kms, id) = key;
        let Some(named) = self.wrappers.iter().find(|named| named.name == *kms) else {
            let kms = kms.clone();
            let error = VaultError::KmsNotConfigured { kms };
            return WrapperKeyState::NotKnown {
                code: error.code().name(),
                reason: error.to_string(),
            };
        };
        let outcome = ask(named, id).await;
        self.watch.note_answer(kms, self.clock.now(), &outcome);
        let watch = self.watch.wrapper_keys();
        watch.note((kms, id), Witness::Check, self.clock.now(), &outcome);
        match (outcome, watch.alarm(key)) {
            (Ok(()), _) => WrapperKeyState::Usable,
            (Err(error), Some(alarm)) if Unusable::of(&error).is_some() => {
                WrapperKeyState::Unusable {
                    state: alarm.state,
                    code: alarm.code,
                    since: alarm.since,
                }
            }
            (Err(error), _) => WrapperKeyState::NotKnown {
                code: error.code().name(),
                reason: in_words(&error),
            },
        }
    }
}

/// Asks for the state; one in which the key does not work is the error that using it would be.
async fn ask(named: &NamedWrapper, id: &str) -> Result<(), KmsError> {
    let id = KmsKeyId::try_new(id)?;
    match named.wrapper.wrapper_key_state(&id).await? {
        KeyState::Disabled => Err(KmsError::KeyDisabled { id }),
        KeyState::PendingDeletion => Err(KmsError::KeyPendingDeletion { id }),
        _ => Ok(()),
    }
}
