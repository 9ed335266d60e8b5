//! Wrapper keys: which there are, and rotating them while the vault is served.

use std::sync::Arc;

use strongroom_kms::KmsKeyId;
use strongroom_vault::{
    NewWrapperKey, RotatedWrapperKey, RotationProgress, RotationRequest, Vault, WrapperKeyRotation,
};

use crate::{
    access::Operation,
    context::Context,
    contract::strongroom::{
        FailedWrap, Opening, ResumeWrapperKeyRotationRequest, RotateWrapperKeyEvent,
        RotateWrapperKeyRequest, Rotation, ShowWrapperKeysRequest, ShowWrapperKeysResponse, Wrap,
        WrapperKeyName,
        rotate_wrapper_key_event::{Done, Event, Progress},
    },
    failure::{Failure, in_words},
    long_work::Telling,
};

pub(super) async fn show(
    vault: Arc<Vault>,
    _context: Context,
    _message: ShowWrapperKeysRequest,
) -> Result<ShowWrapperKeysResponse, Failure> {
    let wraps = vault.wraps().into_iter().map(|wrap| Wrap {
        kms: wrap.kms,
        wrapper_key_id: wrap.wrapper_key_id,
        created_at: wrap.created_at.as_micros(),
        configured: wrap.configured,
        opened_the_vault: wrap.opened_the_vault,
        direct_keys: wrap.direct_keys as u64,
    });
    let retired = vault.retired_data_keys();
    Ok(ShowWrapperKeysResponse {
        wraps: wraps.collect(),
        rotation: vault.wrapper_key_rotation().map(rotation),
        vault_id: vault.id().to_string(),
        opening: Some(opening(vault.opening())),
        without_wrap: vault.kms_without_wrap(),
        retired_data_key_ids: retired.iter().map(ToString::to_string).collect(),
    })
}

fn opening(opening: strongroom_vault::Opening) -> Opening {
    let failed = opening.failed.into_iter().map(|attempt| FailedWrap {
        kms: attempt.kms,
        wrapper_key_id: attempt.wrapper_key_id,
        code: attempt.code.to_owned(),
        reason: attempt.reason,
    });
    Opening {
        opened_by: Some(WrapperKeyName {
            kms: opening.kms,
            wrapper_key_id: opening.wrapper_key_id,
        }),
        failed: failed.collect(),
    }
}

pub(super) async fn rotate(
    vault: Arc<Vault>,
    context: Context,
    message: RotateWrapperKeyRequest,
    telling: Arc<Telling<RotateWrapperKeyEvent>>,
) -> Result<RotateWrapperKeyEvent, Failure> {
    let request = read(&context, message)?;
    let tell = |progress| telling.tell(progressed(progress));
    let rotated = vault
        .rotate_wrapper_key(&context.caller(), &request, &tell)
        .await?;
    Ok(done(rotated))
}

pub(super) async fn resume(
    vault: Arc<Vault>,
    context: Context,
    _message: ResumeWrapperKeyRotationRequest,
    telling: Arc<Telling<RotateWrapperKeyEvent>>,
) -> Result<RotateWrapperKeyEvent, Failure> {
    let tell = |progress| telling.tell(progressed(progress));
    let rotated = vault
        .resume_wrapper_key_rotation(&context.caller(), &tell)
        .await?;
    Ok(done(rotated))
}

fn read(context: &Context, message: RotateWrapperKeyRequest) -> Result<RotationRequest, Failure> {
    let some = |text: String| Some(text).filter(|text| !text.is_empty());
    let to = match some(message.to) {
        Some(_) if message.multi_region => {
            return Err(Failure::unreadable(
                "Field `multi_region` is about a new wrapper key, and `to` names one that is there",
            ));
        }
        Some(id) => {
            context.check(Operation::WrapperKeysRotateTo)?;
            let id = KmsKeyId::try_new(id);
            NewWrapperKey::Existing(id.map_err(|error| Failure::unreadable(in_words(&error)))?)
        }
        None => NewWrapperKey::Generated {
            multi_region: message.multi_region,
        },
    };
    Ok(RotationRequest {
        kms: some(message.kms),
        from: some(message.from),
        to,
    })
}

const fn progressed(progress: RotationProgress) -> RotateWrapperKeyEvent {
    RotateWrapperKeyEvent {
        event: Some(Event::Progress(Progress {
            moved: progress.moved,
            of: progress.of,
        })),
    }
}

fn done(rotated: RotatedWrapperKey) -> RotateWrapperKeyEvent {
    RotateWrapperKeyEvent {
        event: Some(Event::Done(Done {
            moved: rotated.moved,
            data_key_id: rotated.rotation.data_key_id.to_string(),
            retired_data_key_id: rotated.rotation.old_data_key_id.to_string(),
            rotation: Some(rotation(rotated.rotation)),
        })),
    }
}

fn rotation(rotation: WrapperKeyRotation) -> Rotation {
    let names = |names: Vec<(String, String)>| {
        let names = names.into_iter();
        let named = names.map(|(kms, wrapper_key_id)| WrapperKeyName {
            kms,
            wrapper_key_id,
        });
        named.collect()
    };
    Rotation {
        comes: names(rotation.comes),
        goes: names(rotation.goes),
    }
}
