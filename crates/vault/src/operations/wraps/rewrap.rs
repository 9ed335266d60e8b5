//! Another wrapper key for the same data key.

use strongroom_kms::KmsKeyId;
use strongroom_store::WrapRecord;

use super::rotate::{
    begin::{about_new, rotation_details},
    machine::{Choice, RotationRequest},
};
use crate::{
    audit::AuditOperation,
    caller::Caller,
    data_keys::{OpenedDataKey, wrapped_key},
    error::{VaultError, WrapperKeyError},
    unit::Unit,
    vault::Vault,
};

impl Vault {
    /// Wraps the same data key under a new wrapper key, in the place of the wrap by another. No row changes.
    ///
    /// It answers no compromise: who could use the replaced wrapper key may have unwrapped the data key before, and that is still
    /// the one under every row. [`Vault::rotate_wrapper_key`] is for that. Whoever commands the new wrapper key can open the vault
    /// from then on, as with [`Vault::add_wrap`]. Returns the new wrapper key.
    ///
    /// # Errors
    /// [`VaultError::WrapperKeySeals`] when the replaced wrapper key sealed keys itself; those of [`Vault::rotate_wrapper_key`]
    /// about the wrapper keys; [`VaultError::NoOtherWrapOpens`] when the new wrapper key is kept offline
    /// and nothing else opens the vault; errors of KMS and store. The old wrap is there then.
    pub async fn rewrap_data_key(
        &self,
        caller: &Caller,
        request: &RotationRequest,
    ) -> Result<(String, KmsKeyId), VaultError> {
        let _rotation = self.turn_to_rotate()?;
        let _turn = self.wraps_turn().lock().await;
        self.try_settle().await?;
        let data_keys = self.data_keys();
        if data_keys.incoming().is_some() {
            return Err(WrapperKeyError::RotationUnderWay.into());
        }
        let data_key = data_keys.current();
        let choice = Choice::of(&self.wrap_names(data_key.id), request)?;
        let before = self.wrap_records().all();
        let (leaving, staying): (Vec<_>, Vec<_>) = before
            .iter()
            .cloned()
            .partition(|wrap| wrap.wrapper_key_id == choice.replaced.1);
        self.check_seals_nothing(&choice.replaced.1, &staying)?;
        self.check_some_opens(&choice)?;
        if !self.is_tried_here(&choice.kms) {
            self.check_others_open(&staying).await?;
        }
        let to = &request.to;
        let comes = self
            .released_wrapper_key(caller, &choice, to, data_key.id)
            .await?;
        let id = &comes.id;
        let mut wraps = Vec::new();
        for wrap in &leaving {
            let kms = if choice.replaced.0 == wrap.kms {
                &choice.kms
            } else {
                &wrap.kms
            };
            let renewed = self.rewrap(data_key, wrap, kms, id).await;
            wraps.push(renewed.map_err(|error| about_new(error, id))?);
        }

        let mut unit = Unit::begin(self).await?;
        unit.expect_wraps(&before)?;
        // Somebody may have sealed a key by it meanwhile.
        self.check_seals_nothing(&choice.replaced.1, &staying)?;
        for (before, after) in leaving.into_iter().zip(wraps) {
            unit.replace_wrap(before, after).await?;
        }
        let details = rotation_details(&choice, &comes, data_key.id);
        let operation = AuditOperation::RewrapDataKey;
        unit.audit(caller, operation, None, details).await?;
        unit.commit().await?;
        tracing::info!(kms = choice.kms, wrapper_key = %comes.id, "wrapped the data key anew");
        Ok((choice.kms, comes.id))
    }

    /// The same data key under another wrapper key, tried; inside the KMS if it can do that.
    async fn rewrap(
        &self,
        data_key: &OpenedDataKey,
        wrap: &WrapRecord,
        kms: &str,
        id: &KmsKeyId,
    ) -> Result<WrapRecord, VaultError> {
        let named = self.configured_wrapper(kms)?;
        if wrap.kms != kms || !self.rewraps_inside(kms) {
            let wrapped = self.wrap_and_try(named, id, data_key).await?;
            return Ok(self.wrap_record(data_key, kms, wrapped));
        }
        let context = data_key.wrap_context(self.id());
        let old = wrapped_key(wrap)?;
        let outcome = named.wrapper.rewrap_key(&old, &context, id).await;
        self.kms_watch().note(kms, self.now(), &outcome);
        let wrapped = outcome?;
        let outcome = named.wrapper.unwrap_key(&wrapped, &context).await;
        self.kms_watch().note(kms, self.now(), &outcome);
        data_key.expect(outcome?)?;
        Ok(self.wrap_record(data_key, kms, wrapped))
    }
}
