//! The beginning of a rotation: a wrapper key, a data key, and every wrap of it, durable before any row moves.

use std::{collections::BTreeMap, sync::Arc};

use strongroom_crypto::DataKey;
use strongroom_kms::{KmsError, KmsKeyId};
use strongroom_store::{DataKeyId, WrapRecord};

use super::machine::{Choice, NewWrapperKey, RotationRequest, WrapName};
use crate::{
    audit::AuditOperation,
    caller::Caller,
    data_keys::{OpenedBy, OpenedDataKey},
    environment::NamedWrapper,
    error::{VaultError, WrapperKeyError},
    operations::wraps::attempts::Released,
    unit::Unit,
    vault::Vault,
};

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
        let before = self.wrap_records().all();
        let choice = Choice::of(&self.wrap_names(data_keys.current().id), request)?;
        self.check_configured_wraps(&choice)?;

        let mut id = [0; 16];
        self.random().fill(&mut id)?;
        let id = DataKeyId::from_bytes(id);
        let comes = self
            .released_wrapper_key(caller, &choice, &request.to, id)
            .await?;
        let wrapper_key = &comes.id;
        let key = DataKey::generate(self.random())?;
        let opened_by = OpenedBy::named(&choice.kms, wrapper_key.as_str());
        let key = Arc::new(OpenedDataKey::new(id, key, opened_by));
        let mut wraps = Vec::new();
        for wrap in choice.wraps(wrapper_key) {
            wraps.push(self.new_wrap(&key, &wrap, wrapper_key).await?);
        }

        let mut unit = Unit::begin(self).await?;
        // One that came meanwhile was not renewed, and of new data keys there is one at a time.
        unit.expect_wraps(&before)?;
        unit.bring_data_key_in(key).await?;
        for wrap in wraps {
            unit.insert_wrap(wrap).await?;
        }
        let details = rotation_details(&choice, &comes, id);
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
        self.check_some_opens(choice)
    }

    /// What would open the vault shall not all be in a safe: each of the others is tried when it is made.
    pub(in crate::operations::wraps) fn check_some_opens(
        &self,
        choice: &Choice,
    ) -> Result<(), VaultError> {
        let others = choice.others.iter().map(|(kms, _)| kms);
        let mut all = others.chain(&choice.replicas).chain([&choice.kms]);
        if all.any(|kms| self.is_tried_here(kms)) {
            return Ok(());
        }
        let attempts = Vec::new();
        Err(VaultError::NoOtherWrapOpens { attempts })
    }

    /// Whether wraps in this KMS can be opened as things are, and so are tried when they are made.
    pub(in crate::operations::wraps) fn is_tried_here(&self, kms: &str) -> bool {
        let named = self.environment().wrapper(kms);
        named.is_some_and(|named| named.wrapper.unwraps())
    }

    /// The wrapper key that comes, made or looked at. A durable audit record says before that a data key will be given to it.
    pub(in crate::operations::wraps) async fn released_wrapper_key(
        &self,
        caller: &Caller,
        choice: &Choice,
        to: &NewWrapperKey,
        data_key: DataKeyId,
    ) -> Result<Released, VaultError> {
        let named = self.configured_wrapper(&choice.kms)?;
        let data_key = Some(data_key);
        match to {
            NewWrapperKey::Existing(id) => {
                let id = self.existing_wrapper_key(named, id).await?;
                self.release_to(caller, &choice.kms, id, data_key).await
            }
            NewWrapperKey::Generated { multi_region } => {
                self.release_to_new(caller, named, *multi_region, data_key)
                    .await
            }
        }
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
    comes: &Released,
    data_key: DataKeyId,
) -> BTreeMap<String, String> {
    let (replaced_kms, replaced) = choice.replaced.clone();
    let mut details = comes.details(&choice.kms);
    details.extend([
        ("data_key_id".to_owned(), data_key.to_string()),
        ("replaced_kms".to_owned(), replaced_kms),
        ("replaced_wrapper_key_id".to_owned(), replaced),
    ]);
    details
}
