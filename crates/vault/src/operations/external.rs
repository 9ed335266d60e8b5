//! Custody `external`: keys that a KMS makes, holds and uses.

pub(crate) mod delete;
pub(crate) mod due;
pub(crate) mod generate;
pub(crate) mod journal;
pub(crate) mod register;
pub(crate) mod using;

use std::sync::Arc;

use strongroom_crypto::{
    EncryptionPublicKey, KeyError, KeyPurpose, KeySpec, KeyUsages, PublicKey, SigningPublicKey,
};
use strongroom_kms::{ExternalKeys, ExternalPublicKey, KeyState, KmsError, KmsKeyId};
use strongroom_store::{Custody, KmsKeyRef};

use crate::{
    environment::NamedKms, error::VaultError, sealing::SealedKey, unit::NewPrivateHalf,
    vault::Vault,
};

/// A configured KMS that holds external keys.
pub(crate) struct Holder<'v> {
    pub(crate) named: &'v NamedKms,
    pub(crate) keys: Arc<dyn ExternalKeys>,
}

impl Vault {
    /// The KMS that new external keys go to: the one of this name, or else the one that the settings name, or else the first
    /// that holds any.
    pub(crate) fn maker(&self, name: Option<&str>) -> Result<Holder<'_>, VaultError> {
        match name.or(self.settings().custody.external_kms.as_deref()) {
            Some(name) => self.holder(name),
            None => {
                let mut holders = self.environment().kms.iter().filter_map(Holder::of);
                holders.next().ok_or(VaultError::NoExternalKms)
            }
        }
    }

    /// The KMS of this name.
    pub(crate) fn holder(&self, name: &str) -> Result<Holder<'_>, VaultError> {
        let mut all = self.environment().kms.iter();
        all.find(|named| named.name == name)
            .and_then(Holder::of)
            .ok_or_else(|| VaultError::UnknownKms {
                kms: name.to_owned(),
            })
    }
}

/// What a KMS shows, as a key with these usages; none if it is of the other purpose.
fn shown(
    found: &ExternalPublicKey,
    usages: Option<KeyUsages>,
) -> Result<Option<PublicKey>, KeyError> {
    Ok(match (found.spec, usages) {
        (KeySpec::Signing(spec), Some(usages)) => Some(PublicKey::Signing(
            SigningPublicKey::from_spki(spec, &found.spki, usages)?,
        )),
        (KeySpec::Encryption(spec), None) => Some(PublicKey::Encryption(
            EncryptionPublicKey::from_spki(spec, &found.spki)?,
        )),
        _ => None,
    })
}

impl<'v> Holder<'v> {
    /// None if this KMS holds no external keys.
    fn of(named: &'v NamedKms) -> Option<Self> {
        let keys = named.provider.external_keys()?;
        Some(Self { named, keys })
    }
}

impl Holder<'_> {
    /// What the KMS says that the key is, checked: it must be usable and of the purpose that is asked for. The KMS is asked for
    /// the state as well, since not every one refuses to show the public half of a disabled key.
    pub(crate) async fn public_key(
        &self,
        key: &KmsKeyId,
        usages: Option<KeyUsages>,
    ) -> Result<PublicKey, VaultError> {
        let id = key.clone();
        match self.keys.key_state(key).await? {
            KeyState::Disabled => return Err(KmsError::KeyDisabled { id }.into()),
            KeyState::PendingDeletion => {
                return Err(KmsError::KeyPendingDeletion { id }.into());
            }
            // What is not ready is waited for when its public half is asked for.
            _ => {}
        }
        let found = self.keys.public_key(key).await?;
        shown(&found, usages)?.ok_or_else(|| VaultError::ExternalKeyPurpose {
            kms: self.named.name.clone(),
            key: key.as_str().to_owned(),
            found: found.spec.purpose(),
            wanted: usages.map_or(KeyPurpose::Encryption, |_signs| KeyPurpose::Signing),
        })
    }

    /// A key of this KMS, as a row names it.
    pub(crate) fn key_ref(&self, key: &KmsKeyId) -> KmsKeyRef {
        KmsKeyRef {
            kms: self.named.name.clone(),
            key_id: key.as_str().to_owned(),
        }
    }

    /// The row of a key that this KMS holds.
    pub(crate) fn private_half(&self, key: &KmsKeyId) -> NewPrivateHalf {
        NewPrivateHalf {
            custody: Custody::External,
            sealed: SealedKey::held(self.key_ref(key)),
            exposed: false,
        }
    }
}
