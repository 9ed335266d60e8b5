//! The embedded KMS as a keeper of tags.

use async_trait::async_trait;
use strongroom_kms::{KeyTags, KmsError, KmsKeyId, check_tag};

use super::{LocalKms, PROVIDER};

/// Tags of one key, as with AWS KMS.
const MOST_TAGS: usize = 50;

#[async_trait]
impl KeyTags for LocalKms {
    /// As the file has it now: unlike a key, a tag that another process wrote must not be missed.
    async fn tag(&self, key: &KmsKeyId, name: &str) -> Result<Option<String>, KmsError> {
        let content = self.present_content()?;
        let known = content.keyring.known(key, self.now())?;
        let tag = known.tags.iter().find(|(known, _)| known == name);
        Ok(tag.map(|(_, value)| value.clone()))
    }

    async fn set_tag(&self, key: &KmsKeyId, name: &str, value: &str) -> Result<(), KmsError> {
        check_tag(PROVIDER, name, value)?;
        self.change(|keyring, now| {
            let tags = &mut keyring.known_mut(key, now)?.tags;
            if let Some((_, known)) = tags.iter_mut().find(|(known, _)| known == name) {
                value.clone_into(known);
                return Ok(());
            }
            if tags.len() >= MOST_TAGS {
                return Err(KmsError::UnsupportedRequest {
                    provider: PROVIDER.to_owned(),
                    property: "more than 50 tags",
                });
            }
            tags.push((name.to_owned(), value.to_owned()));
            Ok(())
        })
    }
}
