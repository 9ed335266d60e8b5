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
        ResumeWrapperKeyRotationRequest, RotateWrapperKeyEvent, RotateWrapperKeyRequest, Rotation,
        ShowWrapperKeysRequest, ShowWrapperKeysResponse, Wrap, WrapperKeyName,
        rotate_wrapper_key_event::{Done, Event, Progress},
    },
    failure::{Failure, in_words},
    long_work::Telling,
    rotation::check_may_finish,
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
    Ok(ShowWrapperKeysResponse {
        wraps: wraps.collect(),
        rotation: vault.wrapper_key_rotation().map(rotation),
    })
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
    check_may_finish(&vault, &context).await?;
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
