//! The token as a wrapper of keys.

use async_trait::async_trait;
use cryptoki::mechanism::Mechanism;
use cryptoki::object::ObjectHandle;
use strongroom_kms::{
    KeyState, KeyWrapper, KmsError, KmsKeyId, KmsOperation, MAX_CIPHERTEXT_BYTES,
    MAX_PLAINTEXT_BYTES, WrapContext, WrappedKey, WrapperKeyRequest, check_size, rewrap_outside,
};
use strongroom_memory::SecretBytes;

use super::lookup::not_found;
use super::{Pkcs11Kms, Shared};
use crate::error::Pkcs11Error;
use crate::fault::{Fault, is_lost, is_of_decrypting, is_outage};
use crate::key_id::{KeyId, ObjectId, PROVIDER};
use crate::pool::{Repeat, Seat};
use crate::record::KeyKind;
use crate::templates::{self, Origin, Place};
use crate::token::gcm::{self, Wrap};

#[async_trait]
impl KeyWrapper for Pkcs11Kms {
    async fn generate_wrapper_key(
        &self,
        request: &WrapperKeyRequest,
    ) -> Result<KmsKeyId, KmsError> {
        let WrapperKeyRequest {
            label,
            tags,
            multi_region,
        } = request.clone();
        if multi_region {
            return Err(KmsError::UnsupportedRequest {
                provider: PROVIDER.to_owned(),
                property: "multi-region",
            });
        }
        let operation = KmsOperation::GenerateWrapperKey;
        self.create(
            (KeyKind::Wrapper, Origin::Generated),
            label,
            tags,
            operation,
            generate,
        )
        .await
    }

    async fn wrapper_key_state(&self, wrapper_key: &KmsKeyId) -> Result<KeyState, KmsError> {
        const OPERATION: KmsOperation = KmsOperation::WrapperKeyState;
        let (id, name) = (KeyId::of(wrapper_key)?, wrapper_key.clone());
        self.run(
            Repeat::Once,
            OPERATION,
            Some(wrapper_key),
            move |shared, seat| {
                let record = shared.fresh_record(seat, id)?;
                record.require_kind(KeyKind::Wrapper, &name, OPERATION)?;
                shared.require_key(seat, ObjectId::Version(id, record.version))?;
                Ok(record.key_state())
            },
        )
        .await
    }

    async fn wrap_key(
        &self,
        wrapper_key: &KmsKeyId,
        context: &WrapContext,
        key: &SecretBytes,
    ) -> Result<WrappedKey, KmsError> {
        const OPERATION: KmsOperation = KmsOperation::WrapKey;
        check_size(OPERATION, key.len(), MAX_PLAINTEXT_BYTES)?;
        let (id, name) = (KeyId::of(wrapper_key)?, wrapper_key.clone());
        let context = context.to_bytes();
        // EXPOSE: copied, since the caller may stop waiting while the token still works with it.
        let key = SecretBytes::from_slice(key.expose());
        let work = move |shared: &Shared, seat: &Seat| {
            let record = shared.record(seat, id)?;
            record.require_usable(&name)?;
            record.require_kind(KeyKind::Wrapper, &name, OPERATION)?;
            let version = record.version;
            let iv = gcm::new_iv(&*shared.random).map_err(Pkcs11Error::from)?;
            let wrap = shared.with_keys(seat, ObjectId::Version(id, version), |handles| {
                let handle = handles.first().ok_or_else(|| not_found(id))?;
                Ok(gcm::wrap(
                    &seat.session,
                    *handle,
                    version,
                    iv,
                    &context,
                    &key,
                )?)
            })?;
            Ok(wrap.ok_or_else(|| not_found(id))?.to_bytes())
        };
        let ciphertext = self.run(Repeat::Once, OPERATION, Some(wrapper_key), work);
        Ok(WrappedKey {
            wrapper_key_id: wrapper_key.clone(),
            ciphertext: ciphertext.await?,
        })
    }

    async fn unwrap_key(
        &self,
        wrapped: &WrappedKey,
        context: &WrapContext,
    ) -> Result<SecretBytes, KmsError> {
        const OPERATION: KmsOperation = KmsOperation::UnwrapKey;
        check_size(OPERATION, wrapped.ciphertext.len(), MAX_CIPHERTEXT_BYTES)?;
        let name = wrapped.wrapper_key_id.clone();
        let id = KeyId::of(&name)?;
        let (wrap, context) = (Wrap::parse(&wrapped.ciphertext), context.to_bytes());
        let work = move |shared: &Shared, seat: &Seat| {
            let record = shared.record(seat, id)?;
            record.require_usable(&name)?;
            record.require_kind(KeyKind::Wrapper, &name, OPERATION)?;
            // Whatever is wrong with the ciphertext, the answer is the same.
            let failed = || KmsError::UnwrapFailed { id: name.clone() };
            let wrap = wrap.as_ref().ok_or_else(failed)?;
            let object = ObjectId::Version(id, wrap.version);
            let opened = shared.with_keys(seat, object, |handles| {
                open(shared, seat, handles, wrap, &context)
            })?;
            match opened {
                Some(Some(key)) => Ok(key),
                // The version in force must be there; any other number may come from a changed byte.
                None if wrap.version == record.version => Err(not_found(id)),
                Some(None) | None => Err(failed().into()),
            }
        };
        self.run(Repeat::Once, OPERATION, Some(&wrapped.wrapper_key_id), work)
            .await
    }

    async fn rewrap_key(
        &self,
        wrapped: &WrappedKey,
        context: &WrapContext,
        new_wrapper_key: &KmsKeyId,
    ) -> Result<WrappedKey, KmsError> {
        rewrap_outside(self, wrapped, context, new_wrapper_key).await
    }
}

/// Makes a wrapper key.
pub(super) fn generate(seat: &Seat, place: &Place) -> Result<ObjectHandle, Fault> {
    let template = templates::wrapper_key(place);
    Ok(seat
        .session
        .generate_key(&Mechanism::AesKeyGen, &template)?)
}

/// Opens a wrap with one of the keys that have this version: two processes that rotate at once may have made two.
///
/// `None`: it does not open.
fn open(
    shared: &Shared,
    seat: &Seat,
    handles: &[ObjectHandle],
    wrap: &Wrap,
    context: &[u8],
) -> Result<Option<SecretBytes>, Fault> {
    for handle in handles {
        match gcm::unwrap(&seat.session, *handle, wrap, context) {
            Ok(key) => return Ok(Some(key)),
            Err(error) if is_lost(&error) || !is_of_decrypting(&error) => return Err(error.into()),
            // Some tokens (SoftHSM is one) have only their general error for a wrong tag. Then the token must show that it
            // is well, lest an outage be taken for a forged wrap.
            Err(error) if is_outage(&error) => {
                let iv = gcm::new_iv(&*shared.random).map_err(Pkcs11Error::from)?;
                if !gcm::works(&seat.session, *handle, iv)? {
                    return Err(error.into());
                }
            }
            Err(_not_opened) => {}
        }
    }
    Ok(None)
}
