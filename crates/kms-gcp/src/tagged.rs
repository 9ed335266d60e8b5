//! Finding a key again whose maker was interrupted.

use google_cloud_gax::paginator::ItemPaginator;
use google_cloud_kms_v1::model::{crypto_key::CryptoKeyPurpose, crypto_key_version};
use strongroom_kms::{KmsError, KmsKeyId, KmsOperation};

use crate::{provider::GcpKms, refusal::Refusal};

const OPERATION: KmsOperation = KmsOperation::WrapperKeyState;

impl GcpKms {
    /// A usable wrapper key of the key ring with the label `name` = `value`; none if there is none.
    ///
    /// # Errors
    /// [`KmsError::Denied`] if keys may not be listed; that Google does not answer.
    pub async fn find_wrapper_key(
        &self,
        name: &str,
        value: &str,
    ) -> Result<Option<KmsKeyId>, KmsError> {
        let request = self.client.list_crypto_keys().set_parent(&self.ring);
        let mut listed = request.by_item();
        while let Some(key) = listed.next().await {
            let key = key.map_err(|error| Refusal::of(OPERATION, &error).without_key(OPERATION))?;
            let is_usable = key.primary.is_some_and(|primary| {
                primary.state == crypto_key_version::CryptoKeyVersionState::Enabled
            });
            let is_ours = key.labels.get(name).is_some_and(|found| found == value);
            if is_ours && is_usable && key.purpose == CryptoKeyPurpose::EncryptDecrypt {
                return Ok(Some(KmsKeyId::try_new(key.name)?));
            }
        }
        Ok(None)
    }
}
