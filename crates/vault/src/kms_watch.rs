//! What the vault has seen of its key management systems.

use std::collections::HashMap;

use parking_lot::Mutex;
use strongroom_crypto::Timestamp;
use strongroom_errors::{Category, Coded};
use strongroom_kms::KmsError;

use crate::{
    RotatedInKms,
    error::in_words,
    wrapper_key_watch::{Witness, WrapperKeyWatch},
};

/// What the last calls to a KMS showed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum KmsCondition {
    /// It was not asked since the vault was opened.
    #[default]
    NotAsked,
    /// It did what it was asked.
    #[non_exhaustive]
    Works {
        /// When it did so last.
        at: Timestamp,
    },
    /// It did not.
    #[non_exhaustive]
    Fails {
        /// When that began.
        since: Timestamp,
        /// The code of the last failure.
        code: &'static str,
        /// What happened last, in words.
        reason: String,
        /// The KMS, or the way to it, is broken: it is not the key and not our rights.
        is_down: bool,
    },
}

impl KmsCondition {
    /// Whether the last call failed.
    #[must_use]
    pub const fn fails(&self) -> bool {
        matches!(self, Self::Fails { .. })
    }
}

/// Remembers how calls ended, by the configured name of the KMS, and tells of changes.
#[derive(Debug, Default)]
pub(crate) struct KmsWatch {
    conditions: Mutex<HashMap<String, KmsCondition>>,
    rotated: Mutex<Vec<RotatedInKms>>,
    wrapper_keys: WrapperKeyWatch,
}

impl KmsWatch {
    pub(crate) fn condition(&self, kms: &str) -> KmsCondition {
        self.conditions.lock().get(kms).cloned().unwrap_or_default()
    }

    /// Those that did not work when they were asked last.
    pub(crate) fn failing(&self) -> Vec<String> {
        let conditions = self.conditions.lock();
        let failing = conditions.iter().filter(|(_, it)| it.fails());
        failing.map(|(kms, _)| kms.clone()).collect()
    }

    /// The wrapper keys in use whose material their KMS rotated, as of the last time that anybody asked.
    pub(crate) fn rotated(&self) -> Vec<RotatedInKms> {
        self.rotated.lock().clone()
    }

    /// Takes note of these; one that is new among them is told.
    pub(crate) fn note_rotated(&self, found: &[RotatedInKms]) {
        let mut known = self.rotated.lock();
        for rotated in found.iter().filter(|rotated| !known.contains(rotated)) {
            tracing::warn!(
                kms = rotated.kms,
                wrapper_key_id = rotated.wrapper_key_id,
                older_keys = rotated.older_keys,
                "the KMS has rotated the material of a wrapper key: that renews neither the data key nor the keys of the node"
            );
        }
        found.clone_into(&mut known);
    }

    /// What is known of wrapper keys.
    pub(crate) const fn wrapper_keys(&self) -> &WrapperKeyWatch {
        &self.wrapper_keys
    }

    /// Takes note of how a call ended that used a wrapper key of the vault: by what it says of the key too.
    pub(crate) fn note_use<T>(
        &self,
        kms: &str,
        wrapper_key_id: &str,
        now: Timestamp,
        outcome: &Result<T, KmsError>,
    ) {
        self.note(kms, now, outcome);
        let key = (kms, wrapper_key_id);
        self.wrapper_keys.note(key, Witness::Use, now, outcome);
    }

    /// Takes note of a call that is none of the vault's work, if it was answered: a KMS that was down works again. How it fails
    /// is told by its uses.
    pub(crate) fn note_answer<T>(&self, kms: &str, now: Timestamp, outcome: &Result<T, KmsError>) {
        if !outcome.as_ref().is_err_and(is_about_kms) {
            self.note(kms, now, outcome);
        }
    }

    /// Takes note of how a call ended.
    pub(crate) fn note<T>(&self, kms: &str, now: Timestamp, outcome: &Result<T, KmsError>) {
        let mut conditions = self.conditions.lock();
        let condition = conditions.entry(kms.to_owned()).or_default();
        let before = match condition {
            KmsCondition::Fails { since, .. } => Some(*since),
            KmsCondition::NotAsked | KmsCondition::Works { .. } => None,
        };
        *condition = match outcome {
            Err(error) if is_about_kms(error) => {
                let code = error.code().name();
                if before.is_none() && error.is_fault_of_kms() {
                    tracing::warn!(kms, code, %error, "the key management system does not work");
                }
                KmsCondition::Fails {
                    since: before.unwrap_or(now),
                    code,
                    reason: in_words(error),
                    is_down: error.is_fault_of_kms(),
                }
            }
            // An answer, if only about one key: the KMS works.
            _answered => {
                if before.is_some() {
                    tracing::info!(kms, "the key management system works again");
                }
                KmsCondition::Works { at: now }
            }
        };
    }
}

/// Whether a failure is one that the next call will meet too, whichever key it names: the KMS is down, or does not know us. What
/// is about one key, a right on it, its state, or that there is none, is told by the alarms about wrapper keys.
fn is_about_kms(error: &KmsError) -> bool {
    match error {
        KmsError::CredentialsRejected { .. } => true,
        // What only a provider knows is rarely about one key: a file that is gone, a token that is not plugged in.
        KmsError::Provider(source) => !matches!(
            source.code().category(),
            Category::InvalidRequest | Category::Unsupported
        ),
        other => other.is_fault_of_kms(),
    }
}
