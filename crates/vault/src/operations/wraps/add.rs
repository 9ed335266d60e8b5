//! Another wrap: one more wrapper key that opens the vault.

use strongroom_kms::{KeyState, KmsError, KmsKeyId, WrappedKey};
use strongroom_store::WrapRecord;

use crate::{
    audit::AuditOperation, caller::Caller, data_keys::OpenedDataKey, environment::NamedWrapper,
    error::VaultError, unit::Unit, vault::Vault, wraps::MOST_WRAPS,
};

impl Vault {
    /// Wraps every data key of the vault under a wrapper key of a configured KMS as well: an existing one, or a new one
    /// that carries the vault's id as a tag. What an interrupted attempt at a new one made is taken up. Returns the wrapper key.
    ///
    /// Whoever commands that wrapper key can open the vault from then on, with every key in it: ask for the same rights
    /// and approvals as for an export of all of them. As there, a durable audit record comes before anything leaves
    /// ([`AuditOperation::ReleaseDataKeys`]); a second one comes with the wrap. A wrap is kept only after it was opened
    /// once.
    ///
    /// # Errors
    /// [`VaultError::KmsNotConfigured`], [`VaultError::WrapExists`], [`VaultError::TooManyWraps`]; errors of the KMS and
    /// the store. There is no wrap then, but a new wrapper key may be left in the KMS.
    pub async fn add_wrap(
        &self,
        caller: &Caller,
        kms: &str,
        wrapper_key: Option<KmsKeyId>,
    ) -> Result<KmsKeyId, VaultError> {
        let _turn = self.wraps_turn().lock().await;
        let named = self.configured_wrapper(kms)?;
        self.check_room(kms, wrapper_key.as_ref())?;
        let before = self.wrap_records().all();
        let released = match wrapper_key {
            Some(id) => {
                let id = self.usable_wrapper_key(named, id).await?;
                self.release_to(caller, kms, id, None).await?
            }
            None => self.release_to_new(caller, named, false, None).await?,
        };

        let mut records = Vec::new();
        for data_key in self.data_keys().opened() {
            let wrapped = self.wrap_and_try(named, &released.id, data_key).await?;
            records.push(self.wrap_record(data_key, kms, wrapped));
        }

        let mut unit = Unit::begin(self).await?;
        // Somebody else may have been as quick, and each data key that there is now must be among those that were wrapped.
        unit.expect_wraps(&before)?;
        for record in records {
            unit.insert_wrap(record).await?;
        }
        let details = released.details(kms);
        unit.audit(caller, AuditOperation::AddWrap, None, details)
            .await?;
        unit.commit().await?;
        let id = released.id;
        tracing::info!(kms, wrapper_key = %id, "added a wrap");
        Ok(id)
    }

    fn check_room(&self, kms: &str, wrapper_key: Option<&KmsKeyId>) -> Result<(), VaultError> {
        let wraps = self.wraps().into_iter();
        let there: Vec<_> = wraps.filter(|wrap| wrap.kms == kms).collect();
        if let Some(id) = wrapper_key
            && there.iter().any(|wrap| wrap.wrapper_key_id == id.as_str())
        {
            return Err(VaultError::WrapExists {
                kms: kms.to_owned(),
                wrapper_key_id: id.as_str().to_owned(),
            });
        }
        if there.len() >= MOST_WRAPS {
            return Err(VaultError::TooManyWraps {
                kms: kms.to_owned(),
            });
        }
        Ok(())
    }

    pub(super) async fn usable_wrapper_key(
        &self,
        named: &NamedWrapper,
        id: KmsKeyId,
    ) -> Result<KmsKeyId, VaultError> {
        let outcome = named.wrapper.wrapper_key_state(&id).await;
        self.kms_watch().note(&named.name, self.now(), &outcome);
        match outcome {
            Ok(KeyState::Disabled) => Err(KmsError::KeyDisabled { id }.into()),
            Ok(KeyState::PendingDeletion) => Err(KmsError::KeyPendingDeletion { id }.into()),
            // One that was just made is waited for by whoever sends the next call; and a node that may only wrap and unwrap
            // may not ask for states.
            Ok(_) | Err(KmsError::Denied { .. }) => Ok(id),
            Err(error) => Err(error.into()),
        }
    }

    /// A wrap of `data_key` that opens: a KMS may let us wrap and not unwrap, and that is not to be found out on the day
    /// when the wrap is needed.
    pub(super) async fn wrap_and_try(
        &self,
        named: &NamedWrapper,
        id: &KmsKeyId,
        data_key: &OpenedDataKey,
    ) -> Result<WrappedKey, VaultError> {
        let context = data_key.wrap_context(self.id());
        // EXPOSE: the KMS gets the data key to wrap it; the audit record of that is durable.
        let secret = data_key.key.expose();
        let outcome = named.wrapper.wrap_key(id, &context, secret).await;
        self.kms_watch().note(&named.name, self.now(), &outcome);
        let wrapped = outcome?;
        if !named.wrapper.unwraps() {
            // What would open it is in a safe. It was made here, by nobody who could have made something else.
            return Ok(wrapped);
        }
        let outcome = named.wrapper.unwrap_key(&wrapped, &context).await;
        self.kms_watch().note(&named.name, self.now(), &outcome);
        data_key.expect(outcome?)?;
        Ok(wrapped)
    }

    /// The row of a wrap, with the age of its wrapper key.
    pub(super) fn wrap_record(
        &self,
        data_key: &OpenedDataKey,
        kms: &str,
        wrapped: WrappedKey,
    ) -> WrapRecord {
        let wrapper_key_id = wrapped.wrapper_key_id.as_str().to_owned();
        let since = self.wrap_records().since(&wrapper_key_id);
        WrapRecord {
            data_key_id: data_key.id,
            kms: kms.to_owned(),
            wrapper_key_id,
            ciphertext: wrapped.ciphertext,
            created_at: since.unwrap_or_else(|| self.now()),
        }
    }
}
