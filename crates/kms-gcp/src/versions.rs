//! Which version of a key is meant where none is named.

use google_cloud_gax::paginator::ItemPaginator;
use google_cloud_kms_v1::model::{
    CryptoKeyVersion, crypto_key_version::CryptoKeyVersionState as State,
};
use strongroom_kms::{KeyKind, KmsError, KmsKeyId, KmsOperation};

use crate::{
    error::GcpKmsError,
    names::{Name, number},
    provider::GcpKms,
    refusal::Refusal,
    specs,
};

impl GcpKms {
    /// The complete id of an external key, which is to be stored: as it was given if it names a version, else with the newest
    /// enabled version; with the newest one if none is enabled.
    ///
    /// # Errors
    /// [`KmsError::KeyNotFound`] if there is no such key, or all that it had was destroyed; [`KmsError::WrongPurpose`] for a
    /// wrapper key; that Google does not answer.
    pub async fn external_key(&self, key: &KmsKeyId) -> Result<KmsKeyId, KmsError> {
        let operation = KmsOperation::PublicKey;
        let name = self.name(key)?;
        if name.version().is_some() {
            return Ok(KmsKeyId::try_new(name.full())?);
        }
        let versions = self.external_versions(operation, key, &name).await?;
        let rank = |version: &&CryptoKeyVersion| (version.state == State::Enabled, age(version));
        let found = versions.iter().max_by_key(rank);
        let found = found.ok_or_else(|| KmsError::KeyNotFound { id: key.clone() })?;
        Ok(KmsKeyId::try_new(&*found.name)?)
    }

    /// What Google knows of the version that an external key is. A wrapper key is none.
    pub(crate) async fn describe_external(
        &self,
        operation: KmsOperation,
        key: &KmsKeyId,
    ) -> Result<CryptoKeyVersion, KmsError> {
        let name = self.name(key)?;
        let Some(version) = name.version() else {
            return self.only_version(operation, key, &name).await;
        };
        let found = self.describe_version(operation, key, version).await?;
        refuse_wrapper(operation, key, &found)?;
        Ok(found)
    }

    /// The name of the version that an external key is; Google is asked only if none is named.
    pub(crate) async fn external_name(
        &self,
        operation: KmsOperation,
        key: &KmsKeyId,
    ) -> Result<Name, KmsError> {
        let name = self.name(key)?;
        if name.version().is_some() {
            return Ok(name);
        }
        let only = self.only_version(operation, key, &name).await?;
        self.name(&KmsKeyId::try_new(only.name)?)
    }

    /// The version that can be meant, if it is one: a key that got a second one would else change under its user.
    async fn only_version(
        &self,
        operation: KmsOperation,
        key: &KmsKeyId,
        name: &Name,
    ) -> Result<CryptoKeyVersion, KmsError> {
        let mut versions = self.external_versions(operation, key, name).await?;
        versions.sort_by_key(age);
        let alive = versions.iter().filter(|version| is_alive(version)).count();
        if alive == 1 {
            versions.retain(is_alive);
        }
        let newest = versions.pop();
        let newest = newest.ok_or_else(|| KmsError::KeyNotFound { id: key.clone() })?;
        if alive > 1 {
            let (id, newest) = (key.clone(), newest.name);
            return Err(GcpKmsError::VersionAmbiguous { id, newest }.into());
        }
        Ok(newest)
    }

    /// All versions that are not destroyed, in no order.
    async fn external_versions(
        &self,
        operation: KmsOperation,
        key: &KmsKeyId,
        name: &Name,
    ) -> Result<Vec<CryptoKeyVersion>, KmsError> {
        let request = self.client.list_crypto_key_versions();
        let mut listed = request.set_parent(name.crypto_key()).by_item();
        let mut versions = Vec::new();
        while let Some(version) = listed.next().await {
            let version =
                version.map_err(|error| Refusal::of(operation, &error).about(operation, key))?;
            refuse_wrapper(operation, key, &version)?;
            if version.state != State::Destroyed {
                versions.push(version);
            }
        }
        Ok(versions)
    }
}

fn refuse_wrapper(
    operation: KmsOperation,
    key: &KmsKeyId,
    version: &CryptoKeyVersion,
) -> Result<(), KmsError> {
    if specs::known(&version.algorithm) == Some(KeyKind::Wrapper) {
        let id = key.clone();
        return Err(KmsError::WrongPurpose { id, operation });
    }
    Ok(())
}

fn is_alive(version: &CryptoKeyVersion) -> bool {
    !matches!(
        version.state,
        State::Destroyed | State::DestroyScheduled | State::PendingExternalDestruction
    )
}

/// Later versions have higher numbers.
fn age(version: &CryptoKeyVersion) -> u64 {
    number(&version.name).unwrap_or_default()
}
