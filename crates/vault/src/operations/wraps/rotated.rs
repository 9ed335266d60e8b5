//! What a KMS did to the wrapper keys in use: new material, on its own schedule.

use strongroom_crypto::Timestamp;
use strongroom_kms::KmsKeyId;
use strongroom_store::KeyState;

use crate::{error::VaultError, vault::Vault};

/// A wrapper key in use that its KMS gave new material after the data key was wrapped under it.
///
/// The wrap opens on, by the older material, and so does what it was made for: to rotate inside the KMS renews neither the wrap nor
/// the data key, nor the keys of the node.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct RotatedInKms {
    /// The configured name of its KMS.
    pub kms: String,
    /// The wrapper key.
    pub wrapper_key_id: String,
    /// When the KMS gave it the material that it has now.
    pub rotated_at: Timestamp,
    /// When the data key was wrapped, before that.
    pub wrapped_at: Timestamp,
    /// Active private keys from before the rotation.
    pub older_keys: usize,
}

impl Vault {
    /// Asks each KMS when it last rotated the material of its wrapper keys in use, one call each, and tells of those that were
    /// wrapped under before. One that nobody knew of is an event at level warn, too.
    ///
    /// A KMS that does not answer, or may not be asked, is left out with an event at level warn: nothing is lost by not knowing.
    pub async fn wrapper_keys_rotated_in_kms(&self) -> Vec<RotatedInKms> {
        let wraps = self.wrap_records().all();
        let mut found = Vec::new();
        for (kms, wrapper_key_id) in self.wrap_records().wrapper_keys() {
            let ours = wraps
                .iter()
                .filter(|wrap| (&wrap.kms, &wrap.wrapper_key_id) == (&kms, &wrapper_key_id));
            let Some(wrapped_at) = ours.map(|wrap| self.wrapped_at(wrap)).min() else {
                continue;
            };
            match self.rotated_at(&kms, &wrapper_key_id).await {
                Ok(Some(rotated_at)) if rotated_at > wrapped_at => found.push(RotatedInKms {
                    older_keys: self.active_keys_before(rotated_at),
                    kms,
                    wrapper_key_id,
                    rotated_at,
                    wrapped_at,
                }),
                Ok(_) => {}
                Err(error) => tracing::warn!(
                    kms,
                    wrapper_key_id,
                    error = &error as &dyn std::error::Error,
                    "when the KMS rotated a wrapper key is not known"
                ),
            }
        }
        self.kms_watch().note_rotated(&found);
        found
    }

    async fn rotated_at(
        &self,
        kms: &str,
        wrapper_key_id: &str,
    ) -> Result<Option<Timestamp>, VaultError> {
        let Some(named) = self.environment().wrapper(kms) else {
            // It is never asked for anything, which others say.
            return Ok(None);
        };
        let id = KmsKeyId::try_new(wrapper_key_id).map_err(strongroom_kms::KmsError::from)?;
        Ok(named.wrapper.rotated_at(&id).await?)
    }

    fn active_keys_before(&self, moment: Timestamp) -> usize {
        let mut older = 0;
        self.directory().for_each(|entry| {
            let half = entry.private.as_ref();
            let active = half.is_some_and(|half| half.state == KeyState::Active);
            older += usize::from(active && entry.created_at < moment);
        });
        older
    }
}
