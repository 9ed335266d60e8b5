//! Google Cloud KMS as a keeper of tags: they are the labels of a crypto key.

use async_trait::async_trait;
use google_cloud_kms_v1::model::CryptoKey;
use google_cloud_wkt::FieldMask;
use strongroom_kms::{KeyTags, KmsError, KmsKeyId, KmsOperation, check_tag};

use crate::{provider::GcpKms, refusal::Refusal};

#[async_trait]
impl KeyTags for GcpKms {
    async fn tag(&self, key: &KmsKeyId, name: &str) -> Result<Option<String>, KmsError> {
        let crypto_key = self.name(key)?;
        let known = self.describe(KmsOperation::ReadTag, key, crypto_key.crypto_key());
        Ok(known.await?.labels.remove(name))
    }

    /// Google replaces all labels at once and has no etag for a crypto key: a label that somebody else sets between our two calls
    /// is lost. So nothing else of the key is in the mask, and what the answer shows must be what was sent.
    async fn set_tag(&self, key: &KmsKeyId, name: &str, value: &str) -> Result<(), KmsError> {
        let operation = KmsOperation::SetTag;
        check_tag("gcp", name, value)?;
        let crypto_key = self.name(key)?;
        let known = self.describe(operation, key, crypto_key.crypto_key());
        let mut labels = known.await?.labels;
        labels.insert(name.to_owned(), value.to_owned());
        let changed = CryptoKey::new()
            .set_name(crypto_key.crypto_key())
            .set_labels(labels);
        let request = self.client.update_crypto_key().set_crypto_key(changed);
        let mask = FieldMask::default().set_paths(["labels"]);
        let answer = request.set_update_mask(mask).send().await;
        let answer =
            answer.map_err(|error| Refusal::of(operation, &error).about(operation, key))?;
        match answer.labels.get(name) {
            Some(written) if written == value => Ok(()),
            _ => Err(KmsError::answer_invalid(
                operation,
                "Google does not show the new label",
            )),
        }
    }
}
