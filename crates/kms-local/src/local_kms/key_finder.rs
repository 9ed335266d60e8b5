//! Finding a key again whose maker was interrupted.

use async_trait::async_trait;
use strongroom_kms::{KeyFinder, KeyState, KmsError, KmsKeyId};

use super::LocalKms;
use crate::keyring::{KeyKind, LocalKey};

#[async_trait]
impl KeyFinder for LocalKms {
    async fn find_wrapper_key(
        &self,
        name: &str,
        value: &str,
    ) -> Result<Option<KmsKeyId>, KmsError> {
        let is_it = |key: &LocalKey| {
            let mut tags = key.tags.iter();
            key.kind == KeyKind::Wrapper
                && key.state == KeyState::Enabled
                && tags.any(|(known, holds)| known == name && holds == value)
        };
        Ok(self.list_keys().into_iter().find(is_it).map(|key| key.id))
    }
}
