//! `RotateWrapperKey` and `GetWrapperKeyId`.

use std::sync::Arc;

use strongroom_errors::Category;
use strongroom_errors::Coded as _;
use strongroom_vault::{NewWrapperKey, RotationRequest, Vault, VaultError, WrapperKeyError};

use super::names::kms_key_id;
use crate::{
    access::Operation,
    context::{Checked, Context},
    contract::vault::{
        GetWrapperKeyIdRequest, GetWrapperKeyIdResponse, RotateWrapperKeyRequest,
        RotateWrapperKeyResponse,
    },
    failure::{CantonCategory, Failure, in_words},
    long_work::{Ongoing, Telling},
    operations_service::{done, progressed},
    rotation,
};

pub(super) async fn rotate(
    vault: Arc<Vault>,
    context: Context,
    message: RotateWrapperKeyRequest,
    ongoing: Ongoing,
) -> Result<Checked<RotateWrapperKeyResponse>, Failure> {
    let named = Some(message.new_wrapper_key_id).filter(|id| !id.is_empty());
    let to = match named {
        None => NewWrapperKey::default(),
        Some(id) => {
            context.check(Operation::WrapperKeysRotateTo)?;
            NewWrapperKey::Existing(kms_key_id(&id)?)
        }
    };
    let goes_on = is_under_way(&vault, &to);
    if goes_on {
        rotation::check_may_finish(&vault, &context).await?;
    }
    Ok(Checked::of(async move {
        let work = ongoing.prepare(&vault, &context)?;
        // Nobody but others hears of the way.
        let (telling, _unheard) = Telling::of(Arc::clone(&work));
        let tell = |progress| telling.tell(progressed(progress));
        let caller = context.caller();
        let rotating = async {
            let rotated = if goes_on {
                vault.resume_wrapper_key_rotation(&caller, &tell).await
            } else {
                let request = RotationRequest {
                    to,
                    ..RotationRequest::default()
                };
                vault.rotate_wrapper_key(&caller, &request, &tell).await
            };
            rotated.map(done).map_err(refused)
        };
        ongoing.list(&vault, work).run(rotating).await?;
        Ok(RotateWrapperKeyResponse {})
    }))
}

/// Whether just this was begun and not finished: whoever asks again wants it finished. Canton knows no other way to go on.
fn is_under_way(vault: &Vault, to: &NewWrapperKey) -> bool {
    let Some(rotation) = vault.wrapper_key_rotation() else {
        return false;
    };
    match to {
        NewWrapperKey::Generated { .. } => true,
        NewWrapperKey::Existing(named) => {
            rotation.comes.iter().any(|(_kms, id)| id == named.as_str())
        }
    }
}

pub(super) async fn current(
    vault: Arc<Vault>,
    _context: Context,
    _message: GetWrapperKeyIdRequest,
) -> Result<GetWrapperKeyIdResponse, Failure> {
    Ok(GetWrapperKeyIdResponse {
        wrapper_key_id: vault.opening().wrapper_key_id,
    })
}

/// The three that are about the key that was named have ids of Canton's, as has everything else; what passes by itself keeps
/// its own, so that the caller knows that it may try again.
fn refused(error: VaultError) -> Failure {
    let named = |id, shown: &str, text: &str| {
        Failure::coded(
            id,
            CantonCategory::InvalidGivenCurrentSystemStateResourceMissing,
            format!("Wrapper key id [KmsKeyId({shown})] selected for rotation {text}"),
        )
    };
    match &error {
        VaultError::WrapperKey(WrapperKeyError::AlreadyInUse { wrapper_key_id }) => named(
            "WRAPPER_KEY_ALREADY_IN_USE_ERROR",
            wrapper_key_id,
            "is already being used.",
        ),
        VaultError::WrapperKey(WrapperKeyError::NotExist { wrapper_key_id }) => named(
            "WRAPPER_KEY_NOT_EXIST_ERROR",
            wrapper_key_id,
            "does not match an existing KMS key id.",
        ),
        VaultError::WrapperKey(WrapperKeyError::DisabledOrDeleted { wrapper_key_id }) => named(
            "WRAPPER_KEY_DISABLED_OR_DELETED_ERROR",
            wrapper_key_id,
            "cannot be used because key is disabled or set to be deleted.",
        ),
        other => match other.code().category() {
            Category::Unavailable | Category::Contention | Category::FailedPrecondition => {
                error.into()
            }
            _ => Failure::coded(
                "WRAPPER_KEY_ROTATION_INTERNAL_ERROR",
                CantonCategory::SystemInternalAssumptionViolated,
                in_words(other),
            ),
        },
    }
}
