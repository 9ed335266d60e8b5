//! Finding a key again whose maker was interrupted.

use async_trait::async_trait;
use google_cloud_gax::paginator::ItemPaginator;
use google_cloud_kms_v1::model::{
    CryptoKey, CryptoKeyVersion, crypto_key::CryptoKeyPurpose, crypto_key_version,
};
use strongroom_kms::{FoundKey, KeyFinder, KeyKind, KeyState, KmsError, KmsKeyId, KmsOperation};

use crate::{
    provider::{GcpKms, state},
    refusal::Refusal,
    specs,
};

/// The operation of a KMS that comes nearest.
const OPERATION: KmsOperation = KmsOperation::KeyState;

#[async_trait]
impl KeyFinder for GcpKms {
    /// Tags are labels, and the keys those of the key ring. Each version of an external key is a key of its own. Keys that
    /// nothing here uses are left out.
    async fn find_keys(&self, name: &str, value: &str) -> Result<Vec<FoundKey>, KmsError> {
        let request = self.client.list_crypto_keys().set_parent(&self.ring);
        let mut listed = request.by_item();
        let mut found = Vec::new();
        while let Some(key) = listed.next().await {
            let key = key.map_err(|error| Refusal::of(OPERATION, &error).without_key(OPERATION))?;
            if key.labels.get(name).is_none_or(|label| label != value) {
                continue;
            }
            if key.purpose == CryptoKeyPurpose::EncryptDecrypt {
                found.extend(wrapper(key)?);
            } else {
                found.extend(self.found_versions(&key.name).await?);
            }
        }
        Ok(found)
    }
}

impl GcpKms {
    async fn found_versions(&self, crypto_key: &str) -> Result<Vec<FoundKey>, KmsError> {
        let request = self.client.list_crypto_key_versions();
        let mut listed = request.set_parent(crypto_key).by_item();
        let mut found = Vec::new();
        while let Some(version) = listed.next().await {
            let version =
                version.map_err(|error| Refusal::of(OPERATION, &error).without_key(OPERATION))?;
            found.extend(external(version)?);
        }
        Ok(found)
    }
}

/// A wrapper key is in the state of the version that it wraps with. None if that was destroyed: the key keeps its name and its
/// labels for ever, and is of no use.
fn wrapper(key: CryptoKey) -> Result<Option<FoundKey>, KmsError> {
    let id = KmsKeyId::try_new(key.name)?;
    let state = match key.primary {
        Some(primary) if primary.state == crypto_key_version::CryptoKeyVersionState::Destroyed => {
            return Ok(None);
        }
        Some(primary) => state(&id, &primary.state)?,
        None => KeyState::Disabled,
    };
    let kind = KeyKind::Wrapper;
    Ok(Some(FoundKey { id, kind, state }))
}

/// None for a version that is destroyed, or of an algorithm that nothing here uses.
fn external(version: CryptoKeyVersion) -> Result<Option<FoundKey>, KmsError> {
    if version.state == crypto_key_version::CryptoKeyVersionState::Destroyed {
        return Ok(None);
    }
    let Some(kind) = specs::known(&version.algorithm) else {
        return Ok(None);
    };
    let id = KmsKeyId::try_new(version.name)?;
    let state = state(&id, &version.state)?;
    Ok(Some(FoundKey { id, kind, state }))
}
