//! The beginning of a rotation: a wrapper key, a data key, and every wrap of it, durable before any row moves.

use std::{collections::BTreeMap, sync::Arc};

use strongroom_crypto::DataKey;
use strongroom_kms::{FoundKey, KmsError, KmsKeyId};
use strongroom_store::{DataKeyId, WrapRecord};

use super::machine::{Choice, NewWrapperKey, RotationRequest, WrapName};
use crate::{
    audit::{AuditEntry, AuditOperation},
    caller::Caller,
    data_keys::{OpenedBy, OpenedDataKey},
    environment::NamedWrapper,
    error::{VaultError, WrapperKeyError},
    operations::{create::VAULT_TAG, wraps::wrap_details},
    unit::Unit,
    vault::Vault,
};

/// In the audit record of what is about to be released: the wrapper key was yet to be made.
pub(super) const GENERATED: &str = "generated";
/// Audit records read at a time.
const AUDIT_PAGE: usize = 1000;

impl Vault {
    /// Until this returns nothing has changed but the audit log, and perhaps a KMS that has one more wrapper key.
    pub(super) async fn begin_wrapper_key_rotation(
        &self,
        caller: &Caller,
        request: &RotationRequest,
    ) -> Result<(), VaultError> {
        let _turn = self.wraps_turn().lock().await;
        self.try_settle().await?;
        let data_keys = self.data_keys();
        if data_keys.incoming().is_some() {
            return Err(WrapperKeyError::RotationUnderWay.into());
        }
        let choice = Choice::of(&self.wrap_names(data_keys.current().id), request)?;
        self.check_configured_wraps(&choice)?;

        let mut id = [0; 16];
        self.random().fill(&mut id)?;
        let id = DataKeyId::from_bytes(id);
        let wrapper_key = self
            .released_wrapper_key(caller, &choice, &request.to, id)
            .await?;
        let key = DataKey::generate(self.random())?;
        let opened_by = OpenedBy::named(&choice.kms, wrapper_key.as_str());
        let key = Arc::new(OpenedDataKey::new(id, key, opened_by));
        let mut wraps = Vec::new();
        for wrap in choice.wraps(&wrapper_key) {
            wraps.push(self.new_wrap(&key, &wrap, &wrapper_key).await?);
        }

        let mut unit = Unit::begin(self).await?;
        unit.bring_data_key_in(key).await?;
        for wrap in wraps {
            unit.insert_wrap(wrap).await?;
        }
        let details = rotation_details(&choice, &wrapper_key, id);
        let begins = AuditOperation::BeginWrapperKeyRotation;
        unit.audit(caller, begins, None, details).await?;
        unit.commit().await?;
        let (kms, replaced) = (&choice.kms, &choice.replaced.1);
        tracing::info!(kms, %wrapper_key, replaced, "began to rotate the wrapper key");
        Ok(())
    }

    fn check_configured_wraps(&self, choice: &Choice) -> Result<(), VaultError> {
        self.configured_wrapper(&choice.kms)?;
        let others = choice.others.iter().map(|(kms, _)| kms);
        for kms in others.chain(&choice.replicas) {
            self.configured_wrapper(kms)
                .map_err(|source| not_renewed(kms, &choice.replaced.1, source))?;
        }
        Ok(())
    }

    /// The wrapper key that comes, made or looked at. A durable audit record says before that a data key will be given to it.
    pub(in crate::operations::wraps) async fn released_wrapper_key(
        &self,
        caller: &Caller,
        choice: &Choice,
        to: &NewWrapperKey,
        data_key: DataKeyId,
    ) -> Result<KmsKeyId, VaultError> {
        let named = self.configured_wrapper(&choice.kms)?;
        let (mut details, multi_region) = match to {
            NewWrapperKey::Existing(id) => {
                let id = self.existing_wrapper_key(named, id).await?;
                self.note_release(caller, wrap_details(&choice.kms, id.as_str()), data_key)
                    .await?;
                return Ok(id);
            }
            NewWrapperKey::Generated { multi_region } => (
                BTreeMap::from([("kms".to_owned(), choice.kms.clone())]),
                *multi_region,
            ),
        };
        // Looked for only after an interruption: a cloud is asked for the tags of every key.
        let left_behind = if self.making_was_interrupted(&choice.kms).await? {
            self.unused_wrapper_key(&choice.kms).await?
        } else {
            None
        };
        details.insert(GENERATED.to_owned(), "true".to_owned());
        self.note_release(caller, details, data_key).await?;
        match left_behind {
            Some(id) => Ok(id),
            None => self.new_wrapper_key(named, multi_region).await,
        }
    }

    async fn note_release(
        &self,
        caller: &Caller,
        mut details: BTreeMap<String, String>,
        data_key: DataKeyId,
    ) -> Result<(), VaultError> {
        details.insert("data_key_id".to_owned(), data_key.to_string());
        let mut unit = Unit::begin(self).await?;
        let released = AuditOperation::ReleaseDataKeys;
        unit.audit(caller, released, None, details).await?;
        unit.commit().await
    }

    async fn existing_wrapper_key(
        &self,
        named: &NamedWrapper,
        id: &KmsKeyId,
    ) -> Result<KmsKeyId, VaultError> {
        let usable = self.usable_wrapper_key(named, id.clone()).await;
        usable.map_err(|error| {
            // As the system that we follow logs it.
            let reason = &error as &dyn std::error::Error;
            tracing::warn!(
                error = reason,
                "KMS operation `verify key {id} exists and is active` failed"
            );
            about_new(error, id)
        })
    }

    /// Whether a wrapper key may have been made in this KMS that never came to wrap anything.
    ///
    /// A hint, for which the chain is not verified: there are as many records as keys, and few of them name a KMS.
    async fn making_was_interrupted(&self, kms: &str) -> Result<bool, VaultError> {
        let mut snapshot = self.environment().store.read().await?;
        let (mut interrupted, mut after) = (false, 0);
        loop {
            let rows = snapshot.audit_after(after, AUDIT_PAGE).await?;
            let Some(last) = rows.last() else {
                return Ok(interrupted);
            };
            after = last.sequence;
            let of_kms = rows
                .iter()
                .filter(|row| memchr::memmem::find(&row.body, b"\"kms\":").is_some())
                .filter_map(|row| serde_json::from_slice::<AuditEntry>(&row.body).ok())
                .filter(|entry| entry.details.get("kms").is_some_and(|named| named == kms));
            for entry in of_kms {
                match entry.operation {
                    AuditOperation::ReleaseDataKeys if entry.details.contains_key(GENERATED) => {
                        interrupted = true;
                    }
                    AuditOperation::BeginWrapperKeyRotation | AuditOperation::RewrapDataKey => {
                        interrupted = false;
                    }
                    _ => {}
                }
            }
        }
    }

    /// A usable wrapper key in this KMS that was made for this vault and never wrapped anything of it, as an interrupted attempt
    /// leaves one behind. One that was removed or replaced has the vault's tag still, and does not come back by itself.
    ///
    /// A cloud may be asked for the tags of every key: this is for after an interruption.
    ///
    /// # Errors
    /// Errors of the KMS and the store.
    pub async fn unused_wrapper_key(&self, kms: &str) -> Result<Option<KmsKeyId>, VaultError> {
        let mut all = self.environment().kms.iter();
        let Some(named) = all.find(|named| named.name == kms) else {
            return Ok(None);
        };
        let vault = self.id().to_string();
        let Some(finder) = named.provider.key_finder() else {
            tracing::warn!(
                kms,
                tag = VAULT_TAG,
                value = vault,
                "this KMS is not asked for keys: a wrapper key with this tag that an interrupted attempt made stays behind there"
            );
            return Ok(None);
        };
        let mut found = finder.find_keys(VAULT_TAG, &vault).await?;
        found.retain(FoundKey::is_usable_wrapper);
        if found.is_empty() {
            return Ok(None);
        }
        let used = self.wrapper_keys_ever().await?;
        let mut found = found.into_iter().map(|key| key.id);
        Ok(found.find(|id| !used.contains(id.as_str())))
    }

    /// A wrap of the new data key, tried.
    async fn new_wrap(
        &self,
        key: &OpenedDataKey,
        (kms, id): &WrapName,
        new: &KmsKeyId,
    ) -> Result<WrapRecord, VaultError> {
        let wrapped = async {
            let named = self.configured_wrapper(kms)?;
            let id = KmsKeyId::try_new(id.as_str()).map_err(KmsError::from)?;
            self.wrap_and_try(named, &id, key).await
        };
        match wrapped.await {
            Ok(wrapped) => Ok(self.wrap_record(key, kms, wrapped)),
            Err(error) if id == new.as_str() => Err(about_new(error, new)),
            Err(error) => Err(not_renewed(kms, id, error)),
        }
    }
}

/// What is wrong with the wrapper key that comes, as the system that we follow says it.
pub(in crate::operations::wraps) fn about_new(error: VaultError, id: &KmsKeyId) -> VaultError {
    let wrapper_key_id = id.as_str().to_owned();
    match error {
        VaultError::Kms(KmsError::KeyNotFound { .. }) => {
            WrapperKeyError::NotExist { wrapper_key_id }.into()
        }
        VaultError::Kms(KmsError::KeyDisabled { .. } | KmsError::KeyPendingDeletion { .. }) => {
            WrapperKeyError::DisabledOrDeleted { wrapper_key_id }.into()
        }
        other => other,
    }
}

fn not_renewed(kms: &str, wrapper_key_id: &str, source: VaultError) -> VaultError {
    WrapperKeyError::WrapNotRenewed {
        kms: kms.to_owned(),
        wrapper_key_id: wrapper_key_id.to_owned(),
        source: Box::new(source),
    }
    .into()
}

/// What the audit log says of a wrapper key that takes the place of another.
pub(in crate::operations::wraps) fn rotation_details(
    choice: &Choice,
    wrapper_key: &KmsKeyId,
    data_key: DataKeyId,
) -> BTreeMap<String, String> {
    let (replaced_kms, replaced) = choice.replaced.clone();
    let mut details = wrap_details(&choice.kms, wrapper_key.as_str());
    details.extend([
        ("data_key_id".to_owned(), data_key.to_string()),
        ("replaced_kms".to_owned(), replaced_kms),
        ("replaced_wrapper_key_id".to_owned(), replaced),
    ]);
    details
}
