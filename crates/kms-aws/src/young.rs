//! Keys that were made a moment ago.

use std::{
    collections::HashMap,
    sync::Arc,
    time::{Duration, Instant},
};

use parking_lot::Mutex;
use strongroom_kms::{KmsError, KmsKeyId};

/// AWS is eventually consistent: for some seconds a new key is not known everywhere, and is said not to exist.
const KNOWN_WITHIN: Duration = Duration::from_secs(60);

/// The keys that this client has made lately. Clones share them.
#[derive(Clone, Debug, Default)]
pub(crate) struct YoungKeys(Arc<Mutex<HashMap<KmsKeyId, Instant>>>);

impl YoungKeys {
    pub(crate) fn born(&self, key: &KmsKeyId) {
        let mut keys = self.0.lock();
        keys.retain(|_key, born| born.elapsed() < KNOWN_WITHIN);
        keys.insert(key.clone(), Instant::now());
    }

    /// The error about a key, where one that we have just made cannot be missing: it is not there yet, and is waited for.
    pub(crate) fn explain(&self, error: KmsError) -> KmsError {
        match error {
            KmsError::KeyNotFound { id } if self.is_young(&id) => KmsError::KeyNotReady { id },
            other => other,
        }
    }

    fn is_young(&self, key: &KmsKeyId) -> bool {
        let keys = self.0.lock();
        keys.get(key)
            .is_some_and(|born| born.elapsed() < KNOWN_WITHIN)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_key_that_was_just_made_is_not_there_yet() {
        let (young, keys) = (KmsKeyId::try_new("young").unwrap(), YoungKeys::default());
        keys.born(&young);
        let missing = |id: &KmsKeyId| KmsError::KeyNotFound { id: id.clone() };
        let found = keys.explain(missing(&young));
        assert!(matches!(found, KmsError::KeyNotReady { id } if id == young));
        let other = KmsKeyId::try_new("other").unwrap();
        let found = keys.explain(missing(&other));
        assert!(matches!(found, KmsError::KeyNotFound { id } if id == other));
        let disabled = KmsError::KeyDisabled { id: young };
        assert!(matches!(
            keys.explain(disabled),
            KmsError::KeyDisabled { .. }
        ));
    }
}
